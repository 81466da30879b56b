import assert from "node:assert/strict";
import type { ByteDuplex } from "../../../src/rpc/transport/duplex.ts";
import { socketDuplex } from "../../../src/rpc/transport/duplex.ts";
import { tempDir } from "../../helpers/signing.ts";
import { assertViolation, connectPair, connectRaw } from "../raw_peer.ts";

const LANE = { jsonrpc: "2.0", method: "$/lane" };

/** A connected pair of Unix sockets, as host and plugin have. */
async function socketPair(): Promise<{ mine: ByteDuplex; theirs: ByteDuplex } & AsyncDisposable> {
  const dir = await tempDir();
  const path = dir.join("lane");
  const listener = Deno.listen({ transport: "unix", path });
  const [theirs, mine] = await Promise.all([
    Deno.connect({ transport: "unix", path }),
    listener.accept(),
  ]);
  listener.close();
  return {
    mine: socketDuplex(mine),
    theirs: socketDuplex(theirs),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

Deno.test("Connection moves to a lane under load: every call is answered once, and in order", async () => {
  await using sockets = await socketPair();
  const order: number[] = [];
  const answers: number[] = [];
  await using pair = connectPair({
    onRequest: (_method, params) => {
      const { i } = params as { i: number };
      order.push(i);
      return i;
    },
  }, { onLane: () => Promise.resolve(sockets.mine) });
  const calls: Promise<void>[] = [];
  for (let i = 0; i < 3_000; i++) {
    calls.push(
      pair.host.request("test", { i }).then((value) => {
        answers.push(value as number);
      }),
    );
    if (i === 1_000) pair.plugin.moveTo(sockets.theirs);
    if (i % 100 === 0) await Promise.resolve();
    if (i % 500 === 0) await pair.host.request("test", { i: -1 });
  }
  await Promise.all(calls);
  const expected = Array.from({ length: 3_000 }, (_, i) => i);
  assert.deepEqual(order.filter((i) => i >= 0), expected);
  assert.deepEqual(answers, expected);
});

Deno.test("Connection carries values larger than a socket holds, both ways at once", async () => {
  await using sockets = await socketPair();
  await using pair = connectPair({ onRequest: (_method, params) => params }, {
    onLane: () => Promise.resolve(sockets.mine),
  });
  pair.plugin.moveTo(sockets.theirs);
  const bytes = new Uint8Array(3 * 1024 * 1024).map((_, i) => i * 7);
  const values = [{ bytes }, ["ö".repeat(1024 * 1024)], { more: [bytes, bytes] }, { last: 1 }];
  const given = await Promise.all(values.map((value) => pair.host.request("test", value)));
  assert.deepEqual(given, values);
});

Deno.test("Connection refuses a peer that moves where it was not offered", async () => {
  const { connection, peer } = connectRaw();
  peer.send(LANE);
  await assertViolation(connection, /was not offered/);
});

Deno.test("Connection refuses what comes behind the last message on a pipe, at once or later", async () => {
  for (const later of [false, true]) {
    for (const more of ["x", `${JSON.stringify({ jsonrpc: "2.0", id: 1, result: 1 })}\n`]) {
      await using sockets = await socketPair();
      const { connection, peer } = connectRaw({ onLane: () => Promise.resolve(sockets.mine) });
      if (later) {
        peer.send(LANE);
        assert.deepEqual(await peer.next(), LANE); // it has followed
        peer.send(more);
      } else peer.send(`${JSON.stringify(LANE)}\n${more}`);
      await assertViolation(connection, /moved away from/);
      await sockets.theirs.close();
    }
  }
});

Deno.test("Connection refuses a second move", async () => {
  await using sockets = await socketPair();
  const { connection, peer } = connectRaw({ onLane: () => Promise.resolve(sockets.mine) });
  peer.send(LANE);
  assert.deepEqual(await peer.next(), LANE);
  await sockets.theirs.write(new TextEncoder().encode(`${JSON.stringify(LANE)}\n`));
  await assertViolation(connection, /moved twice/);
  await sockets.theirs.close();
});

Deno.test("Connection ends with the reason for which there is no lane", async () => {
  const reason = new Error("no such lane");
  const { connection, peer } = connectRaw({ onLane: () => Promise.reject(reason) });
  const call = connection.request("test", {});
  peer.send(LANE);
  await assert.rejects(call, { code: "crashed" });
  assert.equal((await connection.closed)?.cause, reason);
});

Deno.test("Connection is over soon after the pipe that it moved away from is closed", async () => {
  await using sockets = await socketPair();
  const { connection, peer } = connectRaw({ onLane: () => Promise.resolve(sockets.mine) });
  const call = connection.request("test", {});
  call.catch(() => {});
  peer.send(LANE);
  await peer.next();
  await peer.end();
  await assert.rejects(call, { code: "crashed" });
  assert.equal((await connection.closed)?.code, "crashed");
  await sockets.theirs.close();
});

Deno.test("Connection that is closed while its lane is opened closes the lane, too", async () => {
  await using sockets = await socketPair();
  const opened = Promise.withResolvers<ByteDuplex>();
  const asked = Promise.withResolvers<void>();
  const { connection, peer } = connectRaw({
    onLane: () => {
      asked.resolve();
      return opened.promise;
    },
  });
  peer.send(LANE);
  await asked.promise;
  connection.close();
  await connection.closed;
  opened.resolve(sockets.mine);
  assert.equal(await sockets.theirs.read(), null);
  await sockets.theirs.close();
});
