import assert from "node:assert/strict";
import { createLogger, type Logger, silentLogger } from "../src/log.ts";
import { escapeText, hasInvisible, SallyportError } from "../src/errors.ts";

function capture(level?: "DEBUG" | "INFO" | "WARN" | "ERROR"): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  return { lines, logger: createLogger({ level, write: (line) => lines.push(line) }) };
}

Deno.test("createLogger() writes time, level, name, message and fields on one line", () => {
  const { lines, logger } = capture();
  const before = Date.now();
  logger.info("Plugin loaded", { plugin: "word-count", ms: 12, files: ["a", "b"] });
  const [, time, rest] = /^(\S+) (.*)$/.exec(lines[0]!)!;
  assert.equal(
    rest,
    'INFO sallyport: Plugin loaded {"plugin":"word-count","ms":12,"files":["a","b"]}',
  );
  assert.ok(Date.parse(time!) >= before && Date.parse(time!) <= Date.now());
  logger.error("No fields");
  logger.error("Empty fields", {});
  assert.match(lines[1]!, /ERROR sallyport: No fields$/);
  assert.match(lines[2]!, /ERROR sallyport: Empty fields$/);
});

Deno.test("createLogger() drops what is below its level, INFO by default", () => {
  for (const [level, count] of [[undefined, 3], ["DEBUG", 4], ["WARN", 2], ["ERROR", 1]] as const) {
    const { lines, logger } = capture(level);
    logger.debug("d");
    logger.info("i");
    logger.warn("w");
    logger.error("e");
    assert.equal(lines.length, count, String(level));
  }
  assert.throws(
    () => createLogger({ level: "LOUD" as "INFO" }),
    /TypeError: Cannot create logger: level must be one of DEBUG, INFO, WARN, ERROR: received "LOUD"/,
  );
});

Deno.test("createLogger() escapes hostile text in name, message and fields", () => {
  const lines: string[] = [];
  const hostile = "a\n2026 FAKE \u001b[2J\u202e\u009b\u2028\ud800";
  const logger = createLogger({ name: hostile, write: (line) => lines.push(line) });
  logger.info(hostile, { [hostile]: hostile });
  assert.equal(lines.length, 1);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(lines[0]!, /[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
  assert.equal(lines[0]!.isWellFormed(), true);
  const json = lines[0]!.slice(lines[0]!.indexOf(" {"));
  assert.deepEqual(JSON.parse(json), { [hostile]: hostile });
});

Deno.test("escapeText() escapes whatever cannot be seen, and leaves what can", () => {
  const invisible = [
    "\u061c", // Arabic letter mark
    "\u200b\u200c\u200d\u2060\ufeff", // zero width
    "\u00ad", // soft hyphen
    "\u034f\u115f\u1160\u17b4\u3164\uffa0\u2800", // joiner and fillers
    "\u202a\u202e\u2066\u2069\u200e\u200f", // bidirectional marks, overrides, isolates
    "\u2028\u2029\u0085\u009b\u007f\u0000\u001b", // line separators and controls
    "\u180b\u180e\ufe00\ufe0f\u{e0100}", // variation selectors
    "\ufff9\ufffa\ufffb", // interlinear annotation
    "\u{e0001}\u{e0041}\u{e007f}", // tags
    "\u{1d173}\u{1bca0}\u206a\ufffe\uffff",
  ].join("");
  for (const character of [...invisible, "\ud800", "\udc00"]) {
    const escaped = escapeText(`a${character}b`);
    assert.match(escaped, /^a(\\u[0-9a-f]{4}){1,2}b$/);
    assert.equal(JSON.parse(`"${escaped}"`), `a${character}b`);
    assert.equal(hasInvisible(character), true);
    const lines: string[] = [];
    createLogger({ write: (line) => lines.push(line) })
      .info(character, { [character]: character });
    assert.match(lines[0]!, /^[\x20-\x7e]+$/);
  }
  const visible = "Grüße, 世界 😀 ñ עברית हिन्दी –…";
  assert.equal(escapeText(visible), visible);
  assert.equal(hasInvisible(visible), false);
});

Deno.test("createLogger() writes JSON objects, in which fields stand for nothing else", () => {
  const lines: string[] = [];
  const logger = createLogger({ format: "json", name: "app", write: (line) => lines.push(line) });
  const hostile = "a\n2026 FAKE \u001b[2J\u202e\u009b\u2028\ud800";
  logger.warn(hostile, { level: "INFO", message: "no", plugin: "x", [hostile]: hostile });
  logger.info("No fields");
  logger.info("Long", { long: "x".repeat(5_000) });
  logger.info("y".repeat(5_000));
  const throwing = new Proxy({}, {
    ownKeys() {
      throw new Error("no");
    },
  });
  logger.info("Odd", throwing);
  const [first, second, third, fourth, odd] = lines.map((line) => {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
    assert.equal(line.isWellFormed(), true);
    return JSON.parse(line);
  });
  assert.ok(Math.abs(Date.parse(first.time) - Date.now()) < 60_000);
  assert.deepEqual(first, {
    time: first.time,
    level: "WARN",
    logger: "app",
    message: hostile,
    fields: { level: "INFO", message: "no", plugin: "x", [hostile]: hostile },
  });
  assert.deepEqual(Object.keys(second), ["time", "level", "logger", "message"]);
  assert.ok(third.fields.long.length < 4_100);
  assert.equal(fourth.message, `${"y".repeat(4_000)}…`);
  assert.equal(odd.fields, "[unreadable]");
  assert.throws(
    () => createLogger({ format: "xml" as "json" }),
    /TypeError: Cannot create logger: format must be "text" or "json": received "xml"/,
  );
});

Deno.test("createLogger() writes any field and never throws", () => {
  const { lines, logger } = capture();
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  logger.info("odd", {
    cycle,
    big: 10n,
    bytes: new Uint8Array(1_000),
    error: new RangeError("too far"),
    coded: new SallyportError("timeout", "Too slow", { hint: "Wait" }),
    nothing: undefined,
    text: "x".repeat(10_000),
    get trap(): never {
      throw new Error("trap");
    },
    toJSON: () => {
      throw new Error("not asked");
    },
    thrower: {
      toJSON() {
        throw new Error("toJSON");
      },
    },
  });
  const fields = JSON.parse(lines[0]!.slice(lines[0]!.indexOf(" {")));
  assert.equal(fields.cycle, "[unreadable]");
  assert.equal(fields.trap, "[unreadable]");
  assert.equal(fields.thrower, "[unreadable]");
  assert.equal(fields.big, "10");
  assert.equal(fields.bytes, "<1000 bytes>");
  assert.deepEqual(fields.error, { name: "RangeError", message: "too far" });
  assert.deepEqual(fields.coded, {
    code: "timeout",
    message: "Too slow",
    hint: "Wait",
    details: {},
  });
  assert.equal(fields.nothing, null);
  assert.ok(fields.text.length < 5_000);
  const proxy = new Proxy({}, {
    ownKeys() {
      throw new Error("keys");
    },
  });
  logger.info("proxy", proxy);
  assert.match(lines[1]!, /proxy \[unreadable\]$/);
  logger.info(Object.create(null) as string);
  logger.info((() => "called") as unknown as string);
  assert.match(lines[2]!, /\(\)\s*=>/);
  logger.info("many", Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i])));
  assert.match(lines[3]!, /"k63":63,"…":36\}$/);
});

Deno.test("createLogger() ignores a sink that throws or rejects", async () => {
  createLogger({
    write: () => {
      throw new Error("disk full");
    },
  }).error("lost");
  createLogger({ write: () => Promise.reject(new Error("offline")) }).error("lost");
  await Promise.resolve();
});

Deno.test("createLogger() writes to stderr and never to stdout", async () => {
  const module = new URL("../src/log.ts", import.meta.url).href;
  const source = `import { createLogger } from ${JSON.stringify(module)};
    createLogger().warn("from the child", { n: 1 });
    createLogger({ level: "DEBUG" }).debug("second");`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--quiet", source],
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assert.ok(success, text);
  assert.equal(stdout.length, 0);
  assert.match(text, /WARN sallyport: from the child \{"n":1\}\n.*DEBUG sallyport: second\n$/);
});

Deno.test("silentLogger drops everything", () => {
  silentLogger.debug("d");
  silentLogger.info("i");
  silentLogger.warn("w");
  silentLogger.error("e", {});
  assert.ok(Object.isFrozen(silentLogger));
});
