// PR-01–03, 09–20: other processes, its own end, and what is below the runtime.
import childProcess from "node:child_process";
import inspector from "node:inspector";
import process from "node:process";
import v8 from "node:v8";
import { inWorker, tryEach } from "./attempt.ts";
import type { World } from "../world.ts";

/** Signal 0 only asks whether there is somebody whom it may signal. */
function signal(pid: number): void {
  process.kill(pid, 0);
}

export default {
  methods: {
    spawns: () =>
      tryEach({
        Deno: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync().code,
        "a shell": () => new Deno.Command("/bin/sh", { args: ["-c", "exit 7"] }).outputSync().code,
        "node:child_process": () => childProcess.execFileSync("/bin/echo", ["said"]),
        "a fork": () =>
          new Promise((resolve, reject) => {
            const child = childProcess.spawn(Deno.execPath(), ["--version"]);
            child.on("error", reject).on("exit", resolve);
          }),
      }),
    signals: ({ hostPid, hostGroup }: World) =>
      tryEach({
        "its host": () => signal(hostPid),
        "its parent": () => Deno.kill(Deno.ppid, "SIGWINCH"),
        "process 1": () => signal(Deno.pid === 1 ? 2 : 1),
        "its group": () => signal(0),
        "a group": () => signal(-hostGroup),
        everybody: () => signal(-1),
        overflow: () => Deno.kill(hostPid + 2 ** 32, "SIGWINCH"),
      }),
    setsV8Flags: () => {
      v8.setFlagsFromString("--max-old-space-size=8192");
      v8.setFlagsFromString("--max-heap-size=8192");
      return { flags: "ok" };
    },
    fillsHeap: ({ mib }: { mib: number }) => {
      const kept: unknown[] = [];
      for (let n = 0; n < mib; n++) {
        kept.push(Array.from({ length: 131_072 }, (_, index) => index * 1.5));
      }
      return { heap: kept.length === mib ? "ok" : "odd" };
    },
    native: ({ outside }: World) =>
      tryEach({
        dlopen: () =>
          Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } }).symbols.getpid(),
        "dlopen by path": () => Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {}).close(),
        "dlopen of nothing": () => Deno.dlopen("", {}).close(),
        "dlopen of a file": () => Deno.dlopen(`${outside}/library.so`, {}).close(),
        "dlopen in a worker": () =>
          inWorker(() => {
            Deno.dlopen("libc.so.6", {}).close();
          }, null),
        "a pointer": () => {
          const pointer = Deno.UnsafePointer.of(new Uint8Array(8))!;
          return new Deno.UnsafePointerView(pointer).getInt32();
        },
        "a made-up pointer": () => Deno.UnsafePointer.create(4_096n) === null ? undefined : "made",
        "a callback": () =>
          new Deno.UnsafeCallback({ parameters: [], result: "void" }, () => {}).close(),
        "process.dlopen": () =>
          // deno-lint-ignore no-explicit-any -- not in the types
          (process as any).dlopen({ exports: {} }, `${outside}/library.node`),
      }),
    identity: () =>
      tryEach({
        setuid: () => process.setuid!(0),
        setgid: () => process.setgid!(0),
        umask: () => Deno.umask(0o022).toString(8),
        chdir: () => Deno.chdir("/"),
        "process.chdir": () => process.chdir("/"),
        title: () => process.umask(0o022),
      }),
    inspector: () => tryEach({ open: () => void inspector.open(0, "127.0.0.1") }),
    permissions: () =>
      tryEach(Object.fromEntries(
        (["run", "read", "write", "net", "env", "sys", "ffi", "import"] as const).map((name) => [
          `request ${name}`,
          async () => {
            // deno-lint-ignore no-explicit-any -- the types do not know every name
            const { state } = await Deno.permissions.request({ name } as any);
            if (state !== "granted") throw new Error(state);
          },
        ]),
      )),
    prompts: () => ({ answers: [prompt("Allow?"), confirm("Allow?"), alert("Allow!")] }),
    binding: () =>
      // deno-lint-ignore no-explicit-any -- not in the types
      tryEach({ "process.binding": () => (process as any).binding("fs").open("/etc/passwd", 0) }),
    /** Reaches the runtime's operations in a fresh realm, and uses them. */
    operations: ({ outside }: World) =>
      inWorker((path: string) => {
        // deno-lint-ignore no-explicit-any -- the internals of the runtime
        const { core } = (Deno as any)[(Deno as any).internal];
        try {
          const nothing = Array(9).fill(() => {});
          core.ops.op_napi_open(path, globalThis, ...nothing);
          return { "a native library": "ok" };
        } catch (error) {
          const { name, message } = error as Error;
          const refused = name === "NotCapable" || message.includes("Requires ffi access");
          return { "a native library": `${refused ? "" : "ok, it looked: "}${name}: ${message}` };
        }
      }, `${outside}/library.node`),
    exits: ({ code }: { code: number }) => Deno.exit(code),
    aborts: () => process.abort(),
    raises: ({ signal }: { signal: Deno.Signal }) => {
      Deno.kill(Deno.pid, signal);
      return new Promise(() => {});
    },
    panics: () =>
      inWorker(() => {
        // deno-lint-ignore no-explicit-any -- the internals of the runtime
        const { ops } = (Deno as any)[(Deno as any).internal].core;
        new ops.BrowserWindow();
      }, null),
    diesLater: () => {
      setTimeout(() => Deno.exit(0), 30);
      return { promised: "much" };
    },
    replacesExit: () => {
      Deno.exit = (() => {}) as never;
      process.exit = (() => {}) as never;
      return { replaced: "ok" };
    },
  },
};
