/**
 * The exposure grade of a plugin, in the manner of `systemd-analyze security`: 0.0 (nothing) to 10.0.
 *
 * The grade is the sum of its lines, never above 10. Granting more, or taking a layer of containment
 * away, never lowers it. Each line can weigh, in points:
 *
 * | line             | weighs                                                                     |
 * | ---------------- | -------------------------------------------------------------------------- |
 * | deno permissions | 2.0 where Deno's flags are not in force                                    |
 * | namespaces       | 2.5 without namespaces and a root folder of its own                        |
 * | system calls     | 1.0 without a filter, 0.3 with `baseline`                                  |
 * | cgroup           | 0.8 without one, 0.2 where swap is not capped                              |
 * | rlimits          | 0.3 without them                                                           |
 * | host's end       | 0.4 where a busy plugin outlives a killed host                             |
 * | network mode     | 1.0 on the machine's network, 0.1 through the egress proxy                 |
 * | host user        | 1.0 where the host is root, or may be; 0.3 inside namespaces               |
 * | compiler         | 0.3 unless the policy says `jitless`                                       |
 * | net              | 0.6 for one host up to 2.5 for every address (`net.ts`)                    |
 * | private net      | 0.7 for loopback, 0.7 for link-local, 0.6 for private addresses and names  |
 * | reads            | 2.0 for homes and their dot files, 0.6 for the rest of them, 0.8 for       |
 * |                  | folders of the system, 0.4 elsewhere; each once (`paths.ts`)               |
 * | writes           | 2.0, 1.2, 1.5 and 1.0 for the same, 0.1 for its own storage                |
 * | host's files     | 1.0 where paths are granted and no data folder shows whether it is in them |
 * | system facts     | 0.1 for each kind, at most 0.6                                             |
 * | services         | 0.1 to read a built-in one, 0.2 to write it; 0.4 and 0.8 for those of the  |
 * |                  | application; at most 2.0                                                   |
 * | database         | 0.4 to read, 0.8 to write                                                  |
 * | hooks            | 0.3 for each, 0.5 for one that runs before the others; at most 1.5         |
 * | signer           | 2.0 where a host would not verify it, 0.1 where its signature never expires |
 *
 * @module
 */
import type { HookRequest } from "../../../bundle/manifest/manifest_schema.ts";
import { hookBand } from "../../../hooks/names.ts";
import { OWN_BUNDLE, OWN_STORAGE } from "../../../permissions/findings.ts";
import type { PolicyEntry } from "../../../permissions/policy_schema.ts";
import type { ResolvedPermissions } from "../../../permissions/resolve.ts";
import type { SandboxReport } from "../../../sandbox/launch/launcher.ts";
import { netLines } from "./net.ts";
import { pathLines } from "./paths.ts";
import type { ExposurePoints } from "./points.ts";

/** Says in a word how exposed a plugin leaves its machine. */
export type ExposureLabel = "SAFE" | "OK" | "MEDIUM" | "EXPOSED" | "UNSAFE";

/** Holds one line of a grade. */
export interface ExposureLine {
  /** What is looked at; the same for every plugin. */
  readonly name: string;
  /** What was found. */
  readonly description: string;
  /** What it adds to the grade. */
  readonly exposure: number;
  /** The most that it could add. */
  readonly weight: number;
}

/** Holds a grade and what makes it. */
export interface ExposureGrade {
  /** From 0.0, nothing, to 10.0. */
  readonly grade: number;
  /** `SAFE` below 1, `OK` below 4, `MEDIUM` below 6.5, `EXPOSED` below 8.5, else `UNSAFE`. */
  readonly label: ExposureLabel;
  /** Every line, the worst first; those that add nothing last. */
  readonly lines: readonly ExposureLine[];
}

/** Holds what a grade is worked out from. */
export interface ExposureInput {
  /** What the plugin may do. */
  readonly permissions: Pick<
    ResolvedPermissions,
    "net" | "read" | "write" | "sys" | "hooks" | "context" | "items"
  >;
  /** The hooks of its manifest, for their places. */
  readonly hooks: readonly HookRequest[];
  /** What contains it. */
  readonly sandbox: SandboxReport;
  /** What the policy says of it. */
  readonly entry: Pick<PolicyEntry, "jitless">;
  /** What its signature is worth. */
  readonly signer: { readonly trusted: boolean; readonly expires: boolean };
  /** Whether it is known where the host keeps its own files, which it gives to nobody. */
  readonly hostFilesKnown: boolean;
  /** Whether the host runs as root; `undefined` where that cannot be seen, which counts as if. */
  readonly hostIsRoot: boolean | undefined;
}

const LABELS: readonly (readonly [below: number, label: ExposureLabel])[] = [
  [10, "SAFE"],
  [40, "OK"],
  [65, "MEDIUM"],
  [85, "EXPOSED"],
];
const MOST = 100;
/** Services that hold only what is the plugin's own. */
const BUILT_IN = ["config", "kv", "log"];

/** Grades what a plugin could do to its machine. Pure. */
export function gradeExposure(input: ExposureInput): ExposureGrade {
  const { permissions, sandbox } = input;
  const lines = [
    ...containmentLines(input),
    ...netLines(permissions.net, sandbox.network !== "isolated"),
    ...pathLines(permissions.items),
    hostFilesLine(input),
    ...grantLines(input),
    signerLine(input),
  ];
  const points = Math.min(MOST, lines.reduce((sum, line) => sum + line.points, 0));
  return {
    grade: points / 10,
    label: LABELS.find(([below]) => points < below)?.[1] ?? "UNSAFE",
    lines: lines
      .sort((a, b) => b.points - a.points || (a.name < b.name ? -1 : 1))
      .map(({ name, description, points, most }) => ({
        name,
        description,
        exposure: points / 10,
        weight: most / 10,
      })),
  };
}

function containmentLines({ sandbox, entry, hostIsRoot }: ExposureInput): ExposurePoints[] {
  const { namespaces, network } = sandbox;
  const profile = sandbox.seccomp ? sandbox.seccompProfile : "off";
  const swapOpen = sandbox.facts?.cgroup?.swapLimited === false;
  const lines: [name: string, most: number, points: number, description: string][] = [
    sandbox.denoPermissions
      ? ["deno permissions", 20, 0, "Deno's flags hold it to what it was granted"]
      : ["deno permissions", 20, 20, "Deno's permission flags are not in force"],
    namespaces
      ? ["namespaces", 25, 0, "it has namespaces and a root folder of its own"]
      : ["namespaces", 25, 25, "it sees the machine as the host's user does"],
    {
      strict: ["system calls", 10, 0, "only the calls that Deno needs pass"],
      baseline: ["system calls", 10, 3, "only the most dangerous calls are refused"],
      off: ["system calls", 10, 10, "every call reaches the kernel"],
    }[profile] as [string, number, number, string],
    sandbox.cgroup
      ? swapOpen
        ? ["cgroup", 8, 2, "memory, cpu time and tasks are capped, swap is not"]
        : ["cgroup", 8, 0, "the kernel caps its memory, cpu time and tasks"]
      : ["cgroup", 8, 8, "nothing caps its memory, cpu time and tasks together"],
    sandbox.rlimits
      ? ["rlimits", 3, 0, "descriptors, file sizes and core dumps are capped"]
      : ["rlimits", 3, 3, "descriptors, file sizes and core dumps are not capped"],
    sandbox.diesWithHost === "kernel"
      ? ["host's end", 4, 0, "the kernel ends it when the host is killed"]
      : ["host's end", 4, 4, "in a busy loop it outlives a host that is killed"],
    {
      isolated: ["network mode", 10, 0, "its network has nobody else in it"],
      proxied: ["network mode", 10, 1, "granted hosts only, through the host's proxy"],
      host: ["network mode", 10, 10, "it is on the machine's network, held by Deno's flags only"],
    }[network ?? "host"] as [string, number, number, string],
    hostIsRoot === false ? ["host user", 10, 0, "the host runs as an unprivileged user"] : [
      "host user",
      10,
      namespaces ? 3 : 10,
      hostIsRoot
        ? "the host runs as root: what escapes is root"
        : "the host may be root: what user it is could not be seen",
    ],
    entry.jitless === true
      ? ["compiler", 3, 0, "V8 runs without its compilers"]
      : ["compiler", 3, 3, "V8 compiles its code: its bugs are within reach"],
  ];
  return lines.map(([name, most, points, description]) => ({ name, description, points, most }));
}

function grantLines({ permissions, hooks }: ExposureInput): ExposurePoints[] {
  const { sys, context } = permissions;
  const database = context.get("database");
  const services = [...context].filter(([key]) => key !== "database");
  const servicePoints = services.reduce((sum, [key, access]) => {
    const read = BUILT_IN.includes(key) ? 1 : 4;
    return sum + (access === "readwrite" ? 2 * read : read);
  }, 0);
  const priorities = new Map(hooks.map(({ name, priority }) => [name, priority]));
  const isEarly = (name: string) =>
    ["critical", "high"].includes(hookBand(priorities.get(name) ?? 200));
  const early = permissions.hooks.filter(isEarly).length;
  const hookPoints = 3 * permissions.hooks.length + 2 * early;
  return [
    {
      name: "system facts",
      description: sys.length === 0
        ? "it can learn nothing of this machine"
        : `it can learn of this machine: ${sys.join(", ")}`,
      points: Math.min(6, sys.length),
      most: 6,
    },
    {
      name: "services",
      description: services.length === 0
        ? "it can use no service"
        : `it can use ${services.map(([key, access]) => `${key} (${access})`).join(", ")}`,
      points: Math.min(20, servicePoints),
      most: 20,
    },
    {
      name: "database",
      description: database === undefined
        ? "it can use no database"
        : `it can ${database === "read" ? "read" : "change"} its tables of the database`,
      points: database === undefined ? 0 : database === "read" ? 4 : 8,
      most: 8,
    },
    {
      name: "hooks",
      description: permissions.hooks.length === 0
        ? "it sees the data of no hook"
        : `it sees and may change the data of ${permissions.hooks.join(", ")}`,
      points: Math.min(15, hookPoints),
      most: 15,
    },
  ];
}

function hostFilesLine({ permissions, hostFilesKnown }: ExposureInput): ExposurePoints {
  const paths = permissions.items.some(({ family, source }) =>
    (family === "read" || family === "write") && source !== OWN_BUNDLE && source !== OWN_STORAGE
  );
  const inDoubt = paths && !hostFilesKnown;
  return {
    name: "host's files",
    description: inDoubt
      ? "its paths may hold a host's data folder: --data-dir tells, and a host refuses that"
      : "it cannot reach what the host keeps",
    points: inDoubt ? 10 : 0,
    most: 10,
  };
}

function signerLine({ signer }: ExposureInput): ExposurePoints {
  if (!signer.trusted) {
    return {
      name: "signer",
      description: "no host that trusts these keys would verify it",
      points: 20,
      most: 20,
    };
  }
  return signer.expires
    ? { name: "signer", description: "signed by a trusted key, for a time", points: 0, most: 20 }
    : { name: "signer", description: "signed by a trusted key, for ever", points: 1, most: 20 };
}
