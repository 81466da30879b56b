/**
 * A terminal's whole screen, given back as it was.
 *
 * @module
 */
import type { CliIo } from "../terminal/io.ts";

/** Holds how large a terminal is, in characters. */
export interface ScreenSize {
  /** How many columns. */
  readonly columns: number;
  /** How many rows. */
  readonly rows: number;
}

// the alternate screen, no wrap at the edge, no cursor
const ENTER = "\u001b[?1049h\u001b[?7l\u001b[?25l\u001b[2J";
const LEAVE = "\u001b[0m\u001b[?25h\u001b[?7h\u001b[?1049l";
// a terminal that knows it shows a frame at once (synchronized output), others ignore it
const BEGIN_FRAME = "\u001b[?2026h\u001b[H";
const END_FRAME = "\u001b[J\u001b[?2026l";
const CLEAR_TO_END_OF_LINE = "\u001b[K";

/** Shows frames on the alternate screen until it is disposed. */
export class Screen implements Disposable {
  readonly #io: CliIo;
  #shown = "";

  /** Turns to the alternate screen. */
  constructor(io: CliIo) {
    this.#io = io;
    io.writeOut(ENTER);
  }

  /** Shows lines from the top; over what was there, so that nothing flickers. */
  show(lines: readonly string[]): void {
    const frame = lines.map((line) => line + CLEAR_TO_END_OF_LINE).join("\r\n");
    if (frame === this.#shown) return;
    this.#io.writeOut(BEGIN_FRAME + frame + END_FRAME);
    this.#shown = frame;
  }

  /** Has the next frame drawn even if it is the same: the terminal may have lost this one. */
  forget(): void {
    this.#shown = "";
  }

  /** Turns back to what was there before. */
  [Symbol.dispose](): void {
    try {
      this.#io.writeOut(LEAVE);
    } catch {
      // the terminal is gone: what has ended the frames is told already
    }
  }
}

/** Asks how large the terminal is. */
export function screenSize(): ScreenSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // no terminal, or one that does not say
  }
  return { columns: 80, rows: 24 };
}
