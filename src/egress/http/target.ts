// What a request asks for: a host in normal form, a port, and for plain HTTP a path.
import {
  addressBits,
  formatIp,
  type IpAddress,
  parseIpv4,
  parseIpv6,
} from "../../permissions/scopes/ip.ts";
import { type NetScope, parseNetScope } from "../../permissions/scopes/net_scope.ts";
import type { RequestHead } from "./http_head.ts";
import { Refusal } from "./refusal.ts";

export interface Target {
  /** The name in ASCII and lower case without a trailing dot, or the address; IPv6 within brackets. */
  readonly host: string;
  readonly port: number;
  /** The address, where no name was asked for. */
  readonly address: IpAddress | undefined;
  /** Host and port as a scope: what grants are compared with. */
  readonly scope: NetScope;
  /** For an absolute-form request its path and query, as they were written; `undefined` for CONNECT. */
  readonly path: string | undefined;
}

const AUTHORITY = /^(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~%-]+)(?::([1-9]\d{0,4}))?$/;
const ABSOLUTE = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i;

/**
 * Reads the target of a request: `CONNECT host:port`, or an absolute `http` URL.
 *
 * The host is brought into normal form here, once; what comes out is compared, resolved and dialled,
 * never what was written. Odd spellings of addresses become what the platform's URL parser makes of them.
 */
export function parseTarget(head: RequestHead): Target {
  if (head.method === "CONNECT") {
    if (head.framing.kind !== "none") throw new Refusal(400, "a CONNECT request has no body");
    return parseAuthority(head.target, undefined, undefined);
  }
  const match = ABSOLUTE.exec(head.target);
  if (match === null) {
    throw new Refusal(400, "the request is for no absolute http:// URL, and is no CONNECT");
  }
  const path = match[2] ?? "/";
  return parseAuthority(match[1]!, 80, path.startsWith("?") ? `/${path}` : path);
}

function parseAuthority(
  text: string,
  defaultPort: number | undefined,
  path: string | undefined,
): Target {
  const match = AUTHORITY.exec(text);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (match === null || port === undefined || port > 65_535) {
    throw new Refusal(400, "the request names no valid host and port");
  }
  const written = match[1]!;
  const address = written.startsWith("[")
    ? parseIpv6(written.slice(1, -1))
    : parseIpv4(hostOf(written));
  if (address !== undefined) {
    const prefix = addressBits(address.version);
    const scope: NetScope = { kind: "range", address, prefix, port };
    return { host: formatIp(address), port, address, scope, path };
  }
  const parsed = parseNetScope(`${hostOf(written)}:${port}`);
  // a wildcard is a grant, not a host, and its "*" is no character of AUTHORITY
  if ("problem" in parsed || parsed.value.kind !== "name") {
    throw new Refusal(400, "the request names no valid host");
  }
  return { host: parsed.value.host, port, address: undefined, scope: parsed.value, path };
}

function hostOf(written: string): string {
  const host = written.startsWith("[") ? undefined : URL.parse(`http://${written}/`)?.hostname;
  if (host === undefined) throw new Refusal(400, "the request names no valid host");
  return host;
}
