import assert from "node:assert/strict";
import fc from "fast-check";
import { AllowList } from "../../../src/egress/dialing/allow_list.ts";
import { allowedAddresses, type DialContext } from "../../../src/egress/dialing/dial.ts";
import { parseRequestHead } from "../../../src/egress/http/http_head.ts";
import { Refusal } from "../../../src/egress/http/refusal.ts";
import { Resolver } from "../../../src/egress/dialing/resolver.ts";
import { parseTarget, type Target } from "../../../src/egress/http/target.ts";
import { formatIp } from "../../../src/permissions/scopes/ip.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { bytesOf } from "../kit.ts";

function target(line: string, headers = ""): Target {
  return parseTarget(parseRequestHead(bytesOf(`${line} HTTP/1.1\r\n${headers}\r\n`)));
}

function statusOf(act: () => unknown): number | undefined {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    return error.status;
  }
}

Deno.test("parseTarget() brings every spelling of a host into one form", () => {
  for (
    const [written, host] of [
      ["host.test", "host.test"],
      ["HOST.Test", "host.test"],
      ["host.test.", "host.test"],
      ["h%6Fst.test", "host.test"],
      ["b%C3%BCcher.test", "xn--bcher-kva.test"],
      ["xn--bcher-kva.test", "xn--bcher-kva.test"],
      ["127.0.0.1", "127.0.0.1"],
      ["127.0.0.1.", "127.0.0.1"],
      ["0x7f.1", "127.0.0.1"],
      ["0X7F.0x1", "127.0.0.1"],
      ["2130706433", "127.0.0.1"],
      ["017700000001", "127.0.0.1"],
      ["127.1", "127.0.0.1"],
      ["%31%32%37.1", "127.0.0.1"],
      ["%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1", "127.0.0.1"],
      ["0", "0.0.0.0"],
      ["[::1]", "[::1]"],
      ["[0:0::0:1]", "[::1]"],
      ["[::ffff:127.0.0.1]", "127.0.0.1"],
      ["[::FFFF:7F00:1]", "127.0.0.1"],
      ["[64:ff9b::7f00:1]", "[64:ff9b::7f00:1]"],
    ]
  ) {
    for (const parsed of [target(`CONNECT ${written}:80`), target(`GET http://${written}:80/`)]) {
      assert.equal(parsed.host, host, written);
      assert.equal(parsed.port, 80);
      assert.equal(parsed.scope.kind, parsed.address === undefined ? "name" : "range", written);
    }
  }
});

Deno.test("parseTarget() keeps the path as it was written, and adds the port of plain HTTP", () => {
  assert.equal(target("GET http://host.test").path, "/");
  assert.equal(target("GET http://host.test?q").path, "/?q");
  assert.equal(target("GET HTTP://host.test/%2e%2E/../a?b/../c").path, "/%2e%2E/../a?b/../c");
  assert.equal(target("GET http://host.test").port, 80);
  assert.equal(target("CONNECT host.test:443").path, undefined);
});

Deno.test("parseTarget() refuses what names no one host and port", () => {
  for (
    const authority of [
      ...[
        "",
        ":80",
        "host.test:",
        "host.test:0",
        "host.test:080",
        "host.test:65536",
        "host.test:8x",
      ],
      ...["user@host.test:80", "user:pass@host.test:80", "host.test:80@evil.test:80", "a b:80"],
      ...["*.test:80", "*:80", "10.0.0.0%2f8:80", "a..b:80", "-a.test:80", "256.0.0.1:80"],
      ...[
        "1.2.3.4.5:80",
        "::1:80",
        "[::1:80",
        "::1]:80",
        "[fe80::1%25lo]:80",
        "[v1.a]:80",
        "[]:80",
      ],
      ...["host.test\\@evil.test:80", "host%2etest%00:80", "host.test%0a:80", "xn--a:80", "a,b:80"],
      `${"a".repeat(64)}.test:80`,
      `${"a.".repeat(130)}test:80`,
    ]
  ) {
    assert.equal(statusOf(() => target(`CONNECT ${authority}`)), 400, authority);
    assert.equal(statusOf(() => target(`GET http://${authority}/`)), 400, authority);
  }
  assert.equal(statusOf(() => target("CONNECT host.test")), 400); // no port
  assert.equal(statusOf(() => target("CONNECT http://host.test:80/")), 400);
  assert.equal(statusOf(() => target("CONNECT host.test:80", "content-length: 0\r\n")), 400);
  for (
    const form of [
      "/",
      "*",
      "host.test:80",
      "https://host.test/",
      "ftp://host.test/",
      "http:/host.test/",
    ]
  ) {
    assert.equal(statusOf(() => target(`GET ${form}`)), 400, form);
  }
  assert.equal(statusOf(() => target("GET http://host.test/#fragment")), 400);
  assert.equal(statusOf(() => target("GET http:///host.test/")), 400);
});

Deno.test("AllowList compares names with names and addresses with addresses", () => {
  const list = new AllowList("sample", ["host.test:80", "*.wild.test:443", "10.0.0.0/8:80"]);
  const covered = (authority: string) => list.covers(target(`CONNECT ${authority}`).scope);
  for (const each of ["host.test:80", "HOST.test.:80", "wild.test:443", "a.b.wild.test:443"]) {
    assert.ok(covered(each), each);
  }
  for (const each of ["10.1.2.3:80", "0x0a000001:80", "[::ffff:10.0.0.1]:80"]) {
    assert.ok(covered(each), each);
  }
  for (
    const each of [
      ...["host.test:443", "a.host.test:80", "xhost.test:80", "wild.test:80", "xwild.test:443"],
      ...["11.0.0.1:80", "10.0.0.1:443", "127.0.0.1:80", "[::1]:80", "0:80"],
    ]
  ) {
    assert.ok(!covered(each), each);
  }
  for (const grant of ["HOST.test:80", "host.test", "nonsense:99999", "127.1:80"]) {
    assertThrowsWithCode(() => new AllowList("sample", [grant]), "bad-config", /egress proxy/);
  }
});

function context(grants: readonly string[], addresses: readonly string[]): DialContext {
  return {
    allowList: new AllowList("sample", grants),
    resolver: new Resolver({
      resolve: () => Promise.resolve(addresses),
      maxLookups: 1,
      maxPending: 1,
    }),
    dialMs: 5_000,
    signal: new AbortController().signal,
  };
}

Deno.test("allowedAddresses() leaves out what no name may lead to, and refuses when nothing is left", async () => {
  const asked = target("CONNECT host.test:443");
  const allowed = async (addresses: readonly string[], ...grants: string[]) =>
    (await allowedAddresses(asked, context(["host.test:443", ...grants], addresses))).map(formatIp);

  assert.deepEqual(await allowed(["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"]), [
    "8.8.8.8",
    "[2606:4700::1111]",
  ]);
  await assert.rejects(allowed(["10.0.0.1", "::1"]), (error) => {
    assert.ok(error instanceof Refusal);
    assert.equal(error.status, 403);
    assert.match(
      error.reason,
      /leads to 10\.0\.0\.1 \(private\), and "10\.0\.0\.1:443" is no grant/,
    );
    assert.doesNotMatch(error.message, /10\.0/); // the plugin learns no address of the inside
    return true;
  });
  // control: the same answers, with the address granted at that port, and at another
  assert.deepEqual(await allowed(["10.0.0.1", "::1"], "10.0.0.1:443"), ["10.0.0.1"]);
  assert.deepEqual(await allowed(["10.0.0.1"], "10.0.0.0/24:443"), ["10.0.0.1"]);
  await assert.rejects(allowed(["10.0.0.1"], "10.0.0.1:80"), Refusal);
  await assert.rejects(allowed([]), /has no address/);
  await assert.rejects(allowed(["fe80::1%eth0", "rubbish", "0x7f.1"]), /has no address/);
});

Deno.test("no spelling of a private address passes for a granted name", () => {
  const list = new AllowList("sample", ["host.test:80", "*.test:80", "*.host.test:80"]);
  const octet = fc.nat(255);
  const number = (value: number) =>
    fc.constantFrom(`${value}`, `0x${value.toString(16)}`, `0${value.toString(8)}`);
  const spelling = fc.tuple(fc.constantFrom(10, 127, 169, 192, 0), octet, octet, octet)
    .chain(([a, b, c, d]) =>
      fc.oneof(
        fc.tuple(number(a), number(b), number(c), number(d)).map((parts) => parts.join(".")),
        number(((a * 256 + b) * 256 + c) * 256 + d),
        fc.tuple(number(a), number((b * 256 + c) * 256 + d)).map((parts) => parts.join(".")),
        fc.constant(`[::ffff:${a}.${b}.${c}.${d}]`),
        fc.constant(`[64:ff9b::${a}.${b}.${c}.${d}]`),
      )
    );
  const around = fc.constantFrom("", ".", ".test", ".host.test", "%2e", "%00");
  fc.assert(
    fc.property(spelling, around, (host, tail) => {
      let parsed: Target;
      try {
        parsed = target(`GET http://${host}${tail}:80/`);
      } catch (error) {
        assert.ok(error instanceof Refusal, String(error));
        return;
      }
      // what is covered is a true name beneath the grant, resolved and checked like any other
      if (list.covers(parsed.scope)) {
        assert.ok(parsed.address === undefined && parsed.host.endsWith(".test"));
      }
    }),
    { numRuns: 1_000 },
  );
});
