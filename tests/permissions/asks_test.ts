import assert from "node:assert/strict";
import type { Manifest } from "../../src/bundle/manifest/manifest_schema.ts";
import { asksOf, compareAsks, describeAddedAsk, readAsks } from "../../src/permissions/asks.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";
import { makeManifest } from "./kit.ts";

function added(before: Partial<Manifest>, after: Partial<Manifest>): string[] {
  return compareAsks(asksOf(makeManifest(before)), asksOf(makeManifest(after)))
    .map(describeAddedAsk);
}

const net = (...net: string[]): Partial<Manifest> => ({ permissions: { net } });
const read = (...read: string[]): Partial<Manifest> => ({ permissions: { read } });
const service = (key: string, access: "read" | "readwrite"): Partial<Manifest> => ({
  context: [{ key, access }],
});
const hook = (name: string, priority?: number): Partial<Manifest> => ({
  hooks: [priority === undefined ? { name } : { name, priority }],
});

Deno.test("asksOf() returns a request in normal form, whatever way it is written", () => {
  const asks = asksOf(makeManifest({
    permissions: {
      net: ["Example.COM", "b.test:80", "example.com:443"],
      read: ["/srv//data/", "$STORAGE/a//b", "$BUNDLE"],
      sys: ["username", "hostname"],
    },
    storage: { quotaBytes: 100 },
    context: [{ key: "kv", access: "read", reason: "state" }, { key: "db", access: "readwrite" }],
    hooks: [{ name: "on_request" }, { name: "on_end", priority: 400 }],
    limits: { threads: 40 },
    dependencies: { other: "^1.0.0" },
  }));
  assert.deepEqual(asks, {
    net: ["b.test:80", "example.com:443"],
    read: ["$BUNDLE", "$STORAGE/a/b", "/srv/data"],
    write: [],
    sys: ["hostname", "userInfo"],
    context: { db: "readwrite", kv: "read" },
    hooks: { on_end: 400, on_request: 100 },
    limits: { threads: 40 },
    storageBytes: 100,
    dependencies: ["other"],
  });
  assert.deepEqual(readAsks(JSON.parse(JSON.stringify(asks)), "link-check"), asks);
});

Deno.test("compareAsks() finds what is asked for in addition, family by family", () => {
  for (
    const [before, after, expected] of [
      [{}, net("example.com"), ['net "example.com:443"']],
      [net("a.example.com"), net("*.example.com"), [
        'net "*.example.com:443" (before: "a.example.com:443")',
      ]],
      [net("example.com"), net("example.com:80"), ['net "example.com:80"']],
      [net("10.0.0.0/9", "10.128.0.0/9"), net("10.0.0.0/8"), [
        'net "10.0.0.0/8:443" (before: "10.0.0.0/9:443, 10.128.0.0/9:443")',
      ]],
      [read("/srv/a"), read("/srv"), ['read "/srv" (before: "/srv/a")']],
      [read("/srv"), read("/srv2"), ['read "/srv2"']],
      [read("$STORAGE/a"), read("$STORAGE/b"), ['read "$STORAGE/b"']],
      [read("/srv"), { permissions: { read: ["/srv"], write: ["/srv"] } }, ['write "/srv"']],
      [{}, { permissions: { sys: ["hostname"] } }, ['sys "hostname"']],
      [service("kv", "read"), service("kv", "readwrite"), [
        'context "kv (readwrite)" (before: "kv (read)")',
      ]],
      [service("kv", "read"), service("db", "read"), ['context "db (read)"']],
      [{}, hook("on_request"), ['hooks "on_request"']],
      [hook("on_request", 300), hook("on_request", 200), [
        'hooks "on_request (priority 200)" (before: "on_request (priority 300)")',
      ]],
      [hook("on_request", 300), hook("on_request"), [
        'hooks "on_request (priority 100)" (before: "on_request (priority 300)")',
      ]],
      [{}, { limits: { threads: 33 } }, ['limits "threads 33" (before: "threads 32")']],
      [{ limits: { threads: 20 } }, {}, ['limits "threads 32" (before: "threads 20")']],
      [{}, { storage: { quotaBytes: 1 } }, ['storage "1 bytes"']],
      [{ storage: { quotaBytes: 1 } }, { storage: { quotaBytes: 2 } }, [
        'storage "2 bytes" (before: "1 bytes")',
      ]],
      [{}, { dependencies: { other: "*" } }, ['dependencies "other"']],
    ] as [Partial<Manifest>, Partial<Manifest>, string[]][]
  ) {
    assert.deepEqual(added(before, after), expected);
  }
});

Deno.test("compareAsks() lets pass what is narrower, the same, or left out", () => {
  for (
    const [before, after] of [
      [net("*.example.com"), net("a.example.com", "example.com", "*.b.example.com")],
      [net("10.0.0.0/8"), net("10.1.2.3", "10.9.0.0/16")],
      [net("EXAMPLE.com."), net("example.com:443")],
      [read("/srv"), read("/srv/a/b")],
      [read("$STORAGE"), read("$STORAGE/a")],
      [read("/srv/", "/srv"), read("/srv")],
      [service("kv", "readwrite"), service("kv", "read")],
      [hook("on_request"), hook("on_request", 100)],
      [hook("on_request", 200), hook("on_request", 300)],
      [{ limits: { threads: 40 } }, {}],
      [{}, { limits: { threads: 20 } }],
      [{ storage: { quotaBytes: 2 } }, { storage: { quotaBytes: 1 } }],
      [{ dependencies: { other: "^1.0.0" } }, { dependencies: { other: ">=1.0.0" } }],
      [{ permissions: { sys: ["userInfo"] } }, { permissions: { sys: ["username"] } }],
    ] as [Partial<Manifest>, Partial<Manifest>][]
  ) {
    assert.deepEqual(added(before, after), []);
    assert.deepEqual(added(before, {}).filter((line) => !line.startsWith("limits")), []);
    assert.deepEqual(added(after, after), []);
  }
});

Deno.test("compareAsks() takes a network scope or path that makes no sense as more", () => {
  assert.deepEqual(added({}, net("a:b:c")), ['net "a:b:c"']);
});

Deno.test("readAsks() refuses any other form", () => {
  const asks = asksOf(makeManifest());
  for (
    const odd of [null, [], "x", {}, { ...asks, more: 1 }, { ...asks, net: [1] }, {
      ...asks,
      context: { kv: "all" },
    }]
  ) {
    assertThrowsWithCode(() => readAsks(odd, "sample"), "bad-config", /another form/);
  }
});
