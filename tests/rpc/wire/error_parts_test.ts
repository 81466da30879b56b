import assert from "node:assert/strict";
import { causeOf, readErrorParts } from "../../../src/rpc/wire/error_parts.ts";
import { fromWireError, toWireError } from "../../../src/rpc/wire/wire_error.ts";

const wire = (details: unknown) => ({
  code: 1,
  message: "m",
  data: { code: "plugin-error", details },
});

Deno.test("fromWireError() believes nothing of an error's parts: neither shape, nor size, nor depth", () => {
  const cyclic: Record<string, unknown> = { name: "A", message: "a" };
  cyclic.cause = cyclic;
  const huge = "\u202e".repeat(1e6);
  const hostile: unknown[] = [
    cyclic,
    { cause: 5, errors: "x" },
    { cause: [], errors: {} },
    { cause: { name: 5, message: {}, stack: [] } },
    { cause: { name: huge, message: huge, stack: `${huge}\n${huge}` } },
    { errors: Array(1e5).fill({ message: huge, errors: Array(1e3).fill({ cause: cyclic }) }) },
    JSON.parse('{"cause":{"__proto__":{"message":"polluted"},"constructor":1}}'),
    null,
    5,
  ];
  for (const details of hostile) {
    const error = fromWireError(wire(details), "host", "");
    assert.equal(error.code, "plugin-error");
    const text = JSON.stringify(error);
    assert.ok(text.length < 400_000, `${text.length}`);
    assert.match(text, /^[\x20-\x7e…]*$/);
    assert.equal(({} as { message?: string }).message, undefined);
    let depth = 0;
    for (let at: unknown = error; at instanceof Error; at = at.cause) depth++;
    assert.ok(depth <= 5);
  }
});

Deno.test("an error's parts become errors with the peer's stacks alone", () => {
  const parts = readErrorParts({
    cause: {
      name: "TypeError",
      message: "no",
      stack: "at a (./main.js:1:2)\nat b (./main.js:3:4)",
    },
  });
  const error = causeOf(parts, "outer")!;
  assert.equal(`${error}`, "TypeError: no");
  assert.equal(
    error.stack,
    "TypeError: no\n    at a (./main.js:1:2)\n    at b (./main.js:3:4)",
  );
  assert.equal(causeOf(readErrorParts({}), "outer"), undefined);
});

Deno.test("nothing of what a host threw goes to a plugin: no message, stack, cause or path", () => {
  const cause = new Error("/home/app/secret.ts");
  const errors = [new TypeError("/home/app/other.ts")];
  for (
    const error of [new Error("/home/app", { cause }), new AggregateError(errors, "/home/app")]
  ) {
    const text = JSON.stringify(toWireError(error, "host"));
    assert.doesNotMatch(text, /home|stack|cause|errors/);
  }
});
