// The exposure grade of a plugin, in the manner of `systemd-analyze security`: 0.0 (nothing) to 10.0.
//
// The grade is the sum of its lines, never above 10. Granting more, or taking a layer of containment away, never
// lowers it. What each line can weigh stands where it is made, in tenths of a point.
import type { Manifest } from "../../../bundle/manifest/manifest_schema.ts";
import { escapeText } from "../../../errors.ts";
import { hookBand } from "../../../hooks/names.ts";
import type { InspectedLaunch } from "../../../host/inspection.ts";
import { OWN_BUNDLE, OWN_STORAGE } from "../../../permissions/findings.ts";
import type { Output, Style } from "../../terminal/output.ts";
import { hanging } from "../../terminal/layout.ts";
import { containmentLines } from "./containment.ts";
import { netLines } from "./net.ts";
import { pathLines } from "./paths.ts";
import type { ExposurePoints } from "./containment.ts";

export type ExposureLabel = "SAFE" | "OK" | "MEDIUM" | "EXPOSED" | "UNSAFE";

export interface ExposureGrade {
  /** From 0.0, nothing, to 10.0. */
  readonly grade: number;
  /** `SAFE` below 1, `OK` below 4, `MEDIUM` below 6.5, `EXPOSED` below 8.5, else `UNSAFE`. */
  readonly label: ExposureLabel;
  /** Every line, the same for every plugin, the worst first; those that add nothing last. */
  readonly lines: readonly {
    readonly name: string;
    readonly description: string;
    readonly exposure: number;
    readonly weight: number;
  }[];
}

export interface ExposureInput extends Pick<InspectedLaunch, "sandbox"> {
  readonly permissions: Pick<
    InspectedLaunch["permissions"],
    "net" | "read" | "write" | "sys" | "hooks" | "context" | "items"
  >;
  /** The hooks of its manifest, for their places. */
  readonly hooks: NonNullable<Manifest["hooks"]>;
  readonly jitless: boolean;
  readonly signer: { readonly trusted: boolean; readonly expires: boolean };
  /** Whether it is known where the host keeps its own files, which it never grants. */
  readonly hostFilesKnown: boolean;
  /** Whether the host runs as root; `undefined` where that cannot be seen, which counts as if. */
  readonly hostIsRoot: boolean | undefined;
}

const LABELS: readonly (readonly [below: number, label: ExposureLabel, style: Style])[] = [
  [10, "SAFE", "green"],
  [40, "OK", "green"],
  [65, "MEDIUM", "yellow"],
  [85, "EXPOSED", "red"],
  [Infinity, "UNSAFE", "red"],
];
const MOST = 100;
const MAX_TEXT = 400;
/** Services that hold only what is the plugin's own. */
const BUILT_IN = ["config", "kv", "log"];

/** Grades what a plugin could do to its machine. Pure. */
export function gradeExposure(input: ExposureInput): ExposureGrade {
  const { permissions, sandbox } = input;
  const lines = [
    ...containmentLines(sandbox, input),
    ...netLines(permissions.net, sandbox.network !== "isolated"),
    ...pathLines(permissions.items),
    hostFilesLine(input),
    ...grantLines(input),
    signerLine(input),
  ];
  const points = Math.min(MOST, lines.reduce((sum, [, , points]) => sum + points, 0));
  return {
    grade: points / 10,
    label: LABELS.find(([below]) => points < below)![1],
    lines: lines
      .sort(([a, , aPoints], [b, , bPoints]) => bPoints - aPoints || (a < b ? -1 : 1))
      .map(([name, description, points, most]) => ({
        name,
        description,
        exposure: points / 10,
        weight: most / 10,
      })),
  };
}

export function gradeLines({ grade, label, lines }: ExposureGrade, output: Output): string[] {
  const adding = lines.filter(({ exposure }) => exposure > 0);
  const width = Math.max(0, ...adding.map(({ name }) => name.length));
  const style = LABELS.find(([, each]) => each === label)![2];
  return [
    `  exposure: ${output.style(style, `${grade.toFixed(1)} ${label}`)}`,
    ...adding.flatMap(({ name, description, exposure }) => {
      const head = `  ${exposure.toFixed(1).padStart(5)}  ${name.padEnd(width)}  `;
      return hanging(head, head.length, escapeText(description, MAX_TEXT));
    }),
  ];
}

function grantLines({ permissions, hooks }: ExposureInput): ExposurePoints[] {
  const { sys, context: { database, ...others } } = permissions;
  const services = Object.entries(others);
  const servicePoints = services.reduce((sum, [key, access]) => {
    const read = BUILT_IN.includes(key) ? 1 : 4;
    return sum + (access === "readwrite" ? 2 * read : read);
  }, 0);
  const priorities = new Map(hooks.map(({ name, priority }) => [name, priority]));
  const early = permissions.hooks.map((name) => hookBand(priorities.get(name) ?? 200))
    .filter((band) => band === "critical" || band === "high").length;
  const listed = (none: string, some: string, values: readonly string[]) =>
    values.length === 0 ? none : `${some} ${values.join(", ")}`;
  return [
    [
      "system facts",
      listed("it can learn nothing of this machine", "it can learn of this machine:", sys),
      Math.min(6, sys.length),
      6,
    ],
    [
      "services",
      listed(
        "it can use no service",
        "it can use",
        services.map(([key, access]) => `${key} (${access})`),
      ),
      Math.min(20, servicePoints),
      20,
    ],
    [
      "database",
      database === undefined
        ? "it can use no database"
        : `it can ${database === "read" ? "read" : "change"} its tables of the database`,
      database === undefined ? 0 : database === "read" ? 4 : 8,
      8,
    ],
    [
      "hooks",
      listed(
        "it sees the data of no hook",
        "it sees and may change the data of",
        permissions.hooks,
      ),
      Math.min(15, 3 * permissions.hooks.length + 2 * early),
      15,
    ],
  ];
}

function hostFilesLine({ permissions, hostFilesKnown }: ExposureInput): ExposurePoints {
  const inDoubt = !hostFilesKnown &&
    permissions.items.some(({ family, source }) =>
      (family === "read" || family === "write") && source !== OWN_BUNDLE && source !== OWN_STORAGE
    );
  return [
    "host's files",
    inDoubt
      ? "its paths may hold a host's data folder: --data-dir tells, and a host refuses that"
      : "it cannot reach what the host keeps",
    inDoubt ? 10 : 0,
    10,
  ];
}

function signerLine({ signer: { trusted, expires } }: ExposureInput): ExposurePoints {
  const [found, points] = !trusted
    ? ["no host that trusts these keys would verify it", 20] as const
    : expires
    ? ["signed by a trusted key, for a time", 0] as const
    : ["signed by a trusted key, for ever", 1] as const;
  return ["signer", found, points, 20];
}
