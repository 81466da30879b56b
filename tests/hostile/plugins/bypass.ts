/**
 * All that a plugin could try if it had got past every permission of the runtime: it runs with all of
 * them granted, in the same sandbox. The first line of its input says what to load and what to try.
 */
import { tryEach } from "./attempt.ts";
import { abstractAddress, call, must, openLibrary, type Syscall } from "./syscalls.ts";
import type { World } from "../world.ts";

interface Order {
  readonly world: World;
  readonly seccomp?: number[];
  /** What to try, one after another. */
  readonly probes: readonly string[];
  /** Whether this is the machine itself, where nothing may be harmed. */
  readonly control: boolean;
}

const MIB = 1024 * 1024;

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return []; // not there
  }
}

/** Where something was written, for a look at the machine afterwards. */
function plant(folder: string, marker: string): void {
  const path = `${folder}/${marker}-bypass`;
  Deno.writeTextFileSync(path, "planted");
  Deno.removeSync(path);
}

function folders(root: string, depth: number): string[] {
  const found: string[] = [];
  const walk = (folder: string, left: number): void => {
    found.push(folder);
    if (left === 0) return;
    try {
      for (const { name, isDirectory } of Deno.readDirSync(folder === "" ? "/" : folder)) {
        if (isDirectory) walk(`${folder}/${name}`, left - 1);
      }
    } catch {
      // not for us to see
    }
  };
  walk(root, depth);
  return found;
}

const text = (path: string) => Deno.readTextFileSync(path);

/** Everything of `/proc` that tells where things are on the machine. */
function leaks(world: World): string[] {
  const files = ["cmdline", "environ", "cgroup", "mounts", "maps", "status", "comm"];
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    for (const file of files) {
      try {
        const content = text(`/proc/${name}/${file}`);
        if (world.private.some((each) => content.includes(each))) found.push(`${name}/${file}`);
      } catch {
        // not for us to see
      }
    }
    for (const link of ["cwd", "exe", "root"]) {
      try {
        const target = Deno.readLinkSync(`/proc/${name}/${link}`);
        if (world.private.some((each) => target.includes(each))) found.push(`${name}/${link}`);
      } catch {
        // not for us to see
      }
    }
  }
  return found;
}

const PROBES: Record<string, (world: World) => Promise<unknown> | unknown> = {
  sees: () => ({
    root: [...Deno.readDirSync("/")].map(({ name }) => name).sort(),
    old: namesIn("/.old"),
    dev: [...Deno.readDirSync("/dev")].map(({ name }) => name).sort(),
    processes: [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).length,
    uid: Deno.uid(),
    hostname: Deno.hostname(),
    interfaces: text("/proc/net/dev").split("\n").slice(2).map((line) => line.split(":")[0]!.trim())
      .filter((name) => name !== ""),
    capabilities: /^CapEff:\s+(\w+)$/m.exec(text("/proc/self/status"))?.[1],
    noNewPrivileges: /^NoNewPrivs:\s+(\d)$/m.exec(text("/proc/self/status"))?.[1],
    descriptors: [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
      try {
        return [Deno.readLinkSync(`/proc/self/fd/${name}`)];
      } catch {
        return [];
      }
    }).filter((target) => target.startsWith("/")),
  }),
  leaks: (world) => ({ leaks: leaks(world) }),
  reads: ({ secret, outside }) =>
    tryEach({
      secret: () => text(secret),
      "through /proc/1/root": () => text(`/proc/1/root${secret}`),
      "list outside": () => [...Deno.readDirSync(outside)].length,
      "/etc/passwd": () => text("/etc/passwd").length,
      "/etc/shadow": () => text("/etc/shadow").length,
      "/root": () => [...Deno.readDirSync("/root")].length,
      "/home": () => [...Deno.readDirSync("/home")].length,
      "/var": () => [...Deno.readDirSync("/var")].length,
      "/sys": () => [...Deno.readDirSync("/sys/kernel")].length,
      "/proc/kcore": () => {
        using file = Deno.openSync("/proc/kcore");
        must(file.readSync(new Uint8Array(64)) === 64);
      },
      "a disk": () => Deno.statSync(disk()).rdev,
    }),
  writes: ({ marker, outside }) => {
    const few = ["/tmp", "/var/tmp", "/dev/shm", outside, import.meta.dirname!];
    const tried = order.control ? few : folders("", 3).filter((each) => !/^\/proc\/./.test(each));
    const open = tried.filter((folder) => {
      try {
        plant(folder, marker);
        return true;
      } catch {
        return false;
      }
    });
    return { open, tried: tried.length };
  },
  kernelFiles: () =>
    tryEach(Object.fromEntries(
      [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches",
        "/proc/sysrq-trigger",
        "/proc/irq/default_smp_affinity",
        "/sys/kernel/uevent_helper",
      ].map((path) => [path, () => Deno.openSync(path, { write: true }).close()]),
    )),
  /** FS-09: what a descriptor for reading can still change. */
  metadata: async ({ uid }) => {
    const fs = await import("node:fs");
    const files = [
      import.meta.filename!,
      Deno.execPath(),
      new URL("./attempt.ts", import.meta.url).pathname,
    ];
    const ways: Record<string, () => void> = {};
    for (const path of files.slice(0, 3)) {
      const fd = fs.openSync(path, "r");
      const { mode, uid: owner, gid } = fs.fstatSync(fd);
      ways[`fchmod ${path}`] = () => fs.fchmodSync(fd, mode);
      ways[`fchown ${path}`] = () => fs.fchownSync(fd, owner === 65_534 ? owner : uid, gid);
      ways[`futimes ${path}`] = () => fs.futimesSync(fd, 1, 1);
      ways[`chmod ${path}`] = () => fs.chmodSync(path, mode);
      ways[`truncate ${path}`] = () => fs.closeSync(fs.openSync(path, "r+"));
    }
    const came = await tryEach(ways);
    return Object.fromEntries(
      Object.entries(came).filter(([way]) => !way.startsWith("truncate") || !way.includes("deno")),
    );
  },
  network: ({ port, socket, abstractSocket }) =>
    tryEach({
      tcp: async () => (await Deno.connect({ hostname: "127.0.0.1", port })).close(),
      "a Unix socket": async () =>
        (await Deno.connect({ transport: "unix", path: socket })).close(),
      "an abstract socket": () => {
        const fd = call("socket", 1, 1, 0);
        const address = abstractAddress(abstractSocket);
        call("connect", fd, address, address.length);
      },
      "a packet socket": () => call("socket", 17, 3, 0x0300),
      "the outside": () => must(text("/proc/net/route").trim().split("\n").length > 1),
    }),
  spawns: () =>
    tryEach({
      Deno: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync().code,
      fork: () => {
        const child = call("fork");
        if (child === 0) call("exit_group", 0);
      },
      "a new user namespace": () => call("unshare", 0x10000000),
      "a new mount namespace": () => call("unshare", 0x00020000),
      "a new network namespace": () => call("unshare", 0x40000000),
    }),
  privileges: () =>
    tryEach({
      setuid: () => call("setuid", 0),
      setgid: () => call("setgid", 0),
      setgroups: () => call("setgroups", 0, 0),
      chroot: () => call("chroot", "/"),
      mount: () => {
        call("unshare", 0x00020000);
        call("mount", "none", "/tmp", "tmpfs", 0, 0);
      },
      remount: () => call("mount", "none", mountPoint(), 0, 0x1020, 0),
      pivot: () => call("open_tree", -100, "/", 1),
      mknod: () => {
        call("mknodat", -100, "/tmp/zoo-device", 0o60600, 0x0701);
        Deno.removeSync("/tmp/zoo-device");
      },
      ptrace: () => call("ptrace", 0x4206, Deno.ppid || 1, 0, 0),
      "another's memory": () => readMemory(Deno.ppid || 1),
      bpf: () =>
        call(
          "bpf",
          0,
          new Uint8Array([2, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, ...new Uint8Array(112)]),
          128,
        ),
      sethostname: () => call("sethostname", Deno.hostname(), Deno.hostname().length),
      clock: () => {
        const now = new BigInt64Array(2);
        call("clock_gettime", 0, new Uint8Array(now.buffer));
        call("clock_settime", 0, new Uint8Array(now.buffer));
      },
      nice: () => call("setpriority", 0, 0, -1),
      "a larger limit": () =>
        call(
          "prlimit64",
          0,
          7,
          new Uint8Array(new BigUint64Array([65_536n, 65_536n]).buffer),
          0,
        ),
      umount: () => call("umount2", "/tmp", 2),
    }),
  /** What no filter at all would stop, and namespaces make harmless. */
  keys: () =>
    tryEach({
      keyctl: () => call("keyctl", 0, -5, 0),
      perf: () =>
        call(
          "perf_event_open",
          new Uint8Array([1, 0, 0, 0, 112, 0, 0, 0, ...new Uint8Array(104)]),
          0,
          -1,
          -1,
          0,
        ),
      io_uring: () => call("io_uring_setup", 2, new Uint8Array(120)),
      personality: () => call("personality", 0x0040000),
      userfaultfd: () => call("userfaultfd", 1),
    }),
  /** Makes processes until it may not; they wait to be killed. */
  forks: () => {
    let made = 0;
    for (; made < 100; made++) {
      let child: number;
      try {
        child = call("fork");
      } catch (error) {
        return { made, errno: (error as Syscall).errno };
      }
      if (child === 0) {
        // a session of its own, deaf to the ends of others
        try {
          call("setsid");
        } finally {
          while (true) {
            try {
              call("pause");
            } catch {
              // woken
            }
          }
        }
      }
    }
    return { made, errno: 0 };
  },
  fills: () => {
    const filled: Record<string, number> = {};
    const chunk = new Uint8Array(MIB).fill(1);
    for (const folder of ["/tmp", "/dev/shm"]) {
      filled[folder] = 0;
      // many files: how large one may be is limited by itself
      for (let n = 0; n < 200; n++) {
        try {
          Deno.writeFileSync(`${folder}/zoo-filler-${n}`, chunk);
          filled[folder]++;
        } catch {
          break; // full, or read-only
        }
      }
      if (order.control) {
        for (let n = 0; n < filled[folder]; n++) Deno.removeSync(`${folder}/zoo-filler-${n}`);
      }
    }
    return filled;
  },
  /** Ends everybody whom it may signal; itself last. */
  killsAll: () => {
    // if this were the machine itself after all, it must live on
    const processes = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name));
    must(processes.length < 10 && Deno.pid < 20);
    call("kill", -1, 9);
    return { survived: "ok" };
  },
};

/** A place where something is mounted: its own folder where there is one. */
function mountPoint(): string {
  const own = import.meta.dirname!;
  return text("/proc/self/mountinfo").includes(` ${own} `) ? own : "/tmp";
}

/** Asks for memory at an address that is not there: the kernel looks first whether it may. */
function readMemory(pid: number): void {
  const EFAULT = 14;
  const vector = new Uint8Array(new BigUint64Array([4_096n, 8n]).buffer);
  try {
    call("process_vm_readv", pid, vector, 1, vector, 1, 0);
  } catch (error) {
    if ((error as Syscall).errno !== EFAULT) throw error;
  }
}

function disk(): string {
  for (const name of ["vda", "sda", "nvme0n1", "xvda", "loop0", "root"]) {
    try {
      Deno.statSync(`/dev/${name}`);
      return `/dev/${name}`;
    } catch {
      // not that one
    }
  }
  return "/dev/vda";
}

const input = new Uint8Array(4 * MIB);
let length = 0;
while (!input.subarray(0, length).includes(10)) {
  const read = Deno.stdin.readSync(input.subarray(length));
  if (read === null) Deno.exit(1);
  length += read;
}
const order: Order = JSON.parse(new TextDecoder().decode(input.subarray(0, length)));
openLibrary(order.seccomp);
for (const probe of order.probes) {
  let result: unknown;
  try {
    result = { probe, answer: await PROBES[probe]!(order.world) };
  } catch (error) {
    const { name, message } = error as Error;
    result = { probe, error: { code: name, message } };
  }
  const bytes = new TextEncoder().encode(`${JSON.stringify(result)}\n`);
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(Deno.stdout.writeSync(rest));
}
// what it has forked stays: whoever reads the answer ends it
await new Promise(() => setInterval(() => {}, 1_000));
