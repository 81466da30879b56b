// Follows the numbers and hashes from line to line, and works out what was done where they break.
import type { RawLine } from "../chain/raw_lines.ts";
import type { Problems } from "./report.ts";

/** Holds a line with the file it is in. */
export interface PlacedLine extends RawLine {
  readonly file: string;
}

interface Last {
  readonly seq: number;
  /** `undefined` where the line is missing or is known to be changed. */
  readonly hash: string | undefined;
  readonly at: PlacedLine | undefined;
}

interface Gap {
  readonly from: number;
  readonly to: number;
  readonly at: PlacedLine;
}

const MAX_KEPT = 10_000;

/** Checks lines in the order of the files; it looks one line ahead to tell what a break is. */
export class Links {
  readonly #problems: Problems;
  readonly #accept: (line: PlacedLine) => void;
  #last: Last;
  #held: PlacedLine | undefined;
  #gaps: Gap[] = [];
  #extra: PlacedLine[] = [];

  /** Starts before the first line. */
  constructor(
    start: { readonly seq: number; readonly hash: string | undefined },
    problems: Problems,
    accept: (line: PlacedLine) => void,
  ) {
    this.#last = { ...start, at: undefined };
    this.#problems = problems;
    this.#accept = accept;
  }

  /** The number of the last line that stands in its place. */
  get lastSeq(): number {
    return this.#last.seq;
  }

  /** The last line that stands in its place; `undefined` without any. */
  get lastLine(): PlacedLine | undefined {
    return this.#last.at;
  }

  /** Takes the next line. */
  push(line: PlacedLine): void {
    if (this.#held !== undefined) this.#judge(this.#held, line);
    this.#held = line;
  }

  /** Judges the last line, and tells lines that were moved from those that were removed or added. */
  finish(): void {
    if (this.#held !== undefined) this.#judge(this.#held, undefined);
    this.#held = undefined;
    const moved = new Set<number>();
    for (const line of this.#extra) {
      const { seq } = line.parsed!;
      const gap = this.#gaps.some(({ from, to }) => from <= seq && seq <= to);
      if (gap && !moved.has(seq)) {
        moved.add(seq);
        this.#problems.atLine("reordered", line, seq, `line ${seq} stands in the wrong place`);
      } else {
        const known = seq <= this.#last.seq;
        const what = known ? `another line ${seq} was added` : `a line ${seq} was added`;
        this.#problems.atLine("inserted", line, seq, what);
      }
    }
    for (const gap of this.#gaps) this.#tellGap(gap, moved);
  }

  #judge(line: PlacedLine, next: PlacedLine | undefined): void {
    const { seq: lastSeq, hash: lastHash } = this.#last;
    const expected = lastSeq + 1;
    const { parsed } = line;
    const following = next?.parsed;
    const nextFits = following?.seq === expected &&
      (lastHash === undefined || following.prev === lastHash);
    if (parsed === undefined) {
      this.#problems.atLine("edited", line, expected, "it is no line that a host writes");
      // one that was put in between leaves the number to the line that has it
      if (!nextFits) this.#take(line, expected, undefined, false);
      return;
    }
    if (parsed.seq === expected) {
      if (lastHash === undefined || parsed.prev === lastHash) {
        return this.#take(line, expected, line.hash, true);
      }
      if (nextFits) return this.#keepExtra(line);
      return this.#judgeBrokenHash(line, next);
    }
    if (nextFits || (following?.seq === expected && parsed.seq < expected)) {
      return this.#keepExtra(line);
    }
    if (lastHash !== undefined && parsed.prev === lastHash) {
      this.#problems.atLine("edited", line, expected, `its number was changed to ${parsed.seq}`);
      return this.#take(line, expected, undefined, true);
    }
    if (following?.seq === expected + 1) {
      this.#keepExtra(line);
      this.#gap(expected, expected, line);
      this.#last = { seq: expected, hash: undefined, at: this.#last.at };
      return;
    }
    if (parsed.seq < expected) return this.#keepExtra(line);
    this.#gap(expected, parsed.seq - 1, line);
    this.#take(line, parsed.seq, line.hash, true);
  }

  /** The hash does not fit: this line or the one before it was changed; the next line knows which. */
  #judgeBrokenHash(line: PlacedLine, next: PlacedLine | undefined): void {
    const seq = line.parsed!.seq;
    const before = this.#last.at;
    const intact = next?.parsed === undefined || next.parsed.seq !== seq + 1 ||
      next.parsed.prev === line.hash;
    if (before === undefined) {
      this.#problems.atLine("edited", line, seq, "it does not follow what was before it");
    } else if (!intact) {
      this.#problems.atLine("edited", line, seq, "its content is not what the lines around it say");
    } else if (next === undefined) {
      this.#problems.atLine(
        "edited",
        before,
        seq - 1,
        `it or line ${seq}, the last one, was changed`,
      );
    } else {
      this.#problems.atLine("edited", before, seq - 1, `its content is not what line ${seq} says`);
    }
    this.#take(line, seq, intact ? line.hash : undefined, true);
  }

  #take(line: PlacedLine, seq: number, hash: string | undefined, readable: boolean): void {
    this.#last = { seq, hash, at: line };
    if (readable) this.#accept(line);
  }

  #keepExtra(line: PlacedLine): void {
    if (this.#extra.length < MAX_KEPT) this.#extra.push(line);
    else this.#problems.atLine("inserted", line, line.parsed!.seq, "it does not belong here");
  }

  #gap(from: number, to: number, at: PlacedLine): void {
    if (this.#gaps.length < MAX_KEPT) this.#gaps.push({ from, to, at });
    else this.#problems.atLine("removed", at, from, `lines ${from} to ${to} are missing before it`);
  }

  #tellGap({ from, to, at }: Gap, moved: ReadonlySet<number>): void {
    let start = from;
    // what was moved is told where it stands
    const inside = [...moved].filter((seq) => from <= seq && seq <= to).sort((a, b) => a - b);
    for (const end of [...inside, to + 1]) {
      if (end > start) {
        const what = end - 1 === start
          ? `line ${start} is missing`
          : `lines ${start} to ${end - 1} are missing`;
        // the line after it may have a problem of its own
        const before = `Before line ${at.number} of ${at.file}: ${what}`;
        this.#problems.add("removed", at, start, before);
      }
      start = end + 1;
    }
  }
}
