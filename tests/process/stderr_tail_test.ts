import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { StderrTail, type StderrTailOptions } from "../../src/process/stderr_tail.ts";
import { startShell, threadTimeMs } from "../helpers/process.ts";

const MIB = 1024 * 1024;

/** Feeds chunks and waits until all are read. */
async function tailOf(chunks: string[], options?: StderrTailOptions): Promise<StderrTail> {
  const bytes = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const tail = new StderrTail(ReadableStream.from(bytes), options);
  await tail.done;
  return tail;
}

Deno.test("StderrTail keeps all of a short text", async () => {
  const tail = await tailOf(["one\n", "two\n"]);
  assert.equal(tail.text(), "one\ntwo");
  assert.equal(tail.totalBytes, 8);
});

Deno.test("StderrTail keeps only the end of a long text, across chunks of any size", async () => {
  const text = Array.from({ length: 100 }, (_, index) => `line ${index}`).join("\n");
  for (const size of [1, 3, 64, 1_000]) {
    const chunks = text.match(new RegExp(`[^]{1,${size}}`, "g"))!;
    const tail = await tailOf(chunks, { maxBytes: 64 });
    assert.equal(tail.text(), text.slice(-64), `chunks of ${size}`);
    assert.equal(tail.totalBytes, text.length);
  }
});

Deno.test("StderrTail cuts a character at the edge of the ring without failing", async () => {
  const tail = await tailOf(["é".repeat(10)], { maxBytes: 5 });
  assert.equal(tail.text(), "\ufffdéé");
});

Deno.test("StderrTail escapes what a terminal would act on", async () => {
  const lines: string[] = [];
  const hostile = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\r\n\x9b31m\x00end\n";
  const tail = await tailOf([hostile], { onLine: (line) => lines.push(line) });
  for (const text of [tail.text(), lines.join("\n")]) {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    assert.match(text, /\\u001b\]0;owned\\u0007\\u001b\[2J\\u202egnp\.exe/);
  }
  assert.equal(tail.text().split("\n").length, 2);
});

Deno.test("StderrTail hands over lines, the last one without its end too, cut to 2000 bytes", async () => {
  const lines: string[] = [];
  await tailOf(["a\nb", "c\n", "x".repeat(5_000), "y\nlast"], {
    onLine: (line) => lines.push(line),
  });
  assert.deepEqual(lines, ["a", "bc", "x".repeat(2_000), "last"]);
});

Deno.test("StderrTail hands over so many lines a second, and says how many it left out", async () => {
  const lines: string[] = [];
  await tailOf(["x\n".repeat(1_000)], {
    maxLinesPerSecond: 10,
    onLine: (line) => lines.push(line),
  });
  assert.equal(lines.filter((line) => line === "x").length, 10);
  assert.equal(lines.at(-1), "(990 more lines suppressed by the rate limit)");
});

Deno.test("StderrTail survives a listener that throws", async () => {
  const tail = await tailOf(["one\ntwo\n", "three\n"], {
    onLine: () => {
      throw new Error("the application's own mistake");
    },
  });
  assert.equal(tail.text(), "one\ntwo\nthree", "it stopped draining");
});

/** Runs the engine's collector, so that only what is really kept counts. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

Deno.test("StderrTail does not keep whole read buffers for single bytes", async () => {
  const count = 8_192;
  let sent = 0;
  // the runtime reads a pipe into buffers of 64 KiB, however little there is in it
  const stream = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 65_536,
    pull(controller) {
      const { byobRequest } = controller as unknown as ReadableByteStreamController;
      byobRequest!.respond(1);
      if (++sent === count) controller.close();
    },
  });
  const before = Deno.memoryUsage().external;
  const tail = new StderrTail(stream);
  await tail.done;
  collectGarbage();
  const grown = Deno.memoryUsage().external - before;
  assert.equal(tail.totalBytes, count);
  // all buffers together are 512 MiB
  assert.ok(grown < 128 * MIB, `keeps ${Math.round(grown / MIB)} MiB for ${count} bytes`);
});

Deno.test("a child that floods stderr with 32 MiB neither blocks nor fills the host", async () => {
  const lines: string[] = [];
  const before = Deno.memoryUsage();
  await using test = startShell(
    "head -c 33554432 /dev/zero >&2; echo; echo written; echo last >&2",
    { onLine: (line) => lines.push(line) },
  );
  await test.line();
  assert.equal(await test.line(), "written");
  await test.child.exited;
  await test.child.stderr.done;
  collectGarbage();
  const after = Deno.memoryUsage();
  assert.equal(test.child.stderr.totalBytes, 32 * MIB + 5);
  assert.ok(test.child.stderr.text().endsWith("last"));
  const grown = after.heapUsed + after.external - before.heapUsed - before.external;
  assert.ok(grown < 16 * MIB, `grew by ${Math.round(grown / MIB)} MiB`);
  assert.ok(lines.length <= 2, `${lines.length} lines`);
});

Deno.test("a child that floods stderr with empty lines leaves the event loop alone", async () => {
  let longest = 0;
  let last = threadTimeMs();
  const timer = setInterval(() => {
    longest = Math.max(longest, threadTimeMs() - last);
    last = threadTimeMs();
  }, 5);
  try {
    await using test = startShell("yes '' | head -c 16777216 >&2; echo written", {
      onLine() {},
    });
    assert.equal(await test.line(), "written");
    await test.child.stderr.done;
    assert.equal(test.child.stderr.totalBytes, 16 * MIB);
  } finally {
    clearInterval(timer);
  }
  assert.ok(longest < 500, `the event loop stood still for ${longest} ms`);
});

Deno.test("StderrTail reads so many bytes a second, which holds the writer up and loses nothing", async () => {
  const elapsed: number[] = [];
  for (const maxBytesPerSecond of [Infinity, 2 * MIB]) {
    const began = performance.now();
    await using test = startShell("head -c 1048576 /dev/zero >&2", { maxBytesPerSecond });
    await test.child.exited;
    await test.child.stderr.done;
    elapsed.push(performance.now() - began);
    assert.equal(test.child.stderr.totalBytes, MIB);
  }
  assert.ok(elapsed[1]! > 300, `1 MiB was read within ${elapsed[1]} ms`);
});

Deno.test("StderrTail stops at once when it is released while it holds a writer up", async () => {
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled++;
      controller.enqueue(new Uint8Array(1_000));
    },
  });
  const tail = new StderrTail(endless, { maxBytesPerSecond: 1 });
  while (pulled < 2) await new Promise((resolve) => setTimeout(resolve));
  await tail.release();
  await tail.done;
  assert.ok(tail.totalBytes >= 1_000);
});
