// `sallyport doctor`: says what this machine can enforce, layer by layer, and how to get the rest.
//
// Exit code 0 when plugins run under an operating-system sandbox with every layer, 1 when a layer is
// missing or could not be looked at, or a plugin does not start, 2 for wrong usage.
import { type Command, Option } from "commander";
import type { IsolationMode } from "../../sandbox/machine/choose.ts";
import { diagnose } from "../../doctor/diagnosis.ts";
import { gatherFacts } from "../../doctor/facts.ts";
import type { Diagnosis, DoctorFacts } from "../../doctor/types.ts";
import type { CliContext } from "../shared/context.ts";
import { BadFindings } from "../terminal/failure.ts";
import { doctorLines } from "./lines.ts";
import { tryStart } from "./start.ts";

interface DoctorOptions {
  isolation?: IsolationMode;
}

export function addDoctor(program: Command, context: CliContext): void {
  program.command("doctor")
    .description("say what this machine can enforce, layer by layer, and how to get the rest")
    .addOption(
      new Option("--isolation <mode>", "the isolation that hosts would ask for (default: auto)")
        .choices(["auto", "bwrap", "unshare", "plain"]),
    )
    .action((options: DoctorOptions) => doctor(options, context));
}

async function doctor(
  { isolation = "auto" }: DoctorOptions,
  { output }: CliContext,
): Promise<void> {
  const facts = await gatherFacts(isolation, tryStart);
  const diagnosis = diagnose(facts);
  output.result(doctorDocument(facts, diagnosis), () => doctorLines(diagnosis, output));
  if (!diagnosis.complete) throw new BadFindings();
}

export function doctorDocument(
  facts: DoctorFacts,
  { layers, choice, missing, complete }: Diagnosis,
): Record<string, unknown> {
  const { os, arch, kernel, distribution, container, wsl } = facts.system;
  return {
    platform: { os, arch, kernel, distribution, container, wsl },
    layers,
    isolation: choice.mode,
    auto: choice.auto ?? null,
    launcher: choice.launcher ?? null,
    require: choice.require,
    complete,
    missing,
  };
}
