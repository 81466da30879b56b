/**
 * What is in a database whose schema is the application's to change at any time.
 *
 * @module
 */

import type { SchemaNames } from "./authorizer.ts";
import type { Sqlite, Statement } from "./sqlite.ts";

/** The schema as it was at the last look; names are in small letters. */
export class SharedSchema implements SchemaNames {
  tables: ReadonlySet<string> = new Set();
  readonly modules: ReadonlySet<string>;
  /** The tables that have no pages of their own. */
  virtual: ReadonlySet<string> = new Set();
  /** The table to which the pages under a root page belong, its indexes included. */
  roots: ReadonlyMap<number, string> = new Map();
  readonly #statement: Statement;

  constructor(database: Sqlite) {
    const modules = database.prepare("SELECT lower(name) FROM pragma_module_list");
    modules.setReturnArrays(true);
    this.modules = new Set((modules.all() as [string][]).map(([name]) => name));
    this.#statement = database.prepare(
      "SELECT type, lower(name), lower(tbl_name), rootpage FROM sqlite_schema",
    );
    this.#statement.setReturnArrays(true);
    this.refresh();
  }

  /** Looks again; what it finds holds for the transaction in which it looks. */
  refresh(): void {
    const rows = this.#statement.all() as [string, string, string, number | null][];
    this.tables = new Set(rows.map(([, name]) => name));
    this.virtual = new Set(
      rows.filter(([type, , , root]) => type === "table" && !root).map(([, name]) => name),
    );
    // the schema is a table, too: that of page 1
    this.roots = new Map([
      [1, "sqlite_schema"],
      ...rows.flatMap(([, , table, root]) => root ? [[root, table] as const] : []),
    ]);
  }
}
