// Reads the entries of an audit log, oldest first, of all its chains.
import { nodeTimers } from "../../node.ts";
import { escapeText } from "../../errors.ts";
import { ownError } from "../../io/system_error.ts";
import type { AuditRecord } from "../chain/entry.ts";
import { fileName, listChains, listFiles } from "../chain/folder.ts";
import { type AuditLine, SIGNED_TYPES } from "../chain/line.ts";
import { readRawLines } from "../chain/raw_lines.ts";

/**
 * Chooses entries.
 *
 * @category Audit log
 */
export interface AuditQuery {
  /** Only those about this plugin. */
  readonly plugin?: string;
  /** Only those of one of these types. */
  readonly types?: readonly string[];
  /** Only those from then on. */
  readonly since?: Date;
  /** Only those before then. */
  readonly until?: Date;
  /** Whether to wait for new entries after the last. */
  readonly follow?: boolean;
  /** Ends reading; iteration then ends without an error. */
  readonly signal?: AbortSignal;
}

const POLL_MS = 250;

/**
 * Reads entries in the order of their times. Nothing is checked: {@linkcode verifyAuditLog} does that.
 *
 * @category Audit log
 * @param dir The audit folder.
 * @param query Which entries.
 * @returns The entries. A line that cannot be read is one of type `unreadable`; what the fields say may
 * come from a hostile plugin.
 * @throws {SallyportError} `bad-config` when the folder cannot be read.
 */
export async function* readAuditLog(
  dir: string,
  query: AuditQuery = {},
): AsyncGenerator<AuditRecord, void> {
  const { signal, follow = false } = query;
  const reader = new AuditReader(dir);
  try {
    while (!signal?.aborted) {
      yield* reader.read(query);
      if (!follow) return;
      await reader.pause(signal);
    }
  } catch (error) {
    throw ownError(error, `read audit log "${escapeText(dir)}"`);
  }
}

/** Reads an audit folder again and again, each time what is new. */
export class AuditReader {
  readonly #dir: string;
  readonly #cursors = new Map<number, ChainCursor>();

  /** Starts before the first entry. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Returns entries that were not read yet, in the order of their times. */
  async *read(query: AuditQuery = {}): AsyncGenerator<AuditRecord, void> {
    for (const chain of (await listChains(this.#dir)).numbers) {
      if (this.#cursors.has(chain)) continue;
      this.#cursors.set(chain, new ChainCursor(`${this.#dir}/${chain}`, chain));
    }
    for await (const record of merge([...this.#cursors.values()])) {
      if (query.signal?.aborted) return;
      if (matches(record, query)) yield record;
    }
  }

  /** Waits until it is worth looking again. */
  async pause(signal?: AbortSignal): Promise<void> {
    await nodeTimers().setTimeout(POLL_MS, undefined, { signal }).catch(() => {}); // aborted
  }
}

/** Returns what the chains have, the oldest first; within a chain in its order, whatever the clock did. */
async function* merge(cursors: readonly ChainCursor[]): AsyncGenerator<AuditRecord, void> {
  const sources = cursors.map((cursor) => cursor.read());
  try {
    const heads = await Promise.all(sources.map((source) => source.next()));
    for (;;) {
      let oldest = -1;
      heads.forEach(({ done, value }, index) => {
        if (done) return;
        const other = oldest === -1 ? undefined : heads[oldest]!.value as AuditRecord;
        if (other === undefined || value.time < other.time) oldest = index;
      });
      if (oldest === -1) return;
      yield heads[oldest]!.value as AuditRecord;
      heads[oldest] = await sources[oldest]!.next();
    }
  } finally {
    for (const source of sources) await source.return();
  }
}

/** How many lines may wait for the next signed one; an honest run never has more. */
const MAX_WAITING = 512;

/** Reads a chain, and later what was added to it. */
class ChainCursor {
  readonly #dir: string;
  readonly #chain: number;
  #file = 0;
  #offset = 0;
  #line = 0;
  #time = "";
  #ended = false;

  constructor(dir: string, chain: number) {
    this.#dir = dir;
    this.#chain = chain;
  }

  /** Returns what was not given yet, and marks what no run has signed. */
  async *read(): AsyncGenerator<AuditRecord, void> {
    let waiting: AuditRecord[] = [];
    for await (const record of this.#read()) {
      if (record.type === "started") {
        for (const before of waiting) yield { ...before, unsigned: true };
      } else if (this.#ended) {
        yield { ...record, unsigned: true }; // no host writes there
        continue;
      } else if (SIGNED_TYPES.has(record.type) || waiting.length >= MAX_WAITING) yield* waiting;
      else {
        waiting.push(record);
        continue;
      }
      waiting = [];
      this.#ended = record.type === "stopped";
      yield record;
    }
    yield* waiting;
  }

  /** Returns the whole lines that were not given yet; a line without an end waits for it. */
  async *#read(): AsyncGenerator<AuditRecord, void> {
    for (const number of (await listFiles(this.#dir)).numbers) {
      if (number < this.#file) continue;
      if (number > this.#file) {
        this.#file = number;
        this.#offset = 0;
        this.#line = 0;
      }
      const path = `${this.#dir}/${fileName(number)}`;
      try {
        for await (const batch of readRawLines(path, this.#offset)) {
          for (const { parsed, text, end, whole } of batch) {
            if (!whole) continue;
            this.#offset = end;
            yield this.#toRecord(number, ++this.#line, parsed, text);
          }
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // retention removed it meanwhile
      }
    }
  }

  #toRecord(
    file: number,
    line: number,
    parsed: AuditLine | undefined,
    text: string,
  ): AuditRecord {
    const place = { chain: this.#chain, file: fileName(file), line };
    if (parsed === undefined) {
      const fields = { text: text.slice(0, 2_000) };
      return { ...place, seq: 0, time: this.#time, type: "unreadable", fields };
    }
    const { seq: _seq, time: _time, type: _type, prev: _prev, signature: _signature, ...fields } =
      parsed.fields;
    this.#time = parsed.time;
    return { ...place, seq: parsed.seq, time: parsed.time, type: parsed.type, fields };
  }
}

function matches(record: AuditRecord, query: AuditQuery): boolean {
  const { plugin, types, since, until } = query;
  if (plugin !== undefined && record.fields.plugin !== plugin) return false;
  if (types !== undefined && !types.includes(record.type)) return false;
  const time = Date.parse(record.time);
  if (since !== undefined && !(time >= since.getTime())) return false;
  return until === undefined || time < until.getTime();
}
