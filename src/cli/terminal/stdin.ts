// What is read from stdin: once, and no more than a limit.
import { SallyportError } from "../../errors.ts";
import { UsageError } from "./failure.ts";
import type { CliIo } from "./io.ts";

/** What each command reads from its stdin. */
const TAKEN: WeakMap<CliIo, string> = new WeakMap();

export async function readStdin(io: CliIo, what: string, maxBytes: number): Promise<Uint8Array> {
  const other = TAKEN.get(io);
  if (other !== undefined) {
    throw new UsageError(
      `Cannot read ${what} from stdin: it has ${other}`,
      "Use - for one of them, and a file for the other",
    );
  }
  TAKEN.set(io, what);
  const chunks: Uint8Array[] = [];
  let size = 0;
  let reason: string | undefined;
  try {
    for await (const chunk of io.stdin()) {
      size += chunk.length;
      if (size > maxBytes) break;
      chunks.push(chunk);
    }
    if (size > maxBytes) reason = `it is larger than ${maxBytes} bytes`;
  } catch (cause) {
    reason = (cause as Error).message;
  }
  if (reason === undefined) {
    return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
  }
  throw new SallyportError("bad-config", `Cannot read ${what} from stdin: ${reason}`, {
    hint: `Write ${what} to stdin and end it`,
  });
}
