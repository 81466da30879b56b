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

export type RefusalStatus = keyof typeof PHRASES;

/** Ends a connection with a status; the message is for the plugin's author. */
export class Refusal extends Error {
  readonly status: RefusalStatus;
  /** What the host's operator reads, who may know more than a plugin. */
  readonly reason: string;

  constructor(
    status: RefusalStatus,
    message: string,
    { reason = message, cause }: { reason?: string; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Refusal";
    this.status = status;
    this.reason = escapeText(reason, 500);
  }
}

/** Writes the answer to a refused request; the connection closes after it. */
export function refusalResponse(refusal: Refusal): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const body = encoder.encode(`Sallyport egress proxy: ${escapeText(refusal.message, 500)}\n`);
  const error = refusal.status === 403 ? "http_request_denied" : "proxy_internal_response";
  const head = [
    `HTTP/1.1 ${refusal.status} ${PHRASES[refusal.status]}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    `proxy-status: sallyport; error=${error}`,
    "connection: close",
    "",
    "",
  ].join("\r\n");
  const bytes = new Uint8Array(head.length + body.length); // the head is ASCII
  encoder.encodeInto(head, bytes);
  bytes.set(body, head.length);
  return bytes;
}
