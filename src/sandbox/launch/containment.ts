// Reads from `/proc` what really contains a running plugin process.
import type { CgroupFacts, ContainmentFacts, SandboxReport } from "./launcher.ts";

/** The kernel's names for namespaces, by ours. */
const NAMESPACES: readonly (readonly [ContainmentFacts["namespaces"][number], string])[] = [
  ["user", "user"],
  ["pid", "pid"],
  ["mount", "mnt"],
  ["ipc", "ipc"],
  ["uts", "uts"],
  ["cgroup", "cgroup"],
  ["net", "net"],
];
const CAPABILITY_SETS = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
/** As deep as a launcher's own processes go: shell, launcher, init, runtime. */
const MAX_DEPTH = 8;

/**
 * Reads what contains the runtime that was started as a process or below it.
 *
 * Only a host with `--allow-all` may read `/proc` of another process.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
 */
export function readContainment(
  pid: number,
  cgroup: CgroupFacts | undefined,
): ContainmentFacts | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const runtime = findRuntime(pid);
    const status = readFields(`/proc/${runtime}/status`);
    const limits = Deno.readTextFileSync(`/proc/${runtime}/limits`);
    return {
      pid: runtime,
      namespaces: NAMESPACES.filter(([, kernel]) => isOwn(runtime, kernel)).map(([name]) => name),
      privateRoot: !sameFile(`/proc/${runtime}/root`, "/"),
      uid: insideUid(runtime, Number(status.get("Uid")?.split("\t")[0])),
      noCapabilities: CAPABILITY_SETS.every((set) => /^0+$/.test(status.get(set) ?? "")),
      noNewPrivileges: status.get("NoNewPrivs") === "1",
      seccompFilter: status.get("Seccomp") === "2",
      rlimits: {
        fileDescriptors: softLimit(limits, "Max open files"),
        fileBytes: softLimit(limits, "Max file size"),
        coreBytes: softLimit(limits, "Max core file size"),
      },
      cgroup,
    };
  } catch {
    return undefined; // the process is gone, or this host may not look
  }
}

/** Tells whether the runtime that was started as a process or below it has been executed by now. */
export function runsExecutable(pid: number, executable: string): boolean {
  try {
    return sameFile(`/proc/${findRuntime(pid)}/exe`, executable);
  } catch {
    return false; // not there yet, or not for this host to see
  }
}

/** Brings what was asked for into line with what the kernel says is there. */
export function reportFrom(
  asked: SandboxReport,
  facts: ContainmentFacts | undefined,
): SandboxReport {
  if (facts === undefined) return asked;
  const missing = [...asked.missing];
  const check = (wanted: boolean, found: boolean, sentence: string): boolean => {
    if (wanted && !found) missing.push(sentence);
    return wanted && found;
  };
  const wanted = NAMESPACES.filter(([name, kernel]) =>
    (name !== "net" || asked.network !== "host") && ownNamespaces().has(kernel)
  );
  const absent = wanted.filter(([name]) => !facts.namespaces.includes(name)).map(([name]) => name);
  const namespaces = check(
    asked.namespaces,
    absent.length === 0 && facts.privateRoot && facts.noCapabilities && facts.noNewPrivileges,
    `the process runs without ${
      [
        ...absent.map((name) => `a ${name} namespace`),
        ...(facts.privateRoot ? [] : ["a root folder of its own"]),
        ...(facts.noCapabilities ? [] : ["having given up all capabilities"]),
        ...(facts.noNewPrivileges ? [] : ["no-new-privileges"]),
      ].join(" and ")
    }`,
  );
  const seccomp = check(asked.seccomp, facts.seccompFilter, "the process runs without its filter");
  const { fileDescriptors, fileBytes, coreBytes } = facts.rlimits;
  return {
    ...asked,
    namespaces,
    seccomp,
    seccompProfile: seccomp ? asked.seccompProfile : "off",
    network: facts.namespaces.includes("net") ? asked.network : "host",
    cgroup: check(
      asked.cgroup,
      facts.cgroup?.memoryBytes !== undefined && facts.cgroup.tasks !== undefined &&
        facts.cgroup.cpuPercent !== undefined,
      "the process runs in a cgroup that does not cap memory, tasks and cpu",
    ),
    rlimits: check(
      asked.rlimits,
      fileDescriptors < Infinity && fileBytes < Infinity && coreBytes === 0,
      "the process runs without its rlimits",
    ),
    facts,
    missing,
  };
}

/** Follows the launcher's own processes down to the runtime, which has no child: it cannot fork. */
function findRuntime(pid: number): number {
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const [child] = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ");
    if (!child) break;
    pid = Number(child);
  }
  return pid;
}

function readFields(path: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of Deno.readTextFileSync(path).split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

/** The namespaces of this host, by the kernel's names; they stay what they are. */
let hostNamespaces: ReadonlyMap<string, string> | undefined;

function ownNamespaces(): ReadonlyMap<string, string> {
  return hostNamespaces ??= new Map(NAMESPACES.flatMap(([, kernel]): [string, string][] => {
    try {
      return [[kernel, Deno.readLinkSync(`/proc/self/ns/${kernel}`)]];
    } catch {
      return []; // the kernel has none of this kind
    }
  }));
}

function isOwn(pid: number, namespace: string): boolean {
  const host = ownNamespaces().get(namespace);
  return host !== undefined && Deno.readLinkSync(`/proc/${pid}/ns/${namespace}`) !== host;
}

function sameFile(one: string, other: string): boolean {
  const [a, b] = [Deno.statSync(one), Deno.statSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}

/** Translates a user id by the map of the process's user namespace: lines of inside, outside, count. */
function insideUid(pid: number, outside: number): number {
  for (const line of Deno.readTextFileSync(`/proc/${pid}/uid_map`).trim().split("\n")) {
    const [inner, outer, count] = line.trim().split(/\s+/).map(Number);
    if (outside >= outer! && outside < outer! + count!) return inner! + outside - outer!;
  }
  return outside;
}

function softLimit(limits: string, name: string): number {
  const value = limits.split("\n").find((line) => line.startsWith(name))
    ?.slice(name.length).trim().split(/\s+/)[0];
  return value === "unlimited" ? Infinity : Number(value ?? NaN);
}
