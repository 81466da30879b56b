// The parameters of a call, from the command line, a file or stdin.
import { SallyportError } from "../../errors.ts";
import { readSmallFile } from "../../host/settings/config_files.ts";
import { UsageError } from "../terminal/failure.ts";
import type { CliIo } from "../terminal/io.ts";
import { readStdin } from "../terminal/stdin.ts";

const MAX_PARAMS_BYTES = 16 * 1024 * 1024;

export async function readParams(source: string | undefined, io: CliIo): Promise<unknown> {
  if (source === undefined) return undefined;
  if (source === "-") {
    return parseJson(decode(await readStdin(io, "the parameters", MAX_PARAMS_BYTES)), "stdin");
  }
  if (source.startsWith("@")) {
    const path = source.slice(1);
    return parseJson(await readSmallFile(path, MAX_PARAMS_BYTES, "the parameters"), `"${path}"`);
  }
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new UsageError(
      `Cannot use --params: it is not JSON: ${(cause as Error).message}`,
      `Quote it for the shell, as in --params '{"text":"hello"}', or use @FILE or - for stdin`,
    );
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unusable("stdin", "not UTF-8", cause);
  }
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unusable(source, `not JSON: ${(cause as Error).message}`, cause);
  }
}

function unusable(source: string, why: string, cause: unknown): SallyportError {
  return new SallyportError("bad-config", `Cannot use the parameters in ${source}: ${why}`, {
    hint: "Write one JSON value there",
    cause,
  });
}
