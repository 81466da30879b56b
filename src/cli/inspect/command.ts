/**
 * `sallyport inspect`: tells all about a bundle before it runs.
 *
 * Works for a bundle that nobody trusts, too, and then says so; looking at it did succeed, so the exit
 * code is 0. It is `verify` that answers by its exit code.
 *
 * @module
 */
import type { Command } from "commander";
import { describeFailure } from "../terminal/failure.ts";
import type { CliContext } from "../shared/context.ts";
import { inspectedExposure } from "./exposure/exposure.ts";
import { inspectBundle, type Inspection } from "./inspection.ts";
import { inspectionLines } from "./lines.ts";
import { addTrustOptions, type TrustOptions } from "../shared/trust_options.ts";
import { permissionsJson } from "../verify/command.ts";
import { Workbench } from "../shared/workbench.ts";

/** Adds the command. */
export function addInspect(program: Command, context: CliContext): void {
  const command = program.command("inspect")
    .description("tell all about a bundle, trusted or not: who, what it asks, what it would get")
    .argument("<dir>", "the folder of the bundle");
  addTrustOptions(command)
    .action((dir: string, options: TrustOptions) => inspect(dir, options, context));
}

async function inspect(
  dir: string,
  options: TrustOptions,
  { output }: CliContext,
): Promise<void> {
  await using bench = await Workbench.open(options, output);
  const inspection = await inspectBundle(dir, bench);
  output.result(
    bench.show(toDocument(inspection)),
    () => bench.show(inspectionLines(inspection, output)),
  );
}

function toDocument(inspection: Inspection): Record<string, unknown> {
  const { manifest, files, signatures, statement, refusal, denial, entry, launch } = inspection;
  const { name, version, author, description, license, entry: module, sdk } = manifest;
  const { permissions = {}, storage, context = [], hooks = [], limits = {} } = manifest;
  const problem = refusal ?? denial;
  return {
    name,
    version,
    author,
    description,
    license,
    entry: module,
    sdk,
    bundleHash: inspection.bundleHash,
    files,
    totalBytes: files.reduce((sum, file) => sum + file.size, 0),
    signatures,
    createdAt: statement?.createdAt,
    expiresAt: statement?.expiresAt,
    trusted: refusal === undefined,
    wouldLoad: problem === undefined,
    ...(problem === undefined ? {} : { reason: reasonJson(problem) }),
    requested: {
      permissions,
      ...(storage === undefined ? {} : { storage }),
      context,
      hooks,
      limits,
      dependencies: manifest.dependencies ?? {},
    },
    ...(inspection.consent === undefined ? {} : { consent: inspection.consent }),
    granted: entry.grant ?? {},
    missing: {
      excess: launch?.permissions.dropped.map(({ family, value, reason }) => ({
        family,
        value,
        reason,
      })) ?? [],
      context: inspection.missingServices,
      ...(inspection.missingPolicy === undefined ? {} : { policy: inspection.missingPolicy }),
    },
    ...(launch === undefined ? {} : {
      effective: permissionsJson(launch.permissions),
      launch: { ...launch.command, givenUp: launch.givenUp },
      sandbox: launch.sandbox,
      exposure: inspectedExposure(inspection, launch),
    }),
  };
}

function reasonJson(error: unknown): { code: string; message: string; hint: string } {
  const { code, message, hint } = describeFailure(error);
  return { code, message, hint };
}
