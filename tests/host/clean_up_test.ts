/**
 * What remains of a plugin, by whatever way it went: nothing. Each is counted in a host process of its
 * own, which must end by itself in the end; `deno test` shares its process with other tests.
 */
import assert from "node:assert/strict";
import type { CleanUpReport, CleanUpSettings, Held } from "../fixtures/hosts/clean_up.ts";
import { startHost } from "../helpers/host_program.ts";
import type { TestChild } from "../helpers/process.ts";
import { sandboxTest } from "../helpers/sandbox.ts";
import { makeBundle, makeKeys, type ManifestFields, signDir, tempDir } from "../helpers/signing.ts";
import { EndlessServer } from "../soak/server.ts";

const EVERY_FEATURE = new URL("../fixtures/plugins/every_feature.ts", import.meta.url);

/** What a plugin that uses every feature has its host hold. */
const OF_ANY: readonly (keyof Held)[] = [
  ...["processes", "databases", "pipes", "openFiles", "descriptors", "timers"] as const,
  ...["runs", "runPaths", "handles"] as const,
];
/** What its sandbox has the host hold besides. */
const OF_SANDBOX: readonly (keyof Held)[] = ["sockets", "populated"];
/** What it has when it runs and is used. */
const OF_USED: readonly (keyof Held)[] = ["hooks", "pending"];

const WAYS: Readonly<Record<string, { held: readonly (keyof Held)[]; code?: string }>> = {
  "unload": { held: [...OF_ANY, ...OF_USED] },
  "unloadAll": { held: [...OF_ANY, ...OF_USED] },
  "exit": { held: [...OF_ANY, ...OF_USED] },
  "signal": { held: [...OF_ANY, ...OF_USED] },
  "violation": { held: [...OF_ANY, ...OF_USED] },
  "failed init": { held: OF_ANY, code: "launch-failed" },
  "unload during load": { held: OF_ANY, code: "cancelled" },
  "cancelled load": { held: OF_ANY, code: "cancelled" },
  "lazy, never started": { held: ["hooks"] },
  "failed reload": { held: [...OF_ANY, ...OF_USED] },
  "revoked": { held: [...OF_ANY, ...OF_USED] },
  "restart that is waited for": { held: [...OF_ANY, ...OF_USED] },
  "close": { held: [...OF_ANY, ...OF_USED] },
  "close during load": { held: OF_ANY, code: "cancelled" },
  "timeout of the start": { held: OF_ANY, code: "launch-failed" },
};

/** What differs without a sandbox is how processes end. */
const PLAIN = ["unload", "exit", "signal", "violation", "cancelled load", "close"];

Deno.test(
  "nothing remains of a plugin, by whatever way its process ends [plain]",
  () => look("plain", PLAIN),
);

sandboxTest(
  "nothing remains of a plugin, by whatever way it goes [bwrap]",
  "bwrap",
  () => look("bwrap", Object.keys(WAYS)),
);

async function look(isolation: "plain" | "bwrap", ways: readonly string[]): Promise<void> {
  await using dir = await tempDir();
  await using server = EndlessServer.start();
  const keys = await makeKeys("tests");
  const everything = await Deno.readTextFile(EVERY_FEATURE);
  const write = async (name: string, main: string, fields: ManifestFields = {}) => {
    const bundle = await makeBundle(
      dir.join("bundles", name),
      { "main.ts": main, "every_feature.ts": everything },
      {
        name,
        storage: { quotaBytes: 1_048_576 },
        permissions: {
          read: ["$STORAGE"],
          write: ["$STORAGE"],
          net: [`127.0.0.1:${server.port}`],
        },
        hooks: [{ name: "on_cycle" }, { name: "on_wait" }],
        context: [
          ...["kv", "database", "counter"].map((key) => ({ key, access: "readwrite" })),
          { key: "gate", access: "read" },
        ],
        ...fields,
      },
    );
    await signDir(bundle, keys);
  };
  const failing = (database: string) =>
    `import base from "./every_feature.ts";
export default {
  ...base,
  async init(ctx) {
    base.init(ctx);
    const { methods } = base;
    await methods.kv(1);
    ${database}
    await methods.counter();
    await methods.connect("http://127.0.0.1:${server.port}/");
    methods.worker();
    await ctx.get("gate").pass();
    throw new Error("not today");
  },
};
`;
  await write("complete", `export { default } from "./every_feature.ts";\n`);
  // its database is busy with a call to the version that runs
  await write("next", failing(""), { name: "complete", version: "1.0.1" });
  await write("failing", failing("await methods.database(1);"));
  const settings: CleanUpSettings = {
    isolation,
    ways,
    key: keys.hex,
    dir: dir.path,
    bundles: dir.join("bundles"),
    port: server.port,
  };
  await using host = startHost("clean_up", [JSON.stringify(settings)]);
  for (const way of ways) {
    const { held, code } = WAYS[way]!;
    const report: CleanUpReport = JSON.parse(await nextLine(host));
    assert.equal(report.way, way);
    const { before, meanwhile, after } = report;
    const told = `${way}: ${JSON.stringify(report, undefined, 1)}`;
    assert.deepEqual(after, before, told);
    // the control: the same count was higher while the plugin was there
    const more = isolation === "plain" || held.length < 2 ? held : [...held, ...OF_SANDBOX];
    for (const each of more) {
      // not everybody may make groups
      if (each === "populated" && meanwhile.groups === 0) continue;
      assert.ok(meanwhile[each] > before[each], `no ${each} meanwhile: ${told}`);
    }
    assert.equal(report.code, code, told);
    if (held.includes("pending")) assert.equal(report.ended.length, 4, told);
  }
  assert.deepEqual(await host.child.exited, { code: 0, signal: null });
}

async function nextLine(host: TestChild): Promise<string> {
  try {
    return await host.line();
  } catch (cause) {
    throw new Error(`the host ended: ${host.child.stderr.text()}`, { cause });
  }
}
