// `sallyport inspect`: shows all about a bundle before it runs.
//
// It shows bundles that are not trusted as well, and says so; its exit code is 0, as the look succeeded. The exit
// code of `verify` is the verdict.
import type { Command } from "commander";
import { hostIsRoot } from "../../doctor/system.ts";
import { inspectBundle } from "../../host/inspect.ts";
import type { Inspection } from "../../host/inspection.ts";
import type { CliContext } from "../shared/context.ts";
import { addTrustOptions, trustedHostOptions, type TrustOptions } from "../shared/trust_options.ts";
import { describeFailure } from "../terminal/failure.ts";
import { gradeExposure } from "./exposure/grade.ts";
import { type Exposure, inspectionLines } from "./lines.ts";

export function addInspect(program: Command, context: CliContext): void {
  const command = program.command("inspect")
    .description(
      "show all about a bundle, trusted or not: its signers, what it asks, what it would get",
    )
    .argument("<dir>", "the folder of the bundle");
  addTrustOptions(command)
    .action((dir: string, options: TrustOptions) => inspect(dir, options, context));
}

async function inspect(dir: string, options: TrustOptions, { output }: CliContext): Promise<void> {
  const inspection = await inspectBundle(dir, trustedHostOptions(options, output));
  const exposure = exposureOf(inspection, options.dataDir !== undefined);
  output.result(
    toDocument(inspection, exposure),
    () => inspectionLines(inspection, exposure, output),
  );
}

/** Lists what a plugin could reach, and grades it. */
function exposureOf(
  { manifest: { hooks = [] }, entry, refusal, statement, launch }: Inspection,
  hostFilesKnown: boolean,
): Exposure | undefined {
  if (launch === undefined) return undefined;
  const { permissions, sandbox } = launch;
  const { net, read, write, sys, context } = permissions;
  const priorities = new Map(hooks.map(({ name, priority }) => [name, priority]));
  return {
    ...gradeExposure({
      permissions,
      hooks,
      sandbox,
      jitless: entry.jitless === true,
      signer: { trusted: refusal === undefined, expires: statement?.expiresAt !== undefined },
      hostFilesKnown,
      hostIsRoot: hostIsRoot(),
    }),
    network: net,
    reads: read,
    writes: write,
    system: sys,
    services: Object.entries(context).map(([key, access]) => `${key} (${access})`),
    hooks: permissions.hooks.map((name) => {
      const priority = priorities.get(name);
      return priority === undefined ? name : `${name} (priority ${priority})`;
    }),
    notContained: sandbox.missing,
  };
}

function toDocument(inspection: Inspection, exposure: Exposure | undefined): unknown {
  const { manifest, bundleHash, files, signatures, statement, refusal, denial, launch } =
    inspection;
  const { name, version, author, description, license, entry, sdk } = manifest;
  const { permissions = {}, storage, context = [], hooks = [], limits = {} } = manifest;
  const problem = refusal ?? denial;
  const { items: _items, dropped = [], ...effective } = launch?.permissions ?? {};
  return {
    ...{ name, version, author, description, license, entry, sdk, bundleHash, files },
    totalBytes: files.reduce((sum, file) => sum + file.size, 0),
    signatures,
    createdAt: statement?.createdAt,
    expiresAt: statement?.expiresAt,
    trusted: refusal === undefined,
    wouldLoad: problem === undefined,
    reason: problem && reasonJson(problem),
    requested: {
      permissions,
      storage,
      context,
      hooks,
      limits,
      dependencies: manifest.dependencies ?? {},
    },
    consent: inspection.consent,
    granted: inspection.entry.grant ?? {},
    missing: {
      excess: dropped,
      context: inspection.missingServices,
      policy: inspection.missingPolicy,
    },
    ...(launch && {
      effective: { ...effective, dropped },
      launch: { ...launch.command, givenUp: launch.givenUp },
      sandbox: launch.sandbox,
      exposure,
    }),
  };
}

function reasonJson(error: unknown): { code: string; message: string; hint: string } {
  const { code, message, hint } = describeFailure(error);
  return { code, message, hint };
}
