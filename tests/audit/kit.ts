import assert from "node:assert/strict";
import { AuditLog, type AuditLogOptions } from "../../src/audit/write/audit_log.ts";
import { verifyAuditLog } from "../../src/audit/verify/verify_log.ts";
import { tempDir } from "../helpers/signing.ts";
import type { AuditProblem } from "../../src/audit/verify/report.ts";

/** The files of a folder by their paths in it. */
export type Snapshot = Map<string, Uint8Array>;

/** Reads all files of a folder. */
export async function snapshot(dir: string): Promise<Snapshot> {
  const files: Snapshot = new Map();
  const walk = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(`${dir}/${folder}`)) {
      if (isDirectory) await walk(`${folder}${name}/`);
      else files.set(`${folder}${name}`, await Deno.readFile(`${dir}/${folder}${name}`));
    }
  };
  await walk("");
  return files;
}

/** Writes files, and makes their folders. */
export async function restore(dir: string, files: Snapshot): Promise<void> {
  for (const [path, bytes] of files) {
    await Deno.mkdir(`${dir}/${path.split("/").slice(0, -1).join("/")}`, { recursive: true });
    await Deno.writeFile(`${dir}/${path}`, bytes);
  }
}

/** Cuts bytes into lines, each with its end. */
export function linesOf(bytes: Uint8Array): string[] {
  return new TextDecoder().decode(bytes).split(/(?<=\n)/);
}

/** One line of a chain, and where it stands. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly seq: number;
  readonly type: string;
  readonly text: string;
}

/** Lists all lines of a chain in order. */
export function placesOf(files: Snapshot, chain = 1): Place[] {
  const places: Place[] = [];
  for (const path of [...files.keys()].sort()) {
    const [, file] = new RegExp(`^${chain}/(\\d+\\.jsonl)$`).exec(path) ?? [];
    if (file === undefined) continue;
    linesOf(files.get(path)!).forEach((text, index) => {
      const { seq, type } = JSON.parse(text);
      places.push({ file, line: index + 1, seq, type, text });
    });
  }
  return places;
}

/** Bounds that let a test write what it wants. */
export const UNBOUND = { maxLinesPerSecond: 1_000_000, maxBytesPerHour: 1_000_000_000 } as const;

/** Writes a log with some entries and closes it. */
export async function writeLog(
  dir: string,
  count: number,
  options: AuditLogOptions = {},
): Promise<void> {
  await using log = await AuditLog.open(dir, { ...UNBOUND, ...options });
  for (let n = 0; n < count; n++) {
    log.append({ type: "denied", plugin: "word-count", version: "1.0.0", n });
    if (n % 7 === 6) await log.checkpoint();
  }
}

/** Checks a log, and gives what is wrong in short. */
export async function problemsOf(dir: string, publicKey?: Uint8Array): Promise<AuditProblem[]> {
  const { ok, problems } = await verifyAuditLog(dir, { publicKey });
  if (ok !== (problems.length === 0)) throw new Error("ok does not fit the problems");
  return [...problems];
}

/** Says what is wrong in short, for assertions. */
export function brief(problems: readonly AuditProblem[]): string[] {
  return problems.map(({ kind, file, line, seq }) =>
    [
      kind,
      file,
      line === undefined ? undefined : `line ${line}`,
      seq === undefined ? "" : `#${seq}`,
    ]
      .filter((part) => part !== undefined && part !== "").join(" ")
  );
}

/** A small log of several files, written by two hosts one after the other. */
export async function sample(): Promise<
  AsyncDisposable & { dir: string; files: Snapshot; places: Place[] }
> {
  const temp = await tempDir();
  const dir = temp.join("audit");
  await writeLog(dir, 14, { maxFileBytes: 4_096 });
  await writeLog(dir, 12, { maxFileBytes: 4_096 });
  const files = await snapshot(dir);
  const places = placesOf(files);
  assert.deepEqual(brief(await problemsOf(dir)), []);
  assert.ok(new Set(places.map(({ file }) => file)).size >= 3, "several files");
  return { dir, files, places, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

/** Puts other lines into the files that they are said to be in, checks, and puts the files back. */
export async function withLines(
  { dir, files, places }: { dir: string; files: Snapshot; places: readonly Place[] },
  change: (lines: Place[]) => void,
): Promise<string[]> {
  const changed = [...places];
  change(changed);
  const touched = [...new Set(places.map(({ file }) => file))].filter((file) => {
    const text = (list: readonly Place[]) =>
      list.filter((place) => place.file === file).map((place) => place.text).join("");
    return text(places) !== text(changed);
  });
  assert.ok(touched.length > 0, "nothing was changed");
  for (const file of touched) {
    const text = changed.filter((place) => place.file === file).map((place) => place.text).join("");
    await Deno.writeTextFile(`${dir}/1/${file}`, text);
  }
  const found = brief(await problemsOf(dir));
  for (const file of touched) await Deno.writeFile(`${dir}/1/${file}`, files.get(`1/${file}`)!);
  return found;
}
