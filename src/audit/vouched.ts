/**
 * Follows the runs of a chain from signed line to signed line: what a run's own signature vouches for
 * counts, what a killed run left unsigned does not, and nothing may follow the end of a run.
 *
 * @module
 */
import type { Torn } from "./chain_end.ts";
import type { Head, NamedChain } from "./head.ts";
import { isSigned, SIGNED_TYPES } from "./line.ts";
import type { PlacedLine } from "./links.ts";
import type { Problems, TakenOverLines } from "./report.ts";
import { fileName } from "./folder.ts";

/** Lines that no run has signed. */
export interface Unsigned {
  readonly from: number;
  readonly lines: number;
  /** The hash of the last. */
  readonly hash: string;
}

interface Retention {
  readonly first: number;
  readonly firstSeq: number;
  readonly before: string;
}

/** What a signed line says of other chains. */
export interface Named {
  readonly at: number;
  readonly chains: readonly NamedChain[];
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
  #damages: string[] = [];
  #uncompared = 0;
  #torn: string[] = [];

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
  readonly #anew: string[] = [];

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
      this.#problems.atLine(
        "bad-signature",
        line,
        seq,
        "its signature does not verify: it was changed or added",
      );
      this.#lose();
    } else if (this.closed) {
      this.#problems.atLine(
        "inserted",
        line,
        seq,
        "it follows the end of a run, where no host writes",
      );
      this.#lose();
    }
    this.#pendingCount++;
    if (this.#pending.length < MAX_KEPT && MATTERS.has(type)) this.#pending.push(line);
    this.lastHash = line.hash;
  }

  /** Where lines are missing or wrong it is not known which run goes on; that is told once. */
  #lose(): void {
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
    if (chainNumber !== this.#number) {
      this.#problems.atLine(
        "chain-moved",
        line,
        seq,
        `it is of chain ${chainNumber}, copied or moved here`,
      );
    } else if (line.file !== fileName(Number(fileNumber))) {
      this.#problems.atLine(
        "reordered",
        line,
        seq,
        `it was written to ${fileName(Number(fileNumber))}`,
      );
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
    }
    if (fields.anew === true) this.#anew.push(time);
    const { file, bytes } = (fields.torn ?? {}) as Partial<Torn>;
    if (bytes !== undefined) {
      this.#torn.push(`${bytes} bytes without a line end were cut off ${file} by line ${seq}`);
    }
  }

  /** Takes what a line says, now that its own run has signed it. */
  #vouch({ parsed }: PlacedLine): void {
    const { seq, type, fields } = parsed!;
    const { first, firstSeq, before, count, chains, file, problem } = fields;
    if (type === "retention" && Number.isSafeInteger(firstSeq) && typeof before === "string") {
      const number = parseInt(String(first));
      this.retention = { first: number, firstSeq: firstSeq as number, before };
    }
    if ((type === "lost" || type === "suppressed") && Number.isSafeInteger(count)) {
      this.notWritten += count as number;
      const what = type === "lost"
        ? "lost"
        : [fields.of, fields.plugin].filter(Boolean).join(" of ");
      if (this.#floods.size < MAX_KEPT || this.#floods.has(what)) {
        this.#floods.set(what, (this.#floods.get(what) ?? 0) + (count as number));
      }
    }
    if (type === "damaged" && this.#damages.length < MAX_KEPT) {
      this.#damages.push(`line ${seq}: ${file} ${problem}`);
    }
    if (!Array.isArray(chains)) return;
    if (this.named.length < MAX_NAMED) this.named.push({ at: seq, chains: chains.filter(isNamed) });
    else this.#uncompared++;
  }

  /** What should be looked at, in words. */
  notes(): string[] {
    const notes: string[] = [];
    for (const { from, to, recordedAt } of this.takenOver) {
      notes.push(
        `Lines ${from} to ${to} were left unsigned by a run that was killed, and taken over by line ` +
          `${recordedAt}: they may be what the host wrote, or not`,
      );
    }
    notes.push(...this.#torn);
    for (const time of this.#anew) {
      notes.push(
        `It begins anew at ${time}, with a key that is older: chains may have been removed`,
      );
    }
    for (const text of this.#damages) notes.push(`A host noticed while it wrote, ${text}`);
    if (this.#clock > 0) {
      const more = this.#clock === 1 ? "" : `, and at ${this.#clock - 1} more`;
      notes.push(`The clock was set back at line ${this.#clockAt}${more}`);
    }
    if (this.#uncompared > 0) {
      notes.push(
        `What the last ${this.#uncompared} signed lines say of other chains was not compared`,
      );
    }
    const floods = [...this.#floods].sort(([, a], [, b]) => b - a);
    for (const [what, count] of floods) {
      if (what === "lost") notes.push(`${count} entries were lost, as the disk took none`);
      else notes.push(`${count} entries were counted and not written: ${what}`);
    }
    return notes;
  }
}

/** What counts only once it is vouched for. */
const MATTERS: ReadonlySet<string> = new Set(["retention", "lost", "suppressed", "damaged"]);

function isNamed(named: Partial<NamedChain> | null): named is NamedChain {
  return Number.isSafeInteger(named?.chain) && Number.isSafeInteger(named?.seq) &&
    typeof named?.hash === "string";
}
