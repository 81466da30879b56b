// `sallyport hash`: prints the hash of a bundle.
import type { Command } from "commander";
import { readBundle } from "../../bundle/reading/reading.ts";
import type { CliContext } from "../shared/context.ts";

export function addHash(program: Command, { output }: CliContext): void {
  program.command("hash")
    .description("print the bundle hash (SHA3-512), alone")
    .argument("<dir>", "the folder of the bundle")
    .action(async (dir: string) => {
      const { bundleHash } = await readBundle(dir);
      output.result({ bundleHash }, () => [bundleHash]);
    });
}
