/**
 * Runs a plugin's statements in one SQLite database; lives in the database process.
 *
 * @module
 */

import { escapeText, SallyportError } from "../errors.ts";
import type { ExecuteResult, SqlRow } from "../plugin/service_types.ts";
import {
  type Judge,
  ownDatabaseJudge,
  type SchemaNames,
  sharedDatabaseJudge,
  type StatementMode,
} from "./database_authorizer.ts";
import { type DatabaseConfig, MAX_BATCH, MAX_SQL_BYTES } from "./database_protocol.ts";
import { scanSql, type SqlScan } from "./sql_scan.ts";
import { type Bindings, bindParameters, readRows, type ResultCaps } from "./sql_values.ts";
import {
  openSqlite,
  type Sqlite,
  SQLITE_BUSY,
  SQLITE_FULL,
  SQLITE_NOMEM,
  SQLITE_TOOBIG,
  sqliteCode,
  type Statement,
} from "./sqlite.ts";

const HEAP_BYTES = 64 * 1024 * 1024;
const VALUE_BYTES = 16 * 1024 * 1024;
const JOURNAL_BYTES = 4 * 1024 * 1024;
const BUSY_TIMEOUT_MS = 1_000;

/** One open database under the rules of its configuration. */
export class DatabaseEngine {
  readonly #database: Sqlite;
  readonly #judge: Judge;
  readonly #caps: ResultCaps;
  readonly #writable: boolean;
  readonly #names: SchemaReader | undefined;
  readonly #totalChanges: Statement;
  readonly #changes: Statement;

  /**
   * Opens the database.
   *
   * @param config Which file, and what statements may do.
   * @throws {SallyportError} `bad-state` when it cannot be opened.
   */
  constructor(config: DatabaseConfig) {
    this.#writable = config.access === "readwrite";
    this.#caps = { maxRows: config.maxRows, maxBytes: config.maxResultBytes };
    try {
      this.#database = config.tables === undefined ? openOwn(config) : openShared(config);
      confine(this.#database, config);
      if (config.tables === undefined) this.#judge = ownDatabaseJudge();
      else {
        this.#names = new SchemaReader(this.#database);
        this.#judge = sharedDatabaseJudge(config.tables, this.#names);
      }
      this.#totalChanges = this.#database.prepare("SELECT total_changes() AS n");
      this.#changes = this.#database.prepare(
        "SELECT changes() AS changes, last_insert_rowid() AS id",
      );
      this.#changes.setReadBigInts(true);
      // from here on every statement is the plugin's
      this.#database.setAuthorizer(this.#judge.authorize);
    } catch (error) {
      if (error instanceof SallyportError) throw error;
      throw new SallyportError(
        "bad-state",
        `Cannot open the database: ${escapeText(messageOf(error), 500)}`,
        { cause: error, hint: "Look at the database's file and whether its disk is full" },
      );
    }
  }

  /** Runs a method on what the plugin gave. */
  run(method: "query" | "execute" | "batch", args: readonly unknown[]): unknown {
    if (method === "batch") return this.#guard(() => this.#batch(args[0]));
    const [sql, parameters] = args;
    return this.#guard(() =>
      method === "query" ? this.#query(sql, parameters) : this.#execute(sql, parameters)
    );
  }

  /** Closes the database. */
  close(): void {
    this.#database.close();
  }

  #query(sql: unknown, parameters: unknown): SqlRow[] {
    const { statement, scan } = this.#prepare(sql, "read");
    if (statement.columns().length === 0) {
      throw new TypeError("Cannot query: the statement gives no rows; use execute()");
    }
    return readRows(statement, bindParameters(scan, parameters), this.#caps);
  }

  #execute(sql: unknown, parameters: unknown): ExecuteResult {
    const { statement, scan } = this.#prepare(sql, this.#writable ? "write" : "read");
    const bindings = bindParameters(scan, parameters);
    const before = this.#count();
    let rows: SqlRow[] | undefined;
    if (statement.columns().length === 0) statement.run(...bindings);
    else rows = this.#rowsOfChange(statement, bindings);
    // changes() keeps the number of an earlier statement when this one changed nothing
    const changed = this.#count() !== before;
    const { changes, id } = this.#changes.get() as { changes: bigint; id: bigint };
    return {
      changes: changed ? Number(changes) : 0,
      lastInsertRowid: Number.isSafeInteger(Number(id)) ? Number(id) : null,
      ...(rows === undefined ? {} : { rows }),
    };
  }

  /** Runs a statement with RETURNING: SQLite would keep the change though its rows are too many. */
  #rowsOfChange(statement: Statement, bindings: Bindings): SqlRow[] {
    const alone = !this.#database.isTransaction;
    if (alone) this.#transact("BEGIN");
    const rows = readRows(statement, bindings, this.#caps);
    if (alone) this.#transact("COMMIT");
    return rows;
  }

  #batch(statements: unknown): ExecuteResult[] {
    if (!Array.isArray(statements) || statements.length > MAX_BATCH) {
      throw new TypeError(
        `Cannot run a batch: give an array of at most ${MAX_BATCH} [sql, parameters] pairs`,
      );
    }
    this.#transact("BEGIN IMMEDIATE");
    const results = statements.map((each: unknown, index) => {
      if (!Array.isArray(each)) {
        throw new TypeError(`Cannot run a batch: statement ${index + 1} is no [sql, parameters]`);
      }
      try {
        return this.#execute(each[0], each[1]);
      } catch (error) {
        throw inBatch(this.#describe(error), index);
      }
    });
    this.#transact("COMMIT");
    return results;
  }

  #prepare(sql: unknown, mode: StatementMode): { statement: Statement; scan: SqlScan } {
    if (typeof sql !== "string") throw new TypeError("Cannot run a statement: it is not a string");
    if (new TextEncoder().encode(sql).length > MAX_SQL_BYTES) {
      throw new SallyportError(
        "limit-exceeded",
        `Cannot run a statement: it has more than ${MAX_SQL_BYTES} bytes`,
        { hint: "Pass values as parameters" },
      );
    }
    if (sql.includes("\0")) throw new TypeError("Cannot run a statement: it has a NUL character");
    const scan = scanSql(sql);
    // the runtime crashes on a statement that SQLite finds empty
    if (scan.empty) throw new TypeError("Cannot run a statement: it is empty");
    this.#judge.mode = "host";
    this.#names?.refresh();
    this.#judge.mode = mode;
    this.#judge.refusal = undefined;
    this.#judge.selected = false;
    const statement = this.#database.prepare(sql);
    // SQLite copies one table into another of the same form without asking the authorizer for the
    // source (https://www.sqlite.org/src/file/src/insert.c, xferOptimization)
    if (this.#names !== undefined && scan.selects && !this.#judge.selected) {
      throw new SallyportError(
        "service-denied",
        "Statement refused: whether its SELECT reads shared tables only cannot be checked",
        { hint: "Name the columns: INSERT INTO t (a, b) SELECT a, b FROM u" },
      );
    }
    // SQLite takes the first statement and leaves the rest: that would be lost without a word
    if (!scanSql(sql.slice(statement.sourceSQL.length)).empty) {
      throw new TypeError("Cannot run a statement: there is a second one; use batch()");
    }
    return { statement, scan };
  }

  #guard<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw this.#describe(error);
    } finally {
      if (this.#database.isTransaction) this.#transact("ROLLBACK");
    }
  }

  #transact(sql: string): void {
    // SQLite asks the judge while a statement runs, too: the statement's own mode must come back
    const { mode } = this.#judge;
    this.#judge.mode = "transaction";
    try {
      this.#database.exec(sql);
    } finally {
      this.#judge.mode = mode;
    }
  }

  #count(): unknown {
    return (this.#totalChanges.get() as { n: unknown }).n;
  }

  #describe(error: unknown): unknown {
    if (error instanceof SallyportError || error instanceof TypeError) return error;
    const { refusal } = this.#judge;
    if (refusal !== undefined) {
      return new SallyportError("service-denied", `Statement refused: ${refusal}`, {
        hint: "See the Database service for what statements may do",
      });
    }
    const message = escapeText(messageOf(error), 500);
    switch (sqliteCode(error)) {
      case SQLITE_FULL:
        return new SallyportError("limit-exceeded", "Statement failed: the database is full", {
          hint: 'Delete rows, or raise "storageBytes" in plugin.json and the policy',
        });
      case SQLITE_NOMEM:
      case SQLITE_TOOBIG:
        return new SallyportError("limit-exceeded", `Statement failed: ${message}`, {
          hint: "A value may have 16 MiB, a statement's work 64 MiB of memory",
        });
      case SQLITE_BUSY:
        return new SallyportError("timeout", "Statement failed: the database is locked", {
          hint: "Another process is writing to it; try again",
        });
    }
    if ((error as { code?: unknown } | null)?.code === "ERR_OUT_OF_RANGE") {
      return new TypeError(
        "Cannot give the result: an integer is beyond 2^53; select it with CAST(… AS TEXT)",
      );
    }
    return new Error(message, { cause: error });
  }
}

function openOwn(config: DatabaseConfig): Sqlite {
  const database = openSqlite(config.file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  // a killed process loses nothing that was committed, and nothing half written is ever seen
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = NORMAL");
  return database;
}

function openShared(config: DatabaseConfig): Sqlite {
  const writes = config.access === "readwrite" &&
    Object.values(config.tables ?? {}).includes("readwrite");
  return openSqlite(config.file, { readOnly: !writes, busyTimeoutMs: BUSY_TIMEOUT_MS });
}

function confine(database: Sqlite, config: DatabaseConfig): void {
  database.enableDefensive(true);
  database.exec("PRAGMA trusted_schema = OFF");
  database.exec("PRAGMA cell_size_check = ON");
  database.exec("PRAGMA temp_store = MEMORY");
  database.exec("PRAGMA mmap_size = 0");
  database.exec(`PRAGMA hard_heap_limit = ${HEAP_BYTES}`);
  database.exec(`PRAGMA journal_size_limit = ${JOURNAL_BYTES}`);
  if (config.access === "read") database.exec("PRAGMA query_only = ON");
  if (config.maxDatabaseBytes !== undefined) {
    const { page_size } = database.prepare("PRAGMA page_size").get() as { page_size: number };
    const pages = Math.max(1, Math.floor(config.maxDatabaseBytes / page_size));
    database.exec(`PRAGMA max_page_count = ${pages}`);
  }
  database.limits.length = VALUE_BYTES;
  database.limits.sqlLength = MAX_SQL_BYTES;
  database.limits.attach = 0;
  database.limits.triggerDepth = 32;
}

/** Knows the names in a database whose schema is the application's to change at any time. */
class SchemaReader implements SchemaNames {
  tables: ReadonlySet<string> = new Set();
  readonly modules: ReadonlySet<string>;
  readonly #statement: Statement;

  constructor(database: Sqlite) {
    this.modules = new Set(namesOf(database.prepare("SELECT lower(name) FROM pragma_module_list")));
    this.#statement = database.prepare("SELECT lower(name) FROM sqlite_schema");
    this.refresh();
  }

  refresh(): void {
    this.tables = new Set(namesOf(this.#statement));
  }
}

function namesOf(statement: Statement): string[] {
  statement.setReturnArrays(true);
  return (statement.all() as string[][]).map(([name]) => name!);
}

function inBatch(error: unknown, index: number): unknown {
  const message = `Batch undone at statement ${index + 1}: ${messageOf(error)}`;
  if (error instanceof SallyportError) {
    return new SallyportError(error.code, message, { hint: error.hint, cause: error });
  }
  return error instanceof TypeError ? new TypeError(message) : new Error(message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
