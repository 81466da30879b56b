import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { assertViolation, connectPair, connectRaw } from "../raw_peer.ts";

async function* numbers(count: number): AsyncGenerator<number, string> {
  for (let i = 0; i < count; i++) yield i;
  return "end";
}

const items = (id: number, list: unknown[]) => ({
  jsonrpc: "2.0",
  method: "$/stream",
  params: { id, items: list },
});

Deno.test("Connection.stream() yields every item in order and the result at the end", async () => {
  await using pair = connectPair({
    onRequest: (_method, params) => numbers((params as { count: number }).count),
  });
  for (const count of [0, 1, 7, 8, 9, 5_000]) {
    const stream = pair.host.stream("test", { count });
    const seen: unknown[] = [];
    let step = await stream.next();
    for (; !step.done; step = await stream.next()) seen.push(step.value);
    assert.deepEqual(seen, Array.from({ length: count }, (_, i) => i));
    assert.equal(step.value, "end");
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
  }
  assert.equal(pair.host.stats.inFlight, 0);
});

Deno.test("Connection.stream() yields items to several waiting next() calls in order", async () => {
  await using pair = connectPair({ onRequest: () => numbers(3) });
  const stream = pair.host.stream("test", {});
  const steps = await Promise.all([1, 2, 3, 4, 5].map(() => stream.next()));
  assert.deepEqual(steps.map((step) => step.value), [0, 1, 2, "end", undefined]);
});

Deno.test("Connection.stream() carries byte arrays, and copies are the plugin's own affair", async () => {
  await using pair = connectPair({
    async *onRequest() {
      const buffer = new Uint8Array(3);
      for (let i = 0; i < 5; i++) yield buffer.fill(i);
      yield { mixed: [buffer.subarray(0, 1)] };
      await Promise.resolve();
    },
  });
  const seen = await Array.fromAsync(pair.host.stream("test", {}));
  assert.deepEqual(seen.slice(0, 5), [0, 1, 2, 3, 4].map((i) => new Uint8Array(3).fill(i)));
  assert.deepEqual(seen[5], { mixed: [new Uint8Array([4])] });
});

Deno.test("Connection.stream() sends nothing before the first next()", async () => {
  const { connection } = connectRaw();
  await using _ = connection;
  const stream = connection.stream("test", {});
  assert.equal(connection.stats.sent, 0);
  assert.deepEqual(await stream.return(undefined), { done: true, value: undefined });
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  assert.equal(connection.stats.sent, 0);
});

Deno.test("Connection.stream() lets a producer run no further ahead than its credit", async () => {
  let produced = 0;
  await using pair = connectPair({
    async *onRequest() {
      for (;;) yield produced++;
    },
  });
  const stream = pair.host.stream("test", {});
  assert.equal((await stream.next()).value, 0);
  // Whatever is under way has settled after a few exchanges
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.ok(produced < 40, `${produced} items were made for one that was taken`);
  for (let i = 1; i < 1_000; i++) assert.equal((await stream.next()).value, i);
  assert.ok(produced < 1_600, `${produced} items were made`);
  await stream.return(undefined);
});

Deno.test("Connection.stream() that is left early cancels the call and ends the generator", async () => {
  const ended = Promise.withResolvers<void>();
  await using pair = connectPair({
    async *onRequest() {
      try {
        for (let i = 0;; i++) yield i;
      } finally {
        ended.resolve();
      }
    },
  });
  for await (const item of pair.host.stream("test", {})) {
    if (item === 3) break;
  }
  await ended.promise;
  while (pair.host.stats.unanswered > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(pair.plugin.stats.serving, 0);
});

Deno.test("Connection.stream() is cancelled by its signal, in the middle of a wait too", async () => {
  await using pair = connectPair({
    async *onRequest(_method: string, _params: unknown, call) {
      yield 1;
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    },
  });
  const controller = new AbortController();
  const stream = pair.host.stream("test", {}, { signal: controller.signal });
  assert.equal((await stream.next()).value, 1);
  const next = stream.next();
  controller.abort();
  await assertRejectsWithCode(next, "cancelled");
  assert.equal((await stream.next()).done, true);
});

Deno.test("Connection.stream() fails when no item comes in time, not when none is asked for", async () => {
  await using pair = connectPair({
    async *onRequest() {
      yield* [1, 2];
      await new Promise(() => {});
    },
  });
  const stream = pair.host.stream("test", {}, { timeoutMs: 60 });
  assert.equal((await stream.next()).value, 1);
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.equal((await stream.next()).value, 2);
  await assertRejectsWithCode(stream.next(), "timeout", /no item within 60 ms/);
});

Deno.test("Connection.stream() yields the items before an error, then the error", async () => {
  await using pair = connectPair({
    async *onRequest() {
      yield* [1, 2];
      await Promise.resolve();
      throw new Error("no more");
    },
  });
  const seen: unknown[] = [];
  await assertRejectsWithCode(
    async () => {
      for await (const item of pair.host.stream("test", {})) seen.push(item);
    },
    "plugin-error",
    /no more/,
  );
  assert.deepEqual(seen, [1, 2]);
});

Deno.test("Connection.stream() fails on an item that cannot be sent", async () => {
  await using pair = connectPair({
    async *onRequest() {
      yield 1;
      yield 2n;
    },
  });
  await assertRejectsWithCode(
    Array.fromAsync(pair.host.stream("test", {})),
    "plugin-error",
    /BigInt/,
  );
});

Deno.test("Connection.stream() closes on more items than were allowed", async () => {
  const { connection, peer } = connectRaw();
  const next = connection.stream("test", {}).next();
  const { id, params } = await peer.next();
  const credit = params._meta.stream as number;
  assert.ok(credit > 0);
  peer.send(items(id, Array(credit).fill(0)));
  assert.equal((await next).value, 0);
  peer.send(items(id, Array(1_000).fill(0)));
  await assertViolation(connection, /1000 stream items came where \d+ were allowed/);
});

Deno.test("Connection.stream() counts credit for a stream that was left, and refuses items after its end", async () => {
  for (const answerFirst of [false, true]) {
    const { connection, peer } = connectRaw();
    const stream = connection.stream("test", {});
    const next = stream.next();
    const { id } = await peer.next();
    peer.send(items(id, [1]));
    await next;
    await stream.return(undefined);
    if (answerFirst) peer.send({ jsonrpc: "2.0", id, result: null });
    peer.send(items(id, Array(answerFirst ? 1 : 1_000).fill(0)));
    await assertViolation(connection, answerFirst ? /not a stream in flight/ : /were allowed/);
  }
});

Deno.test("Connection.stream() fails, alone, when too many bytes wait", async () => {
  const { connection, peer } = connectRaw({ maxQueuedBytes: 10_000 });
  await using _ = connection;
  const stream = connection.stream("test", {});
  const next = stream.next();
  const { id } = await peer.next();
  peer.send(items(id, ["a", ...Array(3).fill("x".repeat(6_000))]));
  assert.equal((await next).value, "a");
  await assertRejectsWithCode(stream.next(), "limit-exceeded", /10000 bytes/);
  while ((await peer.next()).method !== "$/cancel");
  peer.send({ jsonrpc: "2.0", id, error: { code: -32800, message: "" } });
  const other = connection.request("test", {});
  peer.send({ jsonrpc: "2.0", id: (await peer.next()).id, result: 1 });
  assert.equal(await other, 1);
});

Deno.test("Connection grants less credit where items are large", async () => {
  const { connection, peer } = connectRaw();
  await using _ = connection;
  const stream = connection.stream("test", {});
  let next = stream.next();
  const { id, params } = await peer.next();
  let outstanding = params._meta.stream as number;
  let most = 0;
  const credits = (async () => {
    for (let message; (message = await peer.next()) !== undefined;) {
      if (message.method !== "$/credit") continue;
      outstanding += message.params.n;
      most = Math.max(most, outstanding);
    }
  })();
  for (let i = 0; i < 30; i++) {
    // What was granted for the item before has arrived
    while (outstanding === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    outstanding--;
    peer.send(items(id, ["x".repeat(1024 * 1024)]));
    await next;
    next = stream.next();
  }
  next.catch(() => {});
  connection.close();
  await credits;
  assert.ok(most > 0 && most <= 4, `${most} items of 1 MiB were allowed at once`);
});
