import assert from "node:assert/strict";
import { answered, type Attack, refused, type Report, type Stage } from "../attack.ts";

/** What the environment of a plugin's process may have, whoever is between it and the host. */
const NAMES = ["DENO_DIR", "DENO_NO_UPDATE_CHECK", "DENO_WEBGPU_BACKEND", "NO_COLOR"];

function asks(
  rows: string[],
  what: string,
  manifest: Attack["manifest"],
  contained: Attack["contained"],
  policy?: Attack["policy"],
): Attack {
  return {
    rows,
    what,
    plugin: "witness",
    manifest,
    policy,
    contained,
    control: { by: "nothing", because: "`reads the folder that it was granted` shows a grant" },
  };
}

/** Reads the environment that the runtime really got. */
function environment({ plugin }: Stage): Promise<unknown> {
  const text = Deno.readTextFileSync(`/proc/${plugin!.pid}/environ`);
  const names = text.split("\0").filter((each) => each !== "").map((each) => each.split("=")[0]!);
  return Promise.resolve({
    names: names.sort(),
    host: ["NODE_OPTIONS", "HTTP_PROXY", "LD_PRELOAD", "DENO_V8_FLAGS"]
      .filter((name) => Deno.env.has(name)),
  });
}

/** Finds what the runtime has open that its host got from its own parent. */
function descriptors({ plugin, world }: Stage): Promise<unknown> {
  const open = (pid: number | "self") =>
    [...Deno.readDirSync(`/proc/${pid}/fd`)].flatMap(({ name }) => {
      try {
        return [Deno.readLinkSync(`/proc/${pid}/fd/${name}`)];
      } catch {
        return [];
      }
    }).filter((target) => target.startsWith(world.outside));
  return Promise.resolve({ plugin: open(plugin!.pid!), host: open("self") });
}

/** Attacks on how a plugin is started. */
export const LAUNCHER_ATTACKS: readonly Attack[] = [
  {
    rows: ["LA-01"],
    what: "reads the folder that it was granted",
    plugin: "files",
    files: { "own.txt": "its own" },
    manifest: { permissions: { read: ["OUTSIDE"] } },
    policy: { grant: { read: ["OUTSIDE"] } },
    call: ["looks"],
    contained({ answer, error }) {
      assert.equal(error, undefined);
      const ways = answer as Record<string, string>;
      assert.match(ways.stat!, /^ok/);
      assert.match(ways.list!, /^ok/);
    },
    control: {
      by: "nothing",
      because: "nothing is denied; FS-02 shows the same without the grant",
    },
  },
  asks(
    ["LA-01"],
    "asks for a path with a comma",
    { permissions: { read: ["/tmp/a,/etc"] } },
    refused("manifest-invalid", /comma/),
  ),
  asks(
    ["LA-01"],
    "asks for a path with a control character",
    { permissions: { read: ["/tmp/a\n/etc"] } },
    refused("manifest-invalid"),
  ),
  asks(
    ["LA-02"],
    "asks for a host with two ports",
    { permissions: { net: ["example.com:443,evil.example:443"] } },
    refused("manifest-invalid"),
  ),
  asks(
    ["LA-02"],
    "asks for an empty path",
    { permissions: { read: [""] } },
    refused("manifest-invalid"),
  ),
  asks(
    ["LA-02"],
    "asks for more hosts than it was granted",
    { permissions: { net: ["*.example.com:443"] } },
    refused("permission-denied"),
    { grant: { net: ["example.com:443"] } },
  ),
  {
    rows: ["LA-03"],
    what: "profits from the environment of its host",
    plugin: "witness",
    call: ["echo", {}],
    contained({ after }) {
      const { names, host } = after as { names: string[]; host: string[] };
      assert.deepEqual(names.filter((name) => !NAMES.includes(name) && name !== "PWD"), []);
      assert.equal(host.length, 4, "the host has them");
    },
    after: environment,
    control: { by: "itself" },
  },
  {
    rows: ["LA-04"],
    what: "inherits what its host had open",
    plugin: "witness",
    call: ["echo", {}],
    contained({ after }) {
      const { plugin, host } = after as Record<string, string[]>;
      assert.equal(plugin!.length, 0, String(plugin));
      assert.ok(host!.length > 0, "the host has it");
    },
    after: descriptors,
    control: {
      by: "nothing",
      because:
        "the host has marked them; tests/sandbox/machine/descriptors_test.ts has a host that may not",
    },
  },
  ...(["run", "ffi", "env", "import"] as const).map((family) =>
    asks(
      ["LA-05"],
      `asks for ${family}`,
      { permissions: { [family]: ["/bin/sh"] } },
      refused("manifest-invalid", new RegExp(family)),
    )
  ),
  asks(
    ["LA-05"],
    "asks to write where its host keeps things",
    { permissions: { write: ["DATA"] } },
    refused("permission-denied"),
    { grant: { write: ["DATA"] } },
  ),
  asks(
    ["LA-05", "FS-04"],
    "asks for /proc",
    { permissions: { read: ["/proc"] } },
    refused("permission-denied"),
  ),
  {
    rows: ["LA-06"],
    what: "is signed with a key of low order",
    plugin: "witness",
    call: ["echo", {}],
    contained: (report: Report) => {
      answered(report);
      assert.equal(report.after, "bad-config");
    },
    async after() {
      const { PluginHost } = await import("../../../src/mod.ts");
      const key = `01${"00".repeat(31)}`;
      return await PluginHost.open({ keys: [key] }).then(
        () => "open",
        (error: { code?: string }) => error.code,
      );
    },
    control: { by: "itself" },
  },
];
