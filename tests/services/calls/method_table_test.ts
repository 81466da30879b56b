import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../src/bundle/manifest/limits.ts";
import { methodTable } from "../../../src/services/calls/method_table.ts";

class Base {
  inherited() {
    return "inherited";
  }
  shadowed() {
    return "base";
  }
}

class Store extends Base {
  value = 3;
  own = () => this.value;
  get secret() {
    throw new Error("a getter was called");
  }
  read() {
    return this.value;
  }
  override shadowed() {
    return "store";
  }
  _private() {}
  then() {}
  toJSON() {}
}

const signal = new AbortController().signal;
const call = {
  caller: {
    plugin: "p",
    version: "1.0.0",
    requested: [],
    context: new Map(),
    limits: DEFAULT_LIMITS,
    signal,
  },
  signal,
};

Deno.test("methodTable() has the methods of an object and its classes, and nothing of the language", () => {
  const table = methodTable("store", new Store(), { read: "read" });
  assert.deepEqual([...table.keys()].sort(), ["inherited", "own", "read", "shadowed"]);
  assert.equal(table.get("read")?.access, "read");
  assert.equal(table.get("own")?.access, "readwrite", "what is not named needs readwrite");
  assert.equal(table.get("read")?.call([], call), 3);
  assert.equal(table.get("shadowed")?.call([], call), "store");
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "then", "value"]) {
    assert.equal(table.get(name), undefined, name);
  }
});

Deno.test("methodTable() is closed: what is added to the object later is not there", () => {
  const object: Record<string, unknown> = { get: () => 1 };
  const table = methodTable("s", object, {});
  object.late = () => 2;
  object.get = () => 3;
  assert.deepEqual([...table.keys()], ["get"]);
  assert.equal(table.get("get")?.call([], call), 1);
});

Deno.test("methodTable() refuses what is no service", () => {
  assert.throws(() => methodTable("s", {}, {}), { name: "TypeError", message: /no method/ });
  assert.throws(() => methodTable("s", null as never, {}), /not an object/);
  assert.throws(() => methodTable("s", { get() {} }, { got: "read" }), /no method "got"/);
  assert.throws(() => methodTable("s", { get() {} }, { get: "write" as never }), /"read" or/);
});
