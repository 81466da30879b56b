/**
 * What a script with every Deno permission finds and can do in each sandbox, started by a host of each
 * kind of user; each denial with the same act under `plain`.
 */
import assert from "node:assert/strict";
import {
  HOST_USERS,
  runInside,
  type SandboxName,
  sandboxTest,
  sharedCheckout,
} from "../helpers/sandbox.ts";

const LAUNCHERS: readonly SandboxName[] = ["bwrap", "unshare"];

/** Gives what acts did: `ok`, what they returned, or the name of their error. */
const ACTS = `const results = {};
const act = async (name, fn) => {
  try {
    results[name] = await fn() ?? "ok";
  } catch (error) {
    results[name] = error.code ?? error.message;
  }
};
const read = (path) => Deno.readTextFileSync(path);
const names = (path) => [...Deno.readDirSync(path)].map((entry) => entry.name).sort().join(" ");
const done = async () => {
  console.log(JSON.stringify(results));
  for await (const _ of Deno.stdin.readable); // it ends when the host has looked at this process
  Deno.exit(0);
};
`;

const LOOK = `${ACTS}
await act("root", () => names("/"));
await act("dev", () => names("/dev"));
await act("processes", () => names("/proc").split(" ").filter((name) => +name).length);
await act("environment", () => Object.keys(Deno.env.toObject()).sort().join(" "));
await act("init command", () => read("/proc/1/cmdline"));
await act("init environment", () => read("/proc/1/environ").split("\\0").sort().join(" ").trim());
await act("cgroup", () => read("/proc/self/cgroup"));
await act("host name", () => Deno.hostname());
await act("interfaces", () => [...new Set(Deno.networkInterfaces().map(({ name }) => name))].join(" "));
await act("passwd", () => read("/etc/passwd"));
await act("user and group", () => Deno.uid() + " " + Deno.gid());
await act("descriptors", () => names("/proc/self/fd").split(" ").filter((fd) => {
  try { return /secret/.test(Deno.readLinkSync("/proc/self/fd/" + fd)); } catch { return false; }
}).length);
await act("random device", () => {
  using file = Deno.openSync("/dev/urandom");
  return file.readSync(new Uint8Array(8));
});
await done();`;

for (const user of HOST_USERS) {
  for (const launcher of LAUNCHERS) {
    sandboxTest(`${launcher} shows nothing of the machine, host as ${user}`, launcher, async () => {
      await using stack = new AsyncDisposableStack();
      const shared = await sharedCheckout(stack, []);
      const secret = `${shared}/secret`;
      await Deno.writeTextFile(secret, "secret");
      await Deno.chmod(secret, 0o644);
      const through = `exec 10<${secret} 251<${secret}\nexec "$@"`;
      const inside = await runInside({ launcher, user, through, script: LOOK });
      assert.equal(inside.stderr, "");
      const { root, ...seen } = JSON.parse(inside.stdout);
      const old = launcher === "unshare" ? ".old " : "";
      assert.match(
        root,
        new RegExp(`^${old}cwd deno deno-dir dev( lib\\S*| nix| usr)* proc runtime tmp$`),
      );
      assert.deepEqual({ ...seen, "init command": "", environment: "" }, {
        dev: "full null random urandom zero",
        processes: launcher === "bwrap" ? 2 : 1,
        environment: "",
        "init command": "",
        "init environment": launcher === "bwrap"
          ? ""
          : "DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1 DENO_WEBGPU_BACKEND=noop NO_COLOR=1",
        cgroup: seen.cgroup,
        "host name": "sallyport",
        interfaces: launcher === "bwrap" ? "lo" : "",
        passwd: "ENOENT",
        "user and group": "65534 65534",
        descriptors: 0,
        "random device": 8,
      });
      assert.ok(!seen["init command"].includes("/tmp/"), seen["init command"]);
      assert.match(seen.cgroup, /^(\S*:\/\n)+$/, "its own group is the top of the tree");
      // by Deno itself: DENO_NODE_SHIM_ACTIVE and PATH; by bwrap for the working folder: PWD
      assert.match(
        seen.environment,
        /^DENO_DIR (DENO_NODE_SHIM_ACTIVE )?DENO_NO_UPDATE_CHECK DENO_WEBGPU_BACKEND NO_COLOR( PATH)?( PWD)?$/,
      );

      const control = await runInside({ launcher: "plain", user, through, script: LOOK });
      const bare = JSON.parse(control.stdout);
      assert.match(bare.root, /\betc\b/);
      assert.notEqual(bare.passwd, "ENOENT");
      assert.equal(bare.descriptors, 0, "the host has marked what its own parent left open");
      assert.ok(bare.processes > 2);
    });

    sandboxTest(
      `${launcher} is in force to the last layer, host as ${user}`,
      launcher,
      async () => {
        const script = `${ACTS}\nawait done();`;
        const options = { launcher, user, script, fileDescriptors: 200, fileBytes: 4096 * 1024 };
        const { report } = await runInside({ ...options, seccomp: "strict" });
        const { facts } = report;
        assert.ok(facts, "the host may read /proc");
        assert.deepEqual({ ...facts, pid: 0, cgroup: undefined }, {
          pid: 0,
          namespaces: ["user", "pid", "mount", "ipc", "uts", "cgroup", "net"],
          privateRoot: true,
          uid: 65534,
          noCapabilities: true,
          noNewPrivileges: true,
          seccompFilter: launcher === "bwrap", // else the bootstrap loads it, which is not run here
          rlimits: { fileDescriptors: 200, fileBytes: 4096 * 1024, coreBytes: 0 },
          cgroup: undefined,
        });
        assert.ok(report.namespaces && report.rlimits);
        assert.equal(report.diesWithHost, "kernel");
        assert.equal(report.network, "isolated");

        const control = await runInside({ launcher: "plain", user, script });
        assert.equal(control.report.facts, undefined);
        assert.equal(control.report.namespaces, false);
      },
    );

    sandboxTest(`${launcher} keeps a script from writing, host as ${user}`, launcher, async () => {
      await using stack = new AsyncDisposableStack();
      const shared = await sharedCheckout(stack, []);
      const folder = `${shared}/tmp`;
      const [readable, writable] = [`${folder}/readable`, `${folder}/with a\tb#\\c`];
      for (const path of [readable, writable]) {
        await Deno.mkdir(path);
        await Deno.writeTextFile(`${path}/file`, "here");
        await Deno.chmod(path, 0o777);
        await Deno.chmod(`${path}/file`, 0o666);
      }
      const script = `${ACTS}
const [readable, writable, root] = ${JSON.stringify([readable, writable, folder])};
await act("new file in the root", () => Deno.writeTextFileSync("/new", "x"));
await act("new file in /dev", () => Deno.writeTextFileSync("/dev/new", "x"));
await act("new file in /cwd", () => Deno.writeTextFileSync("/cwd/new", "x"));
await act("the runtime", () => Deno.writeTextFileSync("/runtime/main.js", "x"));
await act("mode of the executable", () => Deno.chmodSync("/deno", 0o777));
await act("a system setting", () => Deno.writeTextFileSync("/proc/sys/kernel/printk", "7"));
await act("own oom score", () => Deno.writeTextFileSync("/proc/self/oom_score_adj", "500"));
await act("mode of a device", () => Deno.chmodSync("/dev/null", 0o666));
await act("read readable", () => read(readable + "/file"));
await act("write readable", () => Deno.writeTextFileSync(readable + "/file", "changed"));
await act("time of readable", () => Deno.utimeSync(readable + "/file", 1, 1));
await act("read writable", () => read(writable + "/file"));
await act("write writable", () => Deno.writeTextFileSync(writable + "/file", "changed"));
await act("beside them", () => Deno.writeTextFileSync(root + "/beside", "x"));
await act("what is beside them", () => names(root));
await act("memory folder", () => Deno.writeTextFileSync("/tmp/new", "x"));
await act("memory folder full", () => Deno.writeFileSync("/tmp/new", new Uint8Array(2 << 20)));
await done();`;
      const binds = [
        { source: readable, target: readable, writable: false },
        { source: writable, target: writable, writable: true },
      ];
      const { stdout, stderr } = await runInside({ launcher, user, script, binds });
      const results = JSON.parse(stdout || "{}");
      const modes = results["mode of a device"];
      assert.match(modes, /^(EROFS|EPERM)$/);
      // read-only, or a folder of nobody's that only root outside may write
      const devices = results["new file in /dev"];
      assert.match(devices, /^(EROFS|EACCES)$/);
      assert.deepEqual(results, {
        "new file in the root": "EROFS",
        "new file in /dev": devices,
        "new file in /cwd": "EROFS",
        "the runtime": "EROFS",
        "mode of the executable": "EROFS",
        "a system setting": "EROFS",
        "own oom score": "EROFS",
        "mode of a device": modes,
        "read readable": "here",
        "write readable": "EROFS",
        "time of readable": "EROFS",
        "read writable": "here",
        "write writable": "ok",
        "beside them": "ok", // in the private folder in memory that is there instead
        "what is beside them": "beside readable with a\tb#\\c",
        "memory folder": "ok",
        "memory folder full": "ENOSPC",
      }, stderr);
      assert.equal(await Deno.readTextFile(`${readable}/file`), "here");
      await assert.rejects(Deno.stat(`${folder}/beside`), Deno.errors.NotFound);
      assert.equal(await Deno.readTextFile(`${writable}/file`), "changed");

      const control = JSON.parse((await runInside({ launcher: "plain", user, script })).stdout);
      for (const made of ["/new", "/dev/new", "/tmp/new"]) await Deno.remove(made).catch(() => {});
      for (const name of ["write readable", "time of readable", "beside them", "own oom score"]) {
        assert.equal(
          control[name],
          name === "time of readable" && user !== "self" ? "EPERM" : "ok",
          name,
        );
      }
    });

    sandboxTest(`${launcher} caps the size of a file, host as ${user}`, launcher, async () => {
      const script = `${ACTS}
await act("below", () => Deno.writeFileSync("/deno-dir/f", new Uint8Array(4 << 20)));
await act("above", () => Deno.writeFileSync("/deno-dir/f", new Uint8Array((4 << 20) + 1)));
await done();`;
      const result = await runInside({ launcher, user, script, fileBytes: 4 << 20 });
      // a signal ends it under bwrap; the init of a pid namespace gets the error instead
      if (launcher === "bwrap") assert.notEqual(result.code, 0);
      else {assert.deepEqual(JSON.parse(result.stdout), {
          below: "ok",
          above: "File too large (os error 27): writefile '/deno-dir/f'",
        });}
      const control = await runInside({ launcher, user, script, fileBytes: 8 << 20 });
      assert.deepEqual(JSON.parse(control.stdout), { below: "ok", above: "ok" }, control.stderr);
    });

    sandboxTest(
      `${launcher} has a loopback of its own where it is proxied, host as ${user}`,
      launcher,
      async () => {
        const script = `${ACTS}
await act("loopback", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 3128 });
  const accepted = listener.accept();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: 3128 });
  (await accepted).close();
  connection.close();
});
await act("outside", () => Deno.connect({ hostname: "127.0.0.1", port: PORT }).then(() => "reached"));
await done();`;
        using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const { port } = listener.addr as Deno.NetAddr;
        const options = { user, script: script.replace("PORT", String(port)) };
        const { stdout, stderr, report } = await runInside({
          ...options,
          launcher,
          network: "proxied",
        });
        assert.deepEqual(
          JSON.parse(stdout || "{}"),
          { loopback: "ok", outside: "ECONNREFUSED" },
          stderr,
        );
        assert.equal(report.network, "proxied");
        const host = await runInside({ ...options, launcher, network: "host" });
        assert.equal(
          JSON.parse(host.stdout).outside,
          "reached",
          "control: the same act on the machine's network",
        );
        assert.equal(host.report.network, "host");
        assert.ok(!host.report.facts?.namespaces.includes("net"));
      },
    );
  }
}

for (const launcher of LAUNCHERS) {
  sandboxTest(`${launcher} keeps what is mounted below a grant as read-only as the grant`, [
    launcher,
    "root",
  ], async () => {
    await using stack = new AsyncDisposableStack();
    const shared = await sharedCheckout(stack, []);
    const [outer, below] = [`${shared}/outer`, `${shared}/outer/a b/below`];
    const [free, freeBelow] = [`${shared}/free`, `${shared}/free/below`];
    for (const path of [outer, `${outer}/a b`, below, free, freeBelow]) await Deno.mkdir(path);
    // in a mount namespace of the host's own, so nothing is left behind
    const through =
      `unshare --mount -- /bin/bash -c 'mount -t tmpfs none "$1" && mount -t tmpfs none "$2" && ` +
      `echo there >"$1/file" && shift 2 && exec "$@"' bash "${below}" "${freeBelow}" "$@"`;
    const script = `${ACTS}
const [below, free] = ${JSON.stringify([below, freeBelow])};
await act("read", () => read(below + "/file"));
await act("write", () => Deno.writeTextFileSync(below + "/file", "x"));
await act("write free", () => Deno.writeTextFileSync(free + "/file", "x"));
await done();`;
    const binds = [
      { source: outer, target: outer, writable: false },
      { source: free, target: free, writable: true },
    ];
    const { stdout, stderr } = await runInside({ launcher, through, script, binds });
    assert.deepEqual(JSON.parse(stdout || "{}"), {
      read: "there\n",
      write: "EROFS",
      "write free": "ok",
    }, stderr);
  });

  sandboxTest(`${launcher} hides what only root may read, from a host that is root`, [
    launcher,
    "root",
  ], async () => {
    const script = `${ACTS}
for (const name of ["slabinfo", "timer_list", "vmallocinfo", "kpageflags"]) {
  await act(name, () => { using file = Deno.openSync("/proc/" + name); return file.readSync(new Uint8Array(8)) ?? "empty"; });
}
await done();`;
    const inside = JSON.parse((await runInside({ launcher, script })).stdout);
    const control = JSON.parse((await runInside({ launcher: "plain", script })).stdout);
    for (const [name, seen] of Object.entries(control)) {
      assert.ok(seen === 8 || seen === "ENOENT", `${name}: ${seen}`);
      assert.match(inside[name], seen === 8 ? /^(empty|EACCES)$/ : /^ENOENT$/);
    }
  });
}
