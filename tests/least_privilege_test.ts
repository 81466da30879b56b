import assert from "node:assert/strict";
import { findSetpriv } from "../src/sandbox/machine/choose.ts";
import { type HostTest, hostTest } from "./helpers/host.ts";
import { isAlive, until } from "./helpers/process.ts";
import { startHost } from "./helpers/host_program.ts";

/** What came of each feature: its value, or the code, message and hint of its error. */
type Outcome = Record<string, unknown> & {
  open?: { code: string; message: string; hint?: string };
  load?: unknown;
  sandbox?: { launcher: string; diesWithHost: string; missing: string[] };
  usage?: Record<string, number | undefined>;
};

const GRANT = {
  read: ["$STORAGE"],
  write: ["$STORAGE"],
  hooks: ["on_request"],
  context: { config: "read", kv: "readwrite", database: "readwrite", clock: "read" },
};

/** Signs the plugin that uses every feature. */
async function makePlugin(test: HostTest): Promise<string> {
  return await test.fixture("features", {
    storage: { quotaBytes: 1_000_000 },
    permissions: { read: ["$STORAGE"], write: ["$STORAGE"] },
    hooks: [{ name: "on_request" }],
    context: Object.entries(GRANT.context).map(([key, access]) => ({ key, access })),
  });
}

/** Runs a host with these permission flags and no others, and tells what worked. */
async function tryFeatures(
  test: HostTest,
  flags: string[],
  options: Record<string, unknown> = {},
): Promise<Outcome> {
  const bundle = await makePlugin(test);
  const settings = JSON.stringify({
    dataDir: test.dataDir,
    keys: [test.keys.hex],
    policy: { default: { grant: GRANT } },
    isolation: "plain",
    config: { features: { colour: "red" } },
    times: { shutdownMs: 500, graceMs: 500 },
    ...options,
  });
  await using host = startHost("features", [settings, bundle], flags);
  return JSON.parse(await host.line());
}

const WORKING = {
  discover: 1,
  load: "active",
  echo: 1,
  config: "red",
  kv: { n: 1 },
  database: [{ n: 7 }],
  clock: 12,
  storage: "kept",
  log: null,
  stream: [1, 2, 3],
  hook: 2,
  reload: "active",
  unload: "inactive",
  records: ["from the plugin"],
};

const NO_SOCKET =
  "Messages travel over standard input and output: the host may not listen on a Unix socket in its folder";

function assertWorks(outcome: Outcome): void {
  const records = outcome.records as string[];
  if (records[0] === NO_SOCKET) records.shift();
  for (const [feature, expected] of Object.entries(WORKING)) {
    assert.deepEqual(outcome[feature], expected, feature);
  }
  assert.equal(outcome.sandbox?.launcher, "plain");
}

Deno.test("a host with --allow-read, --allow-write=<dataDir> and --allow-run=deno has all of plain isolation, and says what it lacks", async () => {
  await using test = await hostTest();
  const flags = ["--allow-read", `--allow-write=${test.dataDir}`, "--allow-run=deno"];
  const outcome = await tryFeatures(test, flags);
  assert.equal((outcome.records as string[])[0], NO_SOCKET);
  assertWorks(outcome);
  assert.equal(outcome.sandbox?.diesWithHost, "stdin");
  assert.ok(outcome.sandbox?.missing.some((sentence) => sentence.includes("setpriv")));
  const { calls, bytesSent, peakMemoryBytes, cpuTimeMs } = outcome.usage!;
  assert.ok(calls! > 0 && bytesSent! > 0);
  assert.deepEqual([peakMemoryBytes, cpuTimeMs], [undefined, undefined]);
});

Deno.test("reading may be narrowed to the dataDir and the bundles", async () => {
  await using test = await hostTest();
  assertWorks(
    await tryFeatures(test, [
      `--allow-read=${test.dataDir},${test.plugins}`,
      `--allow-write=${test.dataDir}`,
      "--allow-run=deno",
    ]),
  );
});

Deno.test("a host without a dataDir needs to write the temporary folder, and leaves nothing there", async () => {
  await using test = await hostTest();
  const tmp = test.join("tmp");
  await Deno.mkdir(tmp);
  const bundle = await makePlugin(test);
  const settings = JSON.stringify({ keys: [test.keys.hex], policy: { default: { grant: GRANT } } });
  const flags = ["--allow-read", `--allow-write=${tmp}`, "--allow-run=deno"];
  await using host = startHost("features", [settings, bundle], flags, { TMPDIR: tmp });
  const outcome = JSON.parse(await host.line()) as Outcome;
  assert.deepEqual([outcome.load, outcome.kv], ["active", { n: 1 }]);
  await host.child.exited;
  assert.deepEqual([...Deno.readDirSync(tmp)], []);
});

Deno.test({
  name: "--allow-run=setpriv has the kernel end plugins with the host",
  ignore: findSetpriv() === undefined && Deno.env.get("REQUIRE_SANDBOX") !== "1",
  async fn() {
    assert.ok(findSetpriv(), "REQUIRE_SANDBOX=1, but there is no setpriv");
    await using test = await hostTest();
    const write = `--allow-write=${test.dataDir}`;
    // by its path: setpriv has no PATH to look for a name in
    const run = `--allow-run=${Deno.execPath()},setpriv`;
    const outcome = await tryFeatures(test, ["--allow-read", write, run]);
    assertWorks(outcome);
    assert.equal(outcome.sandbox?.diesWithHost, "kernel");
    assert.ok(!outcome.sandbox?.missing.some((sentence) => sentence.includes("setpriv")));
    const byName = await tryFeatures(test, ["--allow-read", write, "--allow-run=deno,setpriv"]);
    assertWorks(byName);
    assert.equal(byName.sandbox?.diesWithHost, "stdin");
    assert.ok(byName.sandbox?.missing.some((sentence) => sentence.includes("the path of deno")));
  },
});

Deno.test("with all permissions the host also knows what plugins use", async () => {
  await using test = await hostTest();
  const outcome = await tryFeatures(test, ["-A"]);
  assertWorks(outcome);
  const { peakMemoryBytes, cpuTimeMs } = outcome.usage!;
  assert.ok(peakMemoryBytes! > 1_000_000 && cpuTimeMs! > 0);
});

Deno.test("a host with less says at once what it needs", async () => {
  await using test = await hostTest();
  const write = `--allow-write=${test.dataDir}`;
  for (
    const [flags, message, hint] of [
      [["--allow-read", write], /may not run deno/, /--allow-run=deno/],
      [["--allow-read", "--allow-run=deno"], /write access/, /--allow-write/],
      [[write, "--allow-run=deno"], /read access/, /--allow-read/],
    ] as const
  ) {
    const { open } = await tryFeatures(test, [...flags]);
    assert.equal(open?.code, "bad-config", flags.join(" "));
    assert.match(open!.message, message);
    assert.match(open!.hint ?? "", hint);
  }
});

Deno.test("a host that may not read the bundles says so for the bundle, and lives on", async () => {
  await using test = await hostTest();
  const outcome = await tryFeatures(test, [
    `--allow-read=${test.dataDir}`,
    `--allow-write=${test.dataDir}`,
    "--allow-run=deno",
  ]);
  const { code, hint } = outcome.load as { code: string; hint: string };
  assert.equal(code, "bundle-invalid");
  assert.match(hint, /read access to the bundle/);
});

Deno.test("an idle plugin of a host without setpriv ends with the host all the same", async () => {
  await using test = await hostTest();
  await test.fixture("echo");
  const args = [test.keys.hex, test.plugins, test.dataDir];
  const flags = ["--allow-read", `--allow-write=${test.dataDir}`, "--allow-run=deno"];
  await using host = startHost("serve", args, flags);
  const { pids } = JSON.parse(await host.line());
  assert.ok(isAlive(pids.echo));
  host.child.kill("SIGKILL");
  await until(() => !isAlive(pids.echo), "the plugin is gone");
  await test.open(); // sweeps
});
