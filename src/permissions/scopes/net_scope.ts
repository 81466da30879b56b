// Normal forms of network scopes, and which contains which.
//
// A scope is a set of (host, port) pairs. Any two scopes are nested or disjoint, so that an
// intersection is always one of the two or empty.
import { escapeText } from "../../errors.ts";
import { addressBits, formatIp, type IpAddress, parseIpv4, parseIpv6 } from "./ip.ts";

/** The port of a scope that names none: the narrowest reading, HTTPS. */
export const DEFAULT_PORT = 443;

/** Holds a network scope in normal form: one port, and a name, a wildcard or a range of addresses. */
export type NetScope = RangeScope | {
  /** A wildcard is a name and everything beneath it. */
  readonly kind: "name" | "wildcard";
  /** The name in ASCII, lower case, without a trailing dot. */
  readonly host: string;
  readonly port: number;
};

/** Holds a range of addresses; a single address is a range of one. */
export interface RangeScope {
  readonly kind: "range";
  /** The first address of the range. */
  readonly address: IpAddress;
  /** How many leading bits all addresses share. */
  readonly prefix: number;
  readonly port: number;
}

/** Holds the outcome of parsing: a value, or what is wrong in words that complete a sentence. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const IPV6_FORM = /^\[([^\][/]*)\](?:\/(\d{1,3}))?(?::(.*))?$/;
const BARE_IPV6_RANGE = /^([0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)\/(\d{1,3})$/;

/**
 * Parses `host`, `host:port`, `*.host:port`, an IPv4 or `[IPv6]` address, or a CIDR range.
 *
 * Without a port the port is 443. Names are lower-cased, converted to ASCII (IDNA) and lose a
 * trailing dot; names are never resolved. `*.host` includes `host` itself, because Deno reads it so.
 */
export function parseNetScope(text: string): Parsed<NetScope> {
  // LA-01: a comma or a control character must never come near a flag
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u0020\u007f-\u00a0,]/.test(text)) {
    return { problem: "has a comma, a space or a control character" };
  }
  if (text === "" || text.length > 300) {
    return { problem: "is empty or longer than 300 characters" };
  }
  if (text.includes("://")) return { problem: "is a URL: write only the host, or host:port" };
  if (/^(?:unix|vsock):/i.test(text)) return { problem: "is not an internet host" };
  if (/[@%?#\\<>^|"'`(){}]/.test(text)) return { problem: "has a character that no host has" };

  const bare = BARE_IPV6_RANGE.exec(text);
  if (bare) return range(parseIpv6(bare[1]!), bare[2]!, undefined, true);
  if (text.startsWith("[")) {
    const match = IPV6_FORM.exec(text);
    if (!match) return { problem: "is not [IPv6], [IPv6]:port or [IPv6]/prefix:port" };
    return range(parseIpv6(match[1]!), match[2], match[3], true);
  }
  const colon = text.indexOf(":");
  if (colon !== text.lastIndexOf(":")) {
    return { problem: "looks like IPv6: write it within brackets, as in [2001:db8::1]:443" };
  }
  const host = colon < 0 ? text : text.slice(0, colon);
  const portText = colon < 0 ? undefined : text.slice(colon + 1);
  const slash = host.indexOf("/");
  if (slash >= 0) {
    const length = host.slice(slash + 1);
    if (!/^\d{1,2}$/.test(length)) return { problem: "is not an address range such as 10.0.0.0/8" };
    return range(parseIpv4(host.slice(0, slash)), length, portText, false);
  }
  const ipv4 = parseIpv4(host);
  if (ipv4) return range(ipv4, undefined, portText, false);
  return nameScope(host, portText);
}

export function formatNetScope(scope: NetScope): string {
  if (scope.kind !== "range") {
    return `${scope.kind === "wildcard" ? "*." : ""}${scope.host}:${scope.port}`;
  }
  const whole = scope.prefix === addressBits(scope.address.version);
  return `${formatIp(scope.address)}${whole ? "" : `/${scope.prefix}`}:${scope.port}`;
}

export function intersectNet(a: NetScope, b: NetScope): NetScope | undefined {
  if (netCovers(a, b)) return b;
  return netCovers(b, a) ? a : undefined;
}

/**
 * Returns whether a grant contains a request whole.
 *
 * A name never lies in a range of addresses, nor an address under a name: Deno compares what the
 * code asked for, before resolution, and so do we.
 */
export function netCovers(grant: NetScope, request: NetScope): boolean {
  if (grant.port !== request.port) return false;
  if (grant.kind === "range") {
    if (request.kind !== "range" || grant.address.version !== request.address.version) return false;
    const shift = BigInt(addressBits(grant.address.version) - grant.prefix);
    return grant.prefix <= request.prefix &&
      grant.address.bits >> shift === request.address.bits >> shift;
  }
  if (request.kind === "range") return false;
  if (grant.kind === "name") return request.kind === "name" && grant.host === request.host;
  return request.host === grant.host || request.host.endsWith(`.${grant.host}`);
}

function parsePort(text: string | undefined): Parsed<number> {
  if (text === undefined) return { value: DEFAULT_PORT };
  if (text === "*") return { problem: "has * for its port: name each port" };
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65_535) {
    return { problem: "has a port that is not a number from 1 to 65535" };
  }
  return { value: Number(text) };
}

function range(
  address: IpAddress | undefined,
  prefixText: string | undefined,
  portText: string | undefined,
  bracketed: boolean,
): Parsed<NetScope> {
  if (!address) return { problem: `has no valid ${bracketed ? "IPv6" : "IPv4"} address` };
  const port = parsePort(portText);
  if ("problem" in port) return port;
  // an IPv4-mapped address is IPv4 here, so its prefix counts from bit 96
  const mapped = bracketed && address.version === 4;
  const bits = addressBits(address.version);
  const prefix = prefixText === undefined ? bits : Number(prefixText) - (mapped ? 96 : 0);
  if (prefix < 0 || prefix > bits) {
    return { problem: `has a prefix length outside ${mapped ? "96 to 128" : `0 to ${bits}`}` };
  }
  const shift = BigInt(bits - prefix);
  const network = { version: address.version, bits: address.bits >> shift << shift };
  const value: RangeScope = { kind: "range", address: network, prefix, port: port.value };
  if (network.bits !== address.bits) {
    return { problem: `has bits set after its prefix: write ${formatNetScope(value)}` };
  }
  return { value };
}

function nameScope(written: string, portText: string | undefined): Parsed<NetScope> {
  const wildcard = written.startsWith("*.");
  const name = wildcard ? written.slice(2) : written;
  if (name.includes("*")) {
    return { problem: "has * elsewhere than as its first label, as in *.example.com" };
  }
  const port = parsePort(portText);
  if ("problem" in port) return port;
  const ascii = URL.parse(`http://${name.replace(/\.$/, "")}/`)?.hostname;
  // the URL parser reads 0x7f.1, 2130706433 and full-width digits as addresses
  if (ascii !== undefined && parseIpv4(ascii)) {
    return {
      problem: wildcard
        ? "has * before an address: write a range such as 10.0.0.0/8"
        : `is an odd spelling of an address: write ${escapeText(ascii)}`,
    };
  }
  if (
    ascii === undefined || ascii.length > 253 || !ascii.split(".").every((part) => LABEL.test(part))
  ) {
    return { problem: "is not a host name" };
  }
  return { value: { kind: wildcard ? "wildcard" : "name", host: ascii, port: port.value } };
}
