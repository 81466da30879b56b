// `sallyport verify`: says who signed a bundle and whether a host would load it.
import type { Command } from "commander";
import { escapeText } from "../../errors.ts";
import { inspectBundle } from "../../host/inspect.ts";
import type { InspectedLaunch, Inspection } from "../../host/inspection.ts";
import type { CliContext } from "../shared/context.ts";
import { addTrustOptions, trustedHostOptions, type TrustOptions } from "../shared/trust_options.ts";
import { columns } from "../terminal/layout.ts";
import type { Output } from "../terminal/output.ts";

export function addVerify(program: Command, context: CliContext): void {
  const command = program.command("verify")
    .description("say who signed a bundle and whether it would load; exit 1 with the reason if not")
    .argument("<dir>", "the folder of the bundle");
  addTrustOptions(command)
    .action((dir: string, options: TrustOptions) => verify(dir, options, context));
}

async function verify(dir: string, options: TrustOptions, { output }: CliContext): Promise<void> {
  const inspection = await inspectBundle(dir, trustedHostOptions(options, output));
  const { manifest, bundleHash, signers, statement, refusal, denial, launch } = inspection;
  if (refusal !== undefined) throw refusal;
  if (denial !== undefined) {
    // the signature is good: worth knowing although the policy keeps the plugin out
    if (!output.json) { for (const line of identity(inspection, output)) output.line(line); }
    throw denial;
  }
  const { name, version, dependencies = {} } = manifest;
  const { permissions, explanation, sandbox } = launch!;
  const { items: _items, ...granted } = permissions;
  output.result({
    name,
    version,
    bundleHash,
    signers,
    createdAt: statement!.createdAt,
    expiresAt: statement!.expiresAt,
    wouldLoad: true,
    isolation: sandbox.launcher,
    permissions: granted,
    dependencies,
  }, () => [
    ...identity(inspection, output),
    ...explanation.map((line) => `  ${line}`),
    `${output.style("green", "It would load")}${loadingNotes(permissions, dependencies)}`,
  ]);
}

function identity(
  { manifest, bundleHash, signers, statement }: Inspection,
  output: Output,
): string[] {
  const names = signers.map(({ keyId, name }) =>
    name === undefined ? keyId : `${keyId} (${escapeText(name)})`
  );
  return [
    output.style("bold", `${manifest.name} ${manifest.version}`),
    ...columns([
      ["signed by", names.join(", ")],
      ["signed at", statement?.createdAt],
      ["expires", statement?.expiresAt ?? "never"],
      ["bundle hash", bundleHash],
    ]),
  ];
}

function loadingNotes(
  { items, dropped }: InspectedLaunch["permissions"],
  dependencies: Readonly<Record<string, string>>,
): string {
  const notes = [];
  if (items.length === 0 && dropped.length === 0) notes.push("with nothing but its own bundle");
  const needed = Object.entries(dependencies).map(([name, range]) => `"${name}" ${range}`);
  if (needed.length > 0) notes.push(`once ${needed.join(", ")} can be loaded, too`);
  return notes.length === 0 ? "" : `, ${notes.join(", ")}`;
}
