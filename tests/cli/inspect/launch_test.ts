// What `inspect` shows is the launch that runs: compared with what a load hands to the launcher, over what a
// policy can say, and with processes that run.
import assert from "node:assert/strict";
import { inspectBundle, type InspectedLaunch } from "../../../src/cli/inspect/inspection.ts";
import { Output } from "../../../src/cli/terminal/output.ts";
import { Workbench } from "../../../src/cli/shared/workbench.ts";
import { SallyportError } from "../../../src/errors.ts";
import { BundleStore } from "../../../src/bundle/store/store.ts";
import { ProcessStarter } from "../../../src/host/process/process_starter.ts";
import { Admission } from "../../../src/host/admission/admit.ts";
import type { Policy, PolicyEntry } from "../../../src/permissions/policy_schema.ts";
import type { LaunchSpec } from "../../../src/sandbox/launch/launch_spec.ts";
import type { Launcher } from "../../../src/sandbox/launch/launcher.ts";
import { hostTest } from "../../helpers/host.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";
import { makeBundle, makeKeys, signDir, tempDir } from "../../helpers/signing.ts";

const ISOLATIONS = ["bwrap", "unshare", "plain"] as const;
const NETWORKS = [undefined, "isolated", "proxied", "host"] as const;
const FILTERS = [undefined, "baseline", "off"] as const;
const GRANT = { net: ["example.com:443"], read: ["$STORAGE"], write: ["$STORAGE"] };
const ASKS = {
  permissions: { net: ["example.com:443"], read: ["$STORAGE"], write: ["$STORAGE"] },
  storage: { quotaBytes: 1_000_000 },
};

/** One entry for each thing that a policy can say of a launch. */
function entries(): PolicyEntry[] {
  const limits = [
    { connections: 0, memoryBytes: 256 * 2 ** 20, fileDescriptors: 128 },
    { connections: 5, threads: 24, storageBytes: 8 * 2 ** 20 },
  ];
  return ISOLATIONS.flatMap((isolation) =>
    NETWORKS.flatMap((network) =>
      FILTERS.flatMap((seccomp) =>
        limits.map((limits) => ({ grant: GRANT, isolation, network, seccomp, limits }))
      )
    )
  ).map((entry, index) => ({ ...entry, ...(index % 5 === 0 ? { jitless: true } : {}) }));
}

const OUTPUT = new Output({
  writeOut() {},
  writeErr() {},
  stdin: () => new Blob([]).stream(),
  outIsTerminal: false,
  errIsTerminal: false,
  noColor: true,
}, true);

class Stopped extends Error {}

/** Loads up to where a process would be prepared, and gives what it would be prepared from. */
async function specOf(dir: string, { settings, data, launchers, trust }: Workbench) {
  let spec: LaunchSpec | undefined;
  const recording = (launcher: Launcher): Launcher => ({
    ...launcher,
    launch(given) {
      spec = given;
      return Promise.reject(new Stopped());
    },
  });
  const admission = new Admission(settings, data, {
    ...launchers,
    strongest: recording(launchers.strongest),
    select: (mode) => recording(launchers.select(mode)),
  }, { trust });
  const store = new BundleStore(data.store);
  await using starter = new ProcessStarter({ settings, data, store, launchers });
  const prepared = await admission.admit(await admission.verify(dir));
  const nobody = {} as Parameters<ProcessStarter["start"]>[1]; // no process is there to call it
  await assert.rejects(() => starter.start(prepared, nobody), Stopped);
  return { spec: spec!, launcher: prepared.containment.launcher };
}

/** Runs are counted, and `inspect` counts from one. */
function anyRun<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll(/<run>\/\d+/g, "<run>/1"));
}

Deno.test("inspect shows the command, mounts and limits of the real launch, whatever the policy says", async () => {
  await using dir = await tempDir();
  const keys = await makeKeys();
  const cases = entries().map((entry, index) => ({ name: `p${index}`, entry }));
  const policy: Policy = {
    plugins: Object.fromEntries(cases.map(({ name, entry }) => [name, entry])),
  };
  await Deno.writeTextFile(dir.join("policy.json"), JSON.stringify(policy));
  await using bench = await Workbench.open(
    { key: [keys.hex], policy: dir.join("policy.json") },
    OUTPUT,
  );
  const seen = { same: 0, refused: 0 };
  for (const { name, entry } of cases) {
    const bundle = dir.join(name);
    await makeBundle(bundle, undefined, { name, ...ASKS });
    await signDir(bundle, keys);
    const { launch, denial } = await inspectBundle(bundle, bench);
    let real: Awaited<ReturnType<typeof specOf>>;
    try {
      real = await specOf(bundle, bench);
    } catch (error) {
      assert.ok(error instanceof SallyportError, String(error));
      assert.equal(denial?.message, error.message);
      seen.refused++;
      continue;
    }
    const where = JSON.stringify(entry);
    assert.equal(denial, undefined, where);
    const { launcher, spec } = real;
    const shown = launch as InspectedLaunch;
    assert.deepEqual(anyRun(shown.command), anyRun(bench.show(launcher.describe(spec))), where);
    assert.deepEqual(shown.sandbox, launcher.report(spec), where);
    const { memoryBytes, cpuPercent, threads, fileDescriptors } = shown.permissions.limits;
    const { fileBytes, ...caps } = spec.limits;
    assert.deepEqual(caps, { memoryBytes, cpuPercent, threads, fileDescriptors }, where);
    assert.equal(fileBytes, Math.max(shown.permissions.limits.storageBytes, 2 ** 20), where);
    seen.same++;
  }
  // plain at least, with any limits: what it cannot hold is refused
  assert.ok(seen.same >= 8 && seen.refused >= 8, JSON.stringify(seen));
});

for (const isolation of ["bwrap", "unshare"] as const) {
  for (
    const [what, entry] of [
      ["no connections", { limits: { connections: 0 } }],
      ["the machine's network", { network: "host" }],
      ["a proxied network", {}],
    ] as const
  ) {
    sandboxTest(`inspect shows what runs under ${isolation} with ${what}`, isolation, async () => {
      await using test = await hostTest();
      const policy = { default: { isolation, grant: GRANT, ...entry } } as Policy;
      const bundle = await test.fixture("echo", ASKS);
      await Deno.writeTextFile(test.join("policy.json"), JSON.stringify(policy));
      await using bench = await Workbench.open(
        { key: [test.keys.hex], policy: test.join("policy.json") },
        OUTPUT,
      );
      const { launch } = await inspectBundle(bundle, bench);
      const { args } = launch!.command;
      const host = await test.open({ policy, isolation });
      const plugin = await host.load(bundle);
      const { pid } = plugin.sandbox!.facts!;
      const running = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
      const deno = args.lastIndexOf("/deno");
      assert.deepEqual(running, args.slice(deno));
      const { network } = plugin.sandbox!;
      assert.equal(launch!.sandbox.network, network);
      const mounted = new Set(
        Deno.readTextFileSync(`/proc/${pid}/mountinfo`).split("\n").map((line) =>
          line.split(" ")[4]
        ),
      );
      for (const path of ["/etc/resolv.conf", "/sockets", "/storage"]) {
        const words = args.flatMap((arg) => arg.split(/\s/));
        assert.equal(words.some((word) => word.endsWith(path)), mounted.has(path), path);
      }
    });
  }
}
