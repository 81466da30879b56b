import assert from "node:assert/strict";
import { until } from "../../helpers/process.ts";
import { assertViolation, connectRaw } from "../raw_peer.ts";

const log = '{"jsonrpc":"2.0","method":"log","params":{}}\n';

Deno.test("Connection lets other work run between a peer's messages, and charges the time of those", async () => {
  const work = (ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  const { connection, peer } = connectRaw({
    onRequest: () => work(2),
    onNotification: () => work(2),
  });
  await using _ = connection;
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const asked = Array.from(
    { length: 64 },
    (_, index) => `{"jsonrpc":"2.0","id":${index + 1},"method":"context/call"}\n${log}`,
  );
  peer.send(asked.join(""));
  for (let id = 1; id <= 64; id++) assert.equal((await peer.next()).id, id);
  clearInterval(timer);
  // 256 ms of work in one chunk, at a few milliseconds a time
  assert.ok(turns >= 20, `a timer had ${turns} turns`);
  const { hostMs } = connection.stats;
  assert.ok(hostMs >= 250, `${hostMs} ms were charged`);
});

Deno.test("Connection reads a peer later that has had its share of this thread", async () => {
  const work = () => {
    const end = performance.now() + 10;
    while (performance.now() < end);
  };
  const elapsed: number[] = [];
  for (const maxHostMsPerSecond of [Infinity, 50]) {
    const { connection, peer } = connectRaw({ onRequest: work, maxHostMsPerSecond });
    await using _ = connection;
    const began = performance.now();
    for (let id = 1; id <= 25; id++) peer.send({ jsonrpc: "2.0", id, method: "context/call" });
    for (let id = 1; id <= 25; id++) assert.equal((await peer.next()).id, id);
    elapsed.push(performance.now() - began);
    assert.equal(connection.stats.hostHeldMs > 0, maxHostMsPerSecond !== Infinity);
  }
  // 250 ms of work are 50 more than what may come at once, and are paid for a twentieth a time
  assert.ok(elapsed[1]! > 600, `all were served within ${elapsed[1]} ms`);
});

Deno.test("Connection takes a flood for one although it reads the peer slowly", async () => {
  const work = () => {
    const end = performance.now() + 2;
    while (performance.now() < end);
  };
  const { connection, peer } = connectRaw({
    onNotification: work,
    maxHostMsPerSecond: 20,
    maxNotificationsPerSecond: 10,
  });
  // 4 a second: what the share leaves of them is no more than the rate allows
  peer.send(log.repeat(200));
  await assertViolation(connection, /more than 10 notifications a second/);
});

Deno.test("Connection charges no peer for what it was asked for", async () => {
  const { connection, peer } = connectRaw();
  await using _ = connection;
  const calls = Array.from({ length: 50 }, () => connection.request("test", {}));
  const text = "x".repeat(20_000);
  for (let n = 0; n < 50; n++) {
    peer.send({ jsonrpc: "2.0", id: (await peer.next()).id, result: text });
  }
  await Promise.all(calls);
  assert.equal(connection.stats.hostMs, 0);
});

Deno.test("Connection begins a request when one of too many handlers has ended", async () => {
  const ends: (() => void)[] = [];
  const { connection, peer } = connectRaw({
    maxRunning: 4,
    onRequest: () => new Promise<void>((resolve) => ends.push(resolve)),
  });
  await using _ = connection;
  for (let id = 1; id <= 10; id++) peer.send({ jsonrpc: "2.0", id, method: "context/call" });
  await until(() => connection.stats.serving === 10, "all requests");
  assert.equal(ends.length, 4);
  for (let id = 1; id <= 10; id++) {
    await until(() => ends.length >= id, "the next handler");
    ends[id - 1]!();
    assert.equal((await peer.next()).id, id);
  }
});
