/**
 * A line as it is typed at a terminal that leaves the editing to us.
 *
 * @module
 */

/** Says how a line stands after some keys. */
export type LineState = "open" | "entered" | "interrupted" | "ended";

/** How many bytes a line may have; a passphrase file has the same limit. */
export const MAX_LINE_BYTES = 4_096;

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACE = 0x08;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const CTRL_U = 0x15;
const ESCAPE = 0x1b;
const DELETE = 0x7f;

/** Takes keys and keeps the line that they make. */
export class LineEditor {
  readonly #bytes: number[] = [];
  #escape: "none" | "started" | "sequence" | "single" = "none";
  #tooLong = false;

  /** Whether keys were dropped because the line had no more room. */
  get tooLong(): boolean {
    return this.#tooLong;
  }

  /** Takes keys up to the end of the line. */
  take(keys: Uint8Array): { state: LineState; rest: Uint8Array } {
    for (const [index, key] of keys.entries()) {
      const state = this.#key(key);
      if (state !== "open") return { state, rest: keys.slice(index + 1) };
    }
    return { state: "open", rest: new Uint8Array() };
  }

  /** Gives the line. */
  text(): string | undefined {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
        .decode(new Uint8Array(this.#bytes));
    } catch {
      return undefined;
    }
  }

  #key(key: number): LineState {
    if (this.#inEscape(key)) return "open";
    if (key === RETURN || key === NEWLINE) return "entered";
    if (key === CTRL_C) return "interrupted";
    if (key === CTRL_D) return this.#bytes.length === 0 ? "ended" : "open";
    if (key === ESCAPE) this.#escape = "started";
    else if (key === BACKSPACE || key === DELETE) this.#erase();
    else if (key === CTRL_U) this.#clear();
    else if (key >= 0x20) this.#add(key);
    return "open";
  }

  /** Drops arrow keys and the like: `ESC [ … letter` and `ESC O letter`; what else follows counts. */
  #inEscape(key: number): boolean {
    const state = this.#escape;
    if (state === "none") return false;
    if (state === "started") {
      this.#escape = key === 0x5b ? "sequence" : key === 0x4f ? "single" : "none";
      return this.#escape !== "none";
    }
    const ends = state === "single" || (key >= 0x40 && key <= 0x7e);
    if (ends) this.#escape = "none";
    // a key of control inside a sequence is a person's: Ctrl-C must always work
    if (key >= 0x20) return true;
    this.#escape = "none";
    return false;
  }

  #add(byte: number): void {
    if (this.#bytes.length < MAX_LINE_BYTES) this.#bytes.push(byte);
    else this.#tooLong = true;
  }

  /** Removes the last character, which may be several bytes. */
  #erase(): void {
    let byte = this.#bytes.pop();
    while (byte !== undefined && (byte & 0xc0) === 0x80) byte = this.#bytes.pop();
  }

  #clear(): void {
    this.#bytes.length = 0;
    this.#tooLong = false;
  }
}
