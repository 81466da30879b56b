// What the containment of a plugin adds to the exposure grade.
import type { SandboxReport } from "../../../sandbox/launch/launcher.ts";

/** One line of a grade; points are tenths. */
export type ExposurePoints = readonly [
  name: string,
  description: string,
  points: number,
  most: number,
];

const SYSTEM_CALLS: Readonly<Record<SandboxReport["seccompProfile"], [string, number]>> = {
  strict: ["only the calls that Deno needs pass", 0],
  baseline: ["only the most dangerous calls are refused", 3],
  off: ["every call reaches the kernel", 10],
};
const NETWORK_MODES: Readonly<Record<SandboxReport["network"], [string, number]>> = {
  isolated: ["its network has no other end", 0],
  proxied: ["granted hosts only, through the host's proxy", 1],
  host: ["it is on the machine's network, held by Deno's flags only", 10],
};

/** Says what layers that are missing add. */
export function containmentLines(
  sandbox: SandboxReport,
  { jitless, hostIsRoot }: { jitless: boolean; hostIsRoot: boolean | undefined },
): ExposurePoints[] {
  const { namespaces } = sandbox;
  const layer = (
    name: string,
    most: number,
    isHeld: boolean,
    held: string,
    open: string,
  ): ExposurePoints => [name, isHeld ? held : open, isHeld ? 0 : most, most];
  return [
    layer(
      "deno permissions",
      20,
      sandbox.denoPermissions,
      "Deno's flags hold it to what it was granted",
      "Deno's permission flags are not in force",
    ),
    layer(
      "namespaces",
      25,
      namespaces,
      "it has namespaces and a root folder of its own",
      "it sees the machine as the host's user does",
    ),
    ["system calls", ...SYSTEM_CALLS[sandbox.seccomp ? sandbox.seccompProfile : "off"], 10],
    sandbox.cgroup && sandbox.facts?.cgroup?.swapLimited === false
      ? ["cgroup", "memory, cpu time and tasks are capped, swap is not", 2, 8]
      : layer(
        "cgroup",
        8,
        sandbox.cgroup,
        "the kernel caps its memory, cpu time and tasks",
        "nothing caps its memory, cpu time and tasks together",
      ),
    layer(
      "rlimits",
      3,
      sandbox.rlimits,
      "descriptors, file sizes and core dumps are capped",
      "descriptors, file sizes and core dumps are not capped",
    ),
    layer(
      "host's end",
      4,
      sandbox.diesWithHost === "kernel",
      "the kernel ends it when the host is killed",
      "in a busy loop it outlives a host that is killed",
    ),
    ["network mode", ...NETWORK_MODES[sandbox.network], 10],
    hostIsRoot === false ? ["host user", "the host runs as an unprivileged user", 0, 10] : [
      "host user",
      hostIsRoot
        ? "the host runs as root: what escapes is root"
        : "the host may be root: what user it is could not be seen",
      namespaces ? 3 : 10,
      10,
    ],
    layer(
      "compiler",
      3,
      jitless,
      "V8 runs without its compilers",
      "V8 compiles its code: its bugs are within reach",
    ),
  ];
}
