// What the demo prints: short lines, colour only where a terminal wants it, and a verdict on each step.
/** Says that a step did not go as it had to; the demo then ends with exit code 1. */
export class Unexpected extends Error {
  override readonly name = "Unexpected";
}

/** Says how the demo prints. */
export interface TerminalOptions {
  write: (line: string) => void;
  colour: boolean;
  width: number;
}

type Style = "bold" | "dim" | "green" | "yellow" | "red";

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  green: [32, 39],
  yellow: [33, 39],
  red: [31, 39],
};

/** Prints the demo's story. */
export class Terminal {
  readonly #options: TerminalOptions;
  #chapter = 0;

  /** Makes a terminal. */
  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  /** Makes the terminal of this process: plain when piped or where `NO_COLOR` is set. */
  static ofProcess(): Terminal {
    const isTerminal = Deno.stdout.isTerminal();
    return new Terminal({
      write: writeLine,
      colour: isTerminal && !Deno.noColor,
      width: isTerminal ? Math.min(Math.max(Deno.consoleSize().columns, 60), 100) : 96,
    });
  }

  /** Begins a chapter. */
  chapter(title: string): void {
    this.#options.write("");
    this.#options.write(this.#style("bold", `${++this.#chapter}. ${title}`));
  }

  /** Prints a sentence. */
  say(text: string): void {
    this.#lines(text, "", 2);
  }

  /** Prints a detail, dimmed. */
  detail(text: string): void {
    this.#lines(text, "", 4, "dim");
  }

  /** Prints something that worked. */
  done(text: string): void {
    this.#lines(text, this.#style("green", "✓"), 2);
  }

  /** Prints something that was refused, as it had to be. */
  refused(what: string, why: string): void {
    this.#lines(`${what}: ${this.#style("yellow", why)}`, this.#style("yellow", "✗"), 2);
  }

  /** Prints what went wrong. */
  failed(text: string): void {
    this.#lines(text, this.#style("red", "!"), 2);
  }

  /** Prints rows in columns; a column of numbers is aligned to the right. */
  table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
    const texts = rows.map((row) =>
      row.map((cell) => typeof cell === "number" ? cell.toLocaleString("en") : cell)
    );
    const widths = head.map((title, at) =>
      Math.max(title.length, ...texts.map((row) => row[at]!.length))
    );
    const isNumber = head.map((_, at) => rows.every((row) => typeof row[at] === "number"));
    const line = (cells: readonly string[]) =>
      cells.map((cell, at) => isNumber[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))
        .join("  ").trimEnd();
    this.#options.write(`    ${this.#style("dim", line(head))}`);
    for (const row of texts) this.#options.write(`    ${line(row)}`);
  }

  /** Wraps a text under its mark. */
  #lines(text: string, mark: string, indent: number, style?: Style): void {
    const margin = " ".repeat(indent + (mark === "" ? 0 : 2));
    const lines = wrap(text, this.#options.width - margin.length);
    lines.forEach((line, at) => {
      const start = at === 0 && mark !== "" ? `${" ".repeat(indent)}${mark} ` : margin;
      this.#options.write(start + (style === undefined ? line : this.#style(style, line)));
    });
  }

  #style(style: Style, text: string): string {
    const [on, off] = CODES[style];
    return this.#options.colour ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  }
}

/** Breaks a text at spaces; a word that is too long stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && visibleLength(line) + 1 + visibleLength(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function visibleLength(text: string): number {
  // deno-lint-ignore no-control-regex -- our own colour codes take no room
  return text.replace(/\x1b\[\d+m/g, "").length;
}

function writeLine(line: string): void {
  let rest = new TextEncoder().encode(`${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(Deno.stdout.writeSync(rest));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return; // nobody reads on; the exit code still counts
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // wait for a slow reader
    }
  }
}
