// What inspectBundle() shows is the launch that runs, over what a policy can say: each case is a real process.
import assert from "node:assert/strict";
import { SallyportError } from "../../src/errors.ts";
import { inspectBundle } from "../../src/host/inspect.ts";
import type { InspectedLaunch } from "../../src/host/inspection.ts";
import { Quarantine } from "../../src/monitor/violations/quarantine.ts";
import type { PluginHandle } from "../../src/host/plugin_handle.ts";
import type { Policy, PolicyEntry } from "../../src/permissions/policy/policy_schema.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const MAIN = "export default {};\n";
const MIB = 2 ** 20;
const GRANTS: readonly PolicyEntry["grant"][] = [
  { net: ["example.com:443"], read: ["$STORAGE", "/etc/hostname"], write: ["$STORAGE"] },
  { read: ["$STORAGE", "/etc/hostname"], write: ["$STORAGE"] },
  { net: ["example.com:443"], sys: ["hostname"] },
];
const LIMITS: readonly PolicyEntry["limits"][] = [
  { connections: 0, memoryBytes: 256 * MIB, fileDescriptors: 128 },
  { connections: 5, threads: 24, storageBytes: 8 * MIB },
  {},
];
const NETWORKS = [undefined, "isolated", "proxied", "host"] as const;
const FILTERS = [undefined, "baseline", "off"] as const;
const ASKS = {
  permissions: {
    net: ["example.com:443"],
    read: ["$STORAGE", "/etc/hostname"],
    write: ["$STORAGE"],
    sys: ["hostname"],
  },
  storage: { quotaBytes: 16 * MIB },
};

/** Every pair of network and filter, with each launcher half of them; grants and limits take turns. */
function entriesOf(isolation: "bwrap" | "unshare"): PolicyEntry[] {
  return NETWORKS.flatMap((network, row) =>
    FILTERS.map((seccomp, column) => ({ network, seccomp, place: row + column, row, column }))
  ).filter(({ place }) => place % 2 === (isolation === "bwrap" ? 0 : 1)).map((
    { network, seccomp, row, column },
  ) => ({
    isolation,
    network,
    seccomp,
    grant: GRANTS[(row + 2 * column) % 3]!,
    limits: LIMITS[(row + column) % 3]!,
    onExcess: "narrow" as const,
    ...(column === 0 ? { jitless: true } : {}),
  }));
}

/** Loads a plugin for each entry into one host, and compares each with what is shown of it. */
async function compareAll(test: HostTest, entries: readonly PolicyEntry[]) {
  const policy: Policy = {
    plugins: Object.fromEntries(entries.map((entry, index) => [`p${index}`, entry])),
  };
  const host = await test.open({ policy });
  const refused: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const bundle = await test.bundle(`p${index}`, MAIN, ASKS);
    const shown = await inspectBundle(bundle, { keys: [test.keys.hex], policy });
    const loaded = await host.load(bundle).catch((error) => error);
    const where = JSON.stringify(entry);
    if (loaded instanceof SallyportError) {
      assert.equal(shown.denial?.message, loaded.message, where);
      refused.push(loaded.code);
    } else {
      assert.equal(shown.denial, undefined, where);
      compare(shown.launch!, loaded, where);
    }
  }
  return refused;
}

/** Compares what is shown with a process that runs. */
function compare(shown: InspectedLaunch, plugin: PluginHandle, where: string): void {
  const { facts, ...contained } = plugin.sandbox!;
  assert.deepEqual(shown.sandbox, contained, where);
  const real = Deno.readTextFileSync(`/proc/${plugin.pid}/cmdline`).split("\0").slice(0, -1);
  const { args } = shown.command;
  const start = args.lastIndexOf("run") - 1;
  assert.deepEqual(comparable(real), comparable(args.slice(start)), where);
  if (facts === undefined || !contained.namespaces) return;
  const { limits } = shown.permissions;
  assert.deepEqual(facts.rlimits, {
    fileDescriptors: limits.fileDescriptors,
    fileBytes: Math.max(limits.storageBytes, MIB),
    coreBytes: 0,
  }, where);
  if (facts.cgroup !== undefined) {
    assert.equal(facts.cgroup.memoryBytes, limits.memoryBytes, where);
    assert.equal(facts.cgroup.cpuPercent, limits.cpuPercent, where);
  }
  assert.equal(facts.namespaces.includes("net"), contained.network !== "host", where);
  assert.equal(facts.seccompFilter, contained.seccompProfile !== "off", where);
  assert.deepEqual(realMounts(plugin.pid!), shownMounts(args), where);
}

/**
 * The host's folder has a placeholder, the numbers of runs count up, and how code is compiled depends on what a
 * host has compiled before.
 */
function comparable(args: readonly string[]): string[] {
  return args.filter((arg) => arg !== "--no-code-cache").map((arg) =>
    arg.replace(/<data>|\/tmp\/[^,:]*?\/data(?=\/)/g, "<data>")
      .replace(/\/run\/[^/]+\/\d+\//g, "/run/").replace(",--no-lazy", "")
  );
}

/** Lists the mounts in a command, `path rw` or `path ro`, but for those that every process has. */
function shownMounts(args: readonly string[]): string[] {
  const mounts = args.flatMap((arg, index) =>
    arg === "--bind" || arg === "--ro-bind"
      ? [`${args[index + 2]} ${arg === "--bind" ? "rw" : "ro"}`]
      : arg.split("\n").flatMap((line) => {
        const [, target, options] = /^\S+ <root>(\S+) none rbind,(r[ow]),/.exec(line) ?? [];
        return target === undefined ? [] : [`${target} ${options}`];
      })
  );
  return mounts.filter((line) => !isEverywhere(line)).sort();
}

function realMounts(pid: number): string[] {
  return Deno.readTextFileSync(`/proc/${pid}/mountinfo`).trim().split("\n").map((line) => {
    const [, , , , point, options] = line.split(" ");
    return `${point} ${options!.slice(0, 2)}`;
  }).filter((line) => !isEverywhere(line)).sort();
}

/** What every process has; libraries and the bootstrap are copied, not mounted. */
function isEverywhere(line: string): boolean {
  return /^\/(?:(?:proc|dev|sys|lib|usr\/lib)[^ ]*|tmp|deno-dir|runtime|) r[ow]$/.test(line);
}

for (const isolation of ["bwrap", "unshare"] as const) {
  sandboxTest(`inspectBundle() shows what runs under ${isolation}`, isolation, async () => {
    await using test = await hostTest();
    assert.deepEqual(await compareAll(test, entriesOf(isolation)), []);
  });
}

Deno.test("inspectBundle() shows what runs under plain, and what is refused there", async () => {
  await using test = await hostTest();
  const refused = await compareAll(
    test,
    ([
      { grant: GRANTS[0], limits: LIMITS[0] },
      { grant: GRANTS[1], limits: LIMITS[1], network: "host", jitless: true },
      { grant: GRANTS[2], seccomp: "off" },
      { grant: GRANTS[0], network: "proxied" },
      { grant: GRANTS[0], seccomp: "strict" },
    ] as PolicyEntry[]).map((entry) => ({ ...entry, isolation: "plain", onExcess: "narrow" })),
  );
  assert.deepEqual(refused, ["bad-config", "bad-config"]);
});

Deno.test("inspectBundle() says what keeps a plugin from loading into a host that ran before", async () => {
  await using test = await hostTest();
  const bundle = await test.bundle("p0", MAIN);
  const dataDir = test.join("data");
  const options = { keys: [test.keys.hex], dataDir };
  const host = await test.open({ dataDir });
  await host.load(bundle);
  assert.equal((await inspectBundle(bundle, options)).denial, undefined);
  await new Quarantine(dataDir).add({
    name: "p0",
    version: "1.0.0",
    bundleHash: "ab".repeat(64),
    reason: "it used too much",
    violations: [],
  });
  await host.unload("p0");
  const { refusal, denial } = await inspectBundle(bundle, options);
  const loaded = await host.load(bundle).catch((error) => error);
  assert.deepEqual([refusal, denial?.message], [undefined, loaded.message]);
  assert.equal(denial?.code, "bad-state");
});
