/**
 * Asks a person at a terminal: for a passphrase, which is never shown, and for a yes.
 *
 * @module
 */
import { escapeText, SallyportError } from "../../errors.ts";
import { InterruptedError } from "./failure.ts";
import type { CliIo, Terminal } from "./io.ts";
import { LineEditor, MAX_LINE_BYTES } from "./line_editor.ts";

/** How many characters a new passphrase has at least. */
export const MIN_PASSPHRASE_CHARACTERS = 8;

/** How often a person may try again. */
export const MAX_TRIES = 3;

const INTERRUPTED_HINT = "Nothing was changed";

/** Asks at one terminal; keys that were typed ahead are kept for the next question. */
export class Prompter {
  readonly #terminal: Terminal;
  readonly #write: (text: string) => void;
  #ahead: Uint8Array = new Uint8Array();

  /** Makes a prompter. */
  constructor(terminal: Terminal, io: Pick<CliIo, "writeErr">) {
    this.#terminal = terminal;
    this.#write = (text) => io.writeErr(text);
  }

  /**
   * Asks for a passphrase that exists.
   *
   * @throws {InterruptedError} On Ctrl-C, Ctrl-D or a signal.
   * @throws {SallyportError} `bad-config` after three empty or unusable answers.
   */
  async passphrase(what: string): Promise<string> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const text = await this.#secret(`Enter ${escapeText(what)}: `);
      if (text !== undefined && text !== "") return text;
    }
    throw noPassphrase(what);
  }

  /**
   * Asks twice for a new passphrase.
   *
   * @throws {InterruptedError} On Ctrl-C, Ctrl-D or a signal.
   * @throws {SallyportError} `bad-config` after three tries.
   */
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

  /**
   * Asks for a yes.
   *
   * @throws {InterruptedError} On Ctrl-C or a signal.
   */
  async confirm(question: string): Promise<boolean> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = await this.#line(`${escapeText(question)}? [y/N] `, true);
      if (answer !== undefined && /^y(?:es)?$/i.test(answer.trim())) return true;
      if (answer !== undefined && /^(?:no?)?$/i.test(answer.trim())) return false;
      this.#write('Answer "y" or "n"\n');
    }
    return false;
  }

  /** Tells of a failed try before the next one. */
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
      const editor = new LineEditor();
      let shown = "";
      try {
        for (;;) {
          const keys = this.#ahead.length > 0 ? this.#ahead : await read();
          if (keys === null) throw new InterruptedError(INTERRUPTED_HINT);
          const { state, rest } = editor.take(keys);
          this.#ahead = rest;
          if (echo) shown = this.#redraw(shown, escapeText(editor.text() ?? "", 100));
          if (state === "entered") return editor.tooLong ? undefined : editor.text();
          if (state !== "open") throw new InterruptedError(INTERRUPTED_HINT);
        }
      } finally {
        this.#write("\n");
      }
    });
  }

  /** Shows an answer anew; it is short. */
  #redraw(before: string, after: string): string {
    if (after !== before) {
      this.#write(`${"\b \b".repeat([...before].length)}${after}`);
    }
    return after;
  }
}

function noPassphrase(what: string): SallyportError {
  return new SallyportError("bad-config", `Cannot get ${what}: no usable one was entered`, {
    hint: `Enter at most ${MAX_LINE_BYTES} bytes of UTF-8, or pass --passphrase-file`,
  });
}
