import assert from "node:assert/strict";
import { AuditLog, type AuditLogOptions } from "../../src/audit/audit_log.ts";
import { encodePublicKeyPem } from "../../src/crypto/pem.ts";
import { generateKeyPair } from "../../src/crypto/ed25519.ts";
import { placesOf, restore, type Snapshot, snapshot } from "./kit.ts";
import { forge, type Scene } from "./scenes.ts";

/** One act of somebody who can write to the folder and has not the key. */
export interface Attack {
  readonly name: string;
  readonly on: "closed" | "crashed" | "retained";
  readonly act: (dir: string, scene: Scene) => Promise<unknown> | void;
  /** The kinds of problems that `audit verify` must find, in the order of the alphabet. */
  readonly found?: string;
  /** What it must say, where nothing is wrong by itself. */
  readonly noted?: RegExp;
  /** Which documented limit it is, where nothing can be seen. */
  readonly limit?: RegExp;
}

const F1 = "1/000001.jsonl";
const F2 = "1/000002.jsonl";
const VERDICT = { plugin: "evil", accepted: true };
const UNSIGNED = /follows the last signed line can be cut off or rewritten/;

const remove = (path: string) => Deno.remove(path, { recursive: true });
const forgeVerdict = (dir: string) => forge(dir, "verdict", VERDICT);

async function restart(dir: string, options: AuditLogOptions = {}, lines = 0): Promise<void> {
  await using log = await AuditLog.open(dir, options);
  for (let n = 0; n < lines; n++) log.append({ type: "denied", plugin: "p", message: `the same` });
}

/** Puts back what some files were, and removes what was not there then. */
async function putBack(dir: string, prefix: string, files: Snapshot): Promise<void> {
  for (const path of (await snapshot(dir)).keys()) {
    if (path.startsWith(prefix)) await Deno.remove(`${dir}/${path}`);
  }
  await restore(dir, new Map([...files].filter(([path]) => path.startsWith(prefix))));
}

async function editLines(path: string, change: (lines: string[]) => void): Promise<void> {
  const text = await Deno.readTextFile(path);
  const lines = text.split(/(?<=\n)/);
  change(lines);
  assert.notEqual(lines.join(""), text);
  await Deno.writeTextFile(path, lines.join(""));
}

async function lastFile(dir: string): Promise<string> {
  return `${dir}/1/${placesOf(await snapshot(dir)).at(-1)!.file}`;
}

/** Forges a record of retention that would excuse the loss of the first file. */
async function forgeRetention(dir: string): Promise<void> {
  const second = placesOf(await snapshot(dir)).find(({ file }) => file === "000002.jsonl")!;
  const { seq, prev } = JSON.parse(second.text);
  await forge(dir, "retention", { first: "000002.jsonl", firstSeq: seq, before: prev });
}

async function fifo(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert.ok(success);
}

/** Puts a link in the place of a file or folder that lies elsewhere now. */
async function link(dir: string, path: string): Promise<void> {
  const elsewhere = `${dir}-${path.replaceAll("/", "-")}`;
  await Deno.rename(`${dir}/${path}`, elsewhere);
  await Deno.symlink(elsewhere, `${dir}/${path}`);
}

async function swap(one: string, other: string): Promise<void> {
  await Deno.rename(one, `${one}.tmp`);
  await Deno.rename(other, one);
  await Deno.rename(`${one}.tmp`, other);
}

/** Moves lines over the edge between two files. */
async function moveLines(dir: string, count: number): Promise<void> {
  let moved: string[] = [];
  if (count < 0) {
    await editLines(`${dir}/${F1}`, (lines) => moved = lines.splice(count));
    await editLines(`${dir}/${F2}`, (lines) => lines.unshift(...moved));
  } else {
    await editLines(`${dir}/${F2}`, (lines) => moved = lines.splice(0, count));
    await editLines(`${dir}/${F1}`, (lines) => lines.push(...moved));
  }
}

/** Copies a signed line to the end, numbered and hashed to fit. */
async function replay(dir: string, type: string): Promise<void> {
  const place = placesOf(await snapshot(dir)).find((place) => place.type === type)!;
  const { seq: _seq, time: _time, type: _type, prev: _prev, ...fields } = JSON.parse(place.text);
  await forge(dir, type, fields);
}

const lines: readonly Attack[] = [
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

const chains: readonly Attack[] = [
  {
    on: "closed",
    name: "a chain removed and another put in its place",
    act: (d) => remove(`${d}/1`).then(() => Deno.rename(`${d}/2`, `${d}/1`)),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "a chain copied over another",
    act: (d, { files }) =>
      restore(d, new Map([...files].map(([p, b]) => [p.replace(/^1\//, "2/"), b]))),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "a chain copied to a number of its own",
    act: (d, { files }) =>
      restore(d, new Map([...files].map(([p, b]) => [p.replace(/^1\//, "3/"), b]))),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "two chains swapped",
    act: (d) => swap(`${d}/1`, `${d}/2`),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "the first chain removed",
    act: (d) => remove(`${d}/1`),
    found: "chain-missing",
  },
  {
    on: "closed",
    name: "the last chain removed",
    act: (d) => remove(`${d}/2`),
    found: "chain-missing",
  },
  {
    on: "closed",
    name: "all chains removed",
    act: (d) => remove(`${d}/1`).then(() => remove(`${d}/2`)),
    found: "chain-missing",
  },
  {
    on: "closed",
    name: "all chains removed, and a start",
    act: async (d) => {
      await remove(`${d}/1`);
      await remove(`${d}/2`);
      await Deno.utime(`${d}/key.pem`, 1e9, 1e9);
      await restart(d);
    },
    noted: /begins anew/,
  },
  {
    on: "closed",
    name: "an older copy of the first chain",
    act: (d, { earlier }) => putBack(d, "1/", earlier[0]!),
    found: "truncated",
  },
  {
    on: "closed",
    name: "an older copy of the first chain, and as many starts as it takes",
    act: async (d, { earlier }) => {
      await putBack(d, "1/", earlier[0]!);
      for (let n = 0; n < 4; n++) await restart(d, {}, 10);
    },
    found: "chain-replaced",
  },
  {
    on: "closed",
    name: "an older copy of the second chain",
    act: (d, { earlier }) => putBack(d, "2/", earlier[1]!),
    found: "truncated",
  },
  {
    on: "closed",
    name: "the first chain as the second one named it last",
    act: (d, { earlier }) => putBack(d, "1/", earlier[1]!),
    limit: /one chain, put back to how another named it last/,
  },
  {
    on: "closed",
    name: "an older copy of everything",
    act: (d, { earlier }) => putBack(d, "", earlier[2]!),
    limit: /An older copy of the whole folder/,
  },
  {
    on: "closed",
    name: "an empty chain added",
    act: (d) => Deno.mkdir(`${d}/3`),
    found: "head-missing",
  },
  {
    on: "closed",
    name: "audit/999999999",
    act: (d) => Deno.mkdir(`${d}/999999999`),
    found: "unexpected",
  },
  { on: "closed", name: "audit/257", act: (d) => Deno.mkdir(`${d}/257`), found: "unexpected" },
  {
    on: "closed",
    name: "audit/999999999, and a start",
    act: (d) => Deno.mkdir(`${d}/999999999`).then(() => restart(d)),
    found: "unexpected",
  },
  {
    on: "closed",
    name: "an older key beside the log",
    act: async (d) => {
      const { publicKey } = await generateKeyPair();
      await Deno.writeTextFile(`${d}/key.pub`, encodePublicKeyPem(publicKey));
    },
    found: "key-replaced",
  },
];

const files: readonly Attack[] = [
  { on: "closed", name: "a file removed", act: (d) => remove(`${d}/${F1}`), found: "removed" },
  { on: "retained", name: "the first kept file removed", act: removeFirst, found: "removed" },
  {
    on: "closed",
    name: "a file renamed to another number",
    act: (d) => Deno.rename(`${d}/${F2}`, `${d}/1/000009.jsonl`),
    found: "removed reordered",
  },
  {
    on: "closed",
    name: "a file renamed away",
    act: (d) => Deno.rename(`${d}/${F2}`, `${d}/${F2}.bak`),
    found: "removed unexpected",
  },
  {
    on: "closed",
    name: "two files swapped",
    act: (d) => swap(`${d}/${F1}`, `${d}/${F2}`),
    found: "reordered",
  },
  {
    on: "closed",
    name: "a file copied to the end",
    act: async (d) => Deno.copyFile(`${d}/${F1}`, await nextFile(d)),
    found: "inserted",
  },
  {
    on: "closed",
    name: "an empty file at the end",
    act: async (d) => Deno.writeTextFile(await nextFile(d), ""),
    found: "inserted",
  },
  {
    on: "closed",
    name: "an empty file at the end, and a start",
    act: async (d) => {
      await Deno.writeTextFile(await nextFile(d), "");
      await restart(d);
    },
    found: "inserted",
  },
  {
    on: "closed",
    name: "a file emptied",
    act: (d) => Deno.truncate(`${d}/${F1}`),
    found: "inserted removed",
  },
  {
    on: "closed",
    name: "a file that no host makes",
    act: (d) => Deno.writeTextFile(`${d}/1/notes.txt`, ""),
    found: "unexpected",
  },
  {
    on: "closed",
    name: "head.json removed",
    act: (d) => remove(`${d}/1/head.json`),
    found: "head-missing",
  },
  {
    on: "closed",
    name: "head.json of the other chain",
    act: (d) => Deno.copyFile(`${d}/2/head.json`, `${d}/1/head.json`),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "an older head.json",
    act: (d, { earlier }) => putBack(d, "1/head.json", earlier[1]!),
    found: "head-older",
  },
  {
    on: "closed",
    name: "a head.json of the format before",
    act: (d) => Deno.writeTextFile(`${d}/1/head.json`, '{"schema":1}\n'),
    found: "old-format",
  },
  {
    on: "closed",
    name: "a head.json of the format before, and a start",
    act: (d) => Deno.writeTextFile(`${d}/1/head.json`, '{"schema":1}\n').then(() => restart(d)),
    found: "old-format",
  },
  {
    on: "closed",
    name: "lines cut off the beginning of a file that retention would begin with",
    act: async (d) => {
      await editLines(`${d}/${F2}`, (lines) => void lines.splice(0, 2));
      const files = new Set(placesOf(await snapshot(d)).map(({ file }) => file)).size;
      await restart(d, { keepFiles: files - 1 });
      await remove(`${d}/${F1}`);
    },
    found: "reordered",
  },
];

const special: readonly Attack[] = [
  ...[F1, "1/head.json", "key.pub"].map((path): Attack => ({
    on: "closed",
    name: `a FIFO in place of ${path}`,
    act: (d) => fifo(`${d}/${path}`),
    found: { [F1]: "removed unexpected", "1/head.json": "head-edited unexpected" }[path] ??
      "unexpected unreadable",
  })),
  {
    on: "closed",
    name: "a FIFO in place of a chain",
    act: (d) => fifo(`${d}/2`),
    found: "chain-missing unexpected",
  },
  {
    on: "closed",
    name: "a FIFO beside head.json",
    act: (d) => fifo(`${d}/1/head.json.new`),
    found: "unexpected",
  },
  ...[F1, "1/head.json", "key.pub"].map((path): Attack => ({
    on: "closed",
    name: `a link in place of ${path}`,
    act: (d) => link(d, path),
    found: { [F1]: "removed unexpected", "1/head.json": "head-edited unexpected" }[path] ??
      "unexpected unreadable",
  })),
  {
    on: "closed",
    name: "a link in place of a chain",
    act: (d) => link(d, "2"),
    found: "chain-missing unexpected",
  },
  {
    on: "closed",
    name: "a folder that others may write to",
    act: (d) => Deno.chmod(d, 0o777),
    noted: /[Oo]thers than its owner may write/,
  },
  {
    on: "closed",
    name: "a clock set back",
    act: (d) => restart(d, { now: () => new Date("2020-01-01T00:00:00Z") }),
    noted: /clock was set back at line \d+/,
  },
  {
    on: "closed",
    name: "a flood that hides a denial",
    act: (d) => restart(d, {}, 1_000),
    noted: /\d+ entries were counted and not written: denied of p/,
  },
];

async function nextFile(dir: string): Promise<string> {
  const number = parseInt(placesOf(await snapshot(dir)).at(-1)!.file) + 1;
  return `${dir}/1/${String(number).padStart(6, "0")}.jsonl`;
}

async function removeFirst(dir: string): Promise<void> {
  await remove(`${dir}/1/${placesOf(await snapshot(dir))[0]!.file}`);
}

/** The list: each against a log that real hosts have written. */
export const ATTACKS: readonly Attack[] = [...lines, ...chains, ...files, ...special];
