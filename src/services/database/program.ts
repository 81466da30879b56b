// The second check of statements on a shared database: what the program of a prepared statement opens.
//
// SQLite does not ask its authorizer for everything that it reads, for instance not for columns that
// USING and NATURAL merge. The program itself (https://www.sqlite.org/opcode.html) cannot leave
// anything out: pages are reached through cursors only, and a cursor names its root page.
import type { AccessLevel } from "../../bundle/manifest/manifest_schema.ts";
import { accessCovers } from "../calls/caller.ts";
import {
  type Judge,
  type SchemaNames,
  type SharedTables,
  TABLE_FUNCTIONS,
  tableRefusal,
} from "./authorizer.ts";
import type { Bindings } from "./sql_values.ts";
import type { Sqlite, Statement } from "./sqlite.ts";

type Operation = [
  address: number,
  name: string,
  p1: number,
  p2: number,
  p3: number,
  p4: string | null,
  p5: number,
];

/**
 * Operations that work on registers and on cursors that are open already, or that open a cursor on
 * what the statement itself makes. One that is not named here is refused: a newer SQLite may have
 * operations that this code does not know.
 */
const HARMLESS: ReadonlySet<string> = new Set((
  "Init Goto Gosub Return InitCoroutine EndCoroutine Yield BeginSubrtn HaltIfNull Halt Once Jump If " +
  "IfNot IsType IfNullRow IfNotOpen IfNoHope IfSizeBetween IfEmpty IfPos IfNotZero DecrJumpZero " +
  "MustBeInt Not And Or IsNull NotNull Ne Eq Gt Le Lt Ge ElseEq IsTrue ZeroOrNull BitAnd BitOr " +
  "ShiftLeft ShiftRight Add Subtract Multiply Divide Remainder Concat BitNot AddImm Compare " +
  "Permutation CollSeq Integer Int64 Real String String8 Null SoftNull Blob Variable Move Copy SCopy " +
  "IntCopy RealAffinity Cast Affinity TypeCheck MakeRecord PureFunc Function ClrSubtype GetSubtype " +
  "SetSubtype AggInverse AggStep AggStep1 AggValue AggFinal MemMax OffsetLimit ResultRow ResetCount " +
  "Program Param FkCheck FkCounter FkIfZero OpenDup OpenAutoindex OpenEphemeral OpenPseudo " +
  "SorterOpen SorterSort SorterNext SorterCompare SorterData SorterInsert ResetSorter Sort " +
  "SequenceTest Sequence Close ColumnsUsed Column Count RowData RowCell Rowid NullRow SeekLT SeekLE " +
  "SeekGE SeekGT SeekRowid SeekScan SeekHit SeekEnd NoConflict NotFound Found NotExists Last Rewind " +
  "Prev Next IdxLE IdxGT IdxLT IdxGE IdxInsert IdxDelete IdxRowid IFindKey DeferredSeek FinishSeek " +
  "NewRowid Insert Delete RowSetRead RowSetTest RowSetAdd Filter FilterAdd CursorLock CursorUnlock " +
  "VFilter VNext VColumn VInitIn Trace CursorHint ReleaseReg Noop Explain Abortable"
).split(" "));

// the root page is in a register: a table that the program itself makes
const P2_IS_REGISTER = 0x10;
const SEQUENCE = "sqlite_sequence";

/** The schema as it was at the last look, because the application may change it at any time; names in small letters. */
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

export class ProgramCheck {
  readonly #database: Sqlite;
  readonly #judge: Judge;
  readonly #schema: SharedSchema;
  readonly #shared: SharedTables;

  constructor(database: Sqlite, judge: Judge, schema: SharedSchema, shared: SharedTables) {
    this.#database = database;
    this.#judge = judge;
    this.#schema = schema;
    this.#shared = shared;
  }

  /**
   * Compiles a statement as it would run, and says why it must not. To be asked in the transaction in
   * which it runs, after a look at the schema: no other process can change that in between.
   */
  refusal(sql: string, bindings: Bindings): string | undefined {
    let virtual: ReadonlyMap<string | null, AccessLevel> | undefined;
    let sequence = 0;
    for (const operation of this.#explain(sql, bindings)) {
      const [, name, , , , p4] = operation;
      const use = useOf(operation);
      if (use === "none") continue;
      if (use === "unknown") return `operation ${name} of SQLite`;
      if (use.root === undefined) {
        virtual ??= this.#judge.during("host", () => this.#virtual());
        if (!accessCovers(virtual.get(p4), use.needed)) return "its virtual table is not shared";
        continue;
      }
      const table = this.#schema.roots.get(use.root);
      if (table === SEQUENCE) sequence += use.needed === "read" ? 1 : -1;
      else {
        const refusal = tableRefusal(this.#shared, table ?? "?", use.needed);
        if (refusal !== undefined) return refusal;
      }
    }
    // an AUTOINCREMENT opens the table of sequences twice, to read its own row and to write it; a
    // statement that opens it once more reads the others
    return sequence > 0 ? `table "${SEQUENCE}" is not shared` : undefined;
  }

  #explain(sql: string, bindings: Bindings = []): Operation[] {
    const statement = this.#database.prepare(`EXPLAIN ${sql}`);
    statement.setReturnArrays(true);
    return statement.all(...bindings) as Operation[];
  }

  /** A program names a virtual table by its address: these are of those that may be used. */
  #virtual(): ReadonlyMap<string | null, AccessLevel> {
    const { tables, virtual } = this.#schema;
    const names: [string, AccessLevel][] = [
      ...[...TABLE_FUNCTIONS].filter((name) => !tables.has(name)).map((name) =>
        [name, "read"] as [string, AccessLevel]
      ),
      ...[...this.#shared].filter(([name]) => virtual.has(name)),
    ];
    return new Map(
      names.flatMap(([name, level]) =>
        this.#explain(`SELECT 1 FROM main."${name.replaceAll('"', '""')}"`)
          .filter(([, operation]) => operation === "VOpen")
          .map(([, , , , , address]) => [address, level] as const)
      ),
    );
  }
}

type Use = { readonly needed: AccessLevel; readonly root?: number };

/** What an operation needs of the database: pages, or a virtual table where there is no root page. */
function useOf([, name, p1, p2, p3, , p5]: Operation): Use | "none" | "unknown" {
  if (HARMLESS.has(name)) return "none";
  switch (name) {
    case "Transaction": // other databases than the first are temporary or attached
      return p1 === 0 ? "none" : "unknown";
    case "OpenRead":
    case "ReopenIdx":
      return p3 === 0 && (p5 & P2_IS_REGISTER) === 0 ? { needed: "read", root: p2 } : "unknown";
    case "OpenWrite":
      return p3 === 0 && (p5 & P2_IS_REGISTER) === 0
        ? { needed: "readwrite", root: p2 }
        : "unknown";
    case "Clear":
      return p2 === 0 ? { needed: "readwrite", root: p1 } : "unknown";
    case "VOpen":
      return { needed: "read" };
    case "VBegin":
    case "VUpdate":
      return { needed: "readwrite" };
    default:
      return "unknown";
  }
}
