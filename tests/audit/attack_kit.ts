import assert from "node:assert/strict";
import { AuditLog, type AuditLogOptions } from "../../src/audit/write/audit_log.ts";
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

export const F1 = "1/000001.jsonl";
export const F2 = "1/000002.jsonl";
const VERDICT = { plugin: "evil", accepted: true };
export const UNSIGNED = /follows the last signed line can be cut off or rewritten/;

export const remove = (path: string) => Deno.remove(path, { recursive: true });
export const forgeVerdict = (dir: string) => forge(dir, "verdict", VERDICT);

export async function restart(
  dir: string,
  options: AuditLogOptions = {},
  lines = 0,
): Promise<void> {
  await using log = await AuditLog.open(dir, options);
  for (let n = 0; n < lines; n++) log.append({ type: "denied", plugin: "p", message: `the same` });
}

/** Puts back what some files were, and removes what was not there then. */
export async function putBack(dir: string, prefix: string, files: Snapshot): Promise<void> {
  for (const path of (await snapshot(dir)).keys()) {
    if (path.startsWith(prefix)) await Deno.remove(`${dir}/${path}`);
  }
  await restore(dir, new Map([...files].filter(([path]) => path.startsWith(prefix))));
}

export async function editLines(path: string, change: (lines: string[]) => void): Promise<void> {
  const text = await Deno.readTextFile(path);
  const lines = text.split(/(?<=\n)/);
  change(lines);
  assert.notEqual(lines.join(""), text);
  await Deno.writeTextFile(path, lines.join(""));
}

export async function lastFile(dir: string): Promise<string> {
  return `${dir}/1/${placesOf(await snapshot(dir)).at(-1)!.file}`;
}

/** Forges a record of retention that would excuse the loss of the first file. */
export async function forgeRetention(dir: string): Promise<void> {
  const second = placesOf(await snapshot(dir)).find(({ file }) => file === "000002.jsonl")!;
  const { seq, prev } = JSON.parse(second.text);
  await forge(dir, "retention", { first: "000002.jsonl", firstSeq: seq, before: prev });
}

export async function fifo(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert.ok(success);
}

/** Puts a link in the place of a file or folder that lies elsewhere now. */
export async function link(dir: string, path: string): Promise<void> {
  const elsewhere = `${dir}-${path.replaceAll("/", "-")}`;
  await Deno.rename(`${dir}/${path}`, elsewhere);
  await Deno.symlink(elsewhere, `${dir}/${path}`);
}

export async function swap(one: string, other: string): Promise<void> {
  await Deno.rename(one, `${one}.tmp`);
  await Deno.rename(other, one);
  await Deno.rename(`${one}.tmp`, other);
}

/** Moves lines over the edge between two files. */
export async function moveLines(dir: string, count: number): Promise<void> {
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
export async function replay(dir: string, type: string): Promise<void> {
  const place = placesOf(await snapshot(dir)).find((place) => place.type === type)!;
  const { seq: _seq, time: _time, type: _type, prev: _prev, ...fields } = JSON.parse(place.text);
  await forge(dir, type, fields);
}

/** The file that would be begun next, or one after that. */
export async function nextFile(dir: string, after = 1): Promise<string> {
  const number = parseInt(placesOf(await snapshot(dir)).at(-1)!.file) + after;
  return `${dir}/1/${String(number).padStart(6, "0")}.jsonl`;
}

export async function removeFirst(dir: string): Promise<void> {
  await remove(`${dir}/1/${placesOf(await snapshot(dir))[0]!.file}`);
}
