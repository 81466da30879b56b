// IP addresses as numbers, so that ranges can be compared exactly.

/** Holds an address as a number with its family; IPv4-mapped IPv6 is held as IPv4, as Deno does. */
export interface IpAddress {
  readonly version: 4 | 6;
  /** The address: 32 or 128 bits, unsigned. */
  readonly bits: bigint;
}

const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
const MAPPED_PREFIX = 0xffffn; // ::ffff:0:0/96, RFC 4291 section 2.5.5.2

/** Parses a dotted-decimal IPv4 address; other spellings (octal, hexadecimal, short) are not addresses. */
export function parseIpv4(text: string): IpAddress | undefined {
  if (!IPV4.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return { version: 4, bits: parts.reduce((bits, part) => bits << 8n | BigInt(part), 0n) };
}

/** Parses an IPv6 address without brackets; a zone index is refused. */
export function parseIpv6(text: string): IpAddress | undefined {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(":")) return undefined;
  const url = URL.parse(`http://[${text}]/`); // the platform's parser, which also compresses
  if (url === null) return undefined;
  const [head = "", tail] = url.hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = new Array<string>(8 - left.length - right.length).fill("0");
  const bits = [...left, ...zeros, ...right].reduce(
    (sum, group) => sum << 16n | BigInt(`0x${group}`),
    0n,
  );
  return bits >> 32n === MAPPED_PREFIX
    ? { version: 4, bits: bits & 0xffff_ffffn }
    : { version: 6, bits };
}

/** Writes an address: dotted decimal, or IPv6 in RFC 5952 form within brackets. */
export function formatIp(address: IpAddress): string {
  const groups: string[] = [];
  if (address.version === 4) {
    for (let shift = 24n; shift >= 0n; shift -= 8n) {
      groups.push(String(address.bits >> shift & 0xffn));
    }
    return groups.join(".");
  }
  for (let shift = 112n; shift >= 0n; shift -= 16n) {
    groups.push((address.bits >> shift & 0xffffn).toString(16));
  }
  return new URL(`http://[${groups.join(":")}]/`).hostname;
}

export function addressBits(version: 4 | 6): 32 | 128 {
  return version === 4 ? 32 : 128;
}
