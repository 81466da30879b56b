// What SQLite itself refuses, statement by statement.
//
// An action that is not named here is refused: a newer SQLite may have actions that this code does
// not know. Sources: https://www.sqlite.org/c3ref/c_alter_table.html, https://www.sqlite.org/security.html.
import type { AccessLevel } from "../../bundle/manifest/manifest_schema.ts";
import { escapeText } from "../../errors.ts";
import { accessCovers } from "../calls/caller.ts";
import type { Authorizer } from "./sqlite.ts";

/** What statements may do now; `transaction` is for the engine's BEGIN and COMMIT, `host` for its look at the schema. */
export type StatementMode = "read" | "write" | "transaction" | "host";

export interface Judge {
  mode: StatementMode;
  /** Acts in another mode, then restores the statement's own. */
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

/** SQLite's names of its actions, by their numbers (https://www.sqlite.org/c3ref/c_alter_table.html). */
export const ACTIONS = [
  ...["COPY", "CREATE_INDEX", "CREATE_TABLE", "CREATE_TEMP_INDEX", "CREATE_TEMP_TABLE"] as const,
  ...["CREATE_TEMP_TRIGGER", "CREATE_TEMP_VIEW", "CREATE_TRIGGER", "CREATE_VIEW"] as const,
  ...["DELETE", "DROP_INDEX", "DROP_TABLE", "DROP_TEMP_INDEX", "DROP_TEMP_TABLE"] as const,
  ...["DROP_TEMP_TRIGGER", "DROP_TEMP_VIEW", "DROP_TRIGGER", "DROP_VIEW", "INSERT"] as const,
  ...["PRAGMA", "READ", "SELECT", "TRANSACTION", "UPDATE", "ATTACH", "DETACH"] as const,
  ...["ALTER_TABLE", "REINDEX", "ANALYZE", "CREATE_VTABLE", "DROP_VTABLE", "FUNCTION"] as const,
  ...["SAVEPOINT", "RECURSIVE"] as const,
] as const;
type Action = typeof ACTIONS[number] | "unknown";

const CHANGES: ReadonlySet<Action> = new Set<Action>(["INSERT", "UPDATE", "DELETE"]);
const SCHEMA_CHANGES: ReadonlySet<Action> = new Set<Action>([
  ...["CREATE_INDEX", "CREATE_TABLE", "CREATE_TRIGGER", "CREATE_VIEW"] as const,
  ...["DROP_INDEX", "DROP_TABLE", "DROP_TRIGGER", "DROP_VIEW", "DROP_VTABLE"] as const,
  ...["ALTER_TABLE", "REINDEX", "ANALYZE"] as const,
]);

// load_extension runs native code, fts3_tokenizer and fts5 hand out pointers, sqlite_log writes to
// the process's log, rtreecheck runs SQL of its own; the rest is not compiled in today
const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set([
  ...["load_extension", "fts3_tokenizer", "fts5", "sqlite_log", "rtreecheck"],
  ...["readfile", "writefile", "edit", "lsdir", "fsdir"],
]);

/** Makes the judge of a plugin's own database: all tables, no way out of the file. */
export function ownDatabaseJudge(): Judge {
  return judge((action, first, second, database, mode) => {
    if (action === "READ") return undefined;
    if (mode === "read") {
      return CHANGES.has(action) || SCHEMA_CHANGES.has(action) || action === "CREATE_VTABLE"
        ? "query() only reads; use execute()"
        : refuseAction(action);
    }
    // ALTER TABLE RENAME looks for uses of the table in the temporary schema, which is always empty
    if (database === "temp") return first === "sqlite_temp_master" ? undefined : TEMPORARY;
    if (action === "CREATE_VTABLE") {
      return second?.toLowerCase() === "fts5"
        ? undefined
        : `virtual tables of module "${second}" are refused; only fts5 is there`;
    }
    const isChange = CHANGES.has(action) || SCHEMA_CHANGES.has(action);
    return isChange ? undefined : refuseAction(action, first);
  });
}

/** The table-valued functions that read their arguments and nothing else. */
export const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(["json_each", "json_tree"]);

/** The tables of a shared database by their names in small letters, and how far each is shared. */
export type SharedTables = ReadonlyMap<string, AccessLevel>;

export function sharedTables(tables: Readonly<Record<string, AccessLevel>>): SharedTables {
  return new Map(Object.entries(tables).map(([name, level]) => [fold(name), level]));
}

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
 * A view or trigger opens nothing: SQLite names it together with the tables under it, but a
 * plugin can make a common table expression of the same name, so the name proves nothing.
 */
export function sharedDatabaseJudge(shared: SharedTables, names: SchemaNames): Judge {
  const mayRead = (table: string, column: string | null, database: string | null): boolean => {
    // without a column, SQLite asks for any name in FROM of which no column is used, and passes the
    // schema as the statement wrote it
    const bare = column === "";
    if (shared.has(table)) return database === "main" || (bare && database === null);
    if (names.tables.has(table) || table.startsWith("sqlite_")) return false;
    if (TABLE_FUNCTIONS.has(table)) return true;
    // what is left is the name of a common table expression; what that reads is asked for itself
    return bare && database === null && !names.modules.has(table) && !table.startsWith("pragma_");
  };
  return judge((action, first, second, database, mode) => {
    if (action === "READ") {
      return mayRead(fold(first ?? ""), second, database)
        ? undefined
        : `table "${first}" is not shared`;
    }
    if (CHANGES.has(action)) {
      if (mode === "read") return "query() only reads; use execute()";
      return database === "main"
        ? tableRefusal(shared, first ?? "", "readwrite")
        : `table "${first}" is not shared`;
    }
    if (action === "CREATE_VTABLE" || SCHEMA_CHANGES.has(action)) {
      return "the schema of a shared database is the application's";
    }
    return refuseAction(action, first);
  });
}

const TEMPORARY = "temporary tables are refused: they vanish when the database process restarts";

/** Says why an action is refused; returns nothing for one that is allowed. */
type Rule = (
  action: Action,
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
    authorize(number, first, second, database) {
      const action = ACTIONS[number] ?? "unknown";
      if (action === "SELECT") self.selected = true;
      let refusal: string | undefined;
      try {
        const { mode } = self;
        if (mode === "host" || (mode === "transaction" && action === "TRANSACTION")) return OK;
        if (isHarmless(action, first, second)) return OK;
        // fts5 writes its own tables while the host's COMMIT runs
        const access = mode === "transaction" ? "write" : mode;
        refusal = refusedAnywhere(action, second) ?? rule(action, first, second, database, access);
      } catch {
        // an exception must not pass for consent
        refusal = "the check itself failed";
      }
      if (refusal === undefined) return OK;
      self.refusal ??= escapeText(refusal, 200);
      return DENY;
    },
  };
  return self;
}

function isHarmless(action: Action, first: string | null, second: string | null): boolean {
  if (action === "SELECT" || action === "RECURSIVE") return true;
  if (action === "FUNCTION") return !REFUSED_FUNCTIONS.has((second ?? "").toLowerCase());
  // fts5 asks for the version of its own data through SQL; reading it shows nothing else
  return action === "PRAGMA" && first?.toLowerCase() === "data_version" && second === null;
}

function refusedAnywhere(action: Action, second: string | null): string | undefined {
  if (action === "FUNCTION") return `function ${second}() is refused`;
  return action === "PRAGMA" ? "PRAGMA is refused" : undefined;
}

function refuseAction(action: Action, first?: string | null): string {
  if (action === "ATTACH") return "ATTACH and VACUUM are refused";
  if (action === "DETACH") return "DETACH is refused";
  if (action === "TRANSACTION" || action === "SAVEPOINT") {
    return "transactions are refused as statements; use batch()";
  }
  if (action.includes("_TEMP_")) return TEMPORARY;
  return `action ${action} is refused${first ? ` ("${first}")` : ""}`;
}

function fold(name: string): string {
  // SQLite folds the case of ASCII letters only
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
