import {
  type Attack,
  editLines,
  F1,
  forgeRetention,
  forgeVerdict,
  lastFile,
  moveLines,
  remove,
  replay,
  restart,
  UNSIGNED,
} from "./attack_kit.ts";
import { forge } from "./scenes.ts";

/** What can be done to lines. */
export const LINE_ATTACKS: readonly Attack[] = [
  { on: "closed", name: "a line after a clean stop", act: forgeVerdict, found: "inserted" },
  {
    on: "closed",
    name: "a line after a clean stop, and two starts",
    act: (d) => forgeVerdict(d).then(() => restart(d)).then(() => restart(d)),
    found: "inserted",
  },
  {
    on: "closed",
    name: "a forged retention after a clean stop, a start, and a file removed",
    act: (d) => forgeRetention(d).then(() => restart(d)).then(() => remove(`${d}/${F1}`)),
    found: "inserted removed",
  },
  { on: "closed", name: "a forged start", act: (d) => forge(d, "started"), found: "bad-signature" },
  {
    on: "closed",
    name: "a replayed start",
    act: (d) => replay(d, "started"),
    found: "bad-signature",
  },
  {
    on: "closed",
    name: "bytes after a clean stop",
    act: async (d) => Deno.writeTextFile(await lastFile(d), "{", { append: true }),
    found: "torn",
  },
  {
    on: "closed",
    name: "bytes after a clean stop, and a start",
    act: async (d) => {
      await Deno.writeTextFile(await lastFile(d), "{", { append: true });
      await restart(d);
    },
    noted: /1 bytes? .* cut off/,
  },
  {
    on: "closed",
    name: "the last line removed",
    act: async (d) => editLines(await lastFile(d), (lines) => void lines.pop()),
    found: "truncated",
  },
  {
    on: "closed",
    name: "a byte changed",
    act: (d) =>
      editLines(`${d}/${F1}`, (lines) => lines[2] = lines[2]!.replace("verdict", "verdicT")),
    found: "edited",
  },
  {
    on: "closed",
    name: "lines moved to the next file",
    act: (d) => moveLines(d, -1),
    found: "reordered",
  },
  {
    on: "closed",
    name: "lines moved to the file before",
    act: (d) => moveLines(d, 1),
    found: "reordered",
  },
  { on: "crashed", name: "a line after a crash", act: forgeVerdict, limit: UNSIGNED },
  {
    on: "crashed",
    name: "a line after a crash, and a start",
    act: (d) => forgeVerdict(d).then(() => restart(d)),
    noted: /Lines \d+ to \d+ were left unsigned .* taken over by line \d+/,
  },
  {
    on: "crashed",
    name: "a line after a crash, a start, and that line changed",
    act: async (d) => {
      await forgeVerdict(d);
      const path = await lastFile(d);
      await restart(d);
      await editLines(path, (lines) => {
        const at = lines.findIndex((line) => line.includes('"evil"'));
        lines[at] = lines[at]!.replace("evil", "good");
      });
    },
    found: "edited",
  },
  {
    on: "crashed",
    name: "a forged retention after a crash, a start, and a file removed",
    act: (d) => forgeRetention(d).then(() => restart(d)).then(() => remove(`${d}/${F1}`)),
    found: "removed",
  },
  {
    on: "crashed",
    name: "the unsigned lines cut off",
    act: async (d) => editLines(await lastFile(d), (lines) => void lines.pop()),
    limit: UNSIGNED,
  },
  {
    on: "crashed",
    name: "a forged start",
    act: (d) => forge(d, "started"),
    found: "bad-signature",
  },
  { on: "crashed", name: "a forged end", act: (d) => forge(d, "stopped"), found: "bad-signature" },
  {
    on: "crashed",
    name: "a replayed end",
    act: (d) => replay(d, "stopped"),
    found: "bad-signature",
  },
  {
    on: "crashed",
    name: "a forged checkpoint, and a start",
    act: (d) => replay(d, "checkpoint").then(() => restart(d)),
    found: "bad-signature",
  },
];
