import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameReader, type FrameSink } from "../../../src/rpc/wire/framing.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";

const encoder = new TextEncoder();

/** Reads frames where a line `bin:a,b` announces byte arrays of these lengths. */
class Collector implements FrameSink {
  readonly frames: (string | string[])[] = [];
  isPausing = false;
  #targets: Uint8Array[] = [];
  readonly #pauses: Iterator<boolean> | undefined;

  constructor(pauses?: Iterator<boolean>) {
    this.#pauses = pauses;
  }

  line(text: string): Uint8Array[] | undefined {
    this.frames.push(text);
    this.isPausing = this.#pauses?.next().value ?? false;
    if (!text.startsWith("bin:")) return undefined;
    this.#targets = text.slice(4).split(",").map((length) => new Uint8Array(Number(length)));
    return this.#targets;
  }

  filled(): void {
    this.frames.push(this.#targets.map((bytes) => bytes.toHex()));
    this.isPausing = this.#pauses?.next().value ?? false;
  }
}

function concat(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

const lines = fc.string({ unit: "grapheme", maxLength: 40 })
  .map((text) => text.replaceAll("\n", "").toWellFormed())
  .filter((text) => !text.startsWith("bin:"))
  .map((text) => ({ bytes: encoder.encode(`${text}\n`), frames: [text] as (string | string[])[] }));
const binaries = fc.array(fc.uint8Array({ maxLength: 30 }), { minLength: 1, maxLength: 4 })
  .map((parts) => {
    const text = `bin:${parts.map((part) => part.length).join()}`;
    return {
      bytes: concat([encoder.encode(`${text}\n`), ...parts]),
      frames: [text, parts.map((part) => part.toHex())] as (string | string[])[],
    };
  });

Deno.test("FrameReader emits the same frames under any chunking, and after any pauses", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(lines, binaries), { maxLength: 12 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 200 })),
      fc.infiniteStream(fc.boolean()),
      (frames, sizes, pauses) => {
        const bytes = concat(frames.map((frame) => frame.bytes));
        const sink = new Collector(pauses);
        const reader = new FrameReader(sink, { maxMessageBytes: 1_000 });
        // The chunk's buffer is used again, as the duplex of stdin does
        const buffer = new Uint8Array(200);
        for (let at = 0; at < bytes.length;) {
          const size = Math.min(sizes.next().value!, bytes.length - at);
          buffer.set(bytes.subarray(at, at + size));
          for (let from = 0; from < size;) {
            const before = sink.frames.length;
            sink.isPausing = false;
            from += reader.push(buffer.subarray(from, size));
            assert.ok(from === size || sink.frames.length > before, "it goes on after a pause");
          }
          at += size;
        }
        assert.deepEqual(sink.frames, frames.flatMap((frame) => frame.frames));
        assert.equal(reader.midFrame, false);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("FrameReader emits the same frames from one chunk and from single bytes", () => {
  const raw = new Uint8Array([10, 255, 10, 0, 123]);
  const bytes = concat([
    encoder.encode('{"a":"ö€😀"}\nbin:2,0,3\n'),
    raw,
    encoder.encode("bin:0\nlast\nrest"),
  ]);
  const expected = ['{"a":"ö€😀"}', "bin:2,0,3", ["0aff", "", "0a007b"], "bin:0", [""], "last"];
  const whole = new Collector();
  const reader = new FrameReader(whole, { maxMessageBytes: 100 });
  reader.push(bytes);
  assert.deepEqual(whole.frames, expected);
  assert.equal(reader.midFrame, true);
  const single = new Collector();
  const slow = new FrameReader(single, { maxMessageBytes: 100 });
  for (const byte of bytes) slow.push(new Uint8Array([byte]));
  assert.deepEqual(single.frames, expected);
});

for (const [name, chunk] of [["one chunk", 1_000], ["single bytes", 1], ["pieces", 7]] as const) {
  Deno.test(`FrameReader accepts a line of exactly the cap and refuses one byte more, in ${name}`, () => {
    const push = (text: string, prefix: string) => {
      const sink = new Collector();
      const reader = new FrameReader(sink, { maxMessageBytes: 30 });
      const bytes = encoder.encode(`${prefix}${text}\n`);
      for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk));
      return sink.frames;
    };
    for (const prefix of ["", "short\n"]) {
      assert.equal(push("x".repeat(30), prefix).at(-1), "x".repeat(30));
      assert.equal(push("€".repeat(10), prefix).at(-1), "€".repeat(10));
      assertThrowsWithCode(
        () => push("x".repeat(31), prefix),
        "protocol-violation",
        /longer than 30 bytes/,
      );
      assertThrowsWithCode(
        () => push(`${"€".repeat(10)}x`, prefix),
        "protocol-violation",
        /longer than 30/,
      );
    }
  });
}

Deno.test("FrameReader refuses a line that never ends before it has kept more than the cap", () => {
  const reader = new FrameReader(new Collector(), { maxMessageBytes: 100_000 });
  const chunk = new Uint8Array(1_024).fill(120);
  let taken = 0;
  assertThrowsWithCode(() => {
    for (;;) {
      reader.push(chunk);
      taken += chunk.length;
    }
  }, "protocol-violation");
  assert.ok(taken <= 100_000);
});

Deno.test("FrameReader refuses bytes that are not UTF-8, after the lines before them", () => {
  for (
    const bad of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]]
  ) {
    const sink = new Collector();
    const reader = new FrameReader(sink, { maxMessageBytes: 100 });
    const bytes = concat([encoder.encode("good\n"), new Uint8Array(bad), encoder.encode("\n")]);
    assertThrowsWithCode(() => reader.push(bytes), "protocol-violation", /not valid UTF-8/);
    assert.deepEqual(sink.frames, ["good"]);
  }
});
