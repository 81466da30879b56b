/**
 * `sallyport verify`: says who signed a bundle and whether a host would load it.
 *
 * @module
 */
import type { Command } from "commander";
import { escapeText } from "../../errors.ts";
import { explainPermissions } from "../../permissions/explain.ts";
import type { PreparedPlugin } from "../../host/admission/admit.ts";
import type { ResolvedPermissions } from "../../permissions/resolve.ts";
import type { VerifiedPlugin } from "../../trust/verify/verify.ts";
import type { CliContext } from "../shared/context.ts";
import { columns, type Output } from "../terminal/output.ts";
import { addTrustOptions, type TrustOptions } from "../shared/trust_options.ts";
import { Workbench } from "../shared/workbench.ts";

/** Adds the command. */
export function addVerify(program: Command, context: CliContext): void {
  const command = program.command("verify")
    .description("say who signed a bundle and whether it would load; exit 1 with the reason if not")
    .argument("<dir>", "the folder of the bundle");
  addTrustOptions(command)
    .action((dir: string, options: TrustOptions) => verify(dir, options, context));
}

async function verify(
  dir: string,
  options: TrustOptions,
  { output }: CliContext,
): Promise<void> {
  await using bench = await Workbench.open(options, output);
  const verified = await bench.admission.verify(dir);
  let prepared: PreparedPlugin;
  try {
    prepared = await bench.admission.admit(verified);
    // some granted values cannot become flags: better said now than at the start
  } catch (error) {
    // the signature is good: worth knowing although the policy keeps the plugin out
    if (!output.json) { for (const line of identity(verified, output)) output.line(line); }
    throw error;
  }
  const { permissions, containment } = prepared;
  const { manifest, bundleHash, signers, statement } = verified;
  const dependencies = manifest.dependencies ?? {};
  output.result({
    name: manifest.name,
    version: manifest.version,
    bundleHash,
    signers,
    createdAt: statement.createdAt,
    ...(statement.expiresAt === undefined ? {} : { expiresAt: statement.expiresAt }),
    wouldLoad: true,
    isolation: containment.launcher.name,
    permissions: bench.show(permissionsJson(permissions)),
    dependencies,
  }, () => [
    ...identity(verified, output),
    ...bench.show(explainPermissions(permissions)).map((line) => `  ${line}`),
    `${output.style("green", "It would load")}${loadingNotes(permissions, dependencies)}`,
  ]);
}

/** Gives effective permissions as plain data. */
export function permissionsJson(permissions: ResolvedPermissions): Record<string, unknown> {
  const { net, read, write, sys, hooks, context, limits, dropped } = permissions;
  return {
    net,
    read,
    write,
    sys,
    hooks,
    context: Object.fromEntries(context),
    limits,
    dropped: dropped.map(({ family, value, reason }) => ({ family, value, reason })),
  };
}

function identity(verified: VerifiedPlugin, output: Output): string[] {
  const { manifest, bundleHash, signers, statement } = verified;
  const names = signers.map(({ keyId, name }) =>
    name === undefined ? keyId : `${keyId} (${escapeText(name)})`
  );
  return [
    output.style("bold", `${manifest.name} ${manifest.version}`),
    ...columns([
      ["signed by", names.join(", ")],
      ["signed at", statement.createdAt],
      ["expires", statement.expiresAt ?? "never"],
      ["bundle hash", bundleHash],
    ]),
  ];
}

function loadingNotes(
  permissions: ResolvedPermissions,
  dependencies: Readonly<Record<string, string>>,
): string {
  const notes = [];
  if (permissions.items.length === 0 && permissions.dropped.length === 0) {
    notes.push("with nothing but its own bundle");
  }
  const needed = Object.entries(dependencies).map(([name, range]) => `"${name}" ${range}`);
  if (needed.length > 0) notes.push(`once ${needed.join(", ")} can be loaded, too`);
  return notes.length === 0 ? "" : `, ${notes.join(", ")}`;
}
