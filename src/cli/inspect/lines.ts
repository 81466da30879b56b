// An inspection in lines for people.
import { DEFAULT_LIMITS, type Limits } from "../../bundle/manifest/manifest.ts";
import type { Manifest } from "../../bundle/manifest/manifest_schema.ts";
import { escapeText } from "../../errors.ts";
import { describeAddedAsk } from "../../permissions/asks.ts";
import type { PolicyEntry } from "../../permissions/policy/policy_schema.ts";
import { DATA_PLACEHOLDER } from "../../host/inspect.ts";
import type { InspectedLaunch, Inspection } from "../../host/inspection.ts";
import { askColumns, columns, plural, section } from "../terminal/layout.ts";
import type { Output } from "../terminal/output.ts";
import { type ExposureGrade, gradeLines } from "./exposure/grade.ts";

const MAX_FILES = 50;

/** Holds a grade, and lists of what a plugin could reach. */
export interface Exposure extends ExposureGrade {
  /** Hosts that it can send to: everything it knows can leave by them. */
  readonly network: readonly string[];
  /** Paths that it can read besides its own bundle. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly system: readonly string[];
  readonly services: readonly string[];
  readonly hooks: readonly string[];
  readonly notContained: readonly string[];
}

export function inspectionLines(
  inspection: Inspection,
  exposure: Exposure | undefined,
  output: Output,
): string[] {
  const { manifest, launch } = inspection;
  return [
    `${output.style("bold", `${manifest.name} ${manifest.version}`)}  ${
      verdict(inspection, output)
    }`,
    ...about(inspection),
    ...section("Signatures", signatureLines(inspection), output),
    ...section("Files", fileLines(inspection), output),
    ...section("It asks for", requestLines(manifest), output),
    ...section("It asks for more than before", consentLines(inspection), output),
    ...section("The policy grants", grantLines(inspection.entry), output),
    ...section("Missing", missingLines(inspection), output),
    ...(launch === undefined ? [] : [
      ...section(
        inspection.denial === undefined
          ? "It gets"
          : launch.permissions.dropped.length === 0
          ? "It would get"
          : "It would get without what is missing",
        getsLines(launch),
        output,
      ),
      ...section("Exposure", exposureLines(exposure!, output), output),
      ...section("Sandbox", sandboxLines(launch), output),
      ...section("Command", commandLines(launch), output),
    ]),
  ];
}

function verdict({ refusal, denial }: Inspection, output: Output): string {
  if (refusal !== undefined) return output.style("red", `NOT TRUSTED (${refusal.code})`);
  if (denial !== undefined) return output.style("yellow", `trusted, but refused (${denial.code})`);
  return output.style("green", "trusted, would load");
}

function about({ manifest, bundleHash, refusal, denial }: Inspection): string[] {
  const problem = refusal ?? denial;
  return columns([
    ["reason", problem && escapeText(problem.message)],
    ["author", manifest.author && escapeText(manifest.author)],
    ["about", manifest.description && escapeText(manifest.description)],
    ["license", manifest.license && escapeText(manifest.license)],
    ["entry", escapeText(manifest.entry)],
    ["host API", manifest.sdk && escapeText(manifest.sdk)],
    ["bundle hash", bundleHash],
  ]);
}

function signatureLines({ signatures, statement }: Inspection): string[] {
  if (signatures.length === 0) return ["  none"];
  const meaning = {
    trusted: "trusted",
    void: "a known key that does not count for this plugin now",
    invalid: "INVALID under the trusted key of this id",
    unknown: "unknown key: none that is trusted has this id, so this is only a claim",
  };
  return [
    ...columns(signatures.map(({ keyId, name, status }) => {
      const known = name === undefined ? "" : ` (${escapeText(name)})`;
      return [keyId, `${meaning[status]}${known}`] as const;
    })),
    ...(statement === undefined
      ? []
      : [`  signed at ${statement.createdAt}, expires ${statement.expiresAt ?? "never"}`]),
  ];
}

function fileLines({ files }: Inspection): string[] {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const width = Math.max(...files.map(({ size }) => String(size).length));
  const shown = files.slice(0, MAX_FILES).map(({ path, size }) =>
    `  ${String(size).padStart(width)}  ${escapeText(path)}`
  );
  if (files.length > MAX_FILES) shown.push(`  … and ${files.length - MAX_FILES} more (see --json)`);
  return [...shown, `  ${plural(files.length, "file")}, ${plural(total, "byte")}`];
}

function requestLines(manifest: Manifest): string[] {
  const { permissions = {}, storage, context = [], hooks = [], limits = {} } = manifest;
  const rows: [string, string][] = Object.entries(permissions)
    .map(([family, values]) => [family, (values as readonly string[]).join(", ")]);
  if (storage !== undefined) rows.push(["storage", `${storage.quotaBytes} bytes of its own`]);
  for (const { key, access, reason } of context) {
    rows.push(["service", `${key} (${access})${reason === undefined ? "" : `: ${reason}`}`]);
  }
  for (const { name, priority } of hooks) {
    rows.push(["hook", priority === undefined ? name : `${name} (priority ${priority})`]);
  }
  for (const [name, value] of Object.entries(limits)) rows.push(["limit", `${name} ${value}`]);
  for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
    rows.push(["plugin", `${name} ${range}`]);
  }
  return askColumns(rows);
}

function consentLines({ consent }: Inspection): string[] {
  if (consent === undefined) return [];
  const { before, added, accepted } = consent;
  return [
    ...added.map((ask) => `  ${escapeText(describeAddedAsk(ask), 4_000)}`),
    accepted
      ? `  accepted in the trust list; version ${before} did not ask for it`
      : `  version ${before} did not ask for it: it loads once that is accepted, by \`trust accept\``,
  ];
}

function grantLines({ grant = {}, limits = {} }: PolicyEntry): string[] {
  const rows: [string, string][] = [];
  for (const [family, values] of Object.entries(grant)) {
    const listed = Array.isArray(values)
      ? values.join(", ")
      : Object.entries(values).map(([key, access]) => `${key} (${access})`).join(", ");
    rows.push([family, listed === "" ? "nothing" : listed]);
  }
  for (const [name, value] of Object.entries(limits)) rows.push(["cap", `${name} ${value}`]);
  return askColumns(rows);
}

function missingLines({ launch, missingPolicy, missingServices }: Inspection): string[] {
  const lines = (launch?.permissions.dropped ?? []).map(({ family, value, reason }) =>
    `  ${family} "${escapeText(value)}" ${reason}`
  );
  for (const { key, asked, granted } of missingServices) {
    const given = granted === undefined ? "is not granted" : `is granted for "${granted}" only`;
    lines.push(`  service "${key}" (${asked}) ${given}: it loads, but such calls are denied`);
  }
  if (missingPolicy !== undefined) {
    // on one line each, as people write it
    const text = JSON.stringify(missingPolicy, null, 1).replace(/\n */g, " ");
    lines.push(
      "  to grant it, write in the policy:",
      `    ${escapeText(text.slice(2, -2), 100_000)}`,
    );
  }
  return lines;
}

function getsLines({ permissions, explanation }: InspectedLaunch): string[] {
  const changed = Object.entries(permissions.limits)
    .filter(([name, value]) => value !== DEFAULT_LIMITS[name as keyof Limits])
    .map(([name, value]) => `${name} ${value}`);
  const limits = changed.length === 0 ? "the defaults" : `${changed.join(", ")}, else the defaults`;
  return [...explanation, `limits: ${limits}`].map((line) => `  ${line}`);
}

function exposureLines(exposure: Exposure, output: Output): string[] {
  const titles = [
    ["network", "can send anything it knows to"],
    ["reads", "can read besides its bundle"],
    ["writes", "can change"],
    ["system", "can learn of this machine"],
    ["services", "can use the services"],
    ["hooks", "sees and may change the data of"],
  ] as const;
  const rows = titles.map(([key, title]) => {
    const values = exposure[key];
    return [title, values.length === 0 ? "nothing" : escapeText(values.join(", "), 4_000)] as const;
  });
  return [...gradeLines(exposure, output), "", ...columns(rows)];
}

function sandboxLines({ sandbox }: InspectedLaunch): string[] {
  const yes = (value: boolean) => value ? "yes" : "no";
  return [
    ...columns([
      ["launcher", sandbox.launcher],
      ["Deno permissions", yes(sandbox.denoPermissions)],
      ["namespaces", yes(sandbox.namespaces)],
      ["network", sandbox.network],
      ["seccomp", sandbox.seccomp ? sandbox.seccompProfile : "no"],
      ["cgroup", yes(sandbox.cgroup)],
      ["rlimits", yes(sandbox.rlimits)],
      ["dies with host by", sandbox.diesWithHost],
    ]),
    ...sandbox.missing.map((line) => `  not in force: ${line}`),
  ];
}

function commandLines({ command, givenUp }: InspectedLaunch): string[] {
  return [
    `  ${escapeText(command.command)}`,
    ...command.args.map((argument) => `    ${escapeText(argument, 10_000)}`),
    ...columns([
      ...Object.entries(command.env).map(([name, value]) => [`env ${name}`, value] as const),
      ["working folder", command.cwd],
      ...(givenUp.length === 0 ? [] : [
        [
          "given up before the plugin is there",
          escapeText(givenUp.map(({ family, value }) => `${family} ${value}`).join(", "), 10_000),
        ] as const,
      ]),
    ]),
    `  ${DATA_PLACEHOLDER} stands for the host's data folder, <run> for the id of its run`,
  ];
}
