// The parts of `node:sqlite` that the services use, also those that its types lack.
import { nodeSqlite } from "../../node.ts";
import { SallyportError } from "../../errors.ts";

/** A value of SQLite; integers above 2^53 are not returned. */
export type SqliteValue = null | number | bigint | string | Uint8Array;

export interface Statement {
  all(...parameters: (SqliteValue | Record<string, SqliteValue>)[]): unknown[];
  get(...parameters: (SqliteValue | Record<string, SqliteValue>)[]): unknown;
  run(
    ...parameters: (SqliteValue | Record<string, SqliteValue>)[]
  ): { changes: number | bigint; lastInsertRowid: number | bigint };
  columns(): { name: string }[];
  setReturnArrays(enabled: boolean): void;
  setReadBigInts(enabled: boolean): void;
  readonly sourceSQL: string;
}

/** Returns whether SQLite may do a thing; called while a statement is prepared. */
export type Authorizer = (
  action: number,
  first: string | null,
  second: string | null,
  database: string | null,
  source: string | null,
) => number;

export interface Sqlite {
  prepare(sql: string): Statement;
  exec(sql: string): void;
  close(): void;
  enableDefensive(enabled: boolean): void;
  setAuthorizer(authorizer: Authorizer | null): void;
  readonly isTransaction: boolean;
  readonly limits: Record<"length" | "sqlLength" | "attach" | "triggerDepth" | "vdbeOp", number>;
}

export interface OpenSqliteOptions {
  readOnly?: boolean;
  /** How long to wait for another process's lock, in milliseconds; waiting blocks the thread. */
  busyTimeoutMs: number;
}

/** Result codes of SQLite (https://www.sqlite.org/rescode.html) that get an error of their own. */
export const SQLITE_BUSY = 5;
export const SQLITE_NOMEM = 7;
export const SQLITE_FULL = 13;
export const SQLITE_TOOBIG = 18;

export function openSqlite(file: string, options: OpenSqliteOptions): Sqlite {
  const database = new (nodeSqlite().DatabaseSync)(file, {
    readOnly: options.readOnly ?? false,
    allowExtension: false,
    enableForeignKeyConstraints: true,
    timeout: options.busyTimeoutMs,
  }) as unknown as Sqlite;
  if (
    typeof database.setAuthorizer !== "function" || typeof database.enableDefensive !== "function"
  ) {
    database.close();
    throw new SallyportError("bad-state", "Cannot open a database: SQLite has no authorizer here", {
      hint: "Use Deno 2.9.6 or later",
    });
  }
  return database;
}

export function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  // the low byte is the primary code; the rest says more
  return typeof code === "number" ? code & 0xff : undefined;
}
