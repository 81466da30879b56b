import { main } from "../../src/cli/main.ts";
import type { Terminal } from "../../src/cli/terminal/io.ts";
import type { Outcome } from "./sallyport.ts";

/** Makes a terminal at which somebody types; each text comes at once, and then nothing more. */
export function typing(...texts: (string | Uint8Array)[]): Terminal {
  const chunks = texts.map((text) =>
    typeof text === "string" ? new TextEncoder().encode(text) : text
  );
  return { raw: (act) => act(() => Promise.resolve(chunks.shift() ?? null)) };
}

/** Runs the command line at such a terminal. */
export async function atTerminal(
  args: string[],
  ...texts: (string | Uint8Array)[]
): Promise<Outcome> {
  const outcome = { code: 0, stdout: "", stderr: "" };
  outcome.code = await main(args, {
    writeOut: (text) => void (outcome.stdout += text),
    writeErr: (text) => void (outcome.stderr += text),
    stdin: () => new Blob([]).stream(),
    outIsTerminal: false,
    errIsTerminal: true,
    noColor: true,
    terminal: typing(...texts),
  });
  return outcome;
}
