import assert from "node:assert/strict";
import { SallyportError } from "../../../src/errors.ts";
import { redactPaths, serviceError } from "../../../src/services/calls/service_error.ts";

Deno.test("redactPaths() takes out host paths and leaves other text", () => {
  const cases: [text: string, expected: string][] = [
    ["open '/home/u/my files/x.db'", "open '<path>'"],
    ["no such file (/home/u/x.db)", "no such file (<path>)"],
    ["at file:///srv/app/main.ts:3:4", "at <path>"],
    ["path=/srv/app/x", "path=<path>"],
    ["C:\\Users\\me\\x.db is locked", "<path> is locked"],
    ["and/or, 1/2, GET https://example.com/a/b", "and/or, 1/2, GET https://example.com/a/b"],
    ["a ratio of 3 / 4", "a ratio of 3 / 4"],
  ];
  for (const [text, expected] of cases) {
    assert.equal(redactPaths(text), expected);
  }
});

Deno.test("serviceError() keeps code, message and hint, and drops stack and paths", () => {
  const call = { key: "inventory", method: "get", hostMade: false };
  const own = serviceError(
    call,
    new SallyportError("limit-exceeded", "Full: '/srv/data/x'", {
      hint: "Look at /srv/data/x",
      details: { max: 3 },
    }),
  );
  assert.equal(own.code, "limit-exceeded");
  assert.equal(own.message, "Full: '<path>'");
  assert.equal(own.hint, "Look at <path>");
  assert.deepEqual(own.details, { max: 3, service: "inventory", method: "get" });
  const other = serviceError(call, new RangeError("no\u001b[31m item"));
  assert.equal(other.code, "plugin-error");
  assert.equal(other.message, 'Service "inventory" failed in "get": no\\u001b[31m item');
  assert.equal(other.details.name, "RangeError");
  assert.equal(JSON.stringify(other).includes("stack"), false);
  assert.equal(serviceError(call, "text").message, 'Service "inventory" failed in "get": text');
  const object = serviceError(call, { status: 500, headers: { authorization: "secret" } });
  assert.match(object.message, /failed in "get": it threw an object that is no error$/);
  assert.doesNotMatch(JSON.stringify(object), /secret|500/);
});

Deno.test("serviceError() takes out of the details of other errors what is the host's", () => {
  const thrown = new SallyportError("launch-failed", "no", {
    details: {
      stderrTail: "at file:///srv/app/x.ts",
      stack: "at x",
      path: "/srv/app/x",
      nested: [{ dir: "/srv/app/y", max: 3 }],
    },
    cause: new Error("/srv/app/z"),
  });
  const call = { key: "inventory", method: "get", hostMade: false };
  const { details } = serviceError(call, thrown);
  const nested = [{ dir: "<path>", max: 3 }];
  assert.deepEqual(details, { path: "<path>", nested, service: "inventory", method: "get" });
  // the control: our own services say nothing but what the plugin wrote
  const own = new SallyportError("plugin-error", "no", { details: { statement: "'/srv/app/x'" } });
  assert.equal(serviceError({ ...call, hostMade: true }, own).details.statement, "'/srv/app/x'");
});

Deno.test("serviceError() leaves a plugin's own words in errors of our own services", () => {
  const error = new SallyportError("plugin-error", 'near "/a/b": syntax error');
  const call = { key: "database", method: "query" };
  assert.match(serviceError({ ...call, hostMade: true }, error).message, /"\/a\/b"/);
  assert.match(serviceError({ ...call, hostMade: false }, error).message, /"<path>"/);
});
