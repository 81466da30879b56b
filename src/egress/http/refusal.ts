// Why the proxy does not serve a connection, and the answer that says so.
import { escapeText } from "../../errors.ts";

/** Reason phrases of the statuses that the proxy itself answers with, as RFC 9110, section 15, words them. */
const PHRASES = {
  400: "Bad Request",
  403: "Forbidden",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
} as const;

/** A status that the proxy itself answers with. */
export type RefusalStatus = keyof typeof PHRASES;

/** Options of {@linkcode Refusal}. */
export interface RefusalOptions {
  /** What the host's operator reads instead, where that tells more than a plugin should know. */
  reason?: string;
  /** The error that caused it. */
  cause?: unknown;
}

/** Ends a connection with a status; the message is for the plugin's author. */
export class Refusal extends Error {
  /** The status of the answer. */
  readonly status: RefusalStatus;
  /** What the operator reads. */
  readonly reason: string;

  /** Makes a refusal. */
  constructor(status: RefusalStatus, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Refusal";
    this.status = status;
    this.reason = escapeText(options.reason ?? message, 500);
  }
}

/** Writes the answer to a refused request; the connection closes after it. */
export function refusalResponse(refusal: Refusal): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const body = encoder.encode(`Sallyport egress proxy: ${escapeText(refusal.message, 500)}\n`);
  const head = [
    `HTTP/1.1 ${refusal.status} ${PHRASES[refusal.status]}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    `proxy-status: sallyport; error=${
      refusal.status === 403 ? "http_request_denied" : "proxy_internal_response"
    }`,
    "connection: close",
    "",
    "",
  ].join("\r\n");
  const bytes = new Uint8Array(head.length + body.length); // the head is ASCII
  encoder.encodeInto(head, bytes);
  bytes.set(body, head.length);
  return bytes;
}
