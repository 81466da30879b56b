// What commands print: lines for people, or one JSON document for programs.
import { encodeBase64 } from "@std/encoding/base64";
import { escapeText } from "../../errors.ts";
import type { Failure } from "./failure.ts";
import type { CliIo } from "./io.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow";

const STYLES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

// deno-lint-ignore no-control-regex
const STYLED = /(\n|\u001b\[(?:1|2|22|3[1-3]|39)m)/;

/** Prints results, warnings and failures in the form that was asked for. */
export class Output {
  /** Whether programs read: one JSON document on stdout, nothing else there. */
  readonly json: boolean;
  readonly #io: CliIo;

  constructor(io: CliIo, json: boolean) {
    this.#io = io;
    this.json = json;
  }

  result(value: unknown, lines: () => readonly string[]): void {
    if (this.json) this.#io.writeOut(`${toJson(value, this.#io.outIsTerminal)}\n`);
    else this.#io.writeOut(lines().map((line) => `${safe(line)}\n`).join(""));
  }

  line(text: string): void {
    this.#io.writeOut(`${safe(text)}\n`);
  }

  errorLine(text: string): void {
    this.#io.writeErr(`${safe(text)}\n`);
  }

  warn(message: string): void {
    this.errorLine(`${this.errStyle("yellow", "warning:")} ${escapeText(message)}`);
  }

  failure({ code, message, hint, details }: Failure): void {
    if (this.json) {
      this.result({ error: { code, message, hint, details } }, () => []);
      return;
    }
    this.errorLine(`${this.errStyle("red", "error:")} ${message}`);
    this.errorLine(`  code: ${code}`);
    this.errorLine(`  hint: ${hint}`);
  }

  style(style: Style, text: string): string {
    return this.#io.outIsTerminal && !this.#io.noColor ? paint(style, text) : text;
  }

  errStyle(style: Style, text: string): string {
    return this.#io.errIsTerminal && !this.#io.noColor ? paint(style, text) : text;
  }
}

/** Escapes whatever a caller forgot to; line ends and our styles stay. */
function safe(text: string): string {
  return text.split(STYLED).map((part, at) => at % 2 === 1 ? part : escapeText(part, Infinity))
    .join("");
}

function paint(style: Style, text: string): string {
  const [on, off] = STYLES[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}

/**
 * Writes a value as JSON that is safe to show: what a terminal would act on is escaped.
 *
 * Bytes become `{ "$base64": "…" }`.
 */
export function toJson(value: unknown, pretty: boolean): string {
  const json = JSON.stringify(
    value,
    (_key, inner) => inner instanceof Uint8Array ? { $base64: encodeBase64(inner) } : inner,
    pretty ? 2 : undefined,
  ) ?? "null";
  // JSON itself leaves C1 controls and bidirectional marks as they are; \uXXXX is its escape, too
  return json.split("\n").map((line) => escapeText(line, Infinity)).join("\n");
}
