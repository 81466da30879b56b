import assert from "node:assert/strict";
import type { Connection } from "../../../src/rpc/connection.ts";
import { sharedFile } from "../../../src/rpc/transport/shared_file.ts";
import { SHARED_MIN_BYTES } from "../../../src/rpc/transport/shared_values.ts";
import { tempDir } from "../../helpers/signing.ts";
import { assertViolation, connectPair, connectRaw, type RawPeer } from "../raw_peer.ts";

const KIB = 1024;
const SIZE = 300 * KIB;
const FILE = 1024 * KIB;

function bytesOf(length: number, seed = 1): Uint8Array {
  return new Uint8Array(length).map((_, i) => i * 31 + (i >> 8) + seed);
}

/** Two files without names; each has an end that writes and an end that reads. */
async function makeFiles(bytes = FILE) {
  const dir = await tempDir();
  const open = (name: string) => {
    const path = dir.join(name);
    const writes = Deno.openSync(path, { createNew: true, write: true });
    return { path, writes, reads: Deno.openSync(path, { read: true }) };
  };
  const [down, up] = [open("down"), open("up")];
  return {
    down,
    up,
    bytes,
    /** Returns one end its files. */
    give(connection: Connection, role: "host" | "plugin") {
      const [mine, theirs] = role === "host" ? [down, up] : [up, down];
      connection.shared.readFrom(sharedFile(theirs.reads, bytes));
      connection.shared.writeTo(sharedFile(mine.writes, bytes));
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

/** Plays the plugin by hand, beside a host's end with files. */
async function withRaw(
  run: (given: {
    connection: Connection;
    peer: RawPeer;
    files: Awaited<ReturnType<typeof makeFiles>>;
  }) => Promise<void>,
): Promise<void> {
  await using files = await makeFiles();
  const { connection, peer } = connectRaw({ methods: ["test"], onRequest: () => 1 });
  files.give(connection, "host");
  try {
    await run({ connection, peer, files });
  } finally {
    connection.close();
    await connection.closed;
    for (const file of [files.down.reads, files.up.writes]) file.close();
  }
}

/** A request with one byte array, which is announced as is asked for. */
function withBin(id: number, ...bin: unknown[]): object {
  const params = { parts: bin.map((_, i) => ({ $bin: i })) };
  return { jsonrpc: "2.0", id, method: "test", params, $bin: bin };
}

Deno.test("large values travel in the files both ways, and every region is returned", async () => {
  await using files = await makeFiles();
  await using pair = connectPair({ onRequest: (_method, params) => params });
  files.give(pair.host, "host");
  files.give(pair.plugin, "plugin");
  const value = {
    large: bytesOf(SIZE),
    small: bytesOf(9),
    more: [bytesOf(SHARED_MIN_BYTES, 2), bytesOf(SHARED_MIN_BYTES - 1, 3)],
    text: "ö€😀".repeat(60 * KIB),
    none: new Uint8Array(0),
  };
  // more rounds than would have room if anything were kept
  for (let round = 0; round < 20; round++) {
    assert.deepEqual(await pair.host.request("test", value), value);
  }
  const given = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((seed) => pair.host.request("test", { at: bytesOf(SIZE, seed) })),
  );
  assert.deepEqual(given, [1, 2, 3, 4, 5, 6].map((seed) => ({ at: bytesOf(SIZE, seed) })));
  const { size } = await Deno.stat(files.down.path);
  assert.ok(size >= SIZE && size <= FILE, `${size} bytes are in the file`);
  assert.ok(pair.host.stats.bytesSent > 20 * SIZE);
  assert.ok(pair.host.stats.bytesReceived > 20 * SIZE);
});

Deno.test("a caller may change its bytes as soon as it has sent them", async () => {
  await using files = await makeFiles();
  await using pair = connectPair({ onRequest: (_method, params) => params });
  files.give(pair.host, "host");
  files.give(pair.plugin, "plugin");
  const bytes = bytesOf(SIZE);
  const answer = pair.host.request("test", { bytes });
  bytes.fill(0);
  assert.deepEqual(await answer, { bytes: bytesOf(SIZE) });
});

Deno.test("items of a stream and notifications travel in the files, too", async () => {
  await using files = await makeFiles();
  const noted = Promise.withResolvers<unknown>();
  await using pair = connectPair({
    async *onRequest() {
      for (let seed = 0; seed < 12; seed++) {
        await Promise.resolve();
        yield bytesOf(SIZE, seed);
      }
    },
    methods: ["test", "note"],
    onNotification: (_method, params) => noted.resolve(params),
  });
  files.give(pair.host, "host");
  files.give(pair.plugin, "plugin");
  let seed = 0;
  for await (const item of pair.host.stream("test", {})) {
    assert.deepEqual(item, bytesOf(SIZE, seed++));
  }
  assert.equal(seed, 12);
  pair.host.notify("note", { bytes: bytesOf(SIZE) });
  assert.deepEqual(await noted.promise, { bytes: bytesOf(SIZE) });
  assert.ok((await Deno.stat(files.up.path)).size > 0);
});

Deno.test("where there is no room in a file, values travel behind their line", async () => {
  await using files = await makeFiles();
  await using pair = connectPair({ onRequest: (_method, params) => params });
  files.give(pair.host, "host");
  files.give(pair.plugin, "plugin");
  const value = { large: bytesOf(FILE + 1), parts: [1, 2, 3, 4, 5].map((i) => bytesOf(SIZE, i)) };
  assert.deepEqual(await pair.host.request("test", value), value);
  const { size } = await Deno.stat(files.down.path);
  assert.ok(size > 0 && size <= FILE);
});

Deno.test("a message that is too long leaves nothing lent", async () => {
  await using files = await makeFiles();
  await using pair = connectPair({ onRequest: (_method, params) => params }, {
    maxMessageBytes: 512 * KIB,
  });
  files.give(pair.host, "host");
  files.give(pair.plugin, "plugin");
  const digits = Array.from({ length: 200_000 }, () => 1_000);
  for (let round = 0; round < 8; round++) {
    // its line is too long, and only after its bytes were placed
    await assert.rejects(pair.host.request("test", { bytes: bytesOf(SIZE), digits }), {
      code: "limit-exceeded",
    });
    await assert.rejects(pair.host.request("test", { bytes: bytesOf(600 * KIB) }), {
      code: "limit-exceeded",
    });
  }
  assert.deepEqual(await pair.host.request("test", { b: bytesOf(SIZE) }), { b: bytesOf(SIZE) });
  const { size } = await Deno.stat(files.down.path);
  assert.equal(size, SIZE, "every try had the same place");
});

Deno.test("a host reads a region once and returns it", () =>
  withRaw(async ({ peer, files }) => {
    files.up.writes.writeSync(bytesOf(SIZE));
    peer.send(withBin(1, [SIZE, 0], 3));
    peer.send(new Uint8Array([1, 2, 3]));
    assert.deepEqual(await peer.next(), {
      jsonrpc: "2.0",
      method: "$/free",
      params: { at: [0] },
    });
    assert.deepEqual(await peer.next(), { jsonrpc: "2.0", id: 1, result: 1 });
  }));

const BAD_PLACES: readonly [what: string, bin: unknown[], why: RegExp][] = [
  ["ends behind the file", [[SIZE, FILE - SIZE + 1]], /outside of the shared file/],
  ["begins behind the file", [[1, FILE]], /outside of the shared file/],
  ["begins before the file", [[SIZE, -1]], /not a length/],
  ["begins between two bytes", [[SIZE, 0.5]], /not a length/],
  ["begins nowhere", [[SIZE, null]], /not a length/],
  ["has no place", [[SIZE]], /not a length/],
  ["has too much", [[SIZE, 0, 0]], /not a length/],
  ["is empty", [[0, 0]], /not a length/],
  ["has a negative length", [[-1, 0]], /not a length/],
  ["is longer than a message", [[2 ** 40, 0]], /announces more than/],
  ["overlaps another", [[SIZE, 0], [SIZE, SIZE - 1]], /overlap/],
  ["is another", [[SIZE, 0], [SIZE, 0]], /overlap/],
  ["is not in the file", [[SIZE, SIZE]], /no such bytes/],
];

for (const [what, bin, why] of BAD_PLACES) {
  Deno.test(`a host refuses a region that ${what}`, () =>
    withRaw(async ({ connection, peer, files }) => {
      files.up.writes.writeSync(bytesOf(SIZE + 10));
      peer.send(withBin(1, ...bin));
      await assertViolation(connection, why);
    }));
}

Deno.test("a host refuses a region of a file that was made shorter", () =>
  withRaw(async ({ connection, peer, files }) => {
    files.up.writes.writeSync(bytesOf(SIZE));
    peer.send(withBin(1, [SIZE, 0]));
    assert.equal((await peer.next()).method, "$/free");
    assert.equal((await peer.next()).id, 1);
    files.up.writes.truncateSync(SIZE - 1);
    peer.send(withBin(2, [SIZE, 0]));
    await assertViolation(connection, /no such bytes/);
  }));

Deno.test("a host refuses a peer that uses regions again and again without waiting", () =>
  withRaw(async ({ connection, peer, files }) => {
    files.up.writes.writeSync(bytesOf(SIZE));
    // a host that has little of its processor takes few of them in one turn
    const ids = Array.from({ length: 64 }, (_, index) => index + 1);
    const lines = ids.map((id) => `${JSON.stringify(withBin(id, [SIZE, 0]))}\n`);
    peer.send(lines.join(""));
    await assertViolation(connection, /used again before it was returned/);
  }));

Deno.test("a host refuses regions where it has no file", async () => {
  const { connection, peer } = connectRaw({ methods: ["test"], onRequest: () => 1 });
  peer.send(withBin(1, [SIZE, 0]));
  await assertViolation(connection, /shared file that there is not/);
});

const BAD_FREES: readonly [what: string, params: unknown, why: RegExp][] = [
  ["that was not lent", { at: [4_096] }, /not lent/],
  ["twice", { at: [0, 0] }, /not lent/],
  ["by a text", { at: ["0"] }, /not lent/],
  ["by no number", { at: [null] }, /not lent/],
  ["without a list", { at: 0 }, /malformed/],
  ["that is none, which would cost its sender nothing", { at: [] }, /malformed/],
  ["with more than that", { at: [0], more: 1 }, /malformed/],
  ["without saying which", {}, /malformed/],
];

for (const [what, params, why] of BAD_FREES) {
  Deno.test(`a host refuses to take back a region ${what}`, () =>
    withRaw(async ({ connection, peer }) => {
      const call = connection.request("test", { bytes: bytesOf(SIZE) });
      call.catch(() => {});
      const { $bin } = await peer.next();
      assert.deepEqual($bin, [[SIZE, 0]]);
      peer.send({ jsonrpc: "2.0", method: "$/free", params });
      await assertViolation(connection, why);
    }));
}

Deno.test("a host refuses to take back what it never shared", async () => {
  const { connection, peer } = connectRaw();
  peer.send({ jsonrpc: "2.0", method: "$/free", params: { at: [0] } });
  await assertViolation(connection, /not lent/);
});

Deno.test("a peer that returns no region gets later values behind their lines", () =>
  withRaw(async ({ connection, peer }) => {
    const calls = [1, 2, 3].map(() => connection.request("test", { bytes: bytesOf(SIZE) }));
    for (let i = 0; i < 3; i++) {
      const { id, $bin } = await peer.next();
      assert.equal($bin[0].length, 2);
      peer.send({ jsonrpc: "2.0", id, result: i });
    }
    assert.deepEqual(await Promise.all(calls), [0, 1, 2]);
    const last = connection.request("test", { bytes: new Uint8Array(SIZE).fill(10) });
    const { id, $bin } = await peer.next();
    assert.deepEqual($bin, [SIZE]);
    peer.send({ jsonrpc: "2.0", id, result: "last" });
    assert.equal(await last, "last");
  }));

Deno.test("an end whose file cannot be written goes on without it", async () => {
  await using files = await makeFiles();
  await using pair = connectPair({ onRequest: (_method, params) => params });
  // open for reading only: every write fails
  const broken = Deno.openSync(files.down.path, { read: true });
  pair.host.shared.readFrom(sharedFile(files.up.reads, FILE));
  pair.host.shared.writeTo(sharedFile(broken, FILE));
  pair.plugin.shared.readFrom(sharedFile(files.down.reads, FILE));
  pair.plugin.shared.writeTo(sharedFile(files.up.writes, FILE));
  assert.ok(pair.host.shared.isWriting);
  const value = { bytes: bytesOf(SIZE) };
  assert.deepEqual(await pair.host.request("test", value), value);
  assert.ok(!pair.host.shared.isWriting);
  assert.deepEqual(await pair.host.request("test", value), value);
  files.down.writes.close();
});

Deno.test("a connection that is closed closes its files, those that come later as well", async () => {
  await using files = await makeFiles();
  const { connection } = connectRaw();
  connection.shared.readFrom(sharedFile(files.up.reads, FILE));
  connection.close();
  await connection.closed;
  connection.shared.writeTo(sharedFile(files.down.writes, FILE));
  assert.ok(!connection.shared.isWriting);
  assert.throws(() => files.up.reads.statSync(), Deno.errors.BadResource);
  assert.throws(() => files.down.writes.statSync(), Deno.errors.BadResource);
  for (const file of [files.down.reads, files.up.writes]) file.close();
});
