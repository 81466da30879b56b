// The logger of the host: a small interface that any object can satisfy, and a default sink.
import { BaseHandler } from "@std/log/base-handler";
import { Logger as StdLogger, type LogRecord } from "@std/log/logger";
import { escapeText } from "./errors.ts";
import { type FailureLog, runCallback } from "./guard.ts";

/**
 * Takes the host's messages. Any object of this shape can be passed, such as one that hands them to
 * the application's own logging. What its methods throw, or reject with, is written to stderr.
 *
 * @category Errors and logs
 */
export interface Logger {
  /** Takes a message for those who look for a fault. */
  debug(message: string, fields?: Record<string, unknown>): void;
  /** Takes a message about what happens in the normal course. */
  info(message: string, fields?: Record<string, unknown>): void;
  /** Takes a message that someone should look at. */
  warn(message: string, fields?: Record<string, unknown>): void;
  /** Takes a message about a failure. */
  error(message: string, fields?: Record<string, unknown>): void;
}

/**
 * Options of {@linkcode createLogger}.
 *
 * @category Errors and logs
 */
export interface LoggerOptions {
  /**
   * The name that each line carries.
   *
   * @default {"sallyport"}
   */
  name?: string;
  /**
   * The lowest level that is written.
   *
   * @default {"INFO"}
   */
  level?: "DEBUG" | "INFO" | "WARN" | "ERROR";
  /**
   * The form of a line: `<time> <level> <name>: <message> <fields as JSON>`, or one JSON object with the
   * members `time`, `level`, `logger`, `message` and, where there are any, `fields`.
   *
   * @default {"text"}
   */
  format?: "text" | "json";
  /**
   * Takes each line, without its end. What it throws, or rejects with, is written to stderr: a log must not
   * stop the host.
   *
   * @default Writes to stderr, never to stdout.
   */
  write?: (line: string) => void;
}

type Level = NonNullable<LoggerOptions["level"]>;

const LEVELS: readonly Level[] = ["DEBUG", "INFO", "WARN", "ERROR"];
const MAX_FIELDS = 64;
const MAX_FIELD_CHARACTERS = 4_000;

function writeToStderr(line: string): void {
  let rest = new TextEncoder().encode(`${line}\n`);
  while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
}

/** Replaces what JSON cannot say, or says at length; `this` holds the value before its `toJSON`. */
function plainValue(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key];
  if (original instanceof Uint8Array) return `<${original.length} bytes>`;
  if (value instanceof Error) return { name: value.name, message: value.message };
  return ["bigint", "symbol", "function"].includes(typeof value) ? String(value) : value;
}

/** Writes one value as JSON, whatever it is; a cycle or a trap is said to be unreadable. */
function fieldJson(fields: Record<string, unknown>, key: string): string {
  try {
    const json = JSON.stringify(fields[key], plainValue) ?? "null";
    if (json.length <= MAX_FIELD_CHARACTERS) return json;
    return JSON.stringify(`${json.slice(0, MAX_FIELD_CHARACTERS)}…`);
  } catch {
    return '"[unreadable]"';
  }
}

function fieldsJson(fields: unknown): string {
  if (typeof fields !== "object" || fields === null) return "";
  const record = fields as Record<string, unknown>;
  const keys = Object.keys(record);
  const entries = keys.slice(0, MAX_FIELDS).map((key) =>
    `${JSON.stringify(key.slice(0, 200))}:${fieldJson(record, key)}`
  );
  if (keys.length > MAX_FIELDS) entries.push(`"…":${keys.length - MAX_FIELDS}`);
  return entries.length === 0 ? "" : plainJson(`{${entries.join(",")}}`);
}

/** What JSON leaves as it is (bidirectional marks, C1 controls) becomes an escape that JSON knows. */
function plainJson(json: string): string {
  return escapeText(json, Infinity);
}

function readFields(record: LogRecord, unreadable: string): string {
  try {
    return fieldsJson(record.args[0]);
  } catch {
    return unreadable;
  }
}

/** Formats a record as `<time> <level> <name>: <message> <fields as JSON>` on one line. */
function textLine(record: LogRecord): string {
  const head = `${record.datetime.toISOString()} ${record.levelName} ${record.loggerName}`;
  const fields = readFields(record, "[unreadable]");
  const message = escapeText(record.msg, MAX_FIELD_CHARACTERS);
  return `${head}: ${message}${fields === "" ? "" : ` ${fields}`}`;
}

/** Formats a record as one JSON object; fields have a member of their own, to stand for no other. */
function jsonLine(record: LogRecord): string {
  const { length } = record.msg;
  const message = record.msg.slice(0, MAX_FIELD_CHARACTERS);
  const head = plainJson(JSON.stringify({
    time: record.datetime.toISOString(),
    level: record.levelName,
    logger: record.loggerName,
    message: length > MAX_FIELD_CHARACTERS ? `${message}…` : message,
  }));
  const fields = readFields(record, '"[unreadable]"');
  return fields === "" ? head : `${head.slice(0, -1)},"fields":${fields}}`;
}

class LineHandler extends BaseHandler {
  readonly #write: (line: string) => unknown;

  constructor(write: (line: string) => unknown, formatter: (record: LogRecord) => string) {
    super("NOTSET", { formatter });
    this.#write = write;
  }

  override log(line: string): void {
    runCallback(lastResort, "The log's write", () => this.#write(line));
  }
}

/**
 * Makes a logger that writes one line a message, with control and bidirectional characters escaped.
 *
 * A line is `<time in UTC> <level> <name>: <message> <fields as JSON>`, or one JSON object. The logger
 * never throws: a field that cannot be read is written as `"[unreadable]"`, one above 4,000 characters is cut.
 *
 * @category Errors and logs
 * @param options Name, level, format and sink.
 * @returns The logger.
 * @throws {TypeError} When the level or the format is unknown.
 *
 * @example
 * ```ts
 * import { createLogger } from "@sallyport/host";
 *
 * const lines: string[] = [];
 * const logger = createLogger({ name: "app", write: (line) => lines.push(line) });
 * logger.debug("not written");
 * logger.warn("Plugin is slow", { plugin: "word-count", ms: 120 });
 * if (!lines[0]?.endsWith('WARN app: Plugin is slow {"plugin":"word-count","ms":120}')) throw lines;
 * ```
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { name = "sallyport", level = "INFO", format = "text", write = writeToStderr } = options;
  if (!LEVELS.includes(level)) {
    throw new TypeError(
      `Cannot create logger: level must be one of ${LEVELS.join(", ")}: received "${
        escapeText(String(level), 100)
      }"`,
    );
  }
  if (format !== "text" && format !== "json") {
    throw new TypeError(
      `Cannot create logger: format must be "text" or "json": received "${
        escapeText(String(format), 100)
      }"`,
    );
  }
  const handler = new LineHandler(write, format === "json" ? jsonLine : textLine);
  const std = new StdLogger(escapeText(name, 200), level, { handlers: [handler] });
  const take = (method: "debug" | "info" | "warn" | "error") => {
    return (message: string, fields?: Record<string, unknown>): void => {
      // as text: the library would call a function that it gets as a message
      runCallback(lastResort, "The log", () => void std[method](`${message}`, fields));
    };
  };
  return { debug: take("debug"), info: take("info"), warn: take("warn"), error: take("error") };
}

/** Takes what a logger of the application throws: there is no other log to say it in. */
const lastResort: FailureLog = {
  error(message, fields) {
    const text = escapeText(message, MAX_FIELD_CHARACTERS);
    try {
      writeToStderr(`${new Date().toISOString()} ERROR sallyport: ${text} ${fieldsJson(fields)}`);
    } catch {
      // a closed stderr is no reason to stop the host
    }
  },
};

const guarded = new WeakSet<Logger>();

/** Wraps a logger of the application so that nothing it throws or rejects with goes further. */
export function guardLogger(logger: Logger): Logger {
  if (guarded.has(logger)) return logger;
  const take = (level: "debug" | "info" | "warn" | "error"): Logger["info"] => (message, fields) =>
    runCallback(lastResort, "The logger", () => logger[level](message, fields));
  const safe: Logger = {
    debug: take("debug"),
    info: take("info"),
    warn: take("warn"),
    error: take("error"),
  };
  guarded.add(safe);
  return safe;
}

/**
 * Drops every message.
 *
 * @category Errors and logs
 */
export const silentLogger: Logger = Object.freeze({
  debug(): void {},
  info(): void {},
  warn(): void {},
  error(): void {},
});
