// Heads of HTTP/1.1 messages, read strictly: where two parsers could disagree, there is no meaning.
import { Buffer } from "node:buffer";
import { Refusal, type RefusalStatus } from "./refusal.ts";

/** The greatest size of a head, in bytes, with its empty line. */
export const MAX_HEAD_BYTES = 32 * 1024;

export const MAX_HEADERS = 100;

/** Holds a header field: its name in lower case and its value without surrounding blanks. */
export type Header = readonly [name: string, value: string];

export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

export interface RequestHead {
  /** The method, as it was written: methods are case-sensitive. */
  readonly method: string;
  /** The request target, as it was written: printable ASCII without blanks. */
  readonly target: string;
  readonly headers: readonly Header[];
  readonly framing: Framing;
}

export interface ResponseHead {
  readonly status: number;
  /** The status line without its line end. */
  readonly statusLine: string;
  readonly headers: readonly Header[];
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
// RFC 9110 section 5.5, obs-text included; neither CR, LF, NUL nor another control character
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Fields that must not occur twice: two readers could each take another one. */
const SINGLE = ["host", "content-length", "transfer-encoding"];

export function parseRequestHead(bytes: Uint8Array): RequestHead {
  const [line, headers] = parseLines(bytes, "request", 400);
  const match = REQUEST_LINE.exec(line);
  if (match === null) throw new Refusal(400, "the request line is malformed");
  if (match[3] !== "1" || match[4] !== "1") {
    throw new Refusal(505, "only HTTP/1.1 is spoken here");
  }
  for (const name of SINGLE) {
    if (headers.filter(([each]) => each === name).length > 1) {
      throw new Refusal(400, `the request has more than one ${name} header`);
    }
  }
  return { method: match[1]!, target: match[2]!, headers, framing: framingOf(headers) };
}

export function parseResponseHead(bytes: Uint8Array): ResponseHead {
  const [statusLine, headers] = parseLines(bytes, "response", 502);
  const match = STATUS_LINE.exec(statusLine);
  if (match === null) throw new Refusal(502, "the host's answer has no valid status line");
  return { status: Number(match[1]), statusLine, headers };
}

export function formatHead(first: string, headers: readonly Header[]): Uint8Array<ArrayBuffer> {
  const lines = [first, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""];
  return new Uint8Array(Buffer.from(lines.join("\r\n"), "latin1"));
}

/** Lists the members of a comma-separated header in lower case. */
export function listHeader(headers: readonly Header[], name: string): string[] {
  return headers.filter(([each]) => each === name)
    .flatMap(([, value]) => value.split(","))
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== "");
}

function parseLines(
  bytes: Uint8Array,
  what: string,
  status: RefusalStatus,
): [first: string, headers: Header[]] {
  const refuse = (problem: string): Refusal => new Refusal(status, `the ${what} ${problem}`);
  if (bytes.length > MAX_HEAD_BYTES) {
    throw new Refusal(status === 400 ? 431 : status, `the ${what} has a head over 32 KiB`);
  }
  const text = Buffer.from(bytes).toString("latin1"); // TextDecoder's "latin1" is windows-1252
  if (!text.endsWith("\r\n\r\n")) throw refuse("has a head without an end");
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  if (lines.length > MAX_HEADERS) {
    throw new Refusal(status === 400 ? 431 : status, `the ${what} has over ${MAX_HEADERS} headers`);
  }
  const headers = lines.map((line): Header => {
    if (/^[ \t]/.test(line)) throw refuse("has a folded header line");
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1);
    if (!TOKEN.test(name)) throw refuse("has a header without a valid name");
    if (!VALUE.test(value)) throw refuse("has a control character or a bare line end in a header");
    return [name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, "")];
  });
  return [first, headers];
}

function framingOf(headers: readonly Header[]): Framing {
  const value = (name: string) => headers.find(([each]) => each === name)?.[1];
  const length = value("content-length");
  const encoding = value("transfer-encoding");
  if (encoding !== undefined) {
    // request smuggling: RFC 9112 section 6.3 lets readers differ here
    if (length !== undefined) {
      throw new Refusal(400, "the request has both content-length and transfer-encoding");
    }
    if (encoding.toLowerCase() !== "chunked") {
      throw new Refusal(501, "the request has another transfer-encoding than chunked");
    }
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "none" };
  if (!/^(?:0|[1-9]\d{0,14})$/.test(length)) {
    throw new Refusal(400, "the request has a content-length that is no decimal number");
  }
  return { kind: "length", bytes: Number(length) };
}
