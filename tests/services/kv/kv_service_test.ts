import assert from "node:assert/strict";
import type { ServiceCaller } from "../../../src/services/calls/caller.ts";
import { PluginContext } from "../../../src/services/context.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { caller, openContext } from "../kit.ts";

const request = { kv: "readwrite" } as const;

function kvOf(services: PluginContext, who: ServiceCaller) {
  return (method: string, ...args: unknown[]) => services.call(who, "kv", method, args);
}

Deno.test("kv keeps JSON values, apart for each plugin, across restarts", async () => {
  const dir = await Deno.makeTempDir();
  const values = [null, true, 0, -1.5, "text \u0000 \ud800", [1, [2]], { a: { b: "ö" } }, ""];
  {
    await using services = new PluginContext({ dir });
    const a = kvOf(services, caller("a", { request }));
    const b = kvOf(services, caller("b", { request }));
    for (const [index, value] of values.entries()) {
      assert.equal(await a("set", `k${index}`, value), null);
      assert.deepEqual(await a("get", `k${index}`), value);
    }
    assert.equal(await b("get", "k1"), null, "the other plugin's key is not there");
    assert.equal(await b("has", "k1"), false);
    assert.equal(await a("has", "k0"), true, "null is a value");
    assert.equal(await a("delete", "k1"), true);
    assert.equal(await a("delete", "k1"), false);
  }
  {
    await using services = new PluginContext({ dir });
    const a = kvOf(services, caller("a", { request }));
    assert.deepEqual(await a("get", "k6"), { a: { b: "ö" } });
    assert.equal(await a("has", "k1"), false);
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("kv lists keys by the bytes of UTF-8, in pages", async () => {
  await using test = await openContext();
  const kv = kvOf(test.services, caller("a", { request }));
  const keys = ["a", "a\u0000", "a1", "a2", "b", "ÿ", "\u{10ffff}", "\u{10ffff}x", "\uffff"];
  for (const key of keys) await kv("set", key, 1);
  const order = ["a", "a\u0000", "a1", "a2", "b", "ÿ", "\uffff", "\u{10ffff}", "\u{10ffff}x"];
  assert.deepEqual(await kv("list"), order);
  assert.deepEqual(await kv("list", { prefix: "a" }), ["a", "a\u0000", "a1", "a2"]);
  assert.deepEqual(await kv("list", { prefix: "\u{10ffff}" }), ["\u{10ffff}", "\u{10ffff}x"]);
  assert.deepEqual(await kv("list", { prefix: "a", after: "a1" }), ["a2"]);
  assert.deepEqual(await kv("list", { prefix: "a", after: "0" }), ["a", "a\u0000", "a1", "a2"]);
  assert.deepEqual(await kv("list", { prefix: "a", after: "z" }), []);
  const paged: string[] = [];
  while (true) {
    const page = await kv("list", { limit: 2, after: paged.at(-1) }) as string[];
    paged.push(...page);
    if (page.length < 2) break;
  }
  assert.deepEqual(paged, order);
  for (
    const options of [{ limit: 0 }, { limit: 1_001 }, { limit: "1" }, { prefix: 1 }, { no: 1 }]
  ) {
    await assertRejectsWithCode(kv("list", options), "plugin-error", /list keys/);
  }
});

Deno.test("kv refuses keys and values beyond their size, and what is no JSON", async () => {
  await using test = await openContext();
  const kv = kvOf(test.services, caller("a", { request }));
  await kv("set", "k".repeat(512), 1); // control
  await kv("set", "v", "x".repeat(64 * 1024 - 2)); // control: two quotes
  for (const key of ["", "k".repeat(513), "ö".repeat(257), 1, null, "\ud800"]) {
    await assertRejectsWithCode(kv("set", key, 1), "plugin-error", /key/);
  }
  await kv("set", "\ufffd", "no surrogate"); // what UTF-8 makes of half a pair is another key
  for (
    const call of [
      kv("get", "\ud800"),
      kv("has", "a\udc00"),
      kv("delete", "\ud800"),
      kv("list", { prefix: "\ud800" }),
      kv("list", { after: "\ud800" }),
    ]
  ) await assertRejectsWithCode(call, "plugin-error", /half a surrogate pair/);
  await kv("set", "s", "\ud800"); // a value is JSON, which can
  assert.equal(await kv("get", "s"), "\ud800");
  await assertRejectsWithCode(
    kv("set", "v", "x".repeat(64 * 1024 - 1)),
    "plugin-error",
    /65537 bytes/,
  );
  await assertRejectsWithCode(
    kv("set", "v", new Uint8Array(3)),
    "plugin-error",
    /bytes are no JSON/,
  );
  await assertRejectsWithCode(
    kv("set", "v", { deep: [new Uint8Array(3)] }),
    "plugin-error",
    /bytes/,
  );
  await assertRejectsWithCode(kv("set", "v", undefined), "plugin-error", /undefined/);
  assert.equal((await kv("get", "v") as string).length, 64 * 1024 - 2, "the old value stands");
});

Deno.test("kv is bounded by storageBytes, and deleting makes room", async () => {
  await using test = await openContext();
  const kv = kvOf(test.services, caller("a", { request, limits: { storageBytes: 10_000 } }));
  const value = "x".repeat(1_000);
  let count = 0;
  const error = await assertRejectsWithCode(
    async () => {
      for (;; count++) await kv("set", `k${count}`, value);
    },
    "limit-exceeded",
    /at most 10000 bytes/,
  );
  assert.match(error.hint ?? "", /storageBytes/);
  assert.equal(count, 9);
  await kv("set", "k0", "smaller"); // replacing by less always fits
  await kv("delete", "k1");
  await kv("set", "new", value);
  await assertRejectsWithCode(kv("set", "more", value + value), "limit-exceeded");
  const none = kvOf(test.services, caller("none", { request, limits: { storageBytes: 0 } }));
  await assertRejectsWithCode(none("set", "a", 1), "limit-exceeded");
  const many = kvOf(test.services, caller("many", { request, limits: { storageBytes: 10_000 } }));
  await assertRejectsWithCode(async () => {
    for (let index = 0; index < 1_000; index++) await many("set", `${index}`, 0);
  }, "limit-exceeded"); // small entries count as more than their bytes
});

Deno.test("kv with read access only reads", async () => {
  await using test = await openContext();
  await kvOf(test.services, caller("a", { request }))("set", "k", 1);
  const reader = caller("a", { request, grant: { kv: "read" } });
  const kv = kvOf(test.services, reader);
  assert.equal(await kv("get", "k"), 1);
  await assertRejectsWithCode(kv("set", "k", 2), "service-denied", /"kv": "readwrite"/);
  await assertRejectsWithCode(kv("delete", "k"), "service-denied");
  assert.equal(await kv("get", "k"), 1);
});

Deno.test("two hosts over one folder keep one account of a plugin's store", async () => {
  await using test = await openContext();
  await using other = new PluginContext({ dir: test.dir });
  const limits = { storageBytes: 5_000 };
  const here = kvOf(test.services, caller("a", { request, limits }));
  const there = kvOf(other, caller("a", { request, limits }));
  const value = "x".repeat(1_000);
  for (const [index, kv] of [here, there, here, there].entries()) {
    await kv("set", `${index}`, value);
  }
  await assertRejectsWithCode(here("set", "more", value), "limit-exceeded");
  await there("delete", "0");
  await here("set", "more", value);
});
