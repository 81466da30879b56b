import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SallyportError } from "../../../src/errors.ts";
import { DatabaseEngine } from "../../../src/services/database/engine.ts";
import type { DatabaseConfig } from "../../../src/services/database/protocol.ts";

interface TestEngine extends Disposable {
  readonly file: string;
  query(sql: unknown, parameters?: unknown): Record<string, unknown>[];
  execute(sql: unknown, parameters?: unknown): Record<string, unknown>;
  batch(statements: unknown): unknown;
}

function open(config: Partial<DatabaseConfig> = {}, schema = "CREATE TABLE t (a, b)"): TestEngine {
  const dir = config.file === undefined ? Deno.makeTempDirSync() : undefined;
  const file = config.file ?? `${dir}/x.sqlite`;
  const raw = new DatabaseSync(file);
  raw.exec(schema);
  raw.close();
  const engine = new DatabaseEngine({
    file,
    access: "readwrite",
    maxRows: 100,
    maxResultBytes: 100_000,
    ...config,
  });
  return {
    file,
    query: (...args) => engine.run("query", args) as Record<string, unknown>[],
    execute: (...args) => engine.run("execute", args) as Record<string, unknown>,
    batch: (...args) => engine.run("batch", args),
    [Symbol.dispose]() {
      engine.close();
      if (dir !== undefined) Deno.removeSync(dir, { recursive: true });
    },
  };
}

function refused(act: () => unknown, pattern: RegExp, code = "service-denied"): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof SallyportError, `${error}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  });
}

Deno.test("DatabaseEngine returns every value as it came", () => {
  using db = open();
  const values = [null, 0, -1, 1.5, 2 ** 53, -(2 ** 60), "", "ö'\"; --", new Uint8Array([0, 255])];
  for (const value of values) {
    assert.deepEqual(db.query("SELECT ? AS v", [value]), [{ v: value }]);
    assert.deepEqual(db.query("SELECT :v AS v", { v: value }), [{ v: value }]);
    assert.deepEqual(db.query("SELECT @v AS v", { "@v": value }), [{ v: value }]);
  }
  assert.deepEqual(db.query("SELECT typeof(?) AS a, typeof(?) AS b", [1, 1.5]), [{
    a: "integer",
    b: "real",
  }]);
  assert.deepEqual(db.query("SELECT ?2 AS a, ?1 AS b", [1, 2]), [{ a: 2, b: 1 }]);
});

Deno.test("DatabaseEngine refuses what would be lost on the way in or out", () => {
  using db = open();
  for (
    const [sql, parameters, pattern] of [
      ["SELECT ?", [], /takes 1, got 0/],
      ["SELECT ?", [1, 2], /takes 1, got 2/],
      ["SELECT :a", {}, /no value for "a"/],
      ["SELECT :a", { a: 1, b: 2 }, /no parameter "b"/],
      ["SELECT :a", [1], /pass an object/],
      ["SELECT ?", { a: 1 }, /pass an array/],
      ["SELECT ?, :a", [1], /mixes/],
      ["SELECT ?", ["a\0b"], /NUL/],
      ["SELECT ?", ["\ud800"], /surrogate/],
      ["SELECT ?", [true], /got boolean/],
      ["SELECT ?", [{}], /got an object/],
      ["SELECT ?", [NaN], /not a number/],
      ["SELECT ?", "x", /array or an object/],
      ["SELECT 1 AS a, 2 AS a", [], /"a" occurs twice/],
      ["SELECT 1 AS __proto__", [], /cannot be a column/],
      ["SELECT 9e999 AS a", [], /infinite/],
      ["SELECT 9007199254740993 AS a", [], /beyond 2\^53/],
      ["SELECT 1 AS n, 'a' || char(0) || 'b' AS a", [], /"a": its text has a NUL/],
      ["VALUES (1, '' || char(0))", [], /"column2": its text has a NUL/],
      ["WITH result AS (SELECT ? AS r) SELECT r || char(0) AS a FROM result;--", ["x"], /a NUL/],
      ["SELECT 1; SELECT 2", [], /a second one/],
      ["SELECT 1\0; SELECT 2", [], /NUL/],
      ["SELECT '\ud800' AS a", [], /surrogate/],
      ["  -- nothing", [], /empty/],
      [";", [], /empty/],
      [3, [], /not a string/],
    ] as const
  ) {
    assert.throws(
      () => db.query(sql, parameters),
      { name: "TypeError", message: pattern },
      `${sql}`,
    );
  }
  assert.deepEqual(db.query("SELECT 1 AS a; -- the end"), [{ a: 1 }], "control");
  const nul = "'a' || char(0) AS a";
  assert.throws(() => db.execute(`SELECT ${nul}`), /its text has a NUL/);
  assert.throws(
    () => db.execute(`WITH w AS (SELECT 1) SELECT ${nul} FROM w`),
    /its text has a NUL/,
  );
  assert.deepEqual(db.query("SELECT CAST('a' || char(0) AS BLOB) AS a, CAST(x'00' AS BLOB) AS b"), [
    { a: new Uint8Array([97, 0]), b: new Uint8Array([0]) },
  ], "control: the whole is there");
  assert.deepEqual(
    db.query("SELECT value AS v, key AS K, 1 AS k FROM json_each('[3,1,2]') ORDER BY value DESC"),
    [{ v: 3, K: 0, k: 1 }, { v: 2, K: 2, k: 1 }, { v: 1, K: 1, k: 1 }],
    "control: order and names stay",
  );
  assert.deepEqual(db.query("SELECT CAST(9007199254740993 AS TEXT) AS a"), [{
    a: "9007199254740993",
  }]);
});

Deno.test("DatabaseEngine never takes a parameter for SQL", () => {
  using db = open();
  const hostile = "x'); DROP TABLE t; --";
  db.execute("INSERT INTO t (a) VALUES (?)", [hostile]);
  db.execute("INSERT INTO t (a) VALUES (:a)", { a: hostile });
  assert.deepEqual(db.query("SELECT a FROM t WHERE a = ?", [hostile]), [{ a: hostile }, {
    a: hostile,
  }]);
  // control: pasted into the text it is a second statement, and refused as one
  assert.throws(() => db.execute(`INSERT INTO t (a) VALUES ('${hostile}`), /a second one/);
});

Deno.test("DatabaseEngine says what a statement changed", () => {
  using db = open({}, "CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
  assert.deepEqual(db.execute("INSERT INTO t (a) VALUES (1), (2)"), {
    changes: 2,
    lastInsertRowid: 2,
  });
  assert.equal(db.execute("CREATE TABLE u (a)").changes, 0, "no number of an earlier statement");
  assert.deepEqual(db.execute("DELETE FROM t WHERE a = 1 RETURNING id").rows, [{ id: 1 }]);
  assert.deepEqual(db.execute("UPDATE t SET a = 9 WHERE a = 8"), {
    changes: 0,
    lastInsertRowid: 2,
  });
  db.execute("INSERT INTO t VALUES (9007199254740993, 0)");
  assert.equal(db.execute("UPDATE t SET a = 1").lastInsertRowid, null);
});

// each with what an unconfined database says, so that a refusal is ours and not a slip of the pen
const REFUSED: readonly [sql: string, pattern: RegExp, works: boolean][] = [
  ["ATTACH ':memory:' AS z", /ATTACH/, true],
  ["DETACH main", /DETACH/, false],
  ["VACUUM", /VACUUM/, true],
  ["VACUUM INTO ':memory:'", /VACUUM/, true],
  ["PRAGMA user_version", /PRAGMA/, true],
  ["PRAGMA writable_schema = ON", /PRAGMA/, true],
  ["PRAGMA journal_mode = OFF", /PRAGMA/, true],
  ["PRAGMA data_version = 3", /PRAGMA/, true],
  ["SELECT * FROM pragma_table_info('t')", /PRAGMA/, true],
  ["SELECT load_extension('x')", /load_extension/, false],
  ["SELECT fts3_tokenizer('simple')", /fts3_tokenizer/, false],
  ["SELECT sqlite_log(1, 'x')", /sqlite_log/, true],
  ["SELECT rtreecheck('t')", /rtreecheck/, true],
  ["BEGIN", /batch\(\)/, true],
  ["SAVEPOINT x", /batch\(\)/, true],
  ["CREATE TEMP TABLE q (a)", /temporary/, true],
  ["CREATE TABLE temp.q (a)", /temporary/, true],
  ["CREATE TEMP VIEW q AS SELECT 1", /temporary/, true],
  ["CREATE TEMP TRIGGER q AFTER INSERT ON t BEGIN SELECT 1; END", /temporary/, true],
  ["CREATE VIRTUAL TABLE q USING rtree(a, b, c)", /rtree/, true],
  ["CREATE VIRTUAL TABLE q USING dbstat", /dbstat/, true],
  ["CREATE VIRTUAL TABLE q USING fts4(a)", /fts4/, true],
];

for (const [sql, pattern, works] of REFUSED) {
  Deno.test(`DatabaseEngine refuses ${sql}`, () => {
    using db = open();
    refused(() => db.execute(sql), pattern);
    assert.throws(() => db.batch([[sql]]));
    db.execute("INSERT INTO t VALUES (1, 2)"); // it goes on
    if (!works) return;
    const raw = new DatabaseSync(":memory:");
    raw.exec("CREATE TABLE t (a, b)");
    raw.prepare(sql).all();
    raw.close();
  });
}

Deno.test("DatabaseEngine refuses writes to SQLite's own tables", () => {
  using db = open();
  for (const table of ["sqlite_master", "sqlite_schema", "sqlite_temp_master"]) {
    assert.throws(() => db.execute(`UPDATE ${table} SET sql = 'x'`), /may not be modified/);
    assert.throws(() => db.execute(`DELETE FROM ${table}`), /may not be modified/);
  }
  assert.equal(db.query("SELECT name FROM sqlite_master").length, 1, "control: reading is allowed");
});

Deno.test("DatabaseEngine lets a plugin shape its own database, full-text search included", () => {
  using db = open({}, "SELECT 1");
  for (
    const sql of [
      "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT UNIQUE)",
      "CREATE TABLE b (a REFERENCES a (id) ON DELETE CASCADE)",
      "CREATE INDEX i ON a (x)",
      "CREATE VIEW v AS SELECT * FROM a JOIN b ON b.a = a.id",
      "CREATE TRIGGER g AFTER INSERT ON a BEGIN INSERT INTO b VALUES (new.id); END",
      "ALTER TABLE a ADD COLUMN y",
      "ALTER TABLE a RENAME COLUMN y TO z",
      "ALTER TABLE a RENAME TO aa",
      "ALTER TABLE aa RENAME TO a",
      "ANALYZE",
      "REINDEX",
      "CREATE VIRTUAL TABLE f USING fts5(body)",
      "INSERT INTO f VALUES ('hello world'), ('other')",
      "INSERT INTO f (f) VALUES ('optimize')",
      "INSERT INTO a (x) VALUES ('one') ON CONFLICT (x) DO NOTHING",
      "INSERT INTO a (x) SELECT value FROM json_each('[\"two\"]')",
    ]
  ) db.execute(sql);
  assert.deepEqual(db.query("SELECT count(*) AS n FROM v"), [{ n: 2 }]);
  assert.deepEqual(
    db.query("SELECT highlight(f, 0, '[', ']') AS h FROM f WHERE f MATCH ?", ["hello"]),
    [{ h: "[hello] world" }],
  );
  db.execute("DELETE FROM a WHERE x = 'one'");
  assert.deepEqual(db.query("SELECT count(*) AS n FROM b"), [{ n: 1 }], "foreign keys are on");
  for (const sql of ["DROP TABLE f", "DROP VIEW v", "DROP TRIGGER g", "DROP INDEX i"]) {
    db.execute(sql);
  }
});

Deno.test("DatabaseEngine: query() only reads, and read access only reads", () => {
  using db = open();
  for (
    const sql of [
      "INSERT INTO t VALUES (1, 2)",
      "INSERT INTO t VALUES (1, 2) RETURNING a",
      "DELETE FROM t",
      "UPDATE t SET a = 1",
      "CREATE TABLE u (a)",
      "CREATE VIRTUAL TABLE u USING fts5(a)",
      "DROP TABLE t",
      "ALTER TABLE t RENAME TO u",
    ]
  ) refused(() => db.query(sql), /only reads/);
  db.execute("INSERT INTO t VALUES (1, 2)"); // control
  {
    using reader = open({ file: db.file, access: "read" }, "SELECT 1");
    refused(() => reader.execute("INSERT INTO t VALUES (3, 4)"), /only reads/);
    refused(() => reader.batch([["DELETE FROM t"]]), /only reads/);
    assert.deepEqual(reader.query("SELECT * FROM t"), [{ a: 1, b: 2 }]);
  }
  assert.throws(() => db.query("DROP TABLE IF EXISTS missing"), /returns no rows|only reads/);
});

Deno.test("DatabaseEngine.batch() is all or nothing", () => {
  using db = open({}, "CREATE TABLE t (a UNIQUE, b)");
  const insert = (a: unknown) => ["INSERT INTO t (a) VALUES (?)", [a]];
  assert.deepEqual(db.batch([insert(1), insert(2)]), [
    { changes: 1, lastInsertRowid: 1 },
    { changes: 1, lastInsertRowid: 2 },
  ]);
  assert.throws(() => db.batch([insert(3), insert(1)]), /undone at statement 2: UNIQUE constraint/);
  assert.throws(() => db.batch([insert(3), insert(true)]), /undone at statement 2: .*got boolean/);
  refused(() => db.batch([insert(3), ["COMMIT"]]), /undone at statement 2: .*batch\(\)/);
  assert.throws(() => db.batch([insert(3), 7]), /statement 2 is no/);
  assert.throws(() => db.batch("x"), TypeError);
  assert.throws(() => db.batch(Array(1_001).fill(insert(0))), /at most 1000/);
  assert.deepEqual(db.query("SELECT a FROM t"), [{ a: 1 }, { a: 2 }]);
  assert.deepEqual(db.batch([]), []);
});

Deno.test("DatabaseEngine bounds rows, bytes, values and the file, and never cuts a result short", () => {
  using db = open({ maxDatabaseBytes: 256 * 1024 });
  const rows = (n: number) =>
    `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ${n})`;
  assert.equal(db.query(`${rows(100)} SELECT x FROM c`).length, 100);
  refused(() => db.query(`${rows(101)} SELECT x FROM c`), /more than 100 rows/, "limit-exceeded");
  assert.equal(db.query(`${rows(9)} SELECT hex(zeroblob(5000)) AS h FROM c`).length, 9);
  refused(
    () => db.query(`${rows(10)} SELECT hex(zeroblob(5000)) AS h FROM c`),
    /more than 100000 bytes/,
    "limit-exceeded",
  );
  refused(() => db.query("SELECT length(zeroblob(20000000)) AS n"), /too big/, "limit-exceeded");
  refused(() => db.query(`SELECT '${"x".repeat(262_144)}'`), /262144 bytes/, "limit-exceeded");
  refused(
    () =>
      db.query(`${rows(1_000_000)} SELECT count(DISTINCT hex(zeroblob(1000)) || x) AS n FROM c`),
    /out of memory/,
    "limit-exceeded",
  );
  refused(
    () => db.execute(`${rows(1_000)} INSERT INTO t SELECT x, hex(zeroblob(500)) FROM c`),
    /database is full/,
    "limit-exceeded",
  );
  assert.deepEqual(db.query("SELECT count(*) AS n FROM t"), [{ n: 0 }]);
  assert.equal(db.execute(`${rows(100)} INSERT INTO t SELECT x, 0 FROM c`).changes, 100);
});

Deno.test("DatabaseEngine undoes a RETURNING whose rows are too many", () => {
  using db = open();
  const insert = (n: number) =>
    `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ${n}) ` +
    "INSERT INTO t SELECT x, x FROM c RETURNING a";
  refused(() => db.execute(insert(101)), /more than 100 rows/, "limit-exceeded");
  assert.deepEqual(db.query("SELECT count(*) AS n FROM t"), [{ n: 0 }]);
  db.execute(insert(100));
  assert.deepEqual(db.query("SELECT count(*) AS n FROM t"), [{ n: 100 }]);
});

Deno.test("DatabaseEngine frees the memory of statements that are done", () => {
  for (const tables of [undefined, { t: "read" } as const]) {
    using db = open({ tables });
    const text = `concat(${Array(900).fill(1)})`;
    const columns = Array.from({ length: 30 }, (_, index) => `${text} AS c${index}`);
    for (let index = 0; index < 40; index++) {
      assert.deepEqual(db.query(`SELECT ${columns} FROM t WHERE ${index}`), []);
    }
  }
});

Deno.test("DatabaseEngine checks a shared statement in the transaction that runs it", () => {
  const schema = "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES ('mine');" +
    "CREATE TABLE u (a); INSERT INTO u VALUES ('secret')";
  using db = open({ access: "read", tables: { t: "read" } }, schema);
  const app = new DatabaseSync(db.file);
  try {
    // asked for when the statement is prepared, and before it is checked and runs
    const parameters = {
      get v() {
        app.exec("DROP TABLE t; ALTER TABLE u RENAME TO t; CREATE TABLE u (a)");
        return 1;
      },
    };
    assert.deepEqual(db.query("SELECT a FROM t WHERE :v", parameters), [{ a: "mine" }]);
    assert.deepEqual(db.query("SELECT a FROM t"), [{ a: "secret" }], "it is the shared one now");
    refused(
      () => db.query("SELECT a FROM (SELECT 1 AS a) NATURAL FULL JOIN u"),
      /"u" is not shared/,
    );
  } finally {
    app.close();
  }
});

Deno.test("DatabaseEngine bounds the program that it looks through", () => {
  using db = open({ tables: { t: "readwrite" } });
  const { changes } = db.execute(`INSERT INTO t VALUES ${Array(40_000).fill("(1,2)")}`);
  assert.equal(changes, 40_000);
  const sums = (n: number) =>
    Array.from({ length: n }, (_, index) => `${Array(440).fill("a").join("+")} s${index}`);
  assert.deepEqual(db.query(`SELECT ${sums(100)} FROM t LIMIT 0`), []);
  refused(() => db.query(`SELECT ${sums(292)} FROM t LIMIT 0`), /out of memory/, "limit-exceeded");
  assert.deepEqual(db.query("SELECT count(*) AS n FROM t"), [{ n: 40_000 }], "it goes on");
});
