import assert from "node:assert/strict";
import { circles, imports, page, roomOf, ROOMS, sourceFiles } from "../scripts/rooms.ts";

const all = await imports();

/** Arrows that still go up, until the rooms are in order. */
const UPWARD: readonly string[] = [];
/** Files that are too long still. */
const LONG: readonly string[] = [];
/** Circles that are still there. */
const CIRCLES: readonly string[][] = [];

Deno.test("every room is known and imports only from rooms before it", () => {
  const wrong = new Set<string>();
  let checked = 0;
  for (const { file, target } of all) {
    assert.ok(ROOMS.includes(roomOf(file)), `${file} is in no known room`);
    if (target === undefined) continue;
    assert.ok(!target.startsWith("."), `${file} imports ${target} from outside src/`);
    if (ROOMS.indexOf(roomOf(target)) > ROOMS.indexOf(roomOf(file))) {
      wrong.add(`${file} → ${target}`);
    }
    checked++;
  }
  assert.deepEqual([...wrong].sort(), UPWARD);
  assert.ok(checked > 1000, `only ${checked} imports were checked`);
});

Deno.test("no files import each other in a circle, not even for types", () => {
  assert.deepEqual(circles(all), CIRCLES);
});

Deno.test("circles() finds what imports itself by a detour", () => {
  const arrow = (file: string, target: string) => ({ file, target, specifier: `./${target}` });
  const pairs = ["ab", "bc", "ca", "cd", "de", "ed"].map((pair) => arrow(pair[0]!, pair[1]!));
  assert.deepEqual(circles(pairs), [["a", "b", "c"], ["d", "e"]]);
  assert.deepEqual(circles(pairs.slice(0, 2)), []);
});

Deno.test("only crypto/ imports noble, and plugin/ imports only rpc/ and errors", () => {
  for (const { file, specifier, target } of all) {
    if (specifier.includes("noble")) assert.match(file, /^crypto\//, specifier);
    if (!file.startsWith("plugin/") || target === undefined) continue;
    assert.match(target, /^(plugin|rpc|errors)/, `${file} imports ${specifier}`);
  }
});

Deno.test("code imports the standard library by its own names, never from links/", () => {
  const std = all.filter(({ specifier }) => specifier.includes("std/"));
  assert.ok(std.length > 0);
  for (const { file, specifier } of std) assert.match(specifier, /^@std\//, file);
  for (const { file, specifier } of all) {
    assert.ok(!specifier.includes("links/"), `${file}: ${specifier}`);
  }
});

Deno.test("the picture of the rooms in CONTRIBUTING.md is current", async () => {
  const now = await Deno.readTextFile(new URL("../CONTRIBUTING.md", import.meta.url));
  assert.equal(await page(), now, "Run: deno task rooms");
});

Deno.test("no file has more than 400 lines", async () => {
  const long: string[] = [];
  for (const file of await sourceFiles()) {
    const text = await Deno.readTextFile(new URL(`../src/${file}`, import.meta.url));
    const lines = text.split("\n").length - 1;
    if (lines > 400) long.push(file);
  }
  assert.deepEqual(long, LONG);
});
