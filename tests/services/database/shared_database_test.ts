import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { AccessLevel } from "../../../src/bundle/manifest/manifest_schema.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { caller, databaseOf, openContext } from "../kit.ts";

const SCHEMA = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, item REFERENCES items (id));
  CREATE TABLE secrets (word);
  CREATE TABLE audit (what);
  CREATE INDEX by_item ON orders (item);
  CREATE TABLE watched (a);
  CREATE TRIGGER watch AFTER INSERT ON watched BEGIN INSERT INTO audit VALUES (new.a); END;
  CREATE VIEW peek AS SELECT word FROM secrets;
  CREATE VIEW names AS SELECT name FROM items WHERE id > 1;
  INSERT INTO items VALUES (1, 'one'), (2, 'two');
  INSERT INTO secrets VALUES ('hidden');
`;
const TABLES: Record<string, AccessLevel> = {
  items: "read",
  orders: "readwrite",
  watched: "readwrite",
  peek: "readwrite",
  names: "read",
};

async function open(options: { access?: AccessLevel; wal?: boolean; schema?: string } = {}) {
  const { access = "readwrite", wal = false, schema = SCHEMA } = options;
  const test = await openContext();
  const file = `${test.dir}/app.sqlite`;
  const app = new DatabaseSync(file);
  if (wal) app.exec("PRAGMA journal_mode = WAL");
  app.exec(schema);
  test.services.provideDatabase("shop", { file, tables: TABLES });
  const request = { shop: "readwrite" } as const;
  const db = databaseOf(test.services, caller("p", { request, grant: { shop: access } }), "shop");
  return {
    ...test,
    app,
    db,
    async [Symbol.asyncDispose]() {
      if (app.isOpen) app.close();
      await test[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a shared database opens the tables that were named, as far as they were", async () => {
  await using test = await open();
  const { db } = test;
  assert.deepEqual(await db.query("SELECT name FROM Items ORDER BY id"), [
    { name: "one" },
    { name: "two" },
  ]);
  assert.equal((await db.execute("INSERT INTO orders (item) VALUES (2)")).changes, 1);
  assert.deepEqual(
    await db.query("SELECT name FROM orders JOIN items ON items.id = orders.item"),
    [{ name: "two" }],
  );
  assert.deepEqual(await db.query("SELECT count(*) AS n FROM items"), [{ n: 2 }]);
  assert.deepEqual(await db.query("SELECT value AS v FROM json_each('[1]')"), [{ v: 1 }]);
  assert.deepEqual(await db.query("SELECT name FROM names NATURAL JOIN items"), [{ name: "two" }]);
  const expression = "WITH c AS (SELECT name FROM items) SELECT count(*) AS n FROM c";
  assert.deepEqual(await db.query(expression), [{ n: 2 }]);
  assert.deepEqual(await db.query("SELECT count(*) AS n FROM (SELECT id FROM items)"), [{ n: 2 }]);
  test.app.exec("CREATE TABLE c (a)"); // from now on the name is a table's
  await assertRejectsWithCode(db.query("SELECT count(*) AS n FROM c"), "service-denied", /"c"/);
  assert.deepEqual({ ...test.app.prepare("SELECT count(*) AS n FROM orders").get() }, { n: 1 });
  test.app.exec("INSERT INTO items VALUES (3, 'three')");
  assert.deepEqual(await db.query("SELECT count(*) AS n FROM items"), [{ n: 3 }], "both use it");
});

Deno.test("a shared database refuses every way to a table that was not named", async () => {
  await using test = await open();
  for (
    const sql of [
      "SELECT word FROM secrets",
      "SELECT count(*) FROM secrets",
      "SELECT 1 FROM secrets",
      "SELECT rowid FROM secrets",
      'SELECT * FROM main."secrets"',
      "SELECT (SELECT word FROM secrets) AS w FROM items",
      "SELECT name FROM items WHERE EXISTS (SELECT 1 FROM secrets WHERE word LIKE 'h%')",
      "SELECT name FROM items UNION SELECT word FROM secrets",
      "WITH items AS (SELECT word FROM secrets) SELECT * FROM items",
      "WITH peek AS (SELECT word FROM secrets) SELECT * FROM peek",
      "WITH watch AS (SELECT word FROM secrets) SELECT * FROM watch",
      "SELECT * FROM peek",
      "SELECT name AS n FROM items ORDER BY (SELECT word FROM secrets)",
      "EXPLAIN SELECT * FROM secrets",
      "SELECT count(*) FROM main.secrets",
      "SELECT count(*) FROM peek",
      "WITH items AS (SELECT word FROM secrets) SELECT count(*) FROM items",
      "SELECT count(*) FROM items, secrets",
      "SELECT count(*) FROM sqlite_master",
      "SELECT count(*) FROM sqlite_temp_master",
      "SELECT count(*) FROM pragma_table_list",
      "SELECT count(*) FROM dbstat",
      "SELECT sql FROM sqlite_master",
      "SELECT sql FROM sqlite_schema",
      "SELECT * FROM sqlite_sequence",
      "SELECT * FROM pragma_table_list",
      "SELECT * FROM dbstat",
      "PRAGMA data_version",
      "EXPLAIN QUERY PLAN SELECT * FROM items",
      ";; explain SELECT * FROM items",
      "\ufeffEXPLAIN SELECT * FROM items",
    ]
  ) {
    await assertRejectsWithCode(
      test.db.query(sql),
      "service-denied",
      /not shared|PRAGMA|operation ReadCookie|EXPLAIN shows/,
    );
  }
  // columns that are merged: SQLite's authorizer is not asked for them
  for (
    const sql of [
      "WITH g(word) AS (SELECT NULL) SELECT word FROM g NATURAL FULL JOIN secrets",
      "WITH g(word) AS (SELECT 'hidden') SELECT word FROM g NATURAL JOIN secrets",
      "WITH g(word) AS (SELECT NULL) SELECT word FROM secrets NATURAL LEFT JOIN g",
      "WITH g(sql) AS (SELECT NULL) SELECT sql FROM g FULL JOIN sqlite_schema USING (sql)",
      "SELECT name FROM items WHERE EXISTS " +
      "(SELECT word FROM (SELECT 'hidden' AS word) JOIN secrets USING (word))",
    ]
  ) {
    await assertRejectsWithCode(test.db.query(sql), "service-denied", /"\w+" is not shared/);
    assert.ok(test.app.prepare(sql).all().length > 0, "control: without the walls it tells");
  }
  for (
    const sql of [
      "INSERT INTO secrets VALUES ('x')",
      "DELETE FROM secrets",
      "INSERT INTO orders (item) SELECT word FROM secrets",
      "UPDATE orders SET item = (SELECT word FROM secrets)",
      "INSERT INTO watched VALUES (1)", // its trigger writes to a table that was not named
      "INSERT INTO items VALUES (9, 'x')",
      "UPDATE items SET name = 'x'",
      "DELETE FROM items",
      "REPLACE INTO items VALUES (1, 'x')",
      "INSERT INTO orders (item) WITH g(word) AS (SELECT 1) SELECT 1 FROM g NATURAL FULL JOIN secrets",
      "UPDATE orders SET item = 1 WHERE EXISTS " +
      "(SELECT word FROM (SELECT 'hidden' AS word) NATURAL JOIN secrets)",
      "DELETE FROM orders WHERE EXISTS " +
      "(SELECT word FROM (SELECT 'hidden' AS word) NATURAL JOIN secrets)",
      "INSERT INTO orders (id) SELECT seq FROM (SELECT 1 AS seq) NATURAL JOIN sqlite_sequence",
    ]
  ) {
    await assertRejectsWithCode(test.db.execute(sql), "service-denied", /not shared|reading only/);
  }
  assert.deepEqual({ ...test.app.prepare("SELECT count(*) AS n FROM secrets").get() }, { n: 1 });
  // control: the application itself may
  test.app.exec("INSERT INTO watched VALUES (1); UPDATE secrets SET word = 'y'");
});

Deno.test("a shared database does not copy a table of the same form that is not shared", async () => {
  const schema = `CREATE TABLE orders (a); CREATE TABLE hidden (b);
    INSERT INTO hidden VALUES ('top secret');`;
  await using test = await open({ schema });
  const before = await test.db.query("SELECT count(*) AS n FROM orders");
  for (
    const statement of [
      "INSERT INTO orders SELECT * FROM hidden",
      "insert into orders/**/select * from hidden",
      "INSERT OR IGNORE INTO orders SELECT * FROM hidden",
      "REPLACE INTO orders SELECT * FROM main.hidden",
    ]
  ) {
    await assertRejectsWithCode(
      test.db.execute(statement),
      "service-denied",
      /cannot be checked|not shared/,
    );
    await assertRejectsWithCode(
      test.db.batch([[statement]]),
      "service-denied",
      /cannot be checked|not shared/,
    );
  }
  assert.deepEqual(await test.db.query("SELECT count(*) AS n FROM orders"), before);
  // control: the application may, and the plugin may select by name from what is shared
  test.app.exec("INSERT INTO orders SELECT * FROM hidden");
  await test.db.execute("INSERT INTO orders (a) SELECT a FROM orders");
});

Deno.test("a shared database keeps its schema and its settings", async () => {
  await using test = await open();
  for (
    const sql of [
      "CREATE TABLE mine (a)",
      "CREATE TEMP TABLE mine (a)",
      "CREATE VIEW items2 AS SELECT * FROM secrets",
      "CREATE TRIGGER mine AFTER INSERT ON orders BEGIN DELETE FROM secrets; END",
      "CREATE INDEX mine ON orders (item)",
      "CREATE VIRTUAL TABLE mine USING fts5(a)",
      "DROP TABLE orders",
      "ALTER TABLE orders ADD COLUMN x",
      "ALTER TABLE orders RENAME TO secrets2",
      "ANALYZE",
      "REINDEX",
      "PRAGMA user_version = 3",
      "ATTACH ':memory:' AS x",
      "VACUUM",
      "BEGIN EXCLUSIVE",
    ]
  ) await assertRejectsWithCode(test.db.execute(sql), "service-denied", /Statement refused/);
  assert.equal(
    (await test.db.execute("INSERT INTO orders (item) VALUES (1)")).changes,
    1,
    "control",
  );
});

for (const wal of [false, true]) {
  Deno.test(`a shared database ${wal ? "with" : "without"} a write-ahead log is read with read access`, async () => {
    await using test = await open({ access: "read", wal });
    assert.deepEqual(await test.db.query("SELECT count(*) AS n FROM items"), [{ n: 2 }]);
    await assertRejectsWithCode(
      test.db.execute("INSERT INTO orders (item) VALUES (1)"),
      "service-denied",
      /"shop": "readwrite"/,
    );
    await assertRejectsWithCode(
      test.db.query("INSERT INTO orders (item) VALUES (1) RETURNING id"),
      "service-denied",
      /only reads/,
    );
    await test.services.release("p");
    test.app.close();
    assert.deepEqual(await test.db.query("SELECT count(*) AS n FROM items"), [{ n: 2 }]);
  });
}

Deno.test("a table of the application does not pass for a table function", async () => {
  await using test = await open({ schema: `${SCHEMA} CREATE TABLE json_each (value)` });
  await assertRejectsWithCode(
    test.db.query("SELECT value FROM json_each"),
    "service-denied",
    /"json_each" is not shared/,
  );
  assert.deepEqual(await test.db.query("SELECT value FROM json_tree('3')"), [{ value: 3 }]);
});

Deno.test("a shared database that is not there is an error, and none is made", async () => {
  await using test = await openContext();
  const file = `${test.dir}/missing.sqlite`;
  test.services.provideDatabase("shop", { file, tables: { items: "readwrite" } });
  const db = databaseOf(test.services, caller("p", { request: { shop: "readwrite" } }), "shop");
  const error = await assertRejectsWithCode(db.query("SELECT 1 AS a"), "bad-state", /is not there/);
  assert.doesNotMatch(error.message, /missing/, "the plugin does not learn the path");
  await assert.rejects(Deno.lstat(file), Deno.errors.NotFound);
  await Deno.writeTextFile(file, "no database at all");
  await assertRejectsWithCode(
    db.query("SELECT * FROM items"),
    "bad-state",
    /Cannot open the database/,
  );
});

Deno.test({
  name: "a shared database that is a named pipe is an error at once",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using test = await openContext();
    const file = `${test.dir}/pipe`;
    assert.ok((await new Deno.Command("mkfifo", { args: [file] }).output()).success);
    for (const access of ["read", "readwrite"] as const) {
      test.services.provideDatabase(access, { file, tables: { items: access } });
      const plugin = caller("p", { request: { [access]: access }, grant: { [access]: access } });
      const db = databaseOf(test.services, plugin, access);
      await assertRejectsWithCode(db.query("SELECT 1"), "bad-state", /not a regular file/);
    }
  },
});

Deno.test("provideDatabase() refuses an empty or wrong list of tables", async () => {
  await using test = await openContext();
  const provide = (tables: Record<string, AccessLevel>) =>
    test.services.provideDatabase("shop", { file: "x", tables });
  assert.throws(() => provide({}), /names no table/);
  assert.throws(() => provide({ a: "write" as never }), /"read" or "readwrite"/);
  assert.throws(() => provide({ sqlite_master: "read" }), /SQLite's own/);
});
