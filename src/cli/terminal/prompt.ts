// Asks a person at a terminal: for a passphrase, which is never shown, and for a yes.
import { escapeText, SallyportError } from "../../errors.ts";
import { InterruptedError } from "./failure.ts";
import type { CliIo, Terminal } from "./io.ts";

/** How many characters a new passphrase has at least. */
export const MIN_PASSPHRASE_CHARACTERS = 8;

/** How often a person may try again. */
export const MAX_TRIES = 3;

/** How many bytes a line may have; a passphrase file has the same limit. */
const MAX_LINE_BYTES = 4_096;
/** How many bytes may be typed for a line, with those that are deleted again. */
const MAX_TYPED_BYTES = 16 * MAX_LINE_BYTES;
const INTERRUPTED_HINT = "Nothing was changed";
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACE = 0x08;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const CTRL_U = 0x15;
const DELETE = 0x7f;
/** Arrow keys and the like, and a lone Escape. */
// deno-lint-ignore no-control-regex
const SEQUENCE = /\u001b(?:\[[\u0020-\u003f]*[@-~]|O[@-~])?/g;

/** Asks at one terminal; keys that were typed ahead are kept for the next question. */
export class Prompter {
  readonly #terminal: Terminal;
  readonly #write: (text: string) => void;
  #ahead: Uint8Array = new Uint8Array();

  constructor(terminal: Terminal, io: Pick<CliIo, "writeErr">) {
    this.#terminal = terminal;
    this.#write = (text) => io.writeErr(text);
  }

  async passphrase(what: string): Promise<string> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const text = await this.#secret(`Enter ${escapeText(what)}: `);
      if (text !== undefined && text !== "") return text;
    }
    throw noPassphrase(what);
  }

  async newPassphrase(what: string): Promise<string> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const text = await this.#secret(
        `Choose ${escapeText(what)} (at least ${MIN_PASSPHRASE_CHARACTERS} characters): `,
      );
      if (text === undefined) continue;
      if ([...text].length < MIN_PASSPHRASE_CHARACTERS) {
        this.#write(`That has fewer than ${MIN_PASSPHRASE_CHARACTERS} characters\n`);
        continue;
      }
      if (await this.#secret("Enter it again: ") === text) return text;
      this.#write("The two are not the same\n");
    }
    throw noPassphrase(what);
  }

  async confirm(question: string): Promise<boolean> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = await this.#line(`${escapeText(question)}? [y/N] `, true);
      if (answer !== undefined && /^y(?:es)?$/i.test(answer.trim())) return true;
      if (answer !== undefined && /^(?:no?)?$/i.test(answer.trim())) return false;
      this.#write('Answer "y" or "n"\n');
    }
    return false;
  }

  /** Says why a try failed before the next one. */
  say(text: string): void {
    this.#write(`${escapeText(text)}\n`);
  }

  async #secret(question: string): Promise<string | undefined> {
    const text = await this.#line(question, false);
    if (text === undefined) this.#write("That cannot be used: it is not UTF-8, or too long\n");
    return text;
  }

  #line(question: string, echo: boolean): Promise<string | undefined> {
    return this.#terminal.raw(async (read) => {
      this.#write(question);
      const typed: number[] = [];
      let shown = "";
      try {
        for (;;) {
          const keys = this.#ahead.length > 0 ? this.#ahead : await read();
          if (keys === null) throw new InterruptedError(INTERRUPTED_HINT);
          for (const [index, key] of keys.entries()) {
            this.#ahead = keys.slice(index + 1);
            if (key === RETURN || key === NEWLINE) {
              if (echo) this.#redraw(shown, escapeText(textOf(typed) ?? "", 100));
              return textOf(typed);
            }
            if (key === CTRL_C || (key === CTRL_D && lineOf(typed).length === 0)) {
              throw new InterruptedError(INTERRUPTED_HINT);
            }
            if (typed.length <= MAX_TYPED_BYTES) typed.push(key);
          }
          if (echo) shown = this.#redraw(shown, escapeText(textOf(typed) ?? "", 100));
        }
      } finally {
        this.#write("\n");
      }
    });
  }

  #redraw(before: string, after: string): string {
    if (after !== before) this.#write(`${"\b \b".repeat([...before].length)}${after}`);
    return after;
  }
}

/** Returns the bytes of the line that keys make. */
function lineOf(typed: readonly number[]): number[] {
  const line: number[] = [];
  for (const key of typed.map((byte) => String.fromCharCode(byte)).join("").replace(SEQUENCE, "")) {
    const byte = key.charCodeAt(0);
    if (byte === CTRL_U) line.length = 0;
    else if (byte === BACKSPACE || byte === DELETE) {
      // the last character, which may be several bytes
      for (let last = line.pop(); last !== undefined && (last & 0xc0) === 0x80;) last = line.pop();
    } else if (byte >= 0x20) line.push(byte);
  }
  return line;
}

/** Returns the text of the line that keys make; `undefined` where it is too long or not UTF-8. */
function textOf(typed: readonly number[]): string | undefined {
  const line = lineOf(typed);
  if (line.length > MAX_LINE_BYTES || typed.length > MAX_TYPED_BYTES) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(line));
  } catch {
    return undefined;
  }
}

function noPassphrase(what: string): SallyportError {
  return new SallyportError("bad-config", `Cannot get ${what}: no usable one was entered`, {
    hint: `Enter at most ${MAX_LINE_BYTES} bytes of UTF-8, or pass --passphrase-file`,
  });
}
