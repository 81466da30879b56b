// Reads the lines of a file in batches, without ever holding more than a line's bounds allow.
import { nodeFs } from "../../node.ts";
import { openToRead, readSome } from "./folder.ts";
import { type AuditLine, hashLine, MAX_LINE_BYTES, parseLine } from "./line.ts";

/** Holds one line of a file, readable or not. */
export interface RawLine {
  /** The line in the file, from 1 where reading began. */
  readonly number: number;
  /** Where the line ends in the file, its line end included. */
  readonly end: number;
  /** How many bytes it has, its end apart. */
  readonly bytes: number;
  /** Whether it has a line end; only the last line of a file can lack it. */
  readonly whole: boolean;
  readonly hash: string;
  readonly text: string;
  /** What it says; `undefined` when that is nothing the log can have written. */
  readonly parsed: AuditLine | undefined;
}

const CHUNK_BYTES = 262_144;
const NEWLINE = 10;

/** Reads a file line by line, in batches; a line above the bound comes without its text and hash. */
export async function* readRawLines(
  path: string,
  offset: number = 0,
  signal?: AbortSignal,
): AsyncGenerator<RawLine[], void> {
  using stack = new DisposableStack();
  const descriptor = stack.adopt(openToRead(path), nodeFs().closeSync);
  let rest: Uint8Array = new Uint8Array(0);
  let dropped = 0; // bytes of a line that is longer than any of ours
  let end = offset;
  let number = 0;
  const make = (bytes: Uint8Array, whole: boolean): RawLine => {
    const length = dropped + bytes.length;
    const kept = dropped === 0 ? bytes : new Uint8Array(0);
    dropped = 0;
    end += length + (whole ? 1 : 0);
    return {
      number: ++number,
      end,
      bytes: length,
      whole,
      hash: kept.length === length ? hashLine(kept) : "",
      text: new TextDecoder().decode(kept),
      parsed: kept.length === length ? parseLine(kept) : undefined,
    };
  };
  const chunk = new Uint8Array(CHUNK_BYTES);
  let position = offset;
  for (let read; (read = readSome(descriptor, chunk, position)) > 0; position += read) {
    signal?.throwIfAborted();
    if (position > offset) await new Promise((resolve) => setTimeout(resolve)); // a host has more to do
    const bytes = new Uint8Array(rest.length + read);
    bytes.set(rest);
    bytes.set(chunk.subarray(0, read), rest.length);
    const lines: RawLine[] = [];
    let start = 0;
    for (let at; (at = bytes.indexOf(NEWLINE, start)) !== -1; start = at + 1) {
      lines.push(make(bytes.subarray(start, at), true));
    }
    rest = bytes.subarray(start);
    if (rest.length > MAX_LINE_BYTES) {
      dropped += rest.length;
      rest = new Uint8Array(0);
    }
    if (lines.length > 0) yield lines;
  }
  if (rest.length + dropped > 0) yield [make(rest, false)];
}
