import assert from "node:assert/strict";
import fc from "fast-check";
import { refusedKind } from "../../../src/egress/dialing/address_policy.ts";
import { type IpAddress, parseIpv4, parseIpv6 } from "../../../src/permissions/scopes/ip.ts";

function kindOf(text: string): string | undefined {
  const address = parseIpv4(text) ?? parseIpv6(text);
  assert.ok(address, text);
  return refusedKind(address);
}

const REFUSED: readonly [string, string][] = [
  ["0.0.0.0", "unspecified"],
  ["0.255.255.255", "unspecified"],
  ["10.0.0.0", "private"],
  ["10.255.255.255", "private"],
  ["100.64.0.0", "shared (carrier-grade NAT)"],
  ["100.100.100.200", "shared (carrier-grade NAT)"],
  ["100.127.255.255", "shared (carrier-grade NAT)"],
  ["127.0.0.1", "loopback"],
  ["127.255.255.255", "loopback"],
  ["168.63.129.16", "cloud platform"],
  ["169.254.0.0", "link-local"],
  ["169.254.169.254", "link-local"],
  ["172.16.0.0", "private"],
  ["172.31.255.255", "private"],
  ["192.0.0.192", "protocol assignment"],
  ["192.0.2.1", "documentation"],
  ["192.88.99.1", "6to4 relay"],
  ["192.168.0.0", "private"],
  ["192.168.255.255", "private"],
  ["198.18.0.0", "benchmarking"],
  ["198.19.255.255", "benchmarking"],
  ["198.51.100.7", "documentation"],
  ["203.0.113.7", "documentation"],
  ["224.0.0.1", "multicast"],
  ["239.255.255.255", "multicast"],
  ["240.0.0.1", "reserved"],
  ["255.255.255.255", "broadcast"],
  ["::", "unspecified"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::ffff:a9fe:a9fe", "link-local"],
  ["::ffff:0:127.0.0.1", "not globally reachable"],
  ["::127.0.0.1", "not globally reachable"],
  ["64:ff9b::127.0.0.1", "loopback (NAT64)"],
  ["64:ff9b::a9fe:a9fe", "link-local (NAT64)"],
  ["64:ff9b:1::8.8.8.8", "private NAT64"],
  ["100::1", "discard-only"],
  ["2001::1", "Teredo tunnel"],
  ["2001:2::1", "protocol assignment"],
  ["2001:10::1", "protocol assignment"],
  ["2001:1ff:ffff::", "protocol assignment"],
  ["2001:db8::1", "documentation"],
  ["2002:7f00:1::", "6to4 tunnel"],
  ["2002:808:808::1", "6to4 tunnel"],
  ["3fff:fff::1", "documentation"],
  ["4000::1", "not globally reachable"],
  ["5f00::1", "segment routing"],
  ["fc00::1", "private"],
  ["fd00:ec2::254", "private"],
  ["fe80::1", "link-local"],
  ["febf::1", "link-local"],
  ["fec0::1", "private"],
  ["ff02::1", "multicast"],
];

const PUBLIC = [
  "1.1.1.1",
  "8.8.8.8",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "126.255.255.255",
  "128.0.0.0",
  "169.253.255.255",
  "169.255.0.0",
  "172.15.255.255",
  "172.32.0.0",
  "192.0.1.0",
  "192.167.255.255",
  "192.169.0.0",
  "198.17.255.255",
  "198.20.0.0",
  "223.255.255.255",
  "::ffff:8.8.8.8",
  "64:ff9b::8.8.8.8",
  "2001:200::1",
  "2001:4860:4860::8888",
  "2606:4700::1111",
  "2a00:1450::1",
  "3ffe::1",
];

Deno.test("refusedKind() names each special range and lets its neighbours pass", () => {
  for (const [text, kind] of REFUSED) assert.equal(kindOf(text), kind, text);
  for (const text of PUBLIC) assert.equal(kindOf(text), undefined, text);
});

const refusedIpv4: [start: number, end: number][] = [
  [0x00000000, 0x00ffffff],
  [0x0a000000, 0x0affffff],
  [0x64400000, 0x647fffff],
  [0x7f000000, 0x7fffffff],
  [0xa9fe0000, 0xa9feffff],
  [0xac100000, 0xac1fffff],
  [0xc0a80000, 0xc0a8ffff],
  [0xe0000000, 0xffffffff],
];

Deno.test("refusedKind() refuses every private IPv4 address in each of its IPv6 forms", () => {
  const address = fc.constantFrom(...refusedIpv4).chain(([min, max]) => fc.integer({ min, max }));
  fc.assert(fc.property(address, (value) => {
    const bits = BigInt(value);
    const hex = value.toString(16).padStart(8, "0");
    const groups = `${hex.slice(0, 4)}:${hex.slice(4)}`;
    const forms: IpAddress[] = [
      { version: 4, bits },
      parseIpv6(`::ffff:${groups}`)!, // mapped
      parseIpv6(`::${groups}`)!, // compatible
      parseIpv6(`::ffff:0:${groups}`)!, // translated
      parseIpv6(`64:ff9b::${groups}`)!, // NAT64
      parseIpv6(`2002:${groups}::`)!, // 6to4
      parseIpv6(`2001:0:${groups}::`)!, // Teredo
    ];
    for (const form of forms) assert.notEqual(refusedKind(form), undefined, `${hex} ${form.bits}`);
  }));
});

Deno.test("refusedKind() refuses every IPv6 address outside global unicast but public NAT64", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (bits) => {
    const kind = refusedKind({ version: 6, bits });
    if (bits >> 125n !== 1n && bits >> 32n !== 0x64ff9bn << 64n) assert.notEqual(kind, undefined);
  }));
});
