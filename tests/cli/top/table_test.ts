import assert from "node:assert/strict";
import { Output } from "../../../src/cli/terminal/output.ts";
import {
  bytesCell,
  clip,
  countCell,
  percentCell,
  plainText,
  spanCell,
  sparkline,
} from "../../../src/cli/top/cells.ts";
import { pluginTable } from "../../../src/cli/top/table.ts";
import { pluginStatus } from "./kit.ts";

function output(color: boolean): Output {
  return new Output({
    writeOut() {},
    writeErr() {},
    stdin: () => new Blob([]).stream(),
    outIsTerminal: color,
    errIsTerminal: false,
    noColor: false,
  }, false);
}

const MIB = 1_048_576;
const PLUGINS = [
  pluginStatus("a-plugin-with-a-long-name-of-40-letters-x", {
    cpuPercent: 250,
    memoryBytes: 240 * MIB,
    threads: 1_234,
  }, {
    memoryLimitBytes: 256 * MIB,
    violations: 12_345,
    history: Array.from({ length: 60 }, (_, index) => index),
  }),
  pluginStatus("short", {}, { state: "failed", version: "1.0.0-beta.1+build.20270131" }),
];

Deno.test("pluginTable() fits every width by leaving out what matters least", () => {
  const titles = (width: number) => pluginTable(PLUGINS, width, output(false))[0]!.split(/ {2,}/);
  for (let width = 20; width <= 220; width++) {
    const lines = pluginTable(PLUGINS, width, output(false));
    assert.equal(lines.length, 3);
    for (const line of lines) assert.ok([...line].length <= width, `${width}: ${line}`);
  }
  const all = "PLUGIN VERSION STATE CPU% MEMORY THR CALLS/S WAIT VIOL RST HISTORY".split(" ");
  assert.deepEqual(titles(140), all);
  assert.deepEqual(titles(80), all.filter((title) => !["VERSION", "RST"].includes(title)));
  assert.deepEqual(titles(40), ["PLUGIN", "STATE", "CPU%"]);
  assert.deepEqual(titles(1), ["…"]);
});

Deno.test("pluginTable() draws as much of the past as there is room for, the present at the right", () => {
  const drawn = (width: number) =>
    pluginTable(PLUGINS, width, output(false))[1]!.split("  ").at(-1)!;
  assert.equal([...drawn(300)].length, 60);
  const narrow = drawn(90);
  assert.ok([...narrow].length >= 8);
  assert.ok(drawn(300).endsWith(narrow));
});

Deno.test("pluginTable() has colour only on a terminal, and the same text there", () => {
  const plain = pluginTable(PLUGINS, 120, output(false));
  const coloured = pluginTable(PLUGINS, 120, output(true));
  assert.ok(!plain.join("").includes("\u001b"));
  // deno-lint-ignore no-control-regex
  assert.deepEqual(coloured.map((line) => line.replace(/\u001b\[\d+m/g, "")), plain);
  assert.ok(coloured[1]!.includes("\u001b[31m240M/256M\u001b[39m"));
  assert.ok(coloured[2]!.includes("\u001b[31mfailed"));
});

Deno.test("figures are as short as a table needs them", () => {
  const bytes = [
    [undefined, "-"],
    [0, "0B"],
    [999, "999B"],
    [1_000, "1.0K"],
    [10_239, "10K"],
    [1_023 * 1_024, "1.0M"],
    [64 * MIB, "64M"],
    [2.5 * 1_024 * MIB, "2.5G"],
    [1e30, "888178419700125P"],
  ] as const;
  for (const [value, text] of bytes) assert.equal(bytesCell(value), text);
  assert.deepEqual([undefined, 0, 0.04, 99.94, 99.95, 1_600].map(percentCell), [
    "-",
    "0.0",
    "0.0",
    "99.9",
    "100",
    "1600",
  ]);
  const rates = [0, 0.26, 99.9, 130.4, 1_234, 12_345, 999_600, 2e9];
  assert.deepEqual(rates.map((rate) => countCell(rate, true)), [
    "0",
    "0.3",
    "99.9",
    "130",
    "1.2k",
    "12k",
    "1.0M",
    "2.0G",
  ]);
  assert.equal(countCell(7), "7");
  const spans = [-5, 0, 400, 9_900, 59_999, 60_000, 302_000, 7_200_000, 273_600_000];
  assert.deepEqual(spans.map(spanCell), [
    "0s",
    "0s",
    "0.4s",
    "9.9s",
    "59s",
    "1m",
    "5m 2s",
    "2h",
    "3d 4h",
  ]);
});

Deno.test("sparkline() draws the last figures, whatever they are", () => {
  assert.equal(sparkline([0, 50, 100, 999], 10, 100), "▁▅██");
  assert.equal(sparkline([1, 2, 100], 1, 100), "█");
  assert.equal(sparkline([], 10, 100), "");
});

Deno.test("plainText() and clip() keep a cell as wide as it is counted", () => {
  assert.equal(plainText("a\tb😀é\u200d"), "a\\tb\\u{1f600}\\u{00e9}\\u200d");
  assert.match(plainText("x".repeat(5_000)), /^x+\.\.\.$/);
  assert.equal(clip("abcd", 4), "abcd");
  assert.equal(clip("abcde", 4), "abc…");
  assert.equal(clip("😀😀", 2), "😀😀");
});
