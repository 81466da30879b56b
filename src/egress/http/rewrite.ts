// Heads as they are passed on: each connection carries one request, and what concerns one hop only
// stays on that hop.
import {
  formatHead,
  type Header,
  listHeader,
  type RequestHead,
  type ResponseHead,
} from "./http_head.ts";
import type { Target } from "./target.ts";

/** Fields of one hop (RFC 9110 section 7.6.1), and those that are written anew. */
const HOP_BY_HOP = new Set([
  ...["connection", "content-length", "host", "http2-settings", "keep-alive", "te", "trailer"],
  ...["transfer-encoding", "upgrade"],
]);

/** Fields of a response of one hop; its framing stays, because its body passes as it is. */
const RESPONSE_HOP_BY_HOP = new Set(["connection", "keep-alive", "upgrade"]);

/**
 * Returns whether a request asks for a WebSocket. Nothing else is upgraded: over HTTP/2 in clear text
 * the plugin could ask for other hosts than the one that was checked.
 */
export function isWebSocket(head: RequestHead): boolean {
  return head.method === "GET" && head.framing.kind === "none" &&
    listHeader(head.headers, "connection").includes("upgrade") &&
    listHeader(head.headers, "upgrade").join() === "websocket";
}

/** Writes the head of a request in origin form for the host that was checked. */
export function originRequest(head: RequestHead, target: Target): Uint8Array<ArrayBuffer> {
  const { framing } = head;
  const headers: Header[] = [
    ["host", target.port === 80 ? target.host : `${target.host}:${target.port}`],
    ...passedOn(head.headers, HOP_BY_HOP),
  ];
  if (framing.kind === "length") headers.push(["content-length", String(framing.bytes)]);
  if (framing.kind === "chunked") headers.push(["transfer-encoding", "chunked"]);
  if (isWebSocket(head)) headers.push(["upgrade", "websocket"], ["connection", "upgrade"]);
  else headers.push(["connection", "close"]);
  return formatHead(`${head.method} ${target.path} HTTP/1.1`, headers);
}

export function pluginResponse(head: ResponseHead): Uint8Array<ArrayBuffer> {
  const headers = passedOn(head.headers, RESPONSE_HOP_BY_HOP);
  if (head.status === 101) headers.push(["upgrade", "websocket"], ["connection", "upgrade"]);
  else if (head.status >= 200) headers.push(["connection", "close"]);
  return formatHead(head.statusLine, headers);
}

function passedOn(headers: readonly Header[], dropped: ReadonlySet<string>): Header[] {
  const named = new Set(listHeader(headers, "connection"));
  // a response's framing must stay, whatever its connection header names
  named.delete("content-length");
  named.delete("transfer-encoding");
  return headers.filter(([name]) =>
    !dropped.has(name) && !named.has(name) && !name.startsWith("proxy-")
  );
}
