import assert from "node:assert/strict";
import { pluginLogger, traceIdOf } from "../../../src/host/plugin/plugin_logger.ts";
import { createLogger, type Logger } from "../../../src/log.ts";

type Record = [level: string, message: string, fields: unknown];

const HASH = "ab".repeat(64);
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;

function recorder(): { logger: Logger; records: Record[] } {
  const records: Record[] = [];
  const take = (level: string) => (message: string, fields?: unknown) =>
    void records.push([level, message, fields]);
  return {
    logger: { debug: take("debug"), info: take("info"), warn: take("warn"), error: take("error") },
    records,
  };
}

Deno.test("pluginLogger() adds name, version and bundle hash on every level", () => {
  const { logger, records } = recorder();
  const identity = { plugin: "word-count", version: "1.2.3", bundleHash: HASH };
  const own = pluginLogger(logger, identity);
  own.debug("a");
  own.info("b", { ms: 5 });
  own.warn("c", undefined);
  own.error("d", {});
  assert.deepEqual(records, [
    ["debug", "a", identity],
    ["info", "b", { ...identity, ms: 5 }],
    ["warn", "c", identity],
    ["error", "d", identity],
  ]);
});

Deno.test("pluginLogger() leaves out what is not known of a refused bundle", () => {
  const { logger, records } = recorder();
  pluginLogger(logger, { plugin: "x", version: undefined }).info("refused");
  assert.deepEqual(records, [["info", "refused", { plugin: "x" }]]);
});

Deno.test("a record cannot speak in the name of another plugin or trace", () => {
  const { logger, records } = recorder();
  const fields = { plugin: "other", version: "9.9.9", traceId: "f".repeat(32), at: 1 };
  pluginLogger(logger, { plugin: "x", version: "1.0.0" }).withTrace(TRACEPARENT).info("a", fields);
  assert.deepEqual(records[0]![2], { plugin: "x", version: "1.0.0", traceId: TRACE, at: 1 });
  assert.equal(fields.plugin, "other", "what was passed is left as it is");
});

Deno.test("withTrace() adds the trace id, to its own records only", () => {
  const { logger, records } = recorder();
  const own = pluginLogger(logger, { plugin: "x", version: "1.0.0", bundleHash: HASH });
  const traced = own.withTrace(TRACEPARENT);
  traced.info("a");
  own.info("b");
  const other = "1".repeat(32);
  traced.withTrace(`00-${other}-b7ad6b7169203331-00`).info("c");
  const identity = { plugin: "x", version: "1.0.0", bundleHash: HASH };
  assert.deepEqual(records.map(([, , fields]) => fields), [
    { ...identity, traceId: TRACE },
    identity,
    { ...identity, traceId: other },
  ]);
});

Deno.test("withTrace() of no trace context adds nothing", () => {
  const { logger, records } = recorder();
  const own = pluginLogger(logger, { plugin: "x" });
  own.withTrace(undefined).info("a");
  own.withTrace("hello").info("b");
  assert.deepEqual(records.map(([, , fields]) => fields), [{ plugin: "x" }, { plugin: "x" }]);
});

Deno.test("traceIdOf() takes what W3C Trace Context says is valid and nothing else", () => {
  assert.equal(traceIdOf(TRACEPARENT), TRACE);
  assert.equal(traceIdOf(`01-${TRACE}-b7ad6b7169203331-01-later`), TRACE);
  for (
    const bad of [
      "",
      undefined,
      7,
      TRACEPARENT.toUpperCase(),
      `${TRACEPARENT}-more`,
      `${TRACEPARENT}\n`,
      ` ${TRACEPARENT}`,
      `ff-${TRACE}-b7ad6b7169203331-01`,
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.slice(1)}-b7ad6b7169203331-01`,
      `01-${TRACE}-b7ad6b7169203331-01-${"x".repeat(600)}`,
    ]
  ) {
    assert.equal(traceIdOf(bad), undefined, String(bad));
  }
});

Deno.test("a line of the default logger carries all four", () => {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => lines.push(line) });
  pluginLogger(logger, { plugin: "x", version: "1.0.0", bundleHash: HASH })
    .withTrace(TRACEPARENT).warn("Plugin is slow", { ms: 120 });
  assert.match(lines[0]!, / WARN sallyport: Plugin is slow \{/);
  assert.deepEqual(JSON.parse(lines[0]!.slice(lines[0]!.indexOf("{"))), {
    plugin: "x",
    version: "1.0.0",
    bundleHash: HASH,
    traceId: TRACE,
    ms: 120,
  });
});
