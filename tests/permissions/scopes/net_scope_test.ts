import assert from "node:assert/strict";
import {
  formatNetScope,
  intersectNet,
  netCovers,
  type NetScope,
  parseNetScope,
} from "../../../src/permissions/scopes/net_scope.ts";

function scope(text: string): NetScope {
  const parsed = parseNetScope(text);
  assert.ok("value" in parsed, `${text}: ${"problem" in parsed ? parsed.problem : ""}`);
  return parsed.value;
}

Deno.test("parseNetScope() returns one normal form for every spelling", () => {
  const table: [written: string, normal: string][] = [
    ["example.com", "example.com:443"],
    ["example.com:80", "example.com:80"],
    ["EXAMPLE.Com.", "example.com:443"],
    ["Example.com.:8443", "example.com:8443"],
    ["bücher.example", "xn--bcher-kva.example:443"],
    ["BÜCHER.example:1", "xn--bcher-kva.example:1"],
    ["例え。テスト", "xn--r8jz45g.xn--zckzah:443"],
    ["*.example.com", "*.example.com:443"],
    ["*.Example.com:65535", "*.example.com:65535"],
    ["localhost:8080", "localhost:8080"],
    ["a_b.example", "a_b.example:443"],
    ["10.1.2.3", "10.1.2.3:443"],
    ["10.1.2.3/32:80", "10.1.2.3:80"],
    ["10.0.0.0/8", "10.0.0.0/8:443"],
    ["10.0.0.0/8:80", "10.0.0.0/8:80"],
    ["0.0.0.0/0:443", "0.0.0.0/0:443"],
    ["[::1]", "[::1]:443"],
    ["[0:0:0:0:0:0:0:1]:80", "[::1]:80"],
    ["[2001:DB8::A]:80", "[2001:db8::a]:80"],
    ["[::]:80", "[::]:80"],
    ["[1:2:3:4:5:6:7:8]:80", "[1:2:3:4:5:6:7:8]:80"],
    ["[1::]:80", "[1::]:80"],
    ["[2001:db8::]/32:80", "[2001:db8::]/32:80"],
    ["2001:db8::/32", "[2001:db8::]/32:443"],
    ["[2001:db8::1]/128", "[2001:db8::1]:443"],
    ["[::ffff:10.1.2.3]:80", "10.1.2.3:80"],
    ["[::ffff:a01:203]:80", "10.1.2.3:80"],
    ["[::ffff:10.0.0.0]/104:80", "10.0.0.0/8:80"],
    ["[::10.1.2.3]:80", "[::a01:203]:80"],
  ];
  for (const [written, normal] of table) {
    assert.equal(formatNetScope(scope(written)), normal, written);
    assert.equal(formatNetScope(scope(normal)), normal, `${written} twice`);
  }
});

Deno.test("parseNetScope() refuses what is no host, and says why", () => {
  const table: [written: string, problem: RegExp][] = [
    ["", /empty/],
    ["a".repeat(301), /longer than 300/],
    ["a.example,b.example", /comma/],
    ["a.example b.example", /space/],
    ["a.example\n", /control/],
    ["a.example\u0000", /control/],
    ["a.example\u00a0", /space/],
    ["https://example.com", /URL/],
    ["user@example.com", /character that no host/],
    ["example.com/path", /not an address range/],
    ["example.com?x", /character that no host/],
    ["example.com#x", /character that no host/],
    ["example%2ecom", /character that no host/],
    ["example.com\\x", /character that no host/],
    ["unix:/run/docker.sock", /not an internet host/],
    ["UNIX:/run/docker.sock", /not an internet host/],
    ["vsock:2:1", /not an internet host/],
    ["*", /\* elsewhere/],
    ["*:443", /\* elsewhere/],
    ["*.*.example.com", /\* elsewhere/],
    ["a.*.example.com", /\* elsewhere/],
    ["a*.example.com", /\* elsewhere/],
    ["*.", /not a host name/],
    ["*.10.0.0.1", /\* before an address/],
    ["example.com:", /port/],
    ["example.com:0", /port/],
    ["example.com:65536", /port/],
    ["example.com:080", /port/],
    ["example.com:+80", /port/],
    ["example.com:*", /\* for its port/],
    ["example.com:http", /port/],
    [":443", /not a host name/],
    [".", /not a host name/],
    [".example.com", /not a host name/],
    ["a..example.com", /not a host name/],
    ["example.com..", /not a host name/],
    ["-a.example.com", /not a host name/],
    ["a-.example.com", /not a host name/],
    ["xn--a", /not a host name/],
    [`${"a".repeat(64)}.example`, /not a host name/],
    [`${"a.".repeat(127)}aa`, /not a host name/],
    ["a，b.example", /not a host name/],
    ["0x7f.1", /odd spelling of an address: write 127\.0\.0\.1/],
    ["2130706433", /odd spelling of an address: write 127\.0\.0\.1/],
    ["127.1", /odd spelling/],
    ["0177.0.0.1", /odd spelling/],
    ["127.0.0.1.", /odd spelling/],
    ["１２７.0.0.1", /odd spelling/],
    ["01.2.3.4", /odd spelling/],
    ["1.2.3.4.5", /not a host name/],
    ["256.1.1.1", /not a host name/],
    ["10.0.0.0/33", /prefix length outside 0 to 32/],
    ["10.0.0.0/", /not an address range/],
    ["10.0.0.0/-1", /not an address range/],
    ["10.1.2.3/24", /bits set after its prefix: write 10\.1\.2\.0\/24:443/],
    ["10/8", /IPv4/],
    ["example.com/24", /IPv4/],
    ["::1", /within brackets/],
    ["2001:db8::1:443", /within brackets/],
    ["[::1", /\[IPv6\]/],
    ["[::1]80", /\[IPv6\]/],
    ["[::1%eth0]:80", /character that no host/],
    ["[1::2::3]", /IPv6/],
    ["[10.0.0.1]", /IPv6/],
    ["[]", /IPv6/],
    ["[2001:db8::/32]", /\[IPv6\]/],
    ["[2001:db8::1]/32", /bits set after its prefix: write \[2001:db8::\]\/32:443/],
    ["[2001:db8::]/129", /prefix length outside 0 to 128/],
    ["[::ffff:10.0.0.0]/8", /prefix length outside 96 to 128/],
  ];
  for (const [written, problem] of table) {
    const parsed = parseNetScope(written);
    assert.ok("problem" in parsed, `${JSON.stringify(written)} was accepted`);
    assert.match(parsed.problem, problem, JSON.stringify(written));
  }
});

Deno.test("netCovers() compares names, wildcards, ranges and ports", () => {
  const table: [grant: string, request: string, covered: boolean][] = [
    ["example.com", "example.com:443", true],
    ["example.com", "example.com:80", false],
    ["example.com", "www.example.com", false],
    ["example.com", "*.example.com", false],
    ["*.example.com", "www.example.com", true],
    ["*.example.com", "a.b.example.com", true],
    ["*.example.com", "example.com", true], // as Deno reads it
    ["*.example.com", "badexample.com", false],
    ["*.example.com", "*.example.com", true],
    ["*.example.com", "*.a.example.com", true],
    ["*.a.example.com", "*.example.com", false],
    ["*.example.com:80", "www.example.com:443", false],
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.0/8", "10.1.0.0/16", true],
    ["10.1.0.0/16", "10.0.0.0/8", false],
    ["10.0.0.0/8:80", "10.1.1.1:443", false],
    ["0.0.0.0/0", "1.2.3.4", true],
    ["0.0.0.0/0", "[::1]", false],
    ["0.0.0.0/0", "example.com", false],
    ["[::]/0", "[2001:db8::1]", true],
    ["[::]/0", "[::ffff:10.0.0.1]", false],
    ["[2001:db8::]/32", "[2001:db8:ffff::]/48", true],
    ["[2001:db8::]/32", "[2001:db9::]", false],
    ["127.0.0.1", "localhost", false],
    ["127.0.0.1", "[::ffff:127.0.0.1]", true],
    ["localhost", "127.0.0.1", false],
  ];
  for (const [grant, request, covered] of table) {
    assert.equal(netCovers(scope(grant), scope(request)), covered, `${grant} ⊇ ${request}`);
  }
});

Deno.test("intersectNet() returns the narrower of two nested scopes, else nothing", () => {
  const table: [a: string, b: string, common: string | undefined][] = [
    ["*.example.com", "api.example.com", "api.example.com:443"],
    ["api.example.com", "*.example.com", "api.example.com:443"],
    ["example.com", "*.example.com", "example.com:443"],
    ["*.example.com", "*.example.org", undefined],
    ["10.0.0.0/8:80", "10.2.0.0/16:80", "10.2.0.0/16:80"],
    ["10.0.0.0/9:80", "10.128.0.0/9:80", undefined],
    ["example.com:80", "example.com", undefined],
  ];
  for (const [a, b, common] of table) {
    const found = intersectNet(scope(a), scope(b));
    assert.equal(found && formatNetScope(found), common, `${a} ∩ ${b}`);
  }
});
