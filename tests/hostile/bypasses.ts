import assert from "node:assert/strict";
import type { Ways } from "./plugins/attempt.ts";
import type { BypassReport } from "./run_bypass.ts";

/** What a probe must find inside, and what it finds on the machine. */
export interface Bypass {
  /** The probe in `plugins/bypass.ts`. */
  readonly probe: string;
  /** What it tries, after "with every permission, a plugin". */
  readonly what: string;
  /** Asserts that the system held it. */
  contained(report: BypassReport, filter: "strict" | "off"): void;
  /** Asserts that on the machine itself it succeeds; without one there is nothing that may be shown. */
  readonly succeeded?: (report: BypassReport) => void;
}

function waysOf({ answer, error }: BypassReport): [string, string][] {
  assert.equal(error, undefined, JSON.stringify(error));
  assert.ok(answer !== undefined, "the probe did not answer");
  return Object.entries(answer as Ways);
}

const open = (report: BypassReport) =>
  waysOf(report).filter(([, came]) => came.startsWith("ok")).map(([way]) => way);

function denied(report: BypassReport): void {
  assert.deepEqual(open(report), []);
}

const opens = (...ways: string[]) => (report: BypassReport) => {
  const found = open(report);
  assert.deepEqual(ways.filter((way) => !found.includes(way)), [], JSON.stringify(report.answer));
};

interface Sight {
  readonly root: string[];
  readonly old: string[];
  readonly dev: string[];
  readonly processes: number;
  readonly uid: number;
  readonly hostname: string;
  readonly interfaces: string[];
  readonly capabilities: string;
  readonly noNewPrivileges: string;
  readonly descriptors: string[];
}

/** What the root of a plugin may show, apart from where libraries are. */
const IN_ROOT = [
  ".old",
  ...[
    "cwd",
    "deno",
    "deno-dir",
    "dev",
    "sockets",
    "plugin",
    "proc",
    "runtime",
    "storage",
    "tmp",
  ],
  ...["lib", "lib64", "usr", "etc"],
];
const IN_DEV = [
  ...["core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout"],
  ...["tty", "urandom", "zero", "console"],
];

/** What is tried by code that has got past every permission of the runtime. */
export const BYPASSES: readonly Bypass[] = [
  {
    probe: "sees",
    what: "sees only what it was given",
    contained({ answer }) {
      const sight = answer as Sight;
      assert.deepEqual(sight.root.filter((name) => !IN_ROOT.includes(name)), []);
      // where the machine's root was until it was detached: a file says that it was
      assert.deepEqual(sight.old.filter((name) => name !== "detached"), []);
      assert.deepEqual(sight.dev.filter((name) => !IN_DEV.includes(name)), []);
      assert.ok(sight.processes <= 3, `${sight.processes} processes`);
      assert.notEqual(sight.uid, 0);
      assert.notEqual(sight.hostname, Deno.hostname());
      assert.deepEqual(sight.interfaces.filter((name) => name !== "lo"), []);
      assert.match(sight.capabilities, /^0+$/);
      assert.equal(sight.noNewPrivileges, "1");
      assert.deepEqual(sight.descriptors.filter((path) => path.includes("secret")), []);
    },
    succeeded({ answer }) {
      const sight = answer as Sight;
      assert.ok(sight.root.includes("root") && sight.root.includes("etc"));
      assert.ok(sight.processes > 5);
      assert.equal(sight.hostname, Deno.hostname());
    },
  },
  {
    probe: "leaks",
    what: "finds no path of the machine in /proc",
    contained: ({ answer }) => assert.deepEqual(answer, { leaks: [] }),
    succeeded: ({ answer }) => assert.ok((answer as { leaks: string[] }).leaks.length > 0),
  },
  {
    probe: "reads",
    what: "reads nothing of the machine",
    contained: denied,
    succeeded: opens(
      "secret",
      "list outside",
      "/etc/passwd",
      "/etc/shadow",
      "/root",
      "/home",
      "/var",
      "/sys",
    ),
  },
  {
    probe: "writes",
    what: "writes only to memory and its own folder",
    contained({ answer }) {
      const { open, tried } = answer as { open: string[]; tried: number };
      assert.ok(tried > 10, `only ${tried} folders were tried`);
      // all in memory, but its own folder
      const own = /^\/(?:tmp|storage|dev\/shm|dev|deno-dir(?:\/.*)?)$/;
      assert.deepEqual(open.filter((folder) => !own.test(folder)), []);
    },
    succeeded({ answer }) {
      const { open, tried } = answer as { open: string[]; tried: number };
      assert.equal(open.length, tried);
    },
  },
  {
    probe: "kernelFiles",
    what: "opens no file of the kernel for writing",
    contained: denied,
    succeeded: opens(
      "/proc/sys/kernel/core_pattern",
      "/proc/sys/kernel/hostname",
      "/proc/sys/vm/drop_caches",
    ),
  },
  {
    probe: "metadata",
    what: "changes no mode, owner or time of what it is made of",
    contained: denied,
    succeeded: opens(),
  },
  {
    probe: "network",
    what: "reaches nobody on the network",
    contained: denied,
    succeeded: opens("tcp", "a Unix socket", "an abstract socket", "a packet socket"),
  },
  {
    probe: "keys",
    what: "uses no part of the kernel that no plugin needs",
    contained(report, filter) {
      if (filter === "strict") return denied(report);
      // without a filter the kernel's own rules are what is left
      assert.ok(waysOf(report).length > 0);
    },
    succeeded: opens("keyctl", "personality"),
  },
  {
    probe: "spawns",
    what: "starts nothing, and makes no namespaces",
    contained(report, filter) {
      if (filter === "strict") return denied(report);
      const found = open(report).filter((way) => !["Deno", "fork"].includes(way));
      assert.deepEqual(found, [], "a namespace would be a way to capabilities");
    },
    succeeded: opens("Deno", "fork", "a new mount namespace", "a new network namespace"),
  },
  {
    probe: "privileges",
    what: "gains no privileges",
    contained(report, filter) {
      // the launcher's own process in there is no more privileged, and held by the same namespaces
      const harmless = filter === "off" ? ["ptrace", "another's memory"] : [];
      assert.deepEqual(open(report).filter((way) => !harmless.includes(way)), []);
    },
    succeeded: opens(
      ...["setuid", "setgid", "setgroups", "chroot", "mount", "remount", "umount", "mknod"],
      ...["ptrace", "another's memory", "sethostname", "nice"],
    ),
  },
  {
    probe: "fills",
    what: "fills no more memory than it was given",
    contained({ answer, outcome, ended }) {
      if (answer === undefined) {
        assert.ok(ended || (outcome?.oomKills ?? 0) > 0, "it was not ended for want of memory");
        return;
      }
      const filled = Object.values(answer as Record<string, number>);
      assert.ok(filled.reduce((a, b) => a + b) < 160, JSON.stringify(answer));
    },
    succeeded: ({ answer }) => assert.deepEqual(Object.values(answer as object), [200, 200]),
  },
  {
    probe: "forks",
    what: "leaves none of what it forks",
    contained({ answer, gone }, filter) {
      const { made } = answer as { made: number };
      assert.ok(made < (filter === "strict" ? 1 : 64), `${made} processes were made`);
      assert.ok(gone, "one of them is left");
    },
    succeeded: ({ answer }) => assert.equal((answer as { made: number }).made, 100),
  },
  {
    probe: "killsAll",
    what: "ends nobody but itself",
    contained({ gone }) {
      assert.ok(gone);
    },
  },
];
