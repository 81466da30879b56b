import assert from "node:assert/strict";
import { readThrown } from "../src/errors.ts";
import { abortGuarded, guardSignal, logFailure, runCallback } from "../src/guard.ts";
import { createLogger, guardLogger, type Logger } from "../src/log.ts";
import { recordingLogger } from "./helpers/host.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Runs a function while what goes to stderr is kept. */
async function stderrOf(act: () => unknown): Promise<string> {
  const { writeSync } = Deno.stderr;
  let text = "";
  Deno.stderr.writeSync = (bytes) => {
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  try {
    await act();
    await turn();
  } finally {
    Deno.stderr.writeSync = writeSync;
  }
  return text;
}

const WAYS: Record<string, () => unknown> = {
  "throws": () => {
    throw new Error("broken");
  },
  "rejects": () => Promise.reject(new Error("broken")),
  "returns a thenable that rejects": () => ({
    then: (_: unknown, reject: (error: Error) => void) => reject(new Error("broken")),
  }),
  "returns a thenable that throws": () => ({
    then() {
      throw new Error("broken");
    },
  }),
  "returns what cannot be looked at": () =>
    Object.defineProperty({}, "then", {
      get() {
        throw new Error("broken");
      },
    }),
};

for (const [way, act] of Object.entries(WAYS)) {
  Deno.test(`runCallback() logs a callback that ${way}, with its own stack`, async () => {
    const log = recordingLogger();
    runCallback(log, "The callback", act);
    await turn();
    const [entry, ...others] = log.entries;
    assert.equal(others.length, 0);
    assert.equal(entry!.level, "error");
    assert.equal(entry!.message, "The callback failed: Error: broken");
    assert.match(String(entry!.fields.stack), /guard_test\.ts/);
  });

  Deno.test(`a logger that ${way} is reported on stderr, and stops nothing`, async () => {
    let calls = 0;
    const take = () => {
      calls++;
      return act();
    };
    const logger = guardLogger({ debug: take, info: take, warn: take, error: take } as Logger);
    const text = await stderrOf(() => {
      logger.info("a message");
      // what fails is reported to the logger once, and its own failure never
      runCallback(logger, "The callback", act);
    });
    assert.equal(calls, 2);
    assert.match(
      text,
      /^\S+ ERROR sallyport: The logger failed: Error: broken \{"stack":"Error: broken/,
    );
    assert.match(text, /guard_test\.ts/);
    assert.equal(text.trim().split("\n").length, 2);
  });

  Deno.test(`the write of a logger that ${way} is reported on stderr`, async () => {
    const logger = createLogger({ write: act as () => void });
    const text = await stderrOf(() => logger.info("a message"));
    assert.match(text, /The log's write failed: Error: broken/);
  });
}

Deno.test("a flood of failures of one kind is a trickle of reports, and the others are counted", () => {
  const log = recordingLogger();
  for (let i = 0; i < 1_000; i++) logFailure(log, "One", new Error(`${i}`));
  logFailure(log, "Another", new Error("x"));
  const ones = log.entries.filter(({ message }) => message.startsWith("One "));
  assert.equal(ones.length, 20);
  assert.equal(log.entries.length, 21);
});

Deno.test("a listener that throws when its signal aborts is logged, and the others are called", () => {
  const log = recordingLogger();
  const controller = new AbortController();
  const { signal } = controller;
  let called = 0;
  const fail = () => {
    called++;
    throw new Error("broken");
  };
  signal.addEventListener("abort", fail);
  signal.onabort = fail;
  AbortSignal.any([signal]).addEventListener("abort", fail);
  signal.addEventListener("abort", () => void called++);
  abortGuarded(log, "A listener", controller, "reason");
  assert.equal(called, 4);
  assert.equal(signal.reason, "reason");
  assert.deepEqual(
    log.entries.map(({ message }) => message),
    Array(3).fill("A listener failed: Error: broken"),
  );
});

Deno.test("a listener that rejects is logged, and one that was removed is not called", async () => {
  const log = recordingLogger();
  const controller = new AbortController();
  const signal = guardSignal(log, "A listener", controller.signal);
  const called: string[] = [];
  const removed = () => void called.push("removed");
  signal.addEventListener("abort", removed);
  signal.addEventListener("abort", removed);
  signal.removeEventListener("abort", removed);
  signal.addEventListener("abort", async function (this: AbortSignal, event) {
    called.push(`${this === signal} ${event.type}`);
    await Promise.reject(new Error("broken"));
  });
  signal.addEventListener("abort", {
    handleEvent() {
      called.push("object");
      throw new Error("broken");
    },
  }, { once: true });
  const all = AbortSignal.any([signal]);
  abortGuarded(log, "A listener", controller);
  await turn();
  assert.deepEqual(called, ["true abort", "object"]);
  assert.ok(all.aborted);
  assert.deepEqual(
    log.entries.map(({ message }) => message),
    Array(2).fill("A listener failed: Error: broken"),
  );
});

Deno.test("readThrown() says what was thrown, whatever that is, within bounds", () => {
  const text = (thrown: unknown) => {
    const { name, message } = readThrown(thrown);
    return `${name}: ${message}`;
  };
  class Failure {
    code = 42;
  }
  assert.equal(text(new TypeError("x")), "TypeError: x");
  assert.equal(text("text"), "Error: text");
  assert.equal(text(undefined), "Error: undefined");
  assert.equal(text(5n), "Error: 5");
  assert.equal(text(Symbol("s")), "Error: Symbol(s)");
  assert.equal(text({ code: 42, why: ["a", null] }), 'Object: {"code":42,"why":["a",null]}');
  assert.equal(text(new Failure()), 'Failure: {"code":42}');
  assert.equal(text(Object.assign(Object.create(null), { a: 1n })), 'Object: {"a":"1n"}');
  assert.equal(text({ message: "like an error" }), "Error: like an error");
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  assert.equal(text(cycle), 'Object: {"self":{"self":{"self":{"self":"…"}}}}');
  const trap = new Proxy({}, {
    get() {
      throw new Error("trap");
    },
  });
  assert.equal(text(trap), "Error: an error that cannot be read");
  const wide = { rows: Array(100_000).fill({ text: "x".repeat(10_000) }) };
  assert.ok(text(wide).length < 2_100);
  assert.ok(text(new Error("x".repeat(1e6))).length < 2_100);
});
