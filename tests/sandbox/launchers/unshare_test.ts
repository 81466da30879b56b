import assert from "node:assert/strict";
import {
  createLaunchSpec,
  type LaunchSpec,
  type PrivateRoot,
} from "../../../src/sandbox/launch/launch_spec.ts";
import { bringUpLoopback } from "../../../src/sandbox/launchers/loopback.ts";
import { Scratch } from "../../../src/sandbox/launchers/scratch.ts";
import { Skeletons } from "../../../src/sandbox/launchers/skeleton.ts";
import { type Survey, survey } from "../../../src/sandbox/machine/survey.ts";
import {
  unshareLacks,
  unshareLauncher,
  unshareMounts,
} from "../../../src/sandbox/launchers/unshare.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";
import { tempDir } from "../../helpers/signing.ts";

const LIBRARIES = ["/lib/libc.so.6"];
const ROOT = {
  binds: [
    { source: "/opt/deno", target: "/deno", writable: false },
    { source: "/usr/lib/libc.so.6", target: "/lib/libc.so.6", writable: false },
    { source: "/data/store/abc", target: "/plugin", writable: false },
    { source: "/home/u/my out\t#\\", target: "/home/u/my out\t#\\", writable: true },
    { source: "/tmp/granted", target: "/tmp/granted", writable: false },
  ],
  tmpfs: [{ target: "/tmp", sizeBytes: 1 << 20 }],
};
const SPEC: LaunchSpec = createLaunchSpec({
  plugin: "sample",
  executable: "/deno",
  flags: ["--no-prompt"],
  importMap: "/runtime/import_map.json",
  bootstrap: "/runtime/bootstrap.js",
  denoDir: "/deno-dir",
  cwd: "/cwd",
  root: ROOT,
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

async function surveyed(): Promise<Survey> {
  const found = await survey(Deno.execPath());
  assert.ok(typeof found !== "string");
  return found;
}

sandboxTest("unshareMounts() gives the same tree as bwrap, line by line", "unshare", async () => {
  const found = { ...await surveyed(), rootOnly: ["slabinfo"] };
  const { early, late, made } = unshareMounts(ROOT, {
    folder: "/run/r",
    mounts: ({ binds }) => binds,
  }, {
    survey: found,
    libraries: LIBRARIES,
  });
  assert.deepEqual(early.split("\n"), [
    "/run/r /run/r none bind,ro,nosuid,nodev 0 0",
    "proc /run/r/proc proc ro,nosuid,nodev,noexec 0 0",
    "/dev/null /run/r/proc/slabinfo none bind,ro,nosuid,noexec 0 0",
    ...["null", "zero", "full", "random", "urandom"].map((name) =>
      `/dev/${name} /run/r/dev/${name} none bind,ro,nosuid,noexec 0 0`
    ),
    "tmpfs /run/r/tmp tmpfs nosuid,nodev,noexec,mode=0755,size=1048576,nr_inodes=256 0 0",
    "/opt/deno /run/r/deno none rbind,ro,nosuid,nodev 0 0",
    "/usr/lib/libc.so.6 /run/r/lib/libc.so.6 none rbind,ro,nosuid,nodev 0 0",
    "/data/store/abc /run/r/plugin none rbind,ro,nosuid,nodev,noexec 0 0",
    "/home/u/my\\040out\\011\\043\\134 /run/r/home/u/my\\040out\\011\\043\\134 none " +
    "rbind,rw,nosuid,nodev,noexec 0 0",
    "",
  ]);
  assert.equal(late, "/tmp/granted /run/r/tmp/granted none rbind,ro,nosuid,nodev,noexec 0 0\n");
  assert.deepEqual(made, ["/tmp/granted", "/tmp/granted"]);
});

sandboxTest("unshareLacks() names what is not there", "unshare", async () => {
  const found = await surveyed();
  assert.equal(unshareLacks(found), undefined);
  const { setpriv: _, ...programs } = found.programs;
  assert.match(unshareLacks({ ...found, programs }) ?? "", /not installed: setpriv/);
  const shell = { path: "/bin/sh", bash: false };
  assert.match(unshareLacks({ ...found, shell }) ?? "", /bash/);
  assert.match(unshareLacks({ ...found, umount: undefined }) ?? "", /umount/);
  assert.match(unshareLacks({ ...found, seccomp: false }) ?? "", /system call filters/);
});

sandboxTest(
  "unshareLauncher() hands the filter to the bootstrap, and describes itself",
  "unshare",
  async () => {
    const scratchDir = await Deno.makeTempDir();
    try {
      const launcher = unshareLauncher({
        survey: await surveyed(),
        libraries: LIBRARIES,
        executable: Deno.execPath(),
        scratch: new Scratch(scratchDir),
        cgroups: { manager: undefined, missing: [] },
      });
      await using launch = await launcher.launch(SPEC);
      assert.ok(launch.seccompFilter!.length > 0 && launch.seccompFilter!.length % 8 === 0);
      await using open = await launcher.launch({ ...SPEC, seccomp: "off" });
      assert.equal(open.seccompFilter, undefined);
      assert.ok(launch.command.args.includes("--net"));
      assert.ok(!launcher.describe({ ...SPEC, network: "host" }).args.includes("--net"));
      const text = launcher.describe(SPEC).args.join(" ");
      for (
        const part of [
          "<setup script>",
          "<inner script>",
          "/data/store/abc",
          "/deno run",
        ]
      ) {
        assert.ok(text.includes(part), `${part} in ${text}`);
      }
      await assert.rejects(launcher.launch({ ...SPEC, root: undefined }), TypeError);
    } finally {
      await Deno.remove(scratchDir, { recursive: true });
    }
  },
);

const SKELETON_ROOT: PrivateRoot = {
  folders: ["/cwd"],
  tmpfs: [{ target: "/tmp", sizeBytes: 1 }],
  binds: [
    { source: "/etc", target: "/plugin", writable: false },
    { source: "/etc/passwd", target: "/a b/'c\n", writable: false },
    { source: "/bin/sh", target: "/lib/ld-sh.so", writable: false, fixed: true },
    { source: "/etc/default", target: "/runtime", writable: false, fixed: true },
  ],
};

Deno.test({
  name: "Skeletons make one tree for the same targets, with copies of what is the same for all",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/granted`;
    await Deno.writeTextFile(file, "content");
    try {
      const skeletons = new Skeletons((name) => `${folder}/${name}`, ["/.old/detached"]);
      const made = await skeletons.get(SKELETON_ROOT);
      assert.equal(await skeletons.get(structuredClone(SKELETON_ROOT)), made);
      for (const name of ["plugin", "tmp", "cwd", "proc", "dev"]) {
        assert.ok((await Deno.stat(`${made.folder}/${name}`)).isDirectory, name);
      }
      for (const name of ["a b/'c\n", ".old/detached", "dev/null"]) {
        const { isFile, size } = await Deno.stat(`${made.folder}/${name}`);
        assert.deepEqual([isFile, size], [true, 0], name);
      }
      assert.deepEqual(
        made.mounts(SKELETON_ROOT).map(({ target }) => target),
        ["/plugin", "/a b/'c\n"],
      );
      const copy = await Deno.stat(`${made.folder}/lib/ld-sh.so`);
      assert.equal(copy.size, (await Deno.stat("/bin/sh")).size);
      assert.deepEqual(
        [...Deno.readDirSync(`${made.folder}/runtime`)].map(({ name }) => name).sort(),
        [...Deno.readDirSync("/etc/default")].map(({ name }) => name).sort(),
      );

      const granted = { source: file, target: "/srv/it", writable: false };
      const binds = [...SKELETON_ROOT.binds, granted];
      const other = await skeletons.get({ ...SKELETON_ROOT, binds });
      assert.notEqual(other.folder, made.folder);
      const linked = await Deno.stat(`${other.folder}/lib/ld-sh.so`);
      assert.equal(linked.ino, copy.ino, "one copy serves all trees");
      assert.ok((await Deno.stat(`${other.folder}/srv/it`)).isFile);
      await Deno.remove(file);
      await Deno.mkdir(file);
      const third = await skeletons.get({ ...SKELETON_ROOT, binds });
      assert.ok((await Deno.stat(`${third.folder}/srv/it`)).isDirectory, "it is a folder by now");

      const nowhere = new Skeletons(() => "/proc/none");
      await assert.rejects(nowhere.get(SKELETON_ROOT), /Cannot make a root folder/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

sandboxTest(
  "Skeletons have mount points instead of copies where nothing can be executed",
  ["unshare", "root"],
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const script = `import { Skeletons } from "${new URL(
        "../../../src/sandbox/launchers/skeleton.ts",
        import.meta.url,
      )}";
const skeletons = new Skeletons((name) => "${folder}/" + name);
const { folder, mounts } = await skeletons.get(${JSON.stringify(SKELETON_ROOT)});
const loader = Deno.statSync(folder + "/lib/ld-sh.so");
console.log(JSON.stringify([mounts(${JSON.stringify(SKELETON_ROOT)}).length, loader.size]));`;
      await Deno.writeTextFile(`${folder}.ts`, script);
      for (const [option, mounts] of [["exec", 2], ["noexec", 4]] as const) {
        const { stdout, stderr } = await new Deno.Command("unshare", {
          args: [
            ...["--mount", "sh", "-c"],
            `mount -t tmpfs -o ${option} tmpfs "$1" && exec "$2" run -A --no-lock "$1.ts"`,
            ...["sh", folder, Deno.execPath()],
          ],
        }).output();
        assert.ok(stdout.length > 0, new TextDecoder().decode(stderr));
        const [mounted, size] = JSON.parse(new TextDecoder().decode(stdout));
        assert.equal(mounted, mounts, option);
        assert.equal(size === 0, option === "noexec");
      }
    } finally {
      await Deno.remove(`${folder}.ts`);
      await Deno.remove(folder, { recursive: true });
    }
  },
);

for (const [name, ip] of [["ip", "/usr/sbin/ip"], ["deno", undefined]] as const) {
  sandboxTest(`bringUpLoopback() does so with ${name}`, "unshare", async () => {
    const found = await surveyed();
    if (ip !== undefined && found.programs.ip === undefined) return; // the other way is tested below
    await using denoDir = await tempDir();
    const command = bringUpLoopback(ip && found.programs.ip, Deno.execPath());
    const probe = `try {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port })).close();
  console.log("up");
} catch { console.log("down"); }
Deno.exit(0);`;
    const run = async (script: string, args: string[]) => {
      const { stdout, stderr } = await new Deno.Command(found.programs.unshare!, {
        args: ["--user", "--map-root-user", "--net", "/bin/sh", "-c", script, "sh", ...args],
        clearEnv: true,
        env: { DENO_DIR: denoDir.path, NO_COLOR: "1" },
      }).output();
      return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
    };
    const look = `"${Deno.execPath()}" eval '${probe}'`;
    assert.equal(await run(`"$@" && ${look}`, command), "up");
    assert.equal(await run(look, []), "down", "control");
  });
}
