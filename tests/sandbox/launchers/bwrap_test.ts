import assert from "node:assert/strict";
import type { CgroupManager } from "../../../src/sandbox/cgroup/groups/cgroup_manager.ts";
import {
  bwrapArguments,
  type BwrapFeatures,
  bwrapLauncher,
} from "../../../src/sandbox/launchers/bwrap.ts";
import { Scratch } from "../../../src/sandbox/launchers/scratch.ts";
import { DEVICES, machineDevices, makeDevices } from "../../../src/sandbox/launchers/devices.ts";
import { createLaunchSpec, type LaunchSpec } from "../../../src/sandbox/launch/launch_spec.ts";
import { survey } from "../../../src/sandbox/machine/survey.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";

const SPEC: LaunchSpec = createLaunchSpec({
  plugin: "sample",
  executable: "/deno",
  flags: ["--no-prompt"],
  importMap: "/runtime/import_map.json",
  bootstrap: "/runtime/bootstrap.js",
  denoDir: "/deno-dir",
  cwd: "/cwd",
  root: {
    binds: [
      { source: "/opt/deno", target: "/deno", writable: false },
      { source: "/data/store/abc", target: "/plugin", writable: false },
      { source: "/home/u/out", target: "/home/u/out", writable: true },
    ],
    tmpfs: [{ target: "/tmp", sizeBytes: 65_536 }],
  },
  network: "isolated",
  seccomp: "strict",
  limits: {
    memoryBytes: 1 << 28,
    cpuPercent: 100,
    threads: 32,
    fileDescriptors: 256,
    fileBytes: 1 << 20,
  },
});
const FEATURES: BwrapFeatures = {
  disableUserns: true,
  cgroupNamespaces: true,
  hidden: ["slabinfo"],
  devices: new Map([["null", "/dev/null"]]),
  skeleton: { folder: "/data/root", mounts: ({ binds }) => binds },
};
const NO_CGROUPS = { manager: undefined, missing: ["no cgroup: none here"] };

Deno.test("bwrapArguments() gives all of it, in order", () => {
  assert.equal(
    bwrapArguments(SPEC, FEATURES).join(" "),
    "--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup --unshare-net " +
      "--uid 65534 --gid 65534 --hostname sallyport --die-with-parent " +
      "--new-session --cap-drop ALL --ro-bind /data/root / --proc /proc --ro-bind /dev/null /proc/slabinfo " +
      "--remount-ro /proc --dev-bind /dev/null /dev/null --size 65536 --tmpfs /tmp " +
      "--ro-bind /opt/deno /deno --ro-bind /data/store/abc /plugin " +
      "--bind /home/u/out /home/u/out --clearenv --setenv DENO_DIR /deno-dir " +
      "--setenv DENO_NO_UPDATE_CHECK 1 --setenv DENO_WEBGPU_BACKEND noop --setenv NO_COLOR 1 --chdir /cwd",
  );
});

Deno.test("bwrapArguments() leaves out what there is not, and the network only where it is named", () => {
  const bare = {
    ...FEATURES,
    disableUserns: false,
    cgroupNamespaces: false,
    hidden: [],
    devices: new Map(),
  };
  const without = bwrapArguments(SPEC, bare);
  for (const option of ["--disable-userns", "--unshare-cgroup", "--dev-bind"]) {
    assert.ok(!without.includes(option), option);
  }
  assert.ok(bwrapArguments({ ...SPEC, seccomp: "off" }, FEATURES).includes("--disable-userns"));
  const folder = bwrapArguments(SPEC, { ...FEATURES, devices: "/scratch/dev" }).join(" ");
  assert.match(folder, / --dev-bind \/scratch\/dev \/dev /);
  assert.ok(bwrapArguments({ ...SPEC, network: "proxied" }, bare).includes("--unshare-net"));
  assert.ok(!bwrapArguments({ ...SPEC, network: "host" }, bare).includes("--unshare-net"));
  assert.throws(() => bwrapArguments({ ...SPEC, root: undefined }, bare), TypeError);
});

sandboxTest("bwrapLauncher() keeps the host's paths out of the command line", "bwrap", async () => {
  const found = await survey(Deno.execPath());
  assert.ok(typeof found !== "string");
  const scratchDir = await Deno.makeTempDir();
  try {
    const scratch = new Scratch(scratchDir);
    const options = { survey: found, libraries: [], scratch, cgroups: NO_CGROUPS };
    const launcher = bwrapLauncher(options);
    {
      await using launch = await launcher.launch(SPEC);
      const line = [launch.command.command, ...launch.command.args].join(" ");
      assert.ok(!/\/data\/store|\/home\/u/.test(line));
      assert.match(line, /bwrap --args 3 --seccomp 4 -- \/deno run /);
      assert.deepEqual(launch.command.env, {});
      assert.equal(launch.seccompFilter, undefined);
      const files = [...Deno.readDirSync(scratchDir)].map(({ name }) => name);
      const lists = files.filter((name) => name.endsWith(".arguments"));
      assert.equal(lists.length, 1);
      const { mode } = Deno.statSync(`${scratchDir}/${lists[0]}`);
      assert.equal(mode! & 0o777, 0o600);
      const list = await Deno.readTextFile(`${scratchDir}/${lists[0]}`);
      assert.match(list, /--bind\0\/home\/u\/out\0\/home\/u\/out\0/);
      const filter = files.find((name) => name.endsWith(".filter"));
      assert.equal(Deno.statSync(`${scratchDir}/${filter}`).size % 8, 0);
    }
    const left = [...Deno.readDirSync(scratchDir)].map(({ name }) => name);
    assert.ok(!left.some((name) => name.endsWith(".arguments")), "it goes with its launch");
    await using open = await launcher.launch({ ...SPEC, seccomp: "off" });
    assert.ok(!open.command.args.includes("--seccomp"));

    const shown = launcher.describe(SPEC);
    const text = [shown.command, ...shown.args].join(" ");
    assert.match(text, /<script>.* -- .*bwrap --unshare-user .*--bind \/home\/u\/out/);
    assert.ok(!text.includes("<cgroup>"), "there is none here");
    for (
      const [kind, pattern] of [
        ["v1", /^\S*sh .*<script>.* <cgroup> -- .*bwrap --unshare-user/],
        ["systemd-run", /^<systemd-run scope> \S*sh .*<script>.*bwrap --unshare-user/],
      ] as const
    ) {
      const cgroups = { manager: { kind } as CgroupManager, missing: [] };
      const { command, args } = bwrapLauncher({ ...options, cgroups }).describe(SPEC);
      assert.match([command, ...args].join(" "), pattern);
    }
    assert.match(text, /--seccomp 4 -- \/deno run --no-prompt/);
    assert.ok(!text.includes("\n"));

    const report = launcher.report({ ...SPEC, seccomp: "off", network: "host" });
    assert.equal(report.seccomp, false);
    assert.equal(report.cgroup, false);
    assert.deepEqual(report.missing, [
      "no seccomp filter: the policy turns it off",
      "no network namespace: the network is held by Deno's flags only",
      "no cgroup: none here",
    ]);
    const gone = bwrapLauncher({ ...options, scratch: new Scratch(`${scratchDir}/absent`) });
    await assertRejectsWithCode(gone.launch(SPEC), "launch-failed", /"sample"/);
  } finally {
    await Deno.remove(scratchDir, { recursive: true });
  }
});

sandboxTest(
  "makeDevices() makes devices that work and belong to nobody",
  ["bwrap", "root"],
  async () => {
    const folder = await Deno.makeTempDir();
    const shell = { path: "/bin/sh", bash: false };
    try {
      const devices = await makeDevices(shell, `${folder}/dev`);
      assert.equal(devices, `${folder}/dev`);
      for (const name of DEVICES) {
        const { uid, gid, mode } = await Deno.stat(`${devices}/${name}`);
        assert.deepEqual([uid, gid, mode! & 0o777], [65534, 65534, 0o666]);
      }
      const { uid, mode } = await Deno.stat(`${devices}`);
      assert.deepEqual([uid, mode! & 0o777], [65534, 0o755], "nobody inside may write it");
      using zero = await Deno.open(`${devices}/zero`);
      assert.equal(await zero.read(new Uint8Array(8)), 8);
      const { ino } = await Deno.stat(`${devices}/null`);
      assert.equal(await makeDevices(shell, `${folder}/dev`), devices);
      assert.equal((await Deno.stat(`${devices}/null`)).ino, ino, "they serve the next host");
      const changes: readonly (() => Promise<void>)[] = [
        () => Deno.chmod(`${devices}/null`, 0o600),
        () => Deno.chown(`${devices}/null`, 0, 0),
        () => Deno.writeTextFile(`${devices}/more`, ""),
        () => Deno.remove(`${devices}/null`),
        () => Deno.remove(`${devices}/null`).then(() => Deno.writeTextFile(`${devices}/null`, "")),
      ];
      for (const change of changes) {
        await change();
        assert.equal(await makeDevices(shell, `${folder}/dev`), devices);
        const found = [...Deno.readDirSync(`${devices}`)].map(({ name }) => name).sort();
        assert.deepEqual(found, [...DEVICES].sort(), String(change));
        const { uid, mode, isCharDevice } = await Deno.stat(`${devices}/null`);
        assert.deepEqual([uid, mode! & 0o777, isCharDevice], [65534, 0o666, true], String(change));
      }
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["dev"]);
      assert.deepEqual(
        await makeDevices(shell, "/proc/none"),
        new Map(),
        "better none than the machine's",
      );
      assert.ok((machineDevices() as ReadonlyMap<string, string>).has("null"));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
