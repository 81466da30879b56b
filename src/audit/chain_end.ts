/**
 * Finds where a chain ends, so that a host can go on writing there, and repairs what a crash has torn.
 *
 * @module
 */
import { fileName, listFiles, listNames, syncFolder, writeAll, writeSynced } from "./folder.ts";
import { type Head, type Position, readHead } from "./head.ts";
import { formatLine, hashLine } from "./line.ts";
import { readRawLines } from "./raw_lines.ts";

/** Tells where a chain ends. */
export interface ChainEnd extends Position {
  /** The last signed position. */
  readonly head: Head;
  /** How many bytes follow the last whole line. */
  readonly tornBytes: number;
}

/** Says why a chain cannot be continued. */
export interface ChainDamage {
  /** What is wrong, fit for a message. */
  readonly damage: string;
}

/** A torn line is at most as long as a line; more is no crash in the middle of a write of ours. */
const MAX_TORN_BYTES = 65_537;

/**
 * Finds the end of a chain: the head's signature, and every line after the head.
 *
 * Lines before the head are not looked at: that takes {@linkcode verifyAuditLog}, which no start has to
 * wait for.
 *
 * @param dir The folder of the chain.
 * @param publicKey The key of the log.
 * @returns The end; or what is wrong. A chain that is cut or edited must not be written to again: the
 * next head would cover up what is missing.
 */
export async function findChainEnd(
  dir: string,
  publicKey: Uint8Array,
): Promise<ChainEnd | ChainDamage> {
  const head = await readHead(dir, publicKey);
  if ("problem" in head) {
    return {
      damage: `head.json is ${head.problem === "bad-signature" ? "not signed" : head.problem}`,
    };
  }
  const files = (await listFiles(dir)).filter((number) => number >= head.file);
  if (files[0] !== head.file && head.seq > 0) {
    return { damage: `${fileName(head.file)} is missing` };
  }
  let { seq, hash, file, offset } = head;
  let tornBytes = 0;
  for (const number of files) {
    const path = `${dir}/${fileName(number)}`;
    const from = number === head.file ? head.offset : 0;
    if ((await Deno.stat(path)).size < from) {
      return { damage: `${fileName(number)} ends before line ${head.seq}` };
    }
    if (tornBytes > 0 || (number !== file && number !== file + 1)) {
      return { damage: `${fileName(number)} does not follow the file before it` };
    }
    file = number;
    offset = from;
    for await (const lines of readRawLines(path, from)) {
      for (const line of lines) {
        if (!line.whole) {
          tornBytes = line.bytes;
          continue;
        }
        const { parsed } = line;
        if (parsed === undefined || parsed.seq !== seq + 1 || parsed.prev !== hash) {
          return { damage: `${fileName(number)} has a line after number ${seq} that does not fit` };
        }
        seq = parsed.seq;
        hash = line.hash;
        offset = line.end;
      }
    }
  }
  if (tornBytes > MAX_TORN_BYTES) {
    return { damage: `${fileName(file)} ends with ${tornBytes} bytes that are no line` };
  }
  return { head, seq, hash, file, offset, tornBytes };
}

/**
 * Moves a torn last line away, and writes in its place the line that says so.
 *
 * That line is written over what was torn, before the rest is cut off: whenever this is interrupted,
 * either the torn line is still there or the record of it is.
 *
 * @param dir The folder of the chain.
 * @param end Where the chain ends.
 * @param now The time.
 * @returns Where the chain ends now.
 */
export async function repairChainEnd(dir: string, end: ChainEnd, now: Date): Promise<ChainEnd> {
  if (end.tornBytes === 0) return end;
  const name = fileName(end.file);
  using file = await Deno.open(`${dir}/${name}`, { read: true, write: true });
  await file.seek(end.offset, Deno.SeekMode.Start);
  const torn = new Uint8Array(end.tornBytes);
  let length = 0;
  for (let read; (read = await file.read(torn.subarray(length))) !== null && read > 0;) {
    length += read;
  }
  const movedTo = await keepTorn(dir, name, torn);
  const fields = { file: name, bytes: torn.length, hash: hashLine(torn), movedTo };
  const line = formatLine(end, now, "repaired", fields);
  let { seq, hash, offset } = end;
  try {
    await file.seek(end.offset, Deno.SeekMode.Start);
    await writeAll(file, new Uint8Array([...line, 10]));
    seq++;
    hash = hashLine(line);
    offset += line.length + 1;
  } catch {
    // no room even for that: cut off what there is, and go on
  }
  await file.truncate(offset);
  await file.sync();
  return { ...end, seq, hash, offset, tornBytes: 0 };
}

/** Keeps what was torn in a file of its own; gives its name, or `null` where there is no room for it. */
async function keepTorn(dir: string, name: string, torn: Uint8Array): Promise<string | null> {
  const prefix = `${name}.torn-`;
  const numbers = (await listNames(dir)).filter((other) => other.startsWith(prefix))
    .map((other) => Number(other.slice(prefix.length)) || 0);
  const kept = `${prefix}${Math.max(0, ...numbers) + 1}`;
  try {
    await writeSynced(`${dir}/${kept}`, torn, { createNew: true });
    await syncFolder(dir);
    return kept;
  } catch {
    // half a line is worth less than a log that goes on
    await Deno.remove(`${dir}/${kept}`).catch(() => {}); // it was not even made
    return null;
  }
}
