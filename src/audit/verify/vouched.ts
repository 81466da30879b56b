// Follows the runs of a chain from signed line to signed line: what a run's own signature vouches for
// counts, what a killed run left unsigned does not, and nothing may follow the end of a run.
import type { Head, NamedChain } from "../chain/head.ts";
import { isSigned, SIGNED_TYPES } from "../chain/line.ts";
import type { PlacedLine } from "./links.ts";
import type { AuditProblemKind, Problems, TakenOverLines } from "./report.ts";
import { fileName } from "../chain/folder.ts";

/** Bytes after the last whole line: of one that was being written, or added. */
export interface Torn {
  readonly file: string;
  readonly bytes: number;
  readonly hash: string;
  readonly text: string;
}

/** Lines that no run has signed. */
export interface Unsigned {
  readonly from: number;
  readonly lines: number;
  /** The hash of the last. */
  readonly hash: string;
}

interface Retention {
  readonly firstSeq: number;
  readonly before: string;
}

/** What a signed line says of another chain. */
export interface Named extends NamedChain {
  readonly at: number;
}

const MAX_KEPT = 10_000;
const MAX_NAMED = 500_000;
const CLOCK_SLACK_MS = 1_000;

/** Judges lines in order. */
export class Vouched {
  readonly #number: number;
  readonly #publicKey: Uint8Array | undefined;
  readonly #problems: Problems;
  #run: unknown;
  #lost = false; // since the last signed line
  #seq = 0;
  #pending: PlacedLine[] = [];
  #pendingCount = 0;
  #time = -Infinity;
  #clock = 0;
  #clockAt = 0;
  #floods = new Map<string, number>();
  #notes: string[] = [];
  #uncompared = 0;

  /** The hash of the last line. */
  lastHash = "";
  /** The random id, by the head or else by the first signed line. */
  id: string | undefined;
  /** The last line with a good signature, and whether it ends a run. */
  signed: PlacedLine | undefined;
  closed = false;
  /** The last line that tells of a newer head than any before it. */
  covering: { readonly line: PlacedLine; readonly covers: number } | undefined;
  notWritten = 0;
  retention: Retention | undefined;
  readonly keyIds = new Set<string>();
  readonly named: Named[] = [];
  readonly takenOver: TakenOverLines[] = [];
  /** The hashes of the signed lines, by their numbers: what other chains may name. */
  readonly hashes = new Map<number, string>();

  constructor(number: number, publicKey: Uint8Array | undefined, problems: Problems) {
    this.#number = number;
    this.#publicKey = publicKey;
    this.#problems = problems;
  }

  /** Begins after the head of a chain. */
  goOn({ chain, seq, hash, closed }: Head): void {
    this.id = chain;
    this.#seq = seq;
    this.lastHash = hash;
    this.closed = closed;
  }

  /** What follows the last signed line. */
  get unsigned(): Unsigned | undefined {
    const lines = this.#pendingCount;
    if (lines === 0) return undefined;
    return { from: this.#seq - lines + 1, lines, hash: this.lastHash };
  }

  async take(line: PlacedLine): Promise<void> {
    const { seq, type, time } = line.parsed!;
    const ms = Date.parse(time);
    if (ms < this.#time - CLOCK_SLACK_MS && this.#clock++ === 0) this.#clockAt = seq;
    this.#time = ms;
    if (seq !== this.#seq + 1) this.#lose();
    this.#seq = seq;
    if (SIGNED_TYPES.has(type) && this.#publicKey !== undefined) {
      if (await this.#isGood(line)) return this.#takeSigned(line);
      this.#lose("bad-signature", line, "its signature does not verify: it was changed or added");
    } else if (this.closed) {
      this.#lose("inserted", line, "it follows the end of a run, where no host writes");
    }
    this.#pendingCount++;
    if (this.#pending.length < MAX_KEPT && MATTERS.has(type)) this.#pending.push(line);
    this.lastHash = line.hash;
  }

  /** Where lines are missing or wrong it is not known which run goes on; that is told once. */
  #lose(kind?: AuditProblemKind, line?: PlacedLine, what = ""): void {
    if (kind !== undefined) this.#problems.atLine(kind, line!, line!.parsed!.seq, what);
    this.closed = false;
    this.#run = undefined;
    this.#lost = true;
  }

  async #isGood({ text, parsed }: PlacedLine): Promise<boolean> {
    const { chainId, key } = parsed!.fields;
    if (typeof key === "string" && this.keyIds.size < 100) this.keyIds.add(key);
    if (!await isSigned("line", text, this.#publicKey!)) return false;
    this.id ??= String(chainId);
    return chainId === this.id;
  }

  #takeSigned(line: PlacedLine): void {
    const { seq, type, fields } = line.parsed!;
    const { chainNumber, fileNumber, run, covers } = fields;
    const file = fileName(Number(fileNumber));
    if (chainNumber !== this.#number) {
      const what = `it is of chain ${chainNumber}, copied or moved here`;
      this.#problems.atLine("chain-moved", line, seq, what);
    } else if (line.file !== file) {
      this.#problems.atLine("reordered", line, seq, `it was written to ${file}`);
    }
    if (type === "started") this.#begin(line);
    else if (this.closed || (this.#run !== undefined && run !== this.#run)) {
      this.#problems.atLine("inserted", line, seq, "it is of another run than the lines before it");
    } else for (const pending of this.#pending) this.#vouch(pending);
    this.#run = run;
    this.#lost = false;
    this.#vouch(line);
    this.#pending = [];
    this.#pendingCount = 0;
    this.lastHash = line.hash;
    this.signed = line;
    this.closed = type === "stopped";
    this.hashes.set(seq, line.hash);
    if (Number.isSafeInteger(covers) && (covers as number) >= (this.covering?.covers ?? 0)) {
      this.covering = { line, covers: covers as number };
    }
  }

  #begin({ parsed }: PlacedLine): void {
    const { seq, time, fields } = parsed!;
    const from = seq - this.#pendingCount;
    if (from < seq && !this.#lost && this.takenOver.length < MAX_KEPT) {
      this.takenOver.push({ from, to: seq - 1, hash: this.lastHash, recordedAt: seq });
      this.#note(
        `Lines ${from} to ${
          seq - 1
        } were left unsigned by a run that was killed, and taken over by ` +
          `line ${seq}: they may be what the host wrote, or not`,
      );
    }
    const { file, bytes } = (fields.torn ?? {}) as Partial<Torn>;
    if (bytes !== undefined) {
      this.#note(`${bytes} bytes without a line end were cut off ${file} by line ${seq}`);
    }
    if (fields.anew === true) {
      this.#note(
        `It begins anew at ${time} with a key that is older: chains may have been removed`,
      );
    }
  }

  /** Takes what a line says, now that its own run has signed it. */
  #vouch({ parsed }: PlacedLine): void {
    const { seq, type, fields } = parsed!;
    const { firstSeq, before, count, chains, file, problem } = fields;
    if (type === "retention" && Number.isSafeInteger(firstSeq) && typeof before === "string") {
      this.retention = { firstSeq: firstSeq as number, before };
    }
    if ((type === "lost" || type === "suppressed") && Number.isSafeInteger(count)) {
      this.notWritten += count as number;
      const what = type === "lost"
        ? "lost, as the disk took none"
        : `counted and not written: ${[fields.of, fields.plugin].filter(Boolean).join(" of ")}`;
      if (this.#floods.size < MAX_KEPT || this.#floods.has(what)) {
        this.#floods.set(what, (this.#floods.get(what) ?? 0) + (count as number));
      }
    }
    if (type === "damaged") {
      this.#note(`A host noticed while it wrote, line ${seq}: ${file} ${problem}`);
    }
    if (!Array.isArray(chains)) return;
    if (this.named.length >= MAX_NAMED) this.#uncompared++;
    else for (const named of chains.filter(isNamed)) this.named.push({ ...named, at: seq });
  }

  #note(text: string): void {
    if (this.#notes.length < MAX_KEPT) this.#notes.push(text);
  }

  /** What should be looked at, in words. */
  notes(): string[] {
    const notes = [...this.#notes];
    if (this.#clock > 0) {
      const more = this.#clock === 1 ? "" : `, and at ${this.#clock - 1} more`;
      notes.push(`The clock was set back at line ${this.#clockAt}${more}`);
    }
    if (this.#uncompared > 0) {
      notes.push(`What the last ${this.#uncompared} lines say of other chains was not compared`);
    }
    const floods = [...this.#floods].sort(([, a], [, b]) => b - a);
    return [...notes, ...floods.map(([what, count]) => `${count} entries were ${what}`)];
  }
}

/** What counts only once it is vouched for. */
const MATTERS: ReadonlySet<string> = new Set(["retention", "lost", "suppressed", "damaged"]);

function isNamed(named: Partial<NamedChain> | null): named is NamedChain {
  return Number.isSafeInteger(named?.chain) && Number.isSafeInteger(named?.seq) &&
    typeof named?.hash === "string";
}
