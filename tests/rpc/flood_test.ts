import assert from "node:assert/strict";
import { Connection } from "../../src/rpc/connection.ts";
import type { ByteDuplex } from "../../src/rpc/transport/duplex.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { until } from "../helpers/process.ts";
import { assertViolation, connectPair, connectRaw } from "./raw_peer.ts";

const log = '{"jsonrpc":"2.0","method":"log","params":{}}\n';

Deno.test("Connection closes on a flood of notifications and takes a burst within the allowance", async () => {
  let taken = 0;
  const options = { maxNotificationsPerSecond: 100, onNotification: () => void taken++ };
  const calm = connectRaw(options);
  calm.peer.send(log.repeat(400));
  const answer = calm.connection.request("test", {});
  calm.peer.send({ jsonrpc: "2.0", id: (await calm.peer.next()).id, result: 1 });
  assert.equal(await answer, 1);
  assert.equal(taken, 400);
  await calm.connection[Symbol.asyncDispose]();

  const flood = connectRaw(options);
  flood.peer.send(log.repeat(1_000));
  await assertViolation(flood.connection, /more than 100 notifications a second/);
});

Deno.test("Connection reads a peer later that asks too often, and loses nothing", async () => {
  const { connection, peer } = connectRaw({ maxMessagesPerSecond: 1_000, onRequest: () => 1 });
  await using _ = connection;
  const began = performance.now();
  for (let id = 1; id <= 4_300; id++) peer.send({ jsonrpc: "2.0", id, method: "context/call" });
  for (let id = 1; id <= 4_300; id++) assert.equal((await peer.next()).id, id);
  const elapsed = performance.now() - began;
  assert.ok(elapsed > 250, `4300 requests were answered within ${elapsed} ms`);
});

Deno.test("Connection ends with one that gives back nothing, again and again", async () => {
  const { connection, peer } = connectRaw({ maxMessagesPerSecond: 1_000 });
  peer.send('{"jsonrpc":"2.0","method":"$/free","params":{"at":[]}}\n'.repeat(4_200));
  await assertViolation(connection, /malformed/);
});

Deno.test("Connection reads a flood of cancels for nothing later, too", async () => {
  const { connection, peer } = connectRaw({ maxMessagesPerSecond: 1_000 });
  await using _ = connection;
  peer.send('{"jsonrpc":"2.0","method":"$/cancel","params":{"id":1}}\n'.repeat(4_200));
  const began = performance.now();
  const answer = connection.request("test", {});
  peer.send({ jsonrpc: "2.0", id: (await peer.next()).id, result: 1 });
  assert.equal(await answer, 1);
  assert.ok(performance.now() - began > 150);
});

Deno.test("Connection reads notifications of too many bytes later, and loses nothing", async () => {
  const line = `{"jsonrpc":"2.0","method":"log","params":{"message":"${"x".repeat(1_000)}"}}\n`;
  const elapsed: number[] = [];
  for (const maxNotifiedBytesPerSecond of [Infinity, 100_000]) {
    let taken = 0;
    const { connection, peer } = connectRaw({
      maxNotifiedBytesPerSecond,
      onNotification: () => void taken++,
    });
    await using _ = connection;
    const began = performance.now();
    for (let i = 0; i < 450; i++) peer.send(line);
    const answer = connection.request("test", {});
    peer.send({ jsonrpc: "2.0", id: (await peer.next()).id, result: 1 });
    assert.equal(await answer, 1);
    assert.equal(taken, 450);
    elapsed.push(performance.now() - began);
  }
  // 450 kB are 50 kB more than what may come at once
  assert.ok(elapsed[1]! > 450, `all were read within ${elapsed[1]} ms`);
});

Deno.test("Connection closes when the peer has too many requests in flight", async () => {
  const { connection, peer } = connectRaw({
    maxInFlight: 50,
    onRequest: () => new Promise(() => {}),
  });
  for (let id = 1; id <= 50; id++) peer.send({ jsonrpc: "2.0", id, method: "context/call" });
  const answer = connection.request("test", {});
  peer.send({ jsonrpc: "2.0", id: (await peer.next()).id, result: 1 });
  assert.equal(await answer, 1);
  peer.send({ jsonrpc: "2.0", id: 51, method: "context/call" });
  await assertViolation(connection, /more than 50 requests are in flight/);
});

Deno.test("Connection refuses work of a peer that cancels what it asks while handlers go on", async () => {
  let running = 0;
  const { connection, peer } = connectRaw({
    maxInFlight: 10,
    maxRunning: 20,
    onRequest: () => {
      running++;
      return new Promise(() => {});
    },
  });
  await using _ = connection;
  for (let id = 1; id <= 100; id++) {
    peer.send({ jsonrpc: "2.0", id, method: "context/call" });
    peer.send({ jsonrpc: "2.0", method: "$/cancel", params: { id } });
    await peer.next();
  }
  assert.equal(running, 20);
});

/** A peer that sends and never reads. */
function deafPeer(lines: string): ByteDuplex {
  const chunks = [new TextEncoder().encode(lines)];
  let release: ((chunk: null) => void) | undefined;
  return {
    read: () =>
      chunks.length > 0
        ? Promise.resolve(chunks.shift()!)
        : new Promise((resolve) => release = resolve),
    write: () => new Promise(() => {}),
    close: () => release?.(null),
  };
}

Deno.test("Connection closes when a peer asks for more than it reads, however short the answers", async () => {
  const lines = Array.from(
    { length: 20_000 },
    (_, index) => `{"jsonrpc":"2.0","id":${index + 1},"method":"context/call"}\n`,
  ).join("");
  const connection = new Connection({
    io: deafPeer(lines),
    role: "host",
    maxInFlight: 20_000,
    maxQueuedBytes: 50_000,
    maxMessageBytes: 10_000,
    maxMessagesPerSecond: 1_000_000,
    onRequest: () => Promise.resolve("x".repeat(1_000)),
  });
  await assertViolation(connection, /1098576 bytes wait that the peer does not read/);
});

Deno.test("Connection refuses results that a peer has no room for, and goes on", async () => {
  const ask = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"context/call"}\n`;
  const asked = Array.from({ length: 100 }, (_, index) => ask(index + 1)).join("");
  const later = Promise.withResolvers<Uint8Array>();
  const end = Promise.withResolvers<null>();
  const chunks = [Promise.resolve(new TextEncoder().encode(asked)), later.promise, end.promise];
  const reads = Promise.withResolvers<void>();
  let answers = "";
  const connection = new Connection({
    io: {
      read: () => chunks.shift()!,
      async write(bytes) {
        answers += new TextDecoder().decode(bytes);
        await reads.promise;
      },
      close: () => end.resolve(null),
    },
    role: "host",
    maxQueuedBytes: 50_000,
    maxMessageBytes: 10_000,
    onRequest: () => Promise.resolve("x".repeat(1_000)),
  });
  await using _ = connection;
  await until(
    () => connection.stats.received === 100 && connection.stats.serving === 0,
    "answers to wait",
  );
  reads.resolve();
  const lines = () => answers.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  await until(() => lines().length === 100, "all answers");
  const refused = lines().filter(({ error }) => error !== undefined);
  assert.ok(refused.length >= 45 && refused.length < 60, `${refused.length} were refused`);
  assert.match(refused[0].error.message, /too many other answers wait to be read/);
  later.resolve(new TextEncoder().encode(ask(101)));
  await until(() => lines().length === 101, "the answer");
  assert.equal(lines()[100].result.length, 1_000, "what was read makes room");
});

Deno.test("Connection holds its own calls back from a peer that does not read, up to a limit", async () => {
  const connection = new Connection({
    io: deafPeer(""),
    role: "host",
    highWaterBytes: 25_000,
    maxWaiting: 100,
  });
  const calls = Array.from(
    { length: 130 },
    () => connection.request("test", { a: "x".repeat(1_000) }),
  );
  const outcomes = Promise.allSettled(calls);
  await assertRejectsWithCode(connection.request("test", {}), "limit-exceeded");
  connection.close();
  const codes = (await outcomes).map((outcome) =>
    outcome.status === "rejected" ? outcome.reason.code : ""
  );
  assert.deepEqual(new Set(codes), new Set(["cancelled", "limit-exceeded"]));
});

/** A peer that says its lines at once, and reads only what it is told to. */
function slowReader(lines: readonly object[]): ByteDuplex & { readOne(): Promise<void> } {
  const { read, close } = deafPeer(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const writes: (() => void)[] = [];
  return {
    read,
    close,
    write: () => new Promise((resolve) => writes.push(resolve)),
    async readOne() {
      await until(() => writes.length > 0, "something is written");
      writes.shift()!();
    },
  };
}

Deno.test("Connection begins no request of the host while too much waits for it", async () => {
  const lines = [1, 2, 3, 4, 5].map((id) => ({ jsonrpc: "2.0", id, method: "test" }));
  const cancel = { jsonrpc: "2.0", method: "$/cancel", params: { id: 4 } };
  const io = slowReader([...lines, cancel]);
  const begun: number[] = [];
  await using connection = new Connection({
    io,
    role: "plugin",
    methods: ["test"],
    highWaterBytes: 1_500,
    onRequest: (_method, _params, { id }) => {
      begun.push(id);
      return "x".repeat(1_000);
    },
  });
  await until(() => connection.stats.received === 6, "all is received");
  assert.deepEqual(begun, [1, 2]);
  await io.readOne(); // both answers
  await until(() => begun.length === 4, "the next two are begun");
  assert.deepEqual(begun, [1, 2, 3, 5], "one that was given up meanwhile is not begun");
  assert.equal(connection.stats.serving, 0);
});

Deno.test("Connection begins requests of the host although its own wait for room all the time", async () => {
  await using pair = connectPair({
    highWaterBytes: 10_000,
    onRequest: async (_method, params) => {
      if ("stop" in (params as object)) return isOver = true;
      // more than there is room for, again and again
      const tell = async () => {
        while (!isOver) await pair.plugin.request("context/call", { text: "x".repeat(20_000) });
      };
      await Promise.all(Array.from({ length: 200 }, tell));
      return told;
    },
  }, { onRequest: () => new Promise((resolve) => setTimeout(() => resolve(told++))) });
  let isOver = false;
  let told = 0;
  const telling = pair.host.request("test", { tell: 1 });
  telling.catch(() => {}); // looked at below
  await until(() => told > 10, "the plugin asks");
  assert.equal(await pair.host.request("test", { stop: 1 }), true);
  assert.ok(await telling as number > 10);
});

Deno.test("Connection takes no item of a stream while too much waits for its peer", async () => {
  const params = { _meta: { stream: 100 } };
  const io = slowReader([{ jsonrpc: "2.0", id: 1, method: "test", params }]);
  let taken = 0;
  const connection = new Connection({
    io,
    role: "plugin",
    methods: ["test"],
    highWaterBytes: 2_500,
    async *onRequest() {
      while (++taken <= 10) yield new Uint8Array(1_000);
      await Promise.resolve();
    },
  });
  await until(() => taken === 3, "as many as there is room for are taken");
  await io.readOne();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(taken, 3, "a line was read, the items were not");
  for (let i = 0; i < 5; i++) await io.readOne();
  await until(() => taken === 6, "as many again");
  connection.close();
  await connection.closed;
  assert.equal(taken, 6);
});

Deno.test("Connection bounds the bytes of calls that wait, and lets go of those that were given up", async () => {
  const connection = new Connection({
    io: deafPeer(""),
    role: "host",
    maxInFlight: 1,
    maxWaitingBytes: 10_000,
  });
  const ends: Promise<unknown>[] = [];
  const send = (bytes: number, signal?: AbortSignal) => {
    const call = connection.request("test", { a: new Uint8Array(bytes) }, { signal });
    ends.push(call.catch(() => {}));
    return call;
  };
  void send(10);
  const controller = new AbortController();
  const large = send(20_000, controller.signal); // the only one that waits
  await assertRejectsWithCode(send(10), "limit-exceeded");
  controller.abort();
  await assertRejectsWithCode(large, "cancelled");
  for (let i = 0; i < 9; i++) void send(1_000);
  await assertRejectsWithCode(send(1_000), "limit-exceeded");
  connection.close();
  await Promise.all(ends);
});

Deno.test("Connection closes when a message is not whole in time, and not while whole ones come", async () => {
  const { connection, peer } = connectRaw({ lineTimeoutMs: 1_000 });
  const began = performance.now();
  const half = '{"jsonrpc":"2.0","method":"log","params":{"a":"';
  peer.send(half);
  for (let i = 0; i < 8; i++) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    // A line ends and the next one begins in one chunk: each has its own deadline
    peer.send(`"}}\n${half}`);
  }
  assert.equal(connection.isClosed, false);
  await assertViolation(connection, /not whole after 1000 ms/);
  assert.ok(performance.now() - began >= 2_000);
});

Deno.test("Connection closes on announced bytes that do not come in time", async () => {
  const { connection, peer } = connectRaw({ lineTimeoutMs: 30 });
  peer.send('{"jsonrpc":"2.0","method":"log","params":{"a":{"$bin":0}},"$bin":[1000]}\n');
  await assertViolation(connection, /not whole after 30 ms/);
});

Deno.test("Connection leaves progress out where a handler reports too often, and is not cut off", async () => {
  await using pair = connectPair({
    onRequest: (_method, _params, call) => {
      for (let i = 0; i < 100_000; i++) call.progress(i);
      return "done";
    },
  });
  let seen = 0;
  assert.equal(await pair.host.request("test", {}, { onProgress: () => void seen++ }), "done");
  assert.ok(seen > 100 && seen < 100_000, `${seen} reports`);
});
