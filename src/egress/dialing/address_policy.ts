// Which addresses a granted name may never lead to.
//
// The owner of a name chooses what it resolves to, so a name must not open what only this machine or
// its networks can reach. The ranges are those of the IANA special-purpose address registries that are
// not globally reachable (RFC 6890 and later entries), with multicast and what clouds add.
import { addressBits, type IpAddress, parseIpv4, parseIpv6 } from "../../permissions/scopes/ip.ts";

interface Range {
  readonly version: 4 | 6;
  readonly shift: bigint;
  readonly network: bigint;
  readonly name: string;
}

const IPV4_RANGES: readonly Range[] = ranges(parseIpv4, [
  ["0.0.0.0/8", "unspecified"], // Linux connects 0.0.0.0 to this machine
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "shared (carrier-grade NAT)"],
  ["127.0.0.0/8", "loopback"],
  ["168.63.129.16/32", "cloud platform"], // Azure's host, at a public address
  ["169.254.0.0/16", "link-local"], // cloud metadata too
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "protocol assignment"],
  ["192.0.2.0/24", "documentation"],
  ["192.88.99.0/24", "6to4 relay"],
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "benchmarking"],
  ["198.51.100.0/24", "documentation"],
  ["203.0.113.0/24", "documentation"],
  ["224.0.0.0/4", "multicast"],
  ["255.255.255.255/32", "broadcast"],
  ["240.0.0.0/4", "reserved"],
]);

/** Ranges outside global unicast that have names, then ranges within it that lead elsewhere. */
const IPV6_RANGES: readonly Range[] = ranges(parseIpv6, [
  ["::/128", "unspecified"],
  ["::1/128", "loopback"],
  ["64:ff9b:1::/48", "private NAT64"],
  ["100::/64", "discard-only"],
  ["5f00::/16", "segment routing"],
  ["fc00::/7", "private"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "private"],
  ["ff00::/8", "multicast"],
  ["2001::/32", "Teredo tunnel"],
  ["2001::/23", "protocol assignment"],
  ["2001:db8::/32", "documentation"],
  ["2002::/16", "6to4 tunnel"],
  ["3fff::/20", "documentation"],
]);

const [GLOBAL_UNICAST, NAT64] = ranges(parseIpv6, [
  ["2000::/3", "global unicast"],
  ["64:ff9b::/96", "NAT64"],
]) as [Range, Range];

/**
 * Tells why a granted name may not lead to an address.
 *
 * IPv4-mapped addresses are IPv4 already; of NAT64 the IPv4 address within counts; other tunnels and
 * every IPv6 address outside global unicast are refused.
 */
export function refusedKind(address: IpAddress): string | undefined {
  if (address.version === 4) return find(IPV4_RANGES, address);
  if (contains(NAT64, address)) {
    const inner = find(IPV4_RANGES, { version: 4, bits: address.bits & 0xffff_ffffn });
    return inner === undefined ? undefined : `${inner} (NAT64)`;
  }
  return find(IPV6_RANGES, address) ??
    (contains(GLOBAL_UNICAST, address) ? undefined : "not globally reachable");
}

function find(list: readonly Range[], address: IpAddress): string | undefined {
  return list.find((range) => contains(range, address))?.name;
}

function contains(range: Range, address: IpAddress): boolean {
  return range.version === address.version && address.bits >> range.shift === range.network;
}

function ranges(
  parse: (text: string) => IpAddress | undefined,
  rows: readonly (readonly [string, string])[],
): Range[] {
  return rows.map(([text, name]) => {
    const [head, prefix] = text.split("/");
    const { version, bits } = parse(head!)!;
    const shift = BigInt(addressBits(version) - Number(prefix));
    return { version, shift, network: bits >> shift, name };
  });
}
