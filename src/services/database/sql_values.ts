import { nodeBuffer } from "../../node.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import type { SqlRow, SqlValue } from "../../plugin/service_types.ts";
import type { SqlScan } from "./sql_text.ts";
import type { SqliteValue, Statement } from "./sqlite.ts";

export type Bindings = (SqliteValue | Record<string, SqliteValue>)[];

export interface ResultCaps {
  readonly maxRows: number;
  /** Bytes of all values, with 8 for each value's own. */
  readonly maxBytes: number;
}

// what one message of the wire can carry
const MAX_VALUES = 500_000;
const MAX_BLOBS = 1_000;

export function bindParameters(scan: SqlScan, parameters: unknown): Bindings {
  if (scan.positional > 0 && scan.names.size > 0) {
    throw new TypeError("Cannot bind parameters: the statement mixes ? with named ones");
  }
  const given = parameters ?? [];
  if (Array.isArray(given)) {
    if (scan.names.size > 0) {
      throw new TypeError(
        `Cannot bind parameters: the statement has named ones (${
          list(scan.names)
        }), pass an object`,
      );
    }
    if (given.length !== scan.positional) {
      throw new TypeError(
        `Cannot bind parameters: the statement takes ${scan.positional}, got ${given.length}`,
      );
    }
    return given.map((value, index) => toSqlite(value, `parameter ${index + 1}`));
  }
  if (typeof given !== "object" || given instanceof Uint8Array) {
    throw new TypeError("Cannot bind parameters: pass an array or an object");
  }
  return [bindNamed(scan, given as Record<string, unknown>)];
}

function bindNamed(scan: SqlScan, given: Record<string, unknown>): Record<string, SqliteValue> {
  if (scan.positional > 0) {
    throw new TypeError("Cannot bind parameters: the statement has ?, pass an array");
  }
  const named: Record<string, SqliteValue> = Object.create(null);
  const missing = new Set(scan.names);
  for (const key of Object.keys(given)) {
    const name = /^[:@$]/.test(key) ? key.slice(1) : key;
    if (!missing.delete(name)) {
      throw new TypeError(
        `Cannot bind parameters: the statement has no parameter "${escapeText(key, 100)}"`,
      );
    }
    named[name] = toSqlite(given[key], `parameter "${escapeText(key, 100)}"`);
  }
  if (missing.size > 0) {
    throw new TypeError(`Cannot bind parameters: no value for ${list(missing)}`);
  }
  return named;
}

function toSqlite(value: unknown, what: string): SqliteValue {
  if (value === null || value instanceof Uint8Array) return value;
  if (typeof value === "number") {
    if (Number.isNaN(value)) throw new TypeError(`Cannot bind ${what}: it is not a number`);
    // the runtime binds every number as REAL; an integer must stay one
    return Number.isSafeInteger(value) ? BigInt(value) : value;
  }
  if (typeof value === "string") {
    // the runtime reads text only up to a NUL, and replaces half a surrogate pair
    if (value.includes("\0") || !value.isWellFormed()) {
      throw new TypeError(
        `Cannot bind ${what}: text with a NUL or half a surrogate pair does not survive; ` +
          "store it as Uint8Array",
      );
    }
    return value;
  }
  throw new TypeError(
    `Cannot bind ${what}: expected null, number, string or Uint8Array, got ${
      typeof value === "object" ? "an object" : typeof value
    }`,
  );
}

/** Runs a statement that returns rows, and checks them against the caps. */
export function readRows(
  columns: readonly string[],
  statement: Statement,
  bindings: Bindings,
  caps: ResultCaps,
): SqlRow[] {
  statement.setReturnArrays(true);
  // all(), because the runtime's iterate() ends at an error as if there were no more rows; the process
  // watches its memory meanwhile
  const results = statement.all(...bindings) as SqlValue[][];
  if (results.length > caps.maxRows) throw tooMuch(`${caps.maxRows} rows`);
  if (results.length * columns.length > MAX_VALUES) throw tooMuch(`${MAX_VALUES} values`);
  const count = { bytes: 0, blobs: 0 };
  return results.map((values) => {
    const row: SqlRow = {};
    const cut = values[columns.length];
    if (typeof cut === "number" && cut > 0) {
      throw new TypeError(
        `Cannot return column "${
          columns[cut - 1]
        }": its text has a NUL; select it with CAST(… AS BLOB)`,
      );
    }
    for (let index = 0; index < columns.length; index++) {
      const value = values[index]!;
      if (typeof value === "number" && !Number.isFinite(value)) {
        throw new TypeError(`Cannot return column "${columns[index]}": the value is infinite`);
      }
      if (value instanceof Uint8Array && ++count.blobs > MAX_BLOBS) {
        throw tooMuch(`${MAX_BLOBS} blobs`);
      }
      count.bytes += 8 + sizeOf(value);
      row[columns[index]!] = value;
    }
    if (count.bytes > caps.maxBytes) throw tooMuch(`${caps.maxBytes} bytes`);
    return row;
  });
}

/** Checks the names of a result's columns, which become those of an object. */
export function checkColumns(columns: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of columns) {
    if (seen.has(name)) {
      throw new TypeError(
        `Cannot return the result: column "${
          escapeText(name, 100)
        }" occurs twice; name each with AS`,
      );
    }
    if (name === "__proto__" || name === "$bin") {
      throw new TypeError(`Cannot return the result: "${name}" cannot be a column's name`);
    }
    seen.add(name);
  }
}

function sizeOf(value: SqlValue): number {
  if (value instanceof Uint8Array) return value.byteLength;
  return typeof value === "string" ? nodeBuffer().Buffer.byteLength(value) : 0;
}

function tooMuch(what: string): SallyportError {
  return new SallyportError("limit-exceeded", `Cannot return the result: more than ${what}`, {
    hint: "Ask for less: fewer columns, a WHERE, or a LIMIT with pages",
  });
}

function list(names: Iterable<string>): string {
  return escapeText([...names].map((name) => `"${name}"`).join(", "), 200);
}
