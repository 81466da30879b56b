// What a check of an audit log tells.
import { escapeText } from "../../errors.ts";

/**
 * Says what is wrong, and where.
 *
 * @category Audit log
 */
export interface AuditProblem {
  /** What is wrong. */
  readonly kind:
    | "edited"
    | "removed"
    | "inserted"
    | "reordered"
    | "truncated"
    | "torn"
    | "bad-signature"
    | "head-missing"
    | "head-edited"
    | "head-older"
    | "key-missing"
    | "key-replaced"
    | "chain-missing"
    | "chain-moved"
    | "chain-replaced"
    | "unexpected"
    | "old-format"
    | "unreadable";
  /** The number of the chain; 0 where it is about the whole folder. */
  readonly chain: number;
  /** The file in the chain's folder. */
  readonly file?: string;
  /** The line in the file, from 1. */
  readonly line?: number;
  /** The number that the line has or should have. */
  readonly seq?: number;
  /** The same in words; free of what a terminal would act on. */
  readonly message: string;
}

/** What is wrong with a log. */
export type AuditProblemKind = AuditProblem["kind"];

/**
 * Tells what was found in one chain.
 *
 * @category Audit log
 */
export interface ChainReport {
  /** The number of the chain. */
  readonly chain: number;
  /** Its random id; `undefined` when nothing says it. */
  readonly id: string | undefined;
  /** Its files. */
  readonly files: readonly string[];
  /** How many lines were read. */
  readonly lines: number;
  /** The number of the first line; 0 without lines. */
  readonly fromSeq: number;
  /** The number of the last line; 0 without lines. */
  readonly toSeq: number;
  /** The time of the first line. */
  readonly from: string | undefined;
  /** The time of the last line. */
  readonly to: string | undefined;
  /** The last signed line; what follows could be rewritten or cut off without its being seen. */
  readonly signedSeq: number;
  /** How many lines have a good signature. */
  readonly checkpoints: number;
  /** Whether its last run ended in order; otherwise a host writes it, or was killed. */
  readonly closed: boolean;
  /** The ids of the keys that the signed lines name. */
  readonly keyIds: readonly string[];
  /** The line before which retention removed everything, by its own signed record. */
  readonly retainedFrom: number | undefined;
  /** Which lines nobody has vouched for: a killed run left them, and the next one took them over. */
  readonly takenOver: readonly {
    /** The number of the first. */
    readonly from: number;
    /** The number of the last. */
    readonly to: number;
    /** The hash of the last. */
    readonly hash: string;
    /** The number of the signed line that took them over. */
    readonly recordedAt: number;
  }[];
  /** How many entries the log itself says were lost or only counted. */
  readonly notWritten: number;
  /** What is not wrong in itself, but should be looked at, in words. */
  readonly notes: readonly string[];
  /** What is wrong, at most 1,000 of it. */
  readonly problems: readonly AuditProblem[];
  /** How much is wrong in all. */
  readonly problemCount: number;
}

/** Lines that nobody has vouched for. */
export type TakenOverLines = ChainReport["takenOver"][number];

/**
 * Tells what was found in an audit folder.
 *
 * @category Audit log
 */
export interface AuditReport {
  /** Whether nothing is wrong. */
  readonly ok: boolean;
  /** The audit folder. */
  readonly dir: string;
  /** The id of the key that signatures were checked with; `undefined` when there is none. */
  readonly keyId: string | undefined;
  /** Whether the caller named that key; otherwise it is the folder's own, which proves less. */
  readonly pinned: boolean;
  /** The chains, in order. */
  readonly chains: readonly ChainReport[];
  /** What is not wrong in the folder itself, but should be looked at, in words. */
  readonly notes: readonly string[];
  /** What is wrong, of the folder and of every chain. */
  readonly problems: readonly AuditProblem[];
  /** What no check of this folder can find. */
  readonly limits: readonly string[];
}

const MAX_PROBLEMS = 1_000;

/** A line of a file. */
interface Place {
  readonly file: string;
  readonly number: number;
}

/** Collects problems, one for each line, and no more than can be read. */
export class Problems {
  readonly #chain: number;
  readonly #seen = new Set<string>();
  readonly #list: AuditProblem[] = [];
  #count = 0;

  constructor(chain: number) {
    this.#chain = chain;
  }

  /** What was found first. */
  get list(): readonly AuditProblem[] {
    return this.#list;
  }

  /** How many there are in all. */
  get count(): number {
    return this.#count;
  }

  /** Whether a line has one already: what one edit breaks is told once. */
  has({ file, number }: Place): boolean {
    return this.#seen.has(`${file}:${number}`);
  }

  /** Adds one about a line, unless that has one. */
  atLine(kind: AuditProblemKind, line: Place, seq: number | undefined, what: string): void {
    if (!this.has(line)) this.add(kind, line, seq, `Line ${line.number} of ${line.file}: ${what}`);
  }

  /** Adds one about a file. */
  inFile(kind: AuditProblemKind, file: string, what: string, seq?: number): void {
    this.add(kind, { file }, seq, `${escapeText(file)} ${escapeText(what)}`);
  }

  add(
    kind: AuditProblemKind,
    place: Partial<Place>,
    seq: number | undefined,
    message: string,
  ): void {
    this.#count++;
    if (this.#list.length >= MAX_PROBLEMS) return;
    const { file, number } = place;
    this.#seen.add(`${file}:${number}`);
    this.#list.push({
      kind,
      chain: this.#chain,
      ...(file === undefined ? {} : { file }),
      ...(number === undefined ? {} : { line: number }),
      ...(seq === undefined ? {} : { seq }),
      message,
    });
  }
}
