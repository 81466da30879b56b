// Bounds how much of one kind is recorded, so that a plugin that causes denials without end neither
// fills the disk nor slows the host.

/** Says what to do with an entry: write it, say first that what follows is only counted, or count it. */
export type Admission = "write" | "begin" | "count";

/** Tells how many entries of one kind were not written. */
export interface Suppressed {
  readonly of: string;
  readonly plugin: string | undefined;
  readonly count: number;
  /** For how long, in milliseconds. */
  readonly forMs: number;
  /** What they said, and how often: the first of each, not more than a few. */
  readonly among: readonly { readonly text: string; readonly count: number }[];
}

/** Options of {@linkcode RateBound}. */
export interface RateBoundOptions {
  /** How many lines of one type and plugin are written within a second. Default: 200. */
  maxLinesPerSecond?: number;
  /**
   * How many bytes of one type and plugin are written in an hour, after as many at once. Default: 4194304 4
   * MiB.
   */
  maxBytesPerHour?: number;
}

interface Kind {
  readonly of: string;
  readonly plugin: string | undefined;
  windowStart: number;
  lines: number;
  bytes: number; // that may still be written
  filledAt: number;
  suppressedSince: number | undefined;
  suppressed: number;
  among: Map<string, number>;
  spent: boolean; // suppressed because no bytes are left
}

const HOUR_MS = 3_600_000;
const SECOND_MS = 1_000;
const MAX_KINDS = 4_096;
const MAX_TEXTS = 16;
const MAX_TEXT = 200;
/** Which part of an hour's bytes must be there again before a kind that ran out is written again. */
const REFILL_PART = 1 / 16;

/** Decides for each entry whether it is written or counted. */
export class RateBound {
  #kinds = new Map<string, Kind>();
  #suppressed = new Set<Kind>();
  readonly #maxLines: number;
  readonly #maxBytes: number;

  /** Starts with nothing spent. */
  constructor(options: RateBoundOptions = {}) {
    this.#maxLines = options.maxLinesPerSecond ?? 200;
    this.#maxBytes = options.maxBytesPerHour ?? 4 * 1024 * 1024;
  }

  /** Whether anything is counted instead of written right now. */
  get suppressing(): boolean {
    return this.#suppressed.size > 0;
  }

  /** Decides about one entry. */
  admit(type: string, plugin: string | undefined, nowMs: number, text?: unknown): Admission {
    const kind = this.#find(type, plugin, nowMs);
    if (kind.suppressedSince !== undefined) {
      count(kind, text);
      return "count";
    }
    if (nowMs - kind.windowStart >= SECOND_MS) {
      kind.windowStart = nowMs;
      kind.lines = 0;
    }
    this.#refill(kind, nowMs);
    if (kind.lines < this.#maxLines && kind.bytes > 0) {
      kind.lines++;
      return "write";
    }
    kind.suppressedSince = nowMs;
    count(kind, text);
    kind.spent = kind.bytes <= 0;
    this.#suppressed.add(kind);
    return "begin";
  }

  /** Takes note of what an admitted entry took. */
  spend(type: string, plugin: string | undefined, bytes: number): void {
    const kind = this.#kinds.get(keyOf(type, plugin)) ?? this.#kinds.get(OVERFLOW);
    if (kind !== undefined) kind.bytes -= bytes;
  }

  /** Ends what has been counted long enough. */
  end(nowMs: number, all = false): Suppressed[] {
    const ended: Suppressed[] = [];
    for (const kind of this.#suppressed) {
      this.#refill(kind, nowMs);
      const due = kind.spent
        ? kind.bytes >= this.#maxBytes * REFILL_PART
        : nowMs - kind.windowStart >= SECOND_MS;
      if (!due && !all) continue;
      const { of, plugin, suppressed: count, suppressedSince = nowMs } = kind;
      const among = [...kind.among].map(([text, count]) => ({ text, count }));
      ended.push({ of, plugin, count, forMs: Math.round(nowMs - suppressedSince), among });
      kind.among.clear();
      kind.suppressedSince = undefined;
      kind.suppressed = 0;
      this.#suppressed.delete(kind);
    }
    return ended;
  }

  #refill(kind: Kind, nowMs: number): void {
    const elapsed = Math.max(0, nowMs - kind.filledAt);
    kind.bytes = Math.min(this.#maxBytes, kind.bytes + this.#maxBytes * elapsed / HOUR_MS);
    kind.filledAt = nowMs;
  }

  #find(type: string, plugin: string | undefined, nowMs: number): Kind {
    const key = keyOf(type, plugin);
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    if (this.#kinds.size >= MAX_KINDS) this.#forget(nowMs);
    if (this.#kinds.size < MAX_KINDS) return this.#add(key, type, plugin, nowMs);
    // names without end share one bound: else they would be a way around it, and memory without end
    return this.#kinds.get(OVERFLOW) ?? this.#add(OVERFLOW, "(many)", undefined, nowMs);
  }

  #add(key: string, of: string, plugin: string | undefined, nowMs: number): Kind {
    const kind: Kind = {
      of,
      plugin,
      windowStart: nowMs,
      lines: 0,
      bytes: this.#maxBytes,
      filledAt: nowMs,
      suppressedSince: undefined,
      suppressed: 0,
      among: new Map(),
      spent: false,
    };
    this.#kinds.set(key, kind);
    return kind;
  }

  /** Forgets kinds that have all their bytes again. */
  #forget(nowMs: number): void {
    for (const [key, kind] of this.#kinds) {
      this.#refill(kind, nowMs);
      const idle = nowMs - kind.windowStart >= SECOND_MS && kind.bytes >= this.#maxBytes;
      if (idle && kind.suppressedSince === undefined) this.#kinds.delete(key);
    }
  }
}

const OVERFLOW = "\0";

function count(kind: Kind, text: unknown): void {
  kind.suppressed++;
  if (typeof text !== "string") return;
  const shown = text.slice(0, MAX_TEXT);
  const times = kind.among.get(shown);
  if (times !== undefined || kind.among.size < MAX_TEXTS) kind.among.set(shown, (times ?? 0) + 1);
}

function keyOf(type: string, plugin: string | undefined): string {
  return `${type}\0${plugin ?? ""}`;
}
