// What SQLite itself refuses, statement by statement.
//
// An action that is not named here is refused: a newer SQLite may have actions that this code does
// not know. Sources: https://www.sqlite.org/c3ref/c_alter_table.html, https://www.sqlite.org/security.html.
import type { AccessLevel } from "../../bundle/manifest/manifest_schema.ts";
import { escapeText } from "../../errors.ts";
import { accessCovers } from "../calls/caller.ts";
import type { Authorizer } from "./sqlite.ts";

/**
 * What the statements of the moment may do; `transaction` is for our own BEGIN and COMMIT, `host` for
 * our own look at the schema.
 */
export type StatementMode = "read" | "write" | "transaction" | "host";

export interface Judge {
  mode: StatementMode;
  /** Acts in another mode; the statement's own comes back. */
  during<T>(mode: StatementMode, act: () => T): T;
  /** Why the last statement was refused; cleared before the next is prepared. */
  refusal: string | undefined;
  /** Whether SQLite has asked for a SELECT; cleared before the next is prepared. */
  selected: boolean;
  readonly authorize: Authorizer;
}

/** What a shared database has besides the tables that are shared, in small letters. */
export interface SchemaNames {
  /** Tables, views, indexes and triggers as they are now; to be kept up to date. */
  readonly tables: ReadonlySet<string>;
  /** Virtual table modules, which can be read like tables. */
  readonly modules: ReadonlySet<string>;
}

const OK = 0;
const DENY = 1;

// https://www.sqlite.org/c3ref/c_alter_table.html
const CREATE_INDEX = 1;
const CREATE_TABLE = 2;
const CREATE_TEMP_INDEX = 3;
const CREATE_TEMP_VIEW = 6;
const CREATE_TRIGGER = 7;
const CREATE_VIEW = 8;
const DELETE = 9;
const DROP_INDEX = 10;
const DROP_TABLE = 11;
const DROP_TEMP_INDEX = 12;
const DROP_TEMP_VIEW = 15;
const DROP_TRIGGER = 16;
const DROP_VIEW = 17;
const INSERT = 18;
const PRAGMA = 19;
const READ = 20;
const SELECT = 21;
const TRANSACTION = 22;
const UPDATE = 23;
const ATTACH = 24;
const DETACH = 25;
const ALTER_TABLE = 26;
const REINDEX = 27;
const ANALYZE = 28;
const CREATE_VTABLE = 29;
const DROP_VTABLE = 30;
const FUNCTION = 31;
const SAVEPOINT = 32;
const RECURSIVE = 33;

const SCHEMA_CHANGES: ReadonlySet<number> = new Set([
  CREATE_INDEX,
  CREATE_TABLE,
  CREATE_TRIGGER,
  CREATE_VIEW,
  DROP_INDEX,
  DROP_TABLE,
  DROP_TRIGGER,
  DROP_VIEW,
  DROP_VTABLE,
  ALTER_TABLE,
  REINDEX,
  ANALYZE,
]);

// load_extension runs native code, fts3_tokenizer and fts5 hand out pointers, sqlite_log writes to
// the process's log, rtreecheck runs SQL of its own; the rest is not compiled in today
const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set([
  "load_extension",
  "fts3_tokenizer",
  "fts5",
  "sqlite_log",
  "rtreecheck",
  "readfile",
  "writefile",
  "edit",
  "lsdir",
  "fsdir",
]);

/**
 * Makes the judge of a plugin's own database: all tables, no way out of the file.
 */
export function ownDatabaseJudge(): Judge {
  return judge((action, first, second, database, mode) => {
    if (action === READ) return undefined;
    if (mode === "read") {
      return action === INSERT || action === UPDATE || action === DELETE ||
          action === CREATE_VTABLE || SCHEMA_CHANGES.has(action)
        ? "query() only reads; use execute()"
        : unknownAction(action);
    }
    // ALTER TABLE RENAME looks for uses of the table in the temporary schema, which is always empty
    if (database === "temp") return first === "sqlite_temp_master" ? undefined : TEMPORARY;
    if (action === INSERT || action === UPDATE || action === DELETE) return undefined;
    if (action === CREATE_VTABLE) {
      return second?.toLowerCase() === "fts5"
        ? undefined
        : `virtual tables of module "${second}" are refused; only fts5 is there`;
    }
    return SCHEMA_CHANGES.has(action) ? undefined : unknownAction(action, first);
  });
}

/** The table-valued functions that read their arguments and nothing else. */
export const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(["json_each", "json_tree"]);

/** The tables of a shared database by their names in small letters, and how far each is shared. */
export type SharedTables = ReadonlyMap<string, AccessLevel>;

/** Makes the table names of a configuration comparable. */
export function sharedTables(tables: Readonly<Record<string, AccessLevel>>): SharedTables {
  return new Map(Object.entries(tables).map(([name, level]) => [fold(name), level]));
}

/** Says why a table must not be read or written. */
export function tableRefusal(
  shared: SharedTables,
  table: string,
  needed: AccessLevel,
): string | undefined {
  const level = shared.get(fold(table));
  if (level === undefined) return `table "${table}" is not shared`;
  return accessCovers(level, needed) ? undefined : `table "${table}" is shared for reading only`;
}

/**
 * Makes the judge of a database that the application shares: the tables that it named, no others,
 * and no change of the schema.
 *
 * A view or trigger gives access to nothing: SQLite names it together with the tables under it, but a
 * plugin can make a common table expression of the same name, so the name proves nothing.
 */
export function sharedDatabaseJudge(
  shared: SharedTables,
  names: SchemaNames,
): Judge {
  const mayRead = (table: string, column: string | null, database: string | null): boolean => {
    // without a column, SQLite asks for any name in FROM of which no column is used, and gives the
    // schema as the statement wrote it
    const bare = column === "";
    if (shared.has(table)) return database === "main" || (bare && database === null);
    if (names.tables.has(table) || table.startsWith("sqlite_")) return false;
    if (TABLE_FUNCTIONS.has(table)) return true;
    // what is left is the name of a common table expression; what that reads is asked for itself
    return bare && database === null && !names.modules.has(table) && !table.startsWith("pragma_");
  };
  return judge((action, first, second, database, mode) => {
    if (action === READ) {
      return mayRead(fold(first ?? ""), second, database)
        ? undefined
        : `table "${first}" is not shared`;
    }
    if (action === INSERT || action === UPDATE || action === DELETE) {
      if (mode === "read") return "query() only reads; use execute()";
      return database === "main"
        ? tableRefusal(shared, first ?? "", "readwrite")
        : `table "${first}" is not shared`;
    }
    if (action === CREATE_VTABLE || SCHEMA_CHANGES.has(action)) {
      return "the schema of a shared database is the application's";
    }
    return unknownAction(action, first);
  });
}

const TEMPORARY = "temporary tables are refused: they vanish when the database process restarts";

type Rule = (
  action: number,
  first: string | null,
  second: string | null,
  database: string | null,
  mode: StatementMode,
) => string | undefined;

/** Puts what holds for every database before a database's own rule. */
function judge(rule: Rule): Judge {
  const self: Judge = {
    mode: "read",
    during(mode, act) {
      const before = self.mode;
      self.mode = mode;
      try {
        return act();
      } finally {
        self.mode = before;
      }
    },
    refusal: undefined,
    selected: false,
    authorize(action, first, second, database) {
      if (action === SELECT) self.selected = true;
      let refusal: string | undefined;
      try {
        if (self.mode === "host") return OK;
        const { mode } = self;
        if (mode === "transaction" && action === TRANSACTION) return OK;
        // fts5 writes its own tables while the host's COMMIT runs
        const access = mode === "transaction" ? "write" : mode;
        refusal = common(action, first, second) ?? rule(action, first, second, database, access);
      } catch {
        // an exception must not pass for consent
        refusal = "the check itself failed";
      }
      if (refusal === undefined || refusal === ALLOWED) return OK;
      self.refusal ??= escapeText(refusal, 200);
      return DENY;
    },
  };
  return self;
}

const ALLOWED = "";

function common(action: number, first: string | null, second: string | null): string | undefined {
  if (action === SELECT || action === RECURSIVE) return ALLOWED;
  if (action === FUNCTION) {
    return REFUSED_FUNCTIONS.has((second ?? "").toLowerCase())
      ? `function ${second}() is refused`
      : ALLOWED;
  }
  // fts5 asks for the version of its own data through SQL; reading it tells nothing else
  if (action === PRAGMA) {
    return first?.toLowerCase() === "data_version" && second === null
      ? ALLOWED
      : "PRAGMA is refused";
  }
  return undefined;
}

/** Names what is refused wherever it comes up. */
function unknownAction(action: number, first?: string | null): string {
  if (action === ATTACH) return "ATTACH and VACUUM are refused";
  if (action === DETACH) return "DETACH is refused";
  if (action === TRANSACTION || action === SAVEPOINT) {
    return "transactions are refused as statements; use batch()";
  }
  if (
    (action >= CREATE_TEMP_INDEX && action <= CREATE_TEMP_VIEW) ||
    (action >= DROP_TEMP_INDEX && action <= DROP_TEMP_VIEW)
  ) return TEMPORARY;
  return `action ${action} is refused${first ? ` ("${first}")` : ""}`;
}

function fold(name: string): string {
  // SQLite folds the case of ASCII letters only
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
