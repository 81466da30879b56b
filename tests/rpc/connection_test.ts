import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { SallyportError } from "../../src/errors.ts";
import { Connection } from "../../src/rpc/connection.ts";
import type { IncomingCall } from "../../src/rpc/calls/options.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { memoryPipe } from "../helpers/memory_pipe.ts";
import { assertViolation, connectPair, connectRaw } from "./raw_peer.ts";

const result = (id: number, value: unknown = null) => ({ jsonrpc: "2.0", id, result: value });

Deno.test("Connection answers a request with what the handler returns, promised or not", async () => {
  await using pair = connectPair({
    onRequest: (_method, params) => {
      const { later, value } = params as { later: boolean; value: unknown };
      return later ? Promise.resolve(value) : value;
    },
  });
  for (const value of [1, "x", null, [1, { a: "ö" }], false]) {
    assert.deepEqual(await pair.host.request("test", { later: true, value }), value);
    assert.deepEqual(await pair.host.request("test", { later: false, value }), value);
  }
  assert.equal(await pair.host.request("test", { later: false }), null);
  assert.equal(pair.host.stats.inFlight, 0);
});

Deno.test("Connection carries any JSON value with byte arrays in it, under any chunking", async () => {
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      // neither key crosses the wire: one is dropped, the other is the protocol's own
      fc.jsonValue({ maxDepth: 2 }).filter((value) =>
        !/"(?:__proto__|\$bin)":/.test(JSON.stringify(value))
      ),
      fc.uint8Array({ maxLength: 200 }),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.string().filter((key) => key !== "__proto__" && key !== "$bin"),
        tie("value"),
        { maxKeys: 4 },
      ),
    ),
  })).value;
  const expected = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return { bytes: value.toHex() };
    if (Array.isArray(value)) return value.map(expected);
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, child]) => [key, expected(child)]),
      );
    }
    return Object.is(value, -0) ? 0 : value;
  };
  await fc.assert(
    fc.asyncProperty(values, fc.integer({ min: 1, max: 64 }), async (value, size) => {
      const split = (bytes: Uint8Array) => {
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
        return chunks;
      };
      const [left, right] = memoryPipe({ split });
      await using host = new Connection({ io: left, role: "host" });
      await using _plugin = new Connection({
        io: right,
        role: "plugin",
        methods: ["test"],
        onRequest: (_method, params) => (params as { value: unknown }).value,
      });
      assert.deepEqual(expected(await host.request("test", { value })), expected(value));
    }),
    { numRuns: 200 },
  );
});

Deno.test("Connection sends byte arrays raw behind the line and copies them first", async () => {
  const { connection, peer } = connectRaw();
  await using _ = connection;
  const bytes = new Uint8Array([1, 10, 255]);
  const answer = connection.request("test", { list: [bytes], other: new Uint8Array(0) });
  bytes.fill(9);
  assert.deepEqual(await peer.next(), {
    jsonrpc: "2.0",
    id: 1,
    method: "test",
    params: { list: [{ $bin: 0 }], other: { $bin: 1 } },
    $bin: [3, 0],
  });
  peer.send('{"jsonrpc":"2.0","id":1,"result":{"$bin":0},"$bin":[2]}\n');
  peer.send(new Uint8Array([10, 10]));
  assert.deepEqual(await answer, new Uint8Array([10, 10]));
});

Deno.test("Connection takes $bin for plain data in a message without byte arrays", async () => {
  await using pair = connectPair({ onRequest: (_method, params) => params });
  assert.deepEqual(await pair.host.request("test", { a: { $bin: 7 } }), { a: { $bin: 7 } });
});

Deno.test("Connection refuses to send what would arrive as something else", async () => {
  await using pair = connectPair({ onRequest: (_method, params) => params });
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  let deep: unknown = 1;
  for (let i = 0; i < 200; i++) deep = [deep];
  const wrong = [
    { bytes: new Uint8Array(1), own: { $bin: 0 } },
    { floats: new Float64Array(2) },
    { buffer: new ArrayBuffer(2) },
    cyclic,
    { deep },
    { big: 1n },
    { many: Array.from({ length: 1_025 }, () => new Uint8Array(1)) },
  ];
  for (const params of wrong) {
    await assert.rejects(pair.host.request("test", params), TypeError);
  }
  assert.equal(pair.host.stats.inFlight, 0);
  assert.deepEqual(await pair.host.request("test", { fine: true }), { fine: true });
});

for (
  const [what, line, raw] of [
    ["a marker out of range", '{"jsonrpc":"2.0","id":1,"result":[{"$bin":1}],"$bin":[1]}', 1],
    [
      "a repeated marker",
      '{"jsonrpc":"2.0","id":1,"result":[{"$bin":0},{"$bin":0}],"$bin":[1]}',
      1,
    ],
    ["a marker with company", '{"jsonrpc":"2.0","id":1,"result":{"$bin":0,"x":1},"$bin":[1]}', 1],
    ["a marker that is no number", '{"jsonrpc":"2.0","id":1,"result":{"$bin":"0"},"$bin":[1]}', 1],
    ["bytes without a marker", '{"jsonrpc":"2.0","id":1,"result":1,"$bin":[1]}', 1],
  ] as const
) {
  Deno.test(`Connection closes on ${what}`, async () => {
    const { connection, peer } = connectRaw();
    const answer = connection.request("test", {});
    await peer.next();
    peer.send(`${line}\n`);
    peer.send(new Uint8Array(raw));
    await assertRejectsWithCode(answer, "protocol-violation");
    await assertViolation(connection, /\$bin/);
  });
}

Deno.test("Connection sends byte arrays as they were when they were given to it, a Buffer too", async () => {
  await using pair = connectPair({ maxInFlight: 1, onRequest: (_method, params) => params }, {
    maxInFlight: 1,
  });
  const given = [new Uint8Array(100_000), Buffer.alloc(100_000), new Uint8Array(10)];
  for (const bytes of given) {
    const calls: Promise<unknown>[] = [];
    // the first is written later in this turn, the others wait for it
    for (let i = 1; i <= 3; i++) calls.push(pair.host.request("test", { bytes: bytes.fill(i) }));
    bytes.fill(9);
    const echoed = await Promise.all(calls) as { bytes: Uint8Array }[];
    assert.deepEqual(echoed.map((one) => [one.bytes[0], one.bytes.at(-1)]), [[1, 1], [2, 2], [
      3,
      3,
    ]]);
    assert.equal(bytes.at(-1), 9, "they stay the caller's");
  }
});

Deno.test("Connection carries errors with their codes to the plugin and without trust to the host", async () => {
  const thrown = new SallyportError("service-denied", "Cannot use kv", {
    hint: "Ask for it",
    details: { key: "kv" },
  });
  const pair = connectPair({
    onRequest: (_method, params) => {
      throw (params as { own: boolean }).own ? thrown : new RangeError("too \u001b[31m far\n");
    },
  }, {
    methods: ["test"],
    onRequest: (_method, params) => {
      throw (params as { own: boolean }).own ? thrown : new Error("/secret/path is missing");
    },
  });
  await using _ = pair;
  const denied = await assertRejectsWithCode(
    pair.plugin.request("test", { own: true }),
    "service-denied",
  );
  assert.deepEqual([denied.message, denied.hint, denied.details], ["Cannot use kv", "Ask for it", {
    key: "kv",
  }]);
  const hidden = await assertRejectsWithCode(
    pair.plugin.request("test", { own: false }),
    "plugin-error",
  );
  assert.doesNotMatch(JSON.stringify(hidden), /secret/);
  const remote = await assertRejectsWithCode(
    pair.host.request("test", { own: true }),
    "plugin-error",
  );
  assert.equal(remote.hint, undefined);
  const label = { label: 'Method "far"' };
  const labelled = await assertRejectsWithCode(
    pair.host.request("test", { own: false }, label),
    "plugin-error",
  );
  assert.equal(labelled.message, 'Method "far" failed: too \\u001b[31m far\\n');
  assert.equal(labelled.details.name, "RangeError");
});

Deno.test("Connection maps the numeric codes of the peer", async () => {
  const { connection, peer } = connectRaw();
  await using _ = connection;
  for (
    const [code, expected] of [[-32601, "method-not-found"], [-32800, "cancelled"], [
      -32603,
      "plugin-error",
    ]] as const
  ) {
    const answer = connection.request("test", {});
    const { id } = await peer.next();
    peer.send({ jsonrpc: "2.0", id, error: { code, message: "no", data: { code: "untrusted" } } });
    await assertRejectsWithCode(answer, expected);
  }
});

Deno.test("Connection answers an unknown method on the plugin's side and closes on the host's", async () => {
  await using pair = connectPair({});
  await assertRejectsWithCode(pair.host.request("unknown", {}), "method-not-found");
  const violated = [
    [{ jsonrpc: "2.0", id: 1, method: "plugin/call" }, /may not request "plugin\/call"/],
    [{ jsonrpc: "2.0", id: 1, method: "log" }, /may not request "log"/],
    [{ jsonrpc: "2.0", method: "context/call" }, /may not notify "context\/call"/],
    [{ jsonrpc: "2.0", method: "$/unknown" }, /may not notify "\$\/unknown"/],
  ] as const;
  for (const [message, pattern] of violated) {
    const { connection, peer } = connectRaw();
    peer.send(message);
    await assertViolation(connection, pattern);
  }
});

Deno.test("Connection rejects a timed-out call at once and accounts for its late answer", async () => {
  const { connection, peer } = connectRaw();
  await using _ = connection;
  const answer = connection.request("test", {}, { timeoutMs: 20 });
  assert.equal((await peer.next()).id, 1);
  const error = await assertRejectsWithCode(answer, "timeout", /"test".*20 ms/);
  assert.equal(error.details.local, true);
  assert.deepEqual([connection.stats.inFlight, connection.stats.unanswered], [0, 1]);
  assert.deepEqual(await peer.next(), { jsonrpc: "2.0", method: "$/cancel", params: { id: 1 } });
  peer.send(result(1, "late"));
  const next = connection.request("test", {});
  assert.equal((await peer.next()).id, 2);
  peer.send(result(2, "fine"));
  assert.equal(await next, "fine");
  assert.equal(connection.stats.unanswered, 0);
});

Deno.test("Connection takes the late answer to a cancelled call once, not twice", async () => {
  const { connection, peer } = connectRaw();
  const controller = new AbortController();
  const answer = connection.request("test", {}, { signal: controller.signal });
  await peer.next();
  controller.abort(new Error("changed my mind"));
  const error = await assertRejectsWithCode(answer, "cancelled");
  assert.equal((error.cause as Error).message, "changed my mind");
  await peer.next();
  peer.send(result(1));
  peer.send(result(1));
  await assertViolation(connection, /answer came to request 1, which was already answered/);
});

Deno.test("Connection sends nothing for a signal that was aborted before", async () => {
  const { connection } = connectRaw();
  await using _ = connection;
  await assertRejectsWithCode(
    connection.request("test", {}, { signal: AbortSignal.abort() }),
    "cancelled",
  );
  assert.equal(connection.stats.sent, 0);
});

Deno.test("Connection closes when the peer never answers a cancelled call", async () => {
  const { connection, peer } = connectRaw({ cancelGraceMs: 30 });
  const controller = new AbortController();
  const given = connection.request("test", {}, { signal: controller.signal });
  const other = connection.request("test", {});
  await peer.next();
  controller.abort();
  await assertRejectsWithCode(given, "cancelled");
  await assertRejectsWithCode(other, "timeout", /did not answer it within 30 ms/);
  assert.equal((await connection.closed)?.code, "timeout");
  assert.deepEqual([connection.stats.inFlight, connection.stats.unanswered], [0, 0]);
});

Deno.test("Connection answers a cancelled request at once and drops what its handler returns later", async () => {
  const gate = Promise.withResolvers<string>();
  const seen = Promise.withResolvers<IncomingCall>();
  const { connection, peer } = connectRaw({
    methods: ["test", "other"],
    onRequest: (method, _params, call) => {
      if (method === "other") return "other";
      seen.resolve(call);
      return gate.promise;
    },
  });
  await using _ = connection;
  peer.send({ jsonrpc: "2.0", id: 5, method: "test" });
  const { signal } = await seen.promise;
  peer.send({ jsonrpc: "2.0", method: "$/cancel", params: { id: 5 } });
  assert.equal((await peer.next()).error.code, -32800);
  assert.equal(signal.aborted, true);
  assert.equal(connection.stats.serving, 0);
  gate.resolve("late");
  await gate.promise;
  // The id is free again, and a cancel for what is long over is no mistake
  peer.send({ jsonrpc: "2.0", method: "$/cancel", params: { id: 5 } });
  peer.send({ jsonrpc: "2.0", id: 5, method: "other" });
  assert.deepEqual(await peer.next(), result(5, "other"));
});

const UNASKED: [string, object, RegExp][] = [
  ["an answer to an id that was never sent", result(7), /request 7, which was never sent/],
  ["an error for an id that was never sent", {
    jsonrpc: "2.0",
    id: 7,
    error: { code: 1, message: "" },
  }, /was never sent/],
  ["progress that was not asked for", {
    jsonrpc: "2.0",
    method: "$/progress",
    params: { id: 1, value: 1 },
  }, /did not ask/],
  ["progress for an id that was never sent", {
    jsonrpc: "2.0",
    method: "$/progress",
    params: { id: 9, value: 1 },
  }, /was never sent/],
  ["stream items that were not asked for", {
    jsonrpc: "2.0",
    method: "$/stream",
    params: { id: 1, items: [1] },
  }, /not a stream/],
  ["credit for an id that was never sent", {
    jsonrpc: "2.0",
    method: "$/credit",
    params: { id: 3, n: 1 },
  }, /never sent/],
  [
    "credit that is no number",
    { jsonrpc: "2.0", method: "$/credit", params: { id: 1, n: -1 } },
    /malformed/,
  ],
  ["a cancel without an id", { jsonrpc: "2.0", method: "$/cancel", params: {} }, /malformed/],
  [
    "a cancel with more than an id",
    { jsonrpc: "2.0", method: "$/cancel", params: { id: 1, x: 1 } },
    /malformed/,
  ],
  [
    "a stream without items",
    { jsonrpc: "2.0", method: "$/stream", params: { id: 1, items: [] } },
    /malformed/,
  ],
  ["meta that is no object", {
    jsonrpc: "2.0",
    id: 1,
    method: "context/call",
    params: { _meta: 1 },
  }, /_meta/],
  ["a stream credit that is no number", {
    jsonrpc: "2.0",
    id: 1,
    method: "context/call",
    params: { _meta: { stream: "x" } },
  }, /_meta\.stream/],
];

for (const [what, message, pattern] of UNASKED) {
  Deno.test(`Connection closes on ${what} and settles its calls`, async () => {
    const { connection, peer } = connectRaw();
    const answer = connection.request("test", {});
    await peer.next();
    peer.send(message);
    await assertRejectsWithCode(answer, "protocol-violation", pattern);
    await assertViolation(connection, pattern);
    await assertRejectsWithCode(connection.request("test", {}), "protocol-violation");
  });
}

Deno.test("Connection closes on a request whose id is still in flight", async () => {
  const { connection, peer } = connectRaw({ onRequest: () => new Promise(() => {}) });
  peer.send({ jsonrpc: "2.0", id: 1, method: "context/call" });
  peer.send({ jsonrpc: "2.0", id: 1, method: "context/call" });
  await assertViolation(connection, /request 1 came again/);
});

Deno.test("Connection reports progress in order only to the caller that asked for it", async () => {
  await using pair = connectPair({
    onRequest: (_method, _params, call) => {
      for (let i = 0; i < 3; i++) call.progress({ i });
      return "done";
    },
  });
  const seen: unknown[] = [];
  await pair.host.request("test", { a: 1 }, { onProgress: (value) => seen.push(value) });
  assert.deepEqual(seen, [{ i: 0 }, { i: 1 }, { i: 2 }]);
  const { sent } = pair.plugin.stats;
  assert.equal(await pair.host.request("test", {}), "done");
  assert.equal(pair.plugin.stats.sent, sent + 1);
});

Deno.test("Connection hands meta to the handler beside the params", async () => {
  await using pair = connectPair({ onRequest: (_method, _params, call) => call.meta });
  const meta = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
  assert.deepEqual(await pair.host.request("test", { a: 1 }, { meta }), meta);
  await assert.rejects(pair.host.request("test", [1], { meta }), TypeError);
});

Deno.test("Connection keeps calls over its window waiting, and loses none", async () => {
  await using pair = connectPair({ onRequest: (_method, params) => params, maxInFlight: 10 }, {
    maxInFlight: 10,
    maxWaiting: 1_000,
  });
  const calls = Array.from({ length: 1_010 }, (_, index) => pair.host.request("test", { index }));
  const extra = pair.host.request("test", {});
  await assertRejectsWithCode(extra, "limit-exceeded", /1000 others wait/);
  const answers = await Promise.all(calls);
  assert.deepEqual(answers, answers.map((_, index) => ({ index })));
});

Deno.test("Connection cancels a waiting call without sending it", async () => {
  const { connection, peer } = connectRaw({ maxInFlight: 1 });
  await using _ = connection;
  const first = connection.request("test", { n: 1 });
  const controller = new AbortController();
  const second = connection.request("test", { n: 2 }, { signal: controller.signal });
  const late = connection.request("test", { n: 3 }, { timeoutMs: 10 });
  const fourth = connection.request("test", { n: 4 });
  controller.abort();
  await assertRejectsWithCode(second, "cancelled");
  await assertRejectsWithCode(late, "timeout");
  assert.equal((await peer.next()).params.n, 1);
  peer.send(result(1, "one"));
  assert.equal(await first, "one");
  const next = await peer.next();
  assert.deepEqual([next.id, next.params.n], [2, 4]);
  peer.send(result(2, "four"));
  assert.equal(await fourth, "four");
});

Deno.test("Connection refuses a message over the cap on both sides", async () => {
  await using pair = connectPair({ onRequest: () => "x".repeat(2_000), maxMessageBytes: 1_000 }, {
    maxMessageBytes: 1_000,
  });
  await assertRejectsWithCode(
    pair.host.request("test", { a: "x".repeat(1_000) }),
    "limit-exceeded",
  );
  await assertRejectsWithCode(pair.host.request("test", { a: "€".repeat(330) }), "limit-exceeded");
  await assertRejectsWithCode(
    pair.host.request("test", { a: new Uint8Array(1_001) }),
    "limit-exceeded",
  );
  await assertRejectsWithCode(pair.host.request("test", {}), "plugin-error", /1000 bytes/);
  assert.equal(pair.host.stats.inFlight, 0);
  pair.host.setLimits(10_000);
  pair.plugin.setLimits(10_000);
  assert.equal(await pair.host.request("test", { a: "x".repeat(1_000) }), "x".repeat(2_000));
});

Deno.test("Connection settles everything when it is closed", async () => {
  const { connection, peer } = connectRaw({
    maxInFlight: 2,
    onRequest: () => new Promise(() => {}),
  });
  const calls = [1, 2, 3].map(() => connection.request("test", {}, { timeoutMs: 60_000 }));
  const item = connection.stream("test", {}).next();
  await peer.next();
  const reason = new SallyportError("crashed", "It is gone");
  connection.close(reason);
  for (const call of [...calls, item]) assert.equal(await call.catch((error) => error), reason);
  assert.equal(await connection.closed, reason);
  assert.equal(connection.isClosed, true);
  connection.close();
  connection.notify("test", {});
});

Deno.test("Connection ends cleanly with the peer, and calls fail with the reason of its end", async () => {
  const reason = new SallyportError("crashed", "Exit code 7");
  const aborted = Promise.withResolvers<void>();
  const { connection, peer } = connectRaw({
    onEnd: () => Promise.resolve(reason),
    onRequest: (_method, _params, call) => {
      call.signal.addEventListener("abort", () => aborted.resolve());
      return new Promise(() => {});
    },
  });
  const call = connection.request("test", {});
  peer.send({ jsonrpc: "2.0", id: 1, method: "context/call" });
  await peer.next();
  await peer.end();
  assert.equal(await call.catch((error) => error), reason);
  assert.equal(await connection.closed, undefined);
  await aborted.promise;
});

Deno.test("Connection distinguishes an end in the middle of a message from a clean one", async () => {
  const { connection, peer } = connectRaw();
  const call = connection.request("test", {});
  peer.send('{"jsonrpc"');
  await peer.end();
  await assertRejectsWithCode(call, "protocol-violation", /middle of a message/);
  await assertViolation(connection, /middle of a message/);
});

Deno.test("Connection reports a handler of notifications that fails", async () => {
  const { connection, peer } = connectRaw({
    onNotification: () => {
      throw new Error("broken");
    },
  });
  peer.send({ jsonrpc: "2.0", method: "log", params: {} });
  const reason = await connection.closed;
  assert.equal(reason?.code, "bad-state");
  assert.equal((reason?.cause as Error).message, "broken");
});

Deno.test("Connection refuses options and requests that make no sense", async () => {
  const [io] = memoryPipe();
  assert.throws(() => new Connection({ io, role: "host", maxInFlight: 0 }), RangeError);
  const { connection } = connectRaw();
  await using _ = connection;
  for (const timeoutMs of [0, -1, NaN]) {
    await assert.rejects(connection.request("test", {}, { timeoutMs }), RangeError);
  }
  assert.throws(() => connection.setLimits(0), RangeError);
});

Deno.test("what a handler returns for a stream may fail at any step: it costs that call, and no other", async () => {
  const fail = () => {
    throw new Error("the application's mistake");
  };
  const nothing = Object.create(null);
  const iterables: Record<string, unknown> = {
    "no iterator": Object.defineProperty({}, Symbol.asyncIterator, { get: fail }),
    "an iterator that throws": { [Symbol.asyncIterator]: fail },
    "a step that throws": { [Symbol.asyncIterator]: () => ({ next: fail }) },
    "a step that rejects": {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(nothing), return: fail }),
    },
    "an item that refuses": (async function* () {
      yield { toJSON: fail };
    })(),
  };
  const { connection, peer } = connectRaw({
    onRequest: async (_method, params) =>
      await { value: iterables[(params as { of: string }).of] }.value,
  });
  let id = 0;
  for (const of of Object.keys(iterables)) {
    peer.send({
      jsonrpc: "2.0",
      id: ++id,
      method: "context/call",
      params: { of, _meta: { stream: 8 } },
    });
    const answer = await peer.next();
    assert.equal(answer.id, id, of);
    assert.deepEqual(answer.error, { code: -32603, message: "The host failed to answer" }, of);
  }
  assert.equal(connection.isClosed, false);
  connection.close();
});
