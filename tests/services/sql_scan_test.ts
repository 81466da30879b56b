import assert from "node:assert/strict";
import { scanSql } from "../../src/services/sql_scan.ts";

Deno.test("scanSql() finds parameters where SQLite does, and nowhere else", () => {
  const cases: [sql: string, positional: number, names: string[]][] = [
    ["SELECT 1", 0, []],
    ["SELECT ?, ?", 2, []],
    ["SELECT ?2, ?", 3, []],
    ["SELECT ?5, ?1", 5, []],
    ["SELECT :a, @b, $c, :a", 0, ["a", "b", "c"]],
    ["SELECT '?', ':a', 'it''s ?'", 0, []],
    ['SELECT "?"".", `?``:a`, [?:a]', 0, []],
    ["SELECT 1 -- ? :a\n, ?", 1, []],
    ["SELECT 1 /* ? :a */, ? /* :b", 1, []],
    ["SELECT a$b, x'3f', 1e5, a->>'$.x', b->'$.y'", 0, []],
    ["SELECT '?", 0, []],
    ["SELECT a::b", 0, ["b"]],
    ["INSERT INTO t VALUES(?,:x)", 1, ["x"]],
    ["SELECT :größe, :_1", 0, ["größe", "_1"]],
  ];
  for (const [sql, positional, names] of cases) {
    const scan = scanSql(sql);
    assert.deepEqual(
      [scan.positional, [...scan.names], scan.empty],
      [positional, names, false],
      sql,
    );
  }
});

Deno.test("scanSql() knows an empty statement, which would crash the runtime", () => {
  for (
    const sql of ["", " \n\t", ";", ";; ;", "-- ?", "/* x */", "/* open", " -- a\n ; /* b */ ;"]
  ) {
    assert.equal(scanSql(sql).empty, true, JSON.stringify(sql));
  }
  for (const sql of ["-- a\nSELECT 1", "/**/1", "'", "-"]) {
    assert.equal(scanSql(sql).empty, false, sql);
  }
});
