import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { ServiceCaller } from "../../../src/services/calls/caller.ts";
import { databaseArguments } from "../../../src/services/database/child.ts";
import { assertRejectsWithCode, assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { caller, databaseOf, ENDLESS, openContext } from "../kit.ts";
import { processesWith } from "../processes.ts";

const request = { database: "readwrite", kv: "readwrite" } as const;

function notes(limits: Partial<ServiceCaller["limits"]> = {}): ServiceCaller {
  return caller("notes", { request, limits });
}

Deno.test("each plugin has a database of its own that outlives its process", async () => {
  await using test = await openContext();
  const a = databaseOf(test.services, caller("a", { request }));
  const b = databaseOf(test.services, caller("b", { request }));
  await a.execute("CREATE TABLE t (n INTEGER, data BLOB)");
  await a.execute("INSERT INTO t VALUES (?, ?)", [1, new Uint8Array([0, 10, 255])]);
  await assertRejectsWithCode(b.query("SELECT * FROM t"), "plugin-error", /no such table: t/);
  await b.execute("CREATE TABLE t (other)");
  assert.deepEqual(await b.query("SELECT * FROM t"), []);
  const row = { n: 1, data: new Uint8Array([0, 10, 255]) };
  assert.deepEqual(await a.query("SELECT * FROM t"), [row]);
  await test.services.release("a");
  assert.deepEqual(await a.query("SELECT * FROM t"), [row], "after a restart");
  assert.deepEqual(
    await a.batch([["DELETE FROM t"], ["INSERT INTO t VALUES (:n, NULL)", { n: 2 }]]),
    [
      { changes: 1, lastInsertRowid: 0 },
      { changes: 1, lastInsertRowid: 1 },
    ],
  );
});

Deno.test("a query without end is ended at its deadline while the host goes on", async () => {
  await using test = await openContext({ databaseTimeoutMs: 2_500 });
  const who = notes();
  const db = databaseOf(test.services, who);
  await db.execute("CREATE TABLE t (a)");
  await db.execute("INSERT INTO t VALUES (1)");
  const order: string[] = [];
  const endless = db.query(ENDLESS).finally(() => order.push("endless"));
  const waiting = db.query("SELECT a FROM t").finally(() => order.push("waiting"));
  const error = assertRejectsWithCode(endless, "timeout", /deadline of 2500 ms passed/);
  for (let index = 0; index < 20; index++) {
    await test.services.call(who, "kv", "set", [`k${index}`, index]);
  }
  await databaseOf(test.services, caller("other", { request })).query("SELECT 1 AS one");
  order.push("others");
  await error;
  assert.deepEqual(await waiting, [{ a: 1 }], "the next call gets a new process");
  assert.deepEqual(order, ["others", "endless", "waiting"]);
});

Deno.test("a process killed in the middle of a write leaves a sound database without the write", async () => {
  await using test = await openContext({ databaseTimeoutMs: 400 });
  const db = databaseOf(test.services, notes({ storageBytes: 2 ** 32 }));
  await db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)");
  await db.execute("INSERT INTO t (b) VALUES (1), (2), (3)");
  const write = "WITH RECURSIVE c(x) AS (SELECT 10 UNION ALL SELECT x + 1 FROM c) " +
    "INSERT INTO t SELECT x, hex(zeroblob(100)) FROM c WHERE x % 8 = 0";
  for (let round = 0; round < 2; round++) {
    await assertRejectsWithCode(db.batch([["DELETE FROM t WHERE a = 1"], [write]]), "timeout");
    const { size } = await Deno.stat(`${test.dir}/database/notes.sqlite-wal`);
    assert.equal(size > 1_000_000, true, `control: it was writing to the disk (${size} bytes)`);
    assert.deepEqual(await db.query("SELECT a FROM t"), [{ a: 1 }, { a: 2 }, { a: 3 }]);
  }
  await test.services.release("notes");
  const raw = new DatabaseSync(`${test.dir}/database/notes.sqlite`);
  assert.deepEqual(raw.prepare("PRAGMA integrity_check").all().map((row) => ({ ...row })), [{
    integrity_check: "ok",
  }]);
  raw.close();
});

Deno.test("a result that is too large is an error, and the next call works", async () => {
  await using test = await openContext();
  const db = databaseOf(test.services, notes());
  const endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";
  assert.equal((await db.query(`${endless} SELECT x FROM c LIMIT 10000`)).length, 10_000);
  await assertRejectsWithCode(
    db.query(`${endless} SELECT x FROM c LIMIT 10001`),
    "limit-exceeded",
    /more than 10000 rows/,
  );
  await assertRejectsWithCode(
    db.query(`${endless} SELECT hex(zeroblob(1000000)) AS h FROM c LIMIT 5`),
    "limit-exceeded",
    /more than 8388608 bytes/,
  );
  for (const blob of ["hex(zeroblob(4000000))", "zeroblob(8000000)"]) {
    await assertRejectsWithCode(
      db.query(`${endless} SELECT ${blob} AS h FROM c`),
      "limit-exceeded",
      /out of memory|too much memory/,
    );
  }
  assert.deepEqual(await db.query("SELECT 1 AS one"), [{ one: 1 }]);
  const small = databaseOf(
    test.services,
    caller("small", { request, limits: { messageBytes: 4_000 } }),
  );
  await assertRejectsWithCode(
    small.query("SELECT hex(zeroblob(1100)) AS h"),
    "limit-exceeded",
    /more than 2000 bytes/,
  );
});

Deno.test("a database is bounded by storageBytes", async () => {
  await using test = await openContext();
  const db = databaseOf(test.services, notes({ storageBytes: 100_000 }));
  await db.execute("CREATE TABLE t (a)");
  await db.execute("INSERT INTO t VALUES (?)", ["x".repeat(50_000)]);
  const error = await assertRejectsWithCode(
    db.execute("INSERT INTO t VALUES (?)", ["x".repeat(60_000)]),
    "limit-exceeded",
    /full/,
  );
  assert.match(error.hint ?? "", /storageBytes/);
  await db.execute("DELETE FROM t");
  await db.execute("INSERT INTO t VALUES (?)", ["x".repeat(60_000)]);
});

Deno.test("database with read access only reads", async () => {
  await using test = await openContext();
  await databaseOf(test.services, notes()).execute("CREATE TABLE t (a)");
  await test.services.release("notes");
  const db = databaseOf(test.services, caller("notes", { request, grant: { database: "read" } }));
  assert.deepEqual(await db.query("SELECT * FROM t"), []);
  await assertRejectsWithCode(
    db.execute("INSERT INTO t VALUES (1)"),
    "service-denied",
    /"grant": { "context": { "database": "readwrite" } }/,
  );
  await assertRejectsWithCode(db.batch([]), "service-denied");
  await assertRejectsWithCode(
    db.query("DELETE FROM t RETURNING a"),
    "service-denied",
    /only reads/,
  );
});

Deno.test("at most 64 calls wait for a plugin's database", async () => {
  await using test = await openContext();
  const db = databaseOf(test.services, notes());
  const calls = Array.from({ length: 65 }, () => db.query("SELECT 1 AS one"));
  const outcomes = await Promise.allSettled(calls);
  assert.deepEqual(outcomes.map(({ status }) => status), [
    ...Array(64).fill("fulfilled"),
    "rejected",
  ]);
  await assertRejectsWithCode(calls[64]!, "limit-exceeded", /64 database calls waiting/);
});

Deno.test("a cancelled call is answered at once, whether it waits or runs", async () => {
  await using test = await openContext({ databaseTimeoutMs: 60_000 });
  const db = databaseOf(test.services, notes());
  await db.query("SELECT 1 AS one");
  const controller = new AbortController();
  const { signal } = controller;
  const running = db.query(ENDLESS, [], { signal });
  const waiting = db.query("SELECT 1 AS one", [], { signal });
  const other = db.query("SELECT 2 AS two");
  const closed = assertRejectsWithCode(other, "bad-state", /database of plugin "notes" is closed/);
  await test.services.call(notes(), "kv", "has", ["k"]); // by then the first one runs
  controller.abort();
  await assertRejectsWithCode(running, "cancelled");
  await assertRejectsWithCode(waiting, "cancelled");
  await test.services.release("notes"); // ends the statement that still runs
  await closed;
  assert.deepEqual(await db.query("SELECT 3 AS three"), [{ three: 3 }], "a new start");
});

Deno.test({
  name: "release() and closing leave no process and no file of the run",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const test = await openContext({ databaseTimeoutMs: 60_000 });
    try {
      const a = databaseOf(test.services, caller("a", { request }));
      const b = databaseOf(test.services, caller("b", { request }));
      await a.query("SELECT 1 AS one");
      await b.query("SELECT 1 AS one");
      assert.equal((await processesWith(test.dir)).length, 2, "control: one process a plugin");
      const endless = assertRejectsWithCode(a.query(ENDLESS), "bad-state");
      await test.services.release("a");
      await endless;
      assert.equal((await processesWith(test.dir)).length, 1);
      await test.services[Symbol.asyncDispose]();
      assert.deepEqual(await processesWith(test.dir), []);
      assert.deepEqual([...Deno.readDirSync(`${test.dir}/run`)], []);
    } finally {
      await test[Symbol.asyncDispose]();
    }
  },
});

Deno.test("databaseArguments() grants a process its script and its file, nothing else", () => {
  const config = {
    file: "/d/n.sqlite",
    access: "readwrite",
    maxRows: 1,
    maxResultBytes: 1,
  } as const;
  const common = [
    "run",
    "--no-prompt",
    "--no-remote",
    "--no-npm",
    "--no-config",
    "--no-lock",
    "--cached-only",
    "--deny-import",
    "--no-code-cache",
    "--deny-net",
    "--deny-env",
    "--deny-sys",
    "--deny-run",
    "--deny-ffi",
    "--allow-read=/r/p.js,/d/n.sqlite",
  ];
  const tail = ["--v8-flags=--max-old-space-size=768", "/r/p.js"];
  assert.deepEqual(databaseArguments("/r/p.js", config), [
    ...common,
    "--allow-write=/d/n.sqlite",
    ...tail,
  ]);
  assert.deepEqual(
    databaseArguments("/r/p.js", { ...config, access: "read", tables: { t: "read" } }),
    [...common, "--deny-write", ...tail],
  );
  for (const file of ["/d/a,b", "/d/a\nb"]) {
    assertThrowsWithCode(
      () => databaseArguments("/r/p.js", { ...config, file }),
      "bad-config",
      /comma/,
    );
  }
});
