import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import type { AccessLevel } from "../../../src/bundle/manifest/manifest_schema.ts";
import { type Judge, sharedTables } from "../../../src/services/database/authorizer.ts";
import { DatabaseEngine } from "../../../src/services/database/engine.ts";
import { ProgramCheck, SharedSchema } from "../../../src/services/database/program.ts";
import { openSqlite } from "../../../src/services/database/sqlite.ts";

const SCHEMA = `
  CREATE TABLE a (id INTEGER PRIMARY KEY, k, v);
  CREATE TABLE b (k, w);
  CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, k UNIQUE, v);
  CREATE TABLE twin (id INTEGER PRIMARY KEY, k UNIQUE, v);
  CREATE TABLE hidden (id INTEGER PRIMARY KEY, k UNIQUE, v);
  CREATE TABLE wide (k PRIMARY KEY, v, w) WITHOUT ROWID;
  CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, k);
  CREATE TABLE child (k REFERENCES twin (k) ON DELETE CASCADE);
  CREATE INDEX a_k ON a (k);
  CREATE INDEX b_k ON b (k) WHERE w > 0;
  CREATE INDEX hidden_v ON hidden (v, k);
  CREATE VIEW va AS SELECT k, v FROM a WHERE v > 0;
  CREATE VIEW vh AS SELECT k, v FROM hidden;
  CREATE TABLE noisy (k);
  CREATE TRIGGER noise AFTER INSERT ON noisy BEGIN INSERT INTO wide VALUES (new.k, 0, 0); END;
  CREATE TABLE quiet (k);
  CREATE TRIGGER calm AFTER INSERT ON quiet BEGIN INSERT INTO item (k) VALUES (new.k); END;
  CREATE VIRTUAL TABLE words USING fts5 (k);
  CREATE VIRTUAL TABLE books USING fts5 (k);
  INSERT INTO a VALUES (1, 1, 1), (2, 2, 0), (3, 3, 7);
  INSERT INTO b VALUES (1, 1), (2, 0), (9, 9);
  INSERT INTO books VALUES ('open');
`;
const TABLES: Record<string, AccessLevel> = {
  a: "read",
  b: "read",
  item: "readwrite",
  twin: "readwrite",
  va: "read",
  noisy: "readwrite",
  quiet: "readwrite",
  books: "read",
  books_config: "read",
  books_content: "read",
  books_data: "read",
  books_docsize: "read",
  books_idx: "read",
};

/** A check with no authorizer before it. */
function openCheck() {
  const database = openSqlite(":memory:", { busyTimeoutMs: 0 });
  database.exec(SCHEMA);
  const judge: Judge = {
    mode: "write",
    during: (_mode, act) => act(),
    refusal: undefined,
    selected: false,
    authorize: () => 0,
  };
  const schema = new SharedSchema(database);
  const check = new ProgramCheck(database, judge, schema, sharedTables(TABLES));
  return { database, schema, check, [Symbol.dispose]: () => database.close() };
}

const MERGED = "WITH g(k, v) AS (SELECT NULL, NULL)";

Deno.test("ProgramCheck refuses whatever opens what is not shared, by itself", () => {
  using test = openCheck();
  for (
    const [sql, pattern] of [
      ["SELECT k FROM hidden", /"hidden" is not shared/],
      ["SELECT count(*) FROM hidden", /"hidden"/],
      [`${MERGED} SELECT k, v FROM g NATURAL FULL JOIN hidden`, /"hidden"/],
      [`${MERGED} SELECT k FROM g NATURAL JOIN wide`, /"wide"/],
      ["SELECT k FROM a JOIN wide USING (k)", /"wide"/],
      ["SELECT k FROM a WHERE k IN (SELECT k FROM hidden)", /"hidden"/],
      ["SELECT k FROM a WHERE (id, k, v) IN hidden", /"hidden"/],
      ["SELECT k FROM vh", /"hidden"/],
      ["SELECT sql FROM sqlite_schema", /"sqlite_schema"/],
      [
        "WITH g(sql) AS (SELECT NULL) SELECT sql FROM g FULL JOIN sqlite_schema USING (sql)",
        /_schema/,
      ],
      ["SELECT * FROM sqlite_temp_schema", /operation OpenRead/],
      ["SELECT * FROM sqlite_sequence", /"sqlite_sequence"/],
      ["INSERT INTO item (k) SELECT seq FROM sqlite_sequence", /"sqlite_sequence"/],
      ["INSERT INTO item (k) SELECT a.k FROM a NATURAL JOIN sqlite_sequence", /"sqlite_sequence"/],
      ["INSERT INTO item (v) VALUES ((SELECT max(seq) FROM sqlite_sequence))", /"sqlite_sequence"/],
      ["INSERT INTO twin SELECT * FROM hidden", /"hidden"/],
      ["INSERT INTO a VALUES (4, 4, 4)", /"a" is shared for reading only/],
      ["DELETE FROM a", /"a" is shared for reading only/],
      ["DELETE FROM wide", /"wide"/],
      ["DELETE FROM hidden WHERE 0", /"hidden"/],
      ["UPDATE item SET v = wide.v FROM wide WHERE wide.k = item.k", /"wide"/],
      ["DELETE FROM item WHERE k IN (SELECT k FROM a NATURAL JOIN hidden)", /"hidden"/],
      ["DELETE FROM twin", /"child"/],
      ["UPDATE twin SET k = 1", /"child"/],
      ["INSERT INTO noisy VALUES (1)", /"wide"/],
      ["SELECT k FROM words", /virtual table/],
      ["INSERT INTO books VALUES ('x')", /virtual table is not shared/],
      ["SELECT * FROM pragma_table_list", /virtual table/],
      ["SELECT * FROM dbstat", /virtual table/],
      ["PRAGMA data_version", /operation ReadCookie/],
      ["PRAGMA user_version = 3", /operation/],
      ["PRAGMA journal_mode = DELETE", /operation/],
      ["PRAGMA page_count", /operation/],
      ["PRAGMA integrity_check", /operation/],
      ["CREATE TABLE c (k)", /operation/],
      ["CREATE TABLE c AS SELECT k FROM a", /operation/],
      ["CREATE TEMP TABLE c (k)", /operation/],
      ["CREATE VIRTUAL TABLE c USING fts5 (k)", /operation|not shared/],
      ["CREATE INDEX c ON item (v)", /operation/],
      ["DROP TABLE item", /operation|not shared/],
      ["DROP TABLE words", /operation|not shared/],
      ["ALTER TABLE item ADD COLUMN z", /operation|not shared/],
      ["ANALYZE", /operation|not shared/],
      ["VACUUM", /operation/],
      ["ATTACH ':memory:' AS z", /operation|virtual table/],
      ["BEGIN", /operation AutoCommit/],
      ["SAVEPOINT s", /operation Savepoint/],
    ] as const
  ) {
    assert.match(test.check.refusal(sql, []) ?? "allowed", pattern, sql);
    // control: SQLite itself has nothing against it
    test.database.prepare(sql);
  }
});

Deno.test("ProgramCheck lets pass what stays within the tables that are shared", () => {
  using test = openCheck();
  for (
    const sql of [
      "SELECT 1 AS n",
      "SELECT k FROM A",
      "SELECT k FROM a JOIN b USING (k) WHERE a.k = 1 OR a.id = 3 ORDER BY w DESC LIMIT 1 OFFSET 1",
      `${MERGED} SELECT k, v FROM g NATURAL FULL JOIN va`,
      "SELECT count(*), sum(v), group_concat(k) FROM a GROUP BY k % 2 HAVING count(*) > 0",
      "SELECT k, row_number() OVER (PARTITION BY v ORDER BY k) AS r FROM a",
      "SELECT DISTINCT v FROM a UNION SELECT w FROM b EXCEPT SELECT 1 INTERSECT SELECT k FROM item",
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3) SELECT x FROM c",
      "SELECT value FROM json_each('[1]') WHERE value IN (SELECT k FROM a)",
      "SELECT a.k FROM a, json_tree('{}') AS t",
      "SELECT CAST(k AS TEXT) || abs(v) LIKE '1%' AS c FROM a WHERE (k, v) IN (SELECT k, w FROM b)",
      "SELECT k FROM books WHERE books MATCH 'open'",
      "INSERT INTO item (k, v) SELECT k, v FROM a WHERE true ON CONFLICT (k) DO UPDATE SET v = 1",
      "INSERT INTO item (k) VALUES (1), (2), (3) RETURNING id",
      "REPLACE INTO item (k) VALUES (1)",
      "INSERT INTO quiet VALUES (1)",
      "UPDATE item SET v = a.v FROM a WHERE a.k = item.k",
      "UPDATE OR IGNORE item SET k = 3, id = id + 1",
      "DELETE FROM item",
      "DELETE FROM item WHERE k = 1 OR v = 2 RETURNING *",
    ]
  ) assert.equal(test.check.refusal(sql, []), undefined, sql);
  assert.equal(test.check.refusal("SELECT k FROM a WHERE k LIKE ? LIMIT ?", ["a%", 1n]), undefined);
});

Deno.test("ProgramCheck goes by the schema of the last look", () => {
  using test = openCheck();
  test.database.exec("CREATE TABLE later (k); CREATE TABLE json_each (value)");
  const sql = "SELECT k FROM later";
  assert.match(test.check.refusal(sql, []) ?? "allowed", /"\?" is not shared/);
  test.schema.refresh();
  assert.match(test.check.refusal(sql, []) ?? "allowed", /"later" is not shared/);
  assert.match(test.check.refusal("SELECT value FROM json_each", []) ?? "allowed", /"json_each"/);
  assert.equal(test.check.refusal("SELECT value FROM json_tree('1')", []), undefined);
});

const column = fc.constantFrom("k", "k", "v", "v", "count(*)", "max(k)");
const leaf = fc.constantFrom(
  ..."a va item g g g hidden hidden hidden wide main.wide vh twin".split(" "),
  // whatever else a name can be, by a column of its own that is merged
  ...Object.entries({
    sqlite_schema: "sql",
    sqlite_sequence: "seq",
    "json_each('[1]')": "value",
    pragma_table_list: "name",
    dbstat: "name",
    words: "k",
    books: "k",
    counted: "k",
    b: "w",
  }).map(([table, name]) =>
    `(SELECT ${name} AS k, 1 AS v FROM (SELECT NULL AS ${name}) NATURAL FULL JOIN ${table})`
  ),
);
const { select } = fc.letrec<{ select: string; source: string; condition: string }>((tie) => ({
  select: fc.oneof(
    { depthSize: "xsmall" },
    {
      arbitrary: fc.tuple(
        fc.constantFrom("g", "g", "g", "hidden", "a"),
        fc.oneof(
          { depthSize: "xsmall" },
          { arbitrary: fc.constant("SELECT NULL, NULL"), weight: 5 },
          { arbitrary: tie("source").map((source) => `SELECT k, 1 FROM ${source}`), weight: 1 },
        ),
        column,
        column,
        tie("source"),
        tie("condition"),
      ).map(([name, rows, x, y, source, condition]) =>
        `WITH ${[...new Set(["g", name])].map((each) => `${each}(k, v) AS (${rows})`)} ` +
        `SELECT ${x} AS k, ${y} AS v FROM ${source}${condition}`
      ),
      weight: 3,
    },
    {
      arbitrary: fc.tuple(
        tie("select"),
        fc.constantFrom("UNION", "UNION ALL", "EXCEPT", "INTERSECT"),
        tie("select"),
      ).map(([one, how, two]) => `SELECT * FROM (${one}) ${how} SELECT * FROM (${two})`),
      weight: 1,
    },
  ),
  source: fc.oneof(
    { depthSize: "xsmall" },
    { arbitrary: leaf, weight: 3 },
    { arbitrary: tie("select").map((inner) => `(${inner})`), weight: 1 },
    {
      arbitrary: fc.tuple(
        leaf,
        fc.constantFrom("", "LEFT ", "RIGHT ", "FULL ", "INNER "),
        tie("source"),
        fc.constantFrom("NATURAL", "USING (k, v)", "USING (v, k)"),
      ).map(([one, kind, two, how]) =>
        how === "NATURAL"
          ? `${one} NATURAL ${kind}JOIN (SELECT k, v FROM ${two})`
          : `(SELECT k, v FROM ${two}) ${kind}JOIN ${one} ${how}`
      ),
      weight: 3,
    },
  ),
  condition: fc.oneof(
    { depthSize: "xsmall" },
    { arbitrary: fc.constant(""), weight: 4 },
    { arbitrary: tie("select").map((inner) => ` WHERE NOT EXISTS (${inner})`), weight: 1 },
    { arbitrary: tie("source").map((from) => ` WHERE k IN (SELECT k FROM ${from})`), weight: 1 },
    { arbitrary: fc.constant(" WHERE (1, k, v) IN main.hidden"), weight: 1 },
  ),
}));
const statement = fc.oneof(
  { arbitrary: select, weight: 6 },
  ...[
    select.map((inner) => `INSERT OR IGNORE INTO item (k, v) ${inner}`),
    select.map((inner) => `INSERT INTO twin SELECT 7, * FROM (${inner}) WHERE true RETURNING k`),
    fc.constant("INSERT OR REPLACE INTO twin SELECT * FROM hidden"),
    select.map((inner) => `UPDATE OR IGNORE item SET v = (SELECT v FROM (${inner})) RETURNING v`),
    select.map((inner) => `UPDATE OR IGNORE item SET v = s.v FROM (${inner}) AS s`),
    select.map((inner) => `DELETE FROM item WHERE k IN (SELECT k FROM (${inner})) RETURNING k`),
    fc.constantFrom("DELETE FROM twin WHERE k = 1", "INSERT OR IGNORE INTO noisy VALUES (1)"),
  ].map((arbitrary) => ({ arbitrary, weight: 1 })),
);

Deno.test("no statement's result depends on a table that is not shared, whatever it says", () => {
  const dir = Deno.makeTempDirSync();
  const pair = [
    "",
    "INSERT INTO hidden VALUES (1, 1, 'secret'), (2, 2, 'x');" +
    "INSERT INTO wide VALUES (1, 1, 'secret'), (3, 0, 1); INSERT INTO counted (k) VALUES (1), (2);" +
    "INSERT INTO words VALUES ('secret')",
  ].map((content, index) => {
    const file = `${dir}/${index}.sqlite`;
    const open = () => {
      const raw = new DatabaseSync(file);
      raw.exec("PRAGMA synchronous = OFF");
      const config = { file, access: "readwrite", tables: TABLES, maxRows: 1_000 } as const;
      return { raw, engine: new DatabaseEngine({ ...config, maxResultBytes: 1_000_000 }) };
    };
    const raw = new DatabaseSync(file);
    raw.exec(`${SCHEMA} ${content}`);
    raw.close();
    return { open, ...open() };
  });
  const close = () => {
    for (const { raw, engine } of pair) {
      raw.close();
      engine.close();
    }
  };
  const guarded = (sql: string) =>
    pair.map(({ engine, raw }) => {
      raw.exec("DELETE FROM item; INSERT INTO item VALUES (1, 1, 1), (2, 2, 2); DELETE FROM twin");
      try {
        return JSON.stringify(engine.run("execute", [sql]));
      } catch (error) {
        return `${error}`;
      }
    });
  const unguarded = (sql: string) =>
    pair.map(({ raw }) => {
      raw.exec("BEGIN");
      try {
        return JSON.stringify([raw.prepare(sql).all(), raw.prepare("SELECT * FROM item").all()]);
      } catch (error) {
        return `${error}`;
      } finally {
        if (raw.isTransaction) raw.exec("ROLLBACK");
      }
    });
  const reopen = () => {
    close();
    for (const each of pair) Object.assign(each, each.open());
  };
  let count = 0;
  let allowed = 0;
  let leaking = 0;
  let exhausted = 0;
  try {
    fc.assert(
      fc.property(statement, (sql) => {
        // all take from one process's memory for SQLite, until they are closed
        if (++count % 50 === 0) reopen();
        let [one, two] = guarded(sql);
        if (one !== two && /out of memory/.test(`${one} ${two}`)) {
          reopen();
          [one, two] = guarded(sql);
          // what takes all the memory that there is says nothing of what it read
          if (one !== two && /out of memory/.test(`${one} ${two}`)) return void exhausted++;
        }
        assert.equal(one, two, sql);
        if (one!.startsWith("{")) allowed++;
        const [empty, full] = unguarded(sql);
        if (empty !== full) leaking++;
      }),
      { numRuns: 250 },
    );
  } finally {
    close();
    Deno.removeSync(dir, { recursive: true });
  }
  // controls: without the walls the same statements tell, and the walls let others pass
  assert.ok(leaking > 10, `${leaking} statements would tell`);
  assert.ok(allowed > 5, `${allowed} statements were allowed`);
  assert.ok(exhausted < 25, `${exhausted} of 250 statements could not be judged`);
});
