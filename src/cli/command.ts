/**
 * What every command has at hand.
 *
 * @module
 */
import type { CliIo } from "./io.ts";
import type { Output } from "./output.ts";

/** Holds what a command works with. */
export interface CliContext {
  /** The streams. */
  readonly io: CliIo;
  /** What prints results. */
  readonly output: Output;
}

/** Collects the values of an option that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}
