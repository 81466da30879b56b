import assert from "node:assert/strict";
import { type DependencyNode, orderDependencies } from "../../../src/host/admission/load_order.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";

type Graph = Record<string, DependencyNode>;

function node(version: string, dependencies: Record<string, string> = {}): DependencyNode {
  return { version, dependencies };
}

function order(name: string, graph: Graph): string[] {
  return orderDependencies(
    name,
    (wanted) => Object.hasOwn(graph, wanted) ? graph[wanted] : undefined,
  );
}

Deno.test("orderDependencies() gives a plugin without dependencies alone", () => {
  assert.deepEqual(order("a", { a: node("1.0.0") }), ["a"]);
});

Deno.test("orderDependencies() puts each after what it needs, once, by name where it may choose", () => {
  const graph = {
    app: node("1.0.0", { zeta: "^1", alpha: "^1" }),
    alpha: node("1.2.0", { base: ">=2" }),
    zeta: node("1.0.3", { base: "^2.1", alpha: "1.x" }),
    base: node("2.1.0"),
  };
  assert.deepEqual(order("app", graph), ["base", "alpha", "zeta", "app"]);
});

Deno.test("orderDependencies() names the cycle, and only the cycle", () => {
  const graph = {
    a: node("1.0.0", { b: "*" }),
    b: node("1.0.0", { c: "*" }),
    c: node("1.0.0", { b: "*" }),
  };
  const error = assertThrowsWithCode(
    () => order("a", graph),
    "bad-state",
    /^Cannot load plugin "a": dependency cycle "b" → "c" → "b"$/,
  );
  assert.deepEqual(error.details.cycle, ["b", "c", "b"]);
  assertThrowsWithCode(() => order("s", { s: node("1.0.0", { s: "*" }) }), "bad-state", /cycle/);
});

Deno.test("orderDependencies() names what is missing and who needs it", () => {
  const graph = { a: node("1.0.0", { b: "^1" }), b: node("1.0.0", { ghost: ">=3 <4" }) };
  const error = assertThrowsWithCode(
    () => order("a", graph),
    "bad-state",
    /"b" depends on "ghost" >=3 <4, which is not registered/,
  );
  assert.equal(error.details.missing, "ghost");
  assert.match(error.hint ?? "", /ghost/);
});

Deno.test("orderDependencies() names the version that does not fit", () => {
  const graph = { a: node("1.0.0", { b: "^2.0.0" }), b: node("1.9.9") };
  assertThrowsWithCode(
    () => order("a", graph),
    "bad-state",
    /"a" depends on "b" \^2\.0\.0, but version 1\.9\.9 is registered/,
  );
});

Deno.test("orderDependencies() survives a chain as long as a folder may hold bundles", () => {
  const graph: Graph = {};
  for (let i = 0; i < 10_000; i++) graph[`p${i}`] = node("1.0.0", { [`p${i + 1}`]: "*" });
  graph.p10000 = node("1.0.0");
  const names = order("p0", graph);
  assert.equal(names.length, 10_001);
  assert.equal(names[0], "p10000");
});

Deno.test("orderDependencies() is not led astray by names that every object has", () => {
  const graph = { a: node("1.0.0", { constructor: "*" }) };
  assertThrowsWithCode(() => order("a", graph), "bad-state", /"constructor"/);
});
