import assert from "node:assert/strict";
import { SallyportError } from "../../src/errors.ts";
import { PluginContext } from "../../src/services/context.ts";
import { assertRejectsWithCode, assertThrowsWithCode } from "../helpers/assert_code.ts";
import { caller } from "./kit.ts";

function withInventory(): PluginContext {
  const services = new PluginContext();
  const items = new Map([["a", 1]]);
  services.provide("inventory", {
    get: (id: string) => items.get(id),
    set: (id: string, count: number) => void items.set(id, count),
  }, { access: { get: "read" }, description: "what is in stock" });
  return services;
}

Deno.test("PluginContext.call() lets a plugin do what manifest and policy both allow", async () => {
  await using services = withInventory();
  const who = caller("shop", { request: { inventory: "readwrite" } });
  await services.call(who, "inventory", "set", ["b", 2]);
  assert.equal(await services.call(who, "inventory", "get", ["b"]), 2);
});

Deno.test("PluginContext.call() denies a service that plugin.json does not declare, naming the line", async () => {
  await using services = withInventory();
  const who = caller("shop", { request: { log: "read" }, grant: { inventory: "readwrite" } });
  const error = await assertRejectsWithCode(
    services.call(who, "inventory", "get", ["a"]),
    "service-denied",
    /^Plugin "shop" may not use service "inventory": plugin.json does not declare context key "inventory"$/,
  );
  assert.equal(
    error.hint,
    'Add to plugin.json: "context": [{ "key": "inventory", "access": "read" }]',
  );
  const write = await assertRejectsWithCode(
    services.call(who, "inventory", "set", ["a", 1]),
    "service-denied",
  );
  assert.match(write.hint ?? "", /"access": "readwrite"/);
  await services.call(caller("shop", { request: { inventory: "read" } }), "inventory", "get", [
    "a",
  ]); // control: declared and granted
});

Deno.test("PluginContext.call() denies what the policy does not grant, naming the policy line", async () => {
  await using services = withInventory();
  const line = '"plugins": { "shop": { "grant": { "context": { "inventory": "readwrite" } } } }';
  const none = caller("shop", { request: { inventory: "readwrite" }, grant: {} });
  const error = await assertRejectsWithCode(
    services.call(none, "inventory", "get", ["a"]),
    "service-denied",
    /the policy does not grant it/,
  );
  assert.equal(error.message.includes(line), true, error.message);
  assert.equal(error.hint, `Add to the policy: ${line}`);
  const less = caller("shop", {
    request: { inventory: "readwrite" },
    grant: { inventory: "read" },
  });
  assert.equal(
    await services.call(less, "inventory", "get", ["a"]),
    1,
    "control: reading is granted",
  );
  const denied = await assertRejectsWithCode(
    services.call(less, "inventory", "set", ["a", 2]),
    "service-denied",
    /the policy grants "read" and "readwrite" is needed/,
  );
  assert.equal(denied.message.includes(line), true, denied.message);
});

Deno.test("PluginContext.call() names plugin.json where the manifest itself asks for too little", async () => {
  await using services = withInventory();
  const who = caller("shop", { request: { inventory: "read" }, grant: { inventory: "readwrite" } });
  const error = await assertRejectsWithCode(
    services.call(who, "inventory", "set", ["a", 2]),
    "service-denied",
    /method "set" needs access "readwrite", plugin.json declares "read"/,
  );
  assert.match(error.hint ?? "", /^Change plugin.json to .*"readwrite"/);
});

Deno.test("PluginContext.call() reaches a service's own methods only", async () => {
  await using services = withInventory();
  const who = caller("shop", { request: { inventory: "readwrite", ghost: "read" } });
  for (
    const method of ["constructor", "__proto__", "toString", "then", "__defineGetter__", "", "GET"]
  ) {
    const error = await assertRejectsWithCode(
      services.call(who, "inventory", method, []),
      "method-not-found",
    );
    assert.equal(error.hint, "It has get, set");
  }
  await assertRejectsWithCode(
    services.call(who, "ghost", "get", []),
    "service-denied",
    /the application does not provide it/,
  );
  for (const key of ["constructor", "__proto__", "toString"]) {
    await assertRejectsWithCode(services.call(who, key, "get", []), "service-denied", /declare/);
  }
  await assert.rejects(services.call(who, 1 as never, "get", []), TypeError);
});

Deno.test("PluginContext.call() passes on what a method threw, without host paths", async () => {
  await using services = new PluginContext();
  services.provide("files", {
    read: () => Deno.readTextFile("/nonexistent/host/folder/x"),
    denied: () => {
      throw new SallyportError("limit-exceeded", "Too many");
    },
  }, { access: { read: "read", denied: "read" } });
  const who = caller("p", { request: { files: "read" } });
  const error = await assertRejectsWithCode(
    services.call(who, "files", "read", []),
    "plugin-error",
    /^Service "files" failed in "read": /,
  );
  assert.doesNotMatch(JSON.stringify(error), /nonexistent/);
  await assertRejectsWithCode(
    services.call(who, "files", "denied", []),
    "limit-exceeded",
    /Too many/,
  );
});

Deno.test("PluginContext makes an object for each plugin where asked, and disposes of it on release", async () => {
  await using services = new PluginContext();
  const log: string[] = [];
  services.provide("session", ({ plugin }) => ({
    name: () => plugin,
    [Symbol.asyncDispose]: () => Promise.resolve(void log.push(`gone ${plugin}`)),
  }), { access: { name: "read" } });
  const request = { session: "read" } as const;
  assert.equal(await services.call(caller("a", { request }), "session", "name", []), "a");
  assert.equal(await services.call(caller("b", { request }), "session", "name", []), "b");
  await services.release("a");
  await services.release("a");
  assert.deepEqual(log, ["gone a"]);
  assert.deepEqual(services.describe().find(({ key }) => key === "session"), {
    key: "session",
    builtIn: false,
  });
});

Deno.test("PluginContext.call() ends when the caller cancels or the plugin is unloaded", async () => {
  await using services = new PluginContext();
  const never = () => new Promise(() => {});
  services.provide("slow", { wait: never }, { access: { wait: "read" } });
  const unloaded = new AbortController();
  const who = caller("p", { request: { slow: "read" }, signal: unloaded.signal });
  const call = new AbortController();
  const first = services.call(who, "slow", "wait", [], { signal: call.signal });
  const second = services.call(who, "slow", "wait", []);
  call.abort();
  await assertRejectsWithCode(first, "cancelled", /"wait" of service "slow"/);
  unloaded.abort();
  await assertRejectsWithCode(second, "cancelled");
  await assertRejectsWithCode(services.call(who, "slow", "wait", []), "cancelled");
});

Deno.test("PluginContext.provide() refuses taken keys and bad ones; remove() frees a key", async () => {
  await using services = withInventory();
  assert.deepEqual(services.keys(), ["config", "inventory", "log"]);
  assert.throws(() => services.provide("inventory", { a() {} }), /the key is taken/);
  assert.throws(() => services.provide("log", { a() {} }), TypeError);
  for (const key of ["", "Upper", "a b", "__proto__"]) {
    assert.throws(() => services.provide(key, { a() {} }), TypeError, key);
  }
  assert.equal(services.remove("inventory"), true);
  assert.equal(services.remove("inventory"), false);
  const first = services.provide("inventory", { a() {} });
  services.remove("inventory");
  services.provide("inventory", { b: () => 2 });
  first[Symbol.dispose]();
  assert.deepEqual(services.keys(), ["config", "inventory", "log"], "the newer one stays");
  assertThrowsWithCode(
    () => services.provideDatabase("shared", { file: "x", tables: { t: "read" } }),
    "bad-config",
    /no folder/,
  );
  for (const databaseTimeoutMs of [0, NaN, Infinity, 2 ** 31, "5" as unknown as number]) {
    assert.throws(
      () => new PluginContext({ databaseTimeoutMs }),
      /more than 0 and at most 2147483647/,
    );
  }
});

Deno.test("PluginContext.describe() says which access each method needs", async () => {
  await using services = withInventory();
  assert.deepEqual(services.describe()[1], {
    key: "inventory",
    builtIn: false,
    description: "what is in stock",
    methods: { get: "read", set: "readwrite" },
  });
  assert.equal(services.describe()[0]?.builtIn, true);
});
