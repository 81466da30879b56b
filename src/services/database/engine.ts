import { escapeText, SallyportError } from "../../errors.ts";
import type { ExecuteResult, SqlRow } from "../../plugin/service_types.ts";
import {
  type Judge,
  ownDatabaseJudge,
  sharedDatabaseJudge,
  sharedTables,
  type StatementMode,
} from "./authorizer.ts";
import { openConfined } from "./confine.ts";
import { ProgramCheck, SharedSchema } from "./program.ts";
import { type DatabaseConfig, type DatabaseMethod, MAX_BATCH, MAX_SQL_BYTES } from "./protocol.ts";
import { scanSql, type SqlScan, withNulCheck } from "./sql_text.ts";
import {
  type Bindings,
  bindParameters,
  checkColumns,
  readRows,
  type ResultCaps,
} from "./sql_values.ts";
import { type Sqlite, SQLITE_NOMEM, sqliteCode, type Statement } from "./sqlite.ts";
import { describeFailure, inBatch, messageOf, refused } from "./statement_errors.ts";

export class DatabaseEngine {
  readonly #config: DatabaseConfig;
  readonly #caps: ResultCaps;
  readonly #writable: boolean;
  #database!: Sqlite;
  #judge!: Judge;
  #shared: { readonly schema: SharedSchema; readonly program: ProgramCheck } | undefined;
  #totalChanges!: Statement;
  #changes!: Statement;
  #fresh = true;
  #exhausted = false;

  constructor(config: DatabaseConfig) {
    this.#config = config;
    this.#writable = config.access === "readwrite";
    this.#caps = { maxRows: config.maxRows, maxBytes: config.maxResultBytes };
    this.#open();
  }

  #open(): void {
    const config = this.#config;
    try {
      this.#database = openConfined(config);
      if (config.tables === undefined) this.#judge = ownDatabaseJudge();
      else {
        const schema = new SharedSchema(this.#database);
        const tables = sharedTables(config.tables);
        this.#judge = sharedDatabaseJudge(tables, schema);
        const program = new ProgramCheck(this.#database, this.#judge, schema, tables);
        this.#shared = { schema, program };
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

  run(method: DatabaseMethod, args: readonly unknown[]): unknown {
    const fresh = this.#fresh;
    this.#fresh = this.#exhausted = false;
    try {
      return this.#run(method, args);
    } catch (error) {
      if (fresh || !this.#exhausted) throw error;
      // the runtime frees statements when it collects garbage, and knows nothing of SQLite's memory:
      // what took it all may be statements that were done long ago
      this.#database.close();
      this.#open();
      return this.#run(method, args);
    }
  }

  /** Runs a method in a transaction of its own. */
  #run(method: DatabaseMethod, [first, parameters]: readonly unknown[]): unknown {
    // IMMEDIATE: to read first and then to want the lock may fail at once
    const begin = method !== "query" && this.#writable ? "BEGIN IMMEDIATE" : "BEGIN";
    try {
      this.#transact(begin);
      const result = method === "batch"
        ? this.#batch(first)
        : method === "query"
        ? this.#query(first, parameters)
        : this.#execute(first, parameters);
      // only now: SQLite would keep a change with RETURNING though its rows are too many
      this.#transact("COMMIT");
      return result;
    } catch (error) {
      throw this.#describe(error);
    } finally {
      if (this.#database.isTransaction) this.#transact("ROLLBACK");
    }
  }

  close(): void {
    this.#database.close();
  }

  #query(sql: unknown, parameters: unknown): SqlRow[] {
    const { statement, columns, bindings } = this.#prepare(sql, parameters, "read");
    if (columns.length === 0) {
      throw new TypeError("Cannot query: the statement returns no rows; use execute()");
    }
    return readRows(columns, statement, bindings, this.#caps);
  }

  #execute(sql: unknown, parameters: unknown): ExecuteResult {
    const mode = this.#writable ? "write" : "read";
    const { statement, columns, bindings } = this.#prepare(sql, parameters, mode);
    const before = this.#count();
    let rows: SqlRow[] | undefined;
    if (columns.length === 0) statement.run(...bindings);
    else rows = readRows(columns, statement, bindings, this.#caps);
    // changes() keeps the number of an earlier statement when this one changed nothing
    const changed = this.#count() !== before;
    const { changes, id } = this.#changes.get() as { changes: bigint; id: bigint };
    return {
      changes: changed ? Number(changes) : 0,
      lastInsertRowid: Number.isSafeInteger(Number(id)) ? Number(id) : null,
      ...(rows === undefined ? {} : { rows }),
    };
  }

  #batch(statements: unknown): ExecuteResult[] {
    if (!Array.isArray(statements) || statements.length > MAX_BATCH) {
      throw new TypeError(
        `Cannot run a batch: pass an array of at most ${MAX_BATCH} [sql, parameters] pairs`,
      );
    }
    return statements.map((each: unknown, index) => {
      if (!Array.isArray(each)) {
        throw new TypeError(`Cannot run a batch: statement ${index + 1} is no [sql, parameters]`);
      }
      try {
        return this.#execute(each[0], each[1]);
      } catch (error) {
        throw inBatch(this.#describe(error), index);
      }
    });
  }

  #prepare(
    sql: unknown,
    parameters: unknown,
    mode: StatementMode,
  ): { statement: Statement; columns: readonly string[]; bindings: Bindings } {
    if (typeof sql !== "string") throw new TypeError("Cannot run a statement: it is not a string");
    if (new TextEncoder().encode(sql).length > MAX_SQL_BYTES) {
      throw new SallyportError(
        "limit-exceeded",
        `Cannot run a statement: it has more than ${MAX_SQL_BYTES} bytes`,
        { hint: "Pass values as parameters" },
      );
    }
    if (sql.includes("\0") || !sql.isWellFormed()) {
      throw new TypeError("Cannot run a statement: it has a NUL or half a surrogate pair");
    }
    const scan = scanSql(sql);
    // the runtime crashes on a statement that SQLite finds empty
    if (scan.verb === "") throw new TypeError("Cannot run a statement: it is empty");
    // in our transaction it would fail before the authorizer is asked
    if (scan.verb === "vacuum") throw refused("VACUUM is refused");
    this.#judge.during("host", () => this.#shared?.schema.refresh());
    this.#judge.mode = mode;
    this.#judge.refusal = undefined;
    this.#judge.selected = false;
    let text = sql.slice(scan.start);
    let statement = this.#database.prepare(text);
    // SQLite takes the first statement and silently leaves the rest
    if (scanSql(text.slice(statement.sourceSQL.length)).verb !== "") {
      throw new TypeError("Cannot run a statement: there is a second one; use batch()");
    }
    const bindings = bindParameters(scan, parameters);
    const columns = statement.columns().map(({ name }) => name);
    checkColumns(columns);
    if (columns.length > 0 && /^(?:select|values|with)$/.test(scan.verb)) {
      const checked = withNulCheck(sql.slice(scan.start, scan.end), columns.length);
      try {
        statement = this.#database.prepare(checked);
        text = checked;
      } catch (error) {
        // a WITH may also begin a change with RETURNING, which cannot stand in a query
        if (mode === "read" || scan.verb !== "with") throw error;
      }
    }
    const refusal = this.#shared && this.#sharedRefusal(scan, text, bindings);
    if (refusal !== undefined) throw refused(refusal);
    return { statement, columns, bindings };
  }

  #sharedRefusal(scan: SqlScan, text: string, bindings: Bindings): string | undefined {
    if (scan.verb === "explain") {
      return "EXPLAIN shows the schema of a shared database, which is the application's";
    }
    // SQLite copies one table into another of the same form without asking the authorizer for the
    // source (https://www.sqlite.org/src/file/src/insert.c, xferOptimization)
    if (scan.selects && !this.#judge.selected) {
      return "whether its SELECT reads shared tables only cannot be checked; name the columns: " +
        "INSERT INTO t (a, b) SELECT a, b FROM u";
    }
    return this.#shared!.program.refusal(text, bindings);
  }

  #transact(sql: string): void {
    this.#judge.during("transaction", () => this.#database.exec(sql));
  }

  #count(): unknown {
    return (this.#totalChanges.get() as { n: unknown }).n;
  }

  #describe(error: unknown): unknown {
    if (sqliteCode(error) === SQLITE_NOMEM) this.#exhausted = true;
    return describeFailure(error, this.#judge.refusal);
  }
}
