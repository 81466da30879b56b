import assert from "node:assert/strict";
import { scanSql } from "../../../src/services/database/sql_text.ts";

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
      [scan.positional, [...scan.names], scan.verb !== ""],
      [positional, names, true],
      sql,
    );
  }
});

Deno.test("scanSql() knows an empty statement, which would crash the runtime", () => {
  for (
    const sql of [
      "",
      " \n\t",
      " \v",
      "\ufeff",
      ";",
      ";; ;",
      "-- ?",
      "/* x */",
      "/* open",
      " -- a\n ; /* b */ ;",
    ]
  ) {
    assert.equal(scanSql(sql).verb, "", JSON.stringify(sql));
  }
  for (
    const [sql, verb, start] of [
      ["-- a\nSELECT 1", "select", 5],
      ["/**/1", "1", 4],
      ["; ;\tExPLAIN x", "explain", 4],
      ["\ufeffEXPLAIN x", "explain", 1],
      ["\u00a0 x", "\u00a0", 0],
      ["'", "'", 0],
      ["-", "-", 0],
    ] as const
  ) {
    assert.deepEqual([scanSql(sql).verb, scanSql(sql).start], [verb, start], sql);
  }
});
