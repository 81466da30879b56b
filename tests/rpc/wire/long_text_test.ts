import assert from "node:assert/strict";
import { encodeValue, insertBytes } from "../../../src/rpc/wire/binary.ts";
import { assertViolation, connectPair, connectRaw } from "../raw_peer.ts";

const LONG = 40_000;

/** What a value is after its way through JSON and bytes. */
function travel(value: unknown): unknown {
  const { text, raw } = encodeValue(value, "null");
  return raw === undefined ? JSON.parse(text) : insertBytes(JSON.parse(text), raw);
}

Deno.test("encodeValue() sends long texts as bytes, and they arrive as they were", () => {
  const texts = ["x".repeat(LONG), "ö😀".repeat(LONG), `\ufeff"\\\u0000\n${"y".repeat(LONG)}`];
  for (const text of texts) {
    const { text: line, raw } = encodeValue({ text }, "null");
    assert.equal(line, '{"text":{"$bin":0,"as":"text"}}');
    assert.deepEqual(raw!.map((part) => [...part]), [[...new TextEncoder().encode(text)]]);
    assert.equal((travel({ text }) as { text: string }).text, text);
  }
  const mixed = { a: [texts[0], new Uint8Array([1, 2])], b: texts[1], c: "short" };
  assert.deepEqual(travel(mixed), mixed);
  assert.equal(travel(texts[0]), texts[0]);
});

Deno.test("encodeValue() leaves in JSON what bytes cannot carry, and what would be ambiguous", () => {
  const half = `\ud800${"x".repeat(LONG)}`;
  assert.equal(encodeValue({ half }, "null").raw, undefined);
  assert.equal((travel({ half }) as { half: string }).half, half);
  const members = { own: { $bin: 0, as: "text" }, long: "x".repeat(LONG) };
  assert.equal(encodeValue(members, "null").raw, undefined);
  assert.deepEqual(travel(members), members);
  // beside bytes there is no other way to send it
  assert.throws(() => encodeValue({ ...members, bytes: new Uint8Array(1) }, "null"), TypeError);
});

Deno.test("encodeValue() sends so many texts as bytes that arrays of bytes still have room", () => {
  const texts = Array.from({ length: 300 }, (_, i) => String(i).padEnd(LONG, "."));
  const { raw } = encodeValue(texts, "null");
  assert.equal(raw!.length, 256);
  assert.deepEqual(travel(texts), texts);
});

Deno.test("Connection carries long texts both ways, in streams too", async () => {
  await using pair = connectPair({
    onRequest: (_method, params, call) =>
      call.streaming
        ? (async function* () {
          yield* await Promise.resolve((params as { texts: string[] }).texts);
        })()
        : params,
  });
  const texts = ["a".repeat(LONG), "ß".repeat(3 * LONG), "b"];
  assert.deepEqual(await pair.host.request("test", { texts }), { texts });
  assert.deepEqual(await Array.fromAsync(pair.host.stream("test", { texts })), texts);
});

Deno.test("Connection refuses texts that are none, and markers that are malformed", async () => {
  const answers: [value: string, lengths: number[], bytes: number[], why: RegExp][] = [
    ['{"$bin":0,"as":"text"}', [2], [0xff, 0xfe], /not valid UTF-8/],
    ['{"$bin":0,"as":"bytes"}', [1], [1], /marker is malformed/],
    ['{"$bin":0,"as":"text","more":1}', [1], [1], /marker is malformed/],
    ['[{"$bin":0,"as":"text"},{"$bin":0}]', [1], [65], /repeated/],
  ];
  for (const [value, lengths, bytes, why] of answers) {
    const { connection, peer } = connectRaw();
    const call = connection.request("test", {});
    call.catch(() => {});
    await peer.next();
    peer.send(`{"jsonrpc":"2.0","id":1,"result":${value},"$bin":[${lengths}]}\n`);
    peer.send(new Uint8Array(bytes));
    await assertViolation(connection, why);
  }
});
