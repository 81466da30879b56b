/**
 * The parameters of a call, from the command line, a file or stdin.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";
import { readSmallFile } from "../host/options.ts";
import { UsageError } from "./failure.ts";

/** Is the greatest size of parameters, in bytes: that of one message. */
const MAX_PARAMS_BYTES = 16 * 1024 * 1024;

/**
 * Reads parameters.
 *
 * @param source JSON, `@` and the name of a file, or `-` for stdin; at most 16 MiB.
 * @param stdin Opens stdin.
 * @returns The value; `undefined` without a source.
 * @throws {UsageError} when JSON on the command line is malformed.
 * @throws {SallyportError} `bad-config` when a file or stdin cannot be read, is too large or malformed.
 */
export async function readParams(
  source: string | undefined,
  stdin: () => ReadableStream<Uint8Array>,
): Promise<unknown> {
  if (source === undefined) return undefined;
  if (source === "-") return parseJson(await readStream(stdin()), "stdin");
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

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SallyportError(
      "bad-config",
      `Cannot use the parameters in ${source}: not JSON: ${(cause as Error).message}`,
      { hint: "Write one JSON value there", cause },
    );
  }
}

async function readStream(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  try {
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > MAX_PARAMS_BYTES) throw new Error(`there are more than ${MAX_PARAMS_BYTES} bytes`);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (cause) {
    throw new SallyportError(
      "bad-config",
      `Cannot read the parameters from stdin: ${(cause as Error).message}`,
      { hint: "Write one JSON value to stdin and end it", cause },
    );
  }
}
