// The folders and files of an audit log, and how they are opened: what stands there may have been put
// there by somebody else, so no link is followed and no FIFO waited for.
//
// `key.pem`, `key.pub` and one folder a chain (`1`, `2`, …) with `000001.jsonl` and so on, `head.json`
// and `lock`; a host that runs holds the lock of its chain.
import { replaceFile as replace } from "../../io/durable_file.ts";
import { basename } from "node:path";
import { SallyportError } from "../../errors.ts";
import { nodeFs } from "../../node.ts";
import { syncFolder } from "../../io/sync_folder.ts";

export { syncFolder };

export const PRIVATE_KEY_FILE = "key.pem";
export const PUBLIC_KEY_FILE = "key.pub";
export const HEAD_FILE = "head.json";
export const LOCK_FILE = "lock";
/** How the folder of a chain is called until it is whole. */
export const NEW_CHAIN_PREFIX = "new-";
/** How many chains a folder may have: so many hosts at once, and chains that were found damaged. */
export const MAX_CHAINS = 256;

const MAX_LISTINGS = 5;
const MAX_NAMES = 100_000;
const FILE = /^(\d{6,9})\.jsonl$/;
const CHAIN = /^[1-9]\d{0,2}$/;
const UNFINISHED_CHAIN = /^new-[0-9a-f-]{36}$/;
/** How a key is called until it is whole. */
export const UNFINISHED_KEY = /^key\.(?:pem|pub)\.[0-9a-f-]{36}$/;
const KEYS: ReadonlySet<string> = new Set([PRIVATE_KEY_FILE, PUBLIC_KEY_FILE]);
const CHAIN_FILES: ReadonlySet<string> = new Set([HEAD_FILE, `${HEAD_FILE}.new`, LOCK_FILE]);

/** What a folder has. */
export interface Listing {
  /** The numbers of its chains or files, in order. */
  readonly numbers: number[];
  /** The names of what no host makes there. */
  readonly others: string[];
}

/** Returns the name of a chain's file. */
export function fileName(number: number): string {
  return `${String(number).padStart(6, "0")}.jsonl`;
}

function fileNumber(name: string): number | undefined {
  const number = Number(FILE.exec(name)?.[1] ?? 0);
  return number > 0 && fileName(number) === name ? number : undefined;
}

/** Lists the chains of an audit folder; none when there is no such folder. */
export async function listChains(dir: string): Promise<Listing> {
  return sortEntries(await listEntries(dir), ({ name, isDirectory, isFile }) => {
    if (isFile && (KEYS.has(name) || UNFINISHED_KEY.test(name))) return "ours";
    if (isDirectory && UNFINISHED_CHAIN.test(name)) return "ours";
    const number = CHAIN.test(name) && isDirectory ? Number(name) : Infinity;
    return number <= MAX_CHAINS ? number : "other";
  });
}

/** Lists the files of a chain. */
export async function listFiles(dir: string): Promise<Listing> {
  for (let attempt = 1;; attempt++) {
    const listing = sortEntries(await listEntries(dir), ({ name, isFile }) => {
      if (isFile && CHAIN_FILES.has(name)) return "ours";
      return isFile ? fileNumber(name) ?? "other" : "other";
    });
    const { numbers } = listing;
    const whole = numbers.length === 0 || numbers.at(-1)! - numbers[0]! === numbers.length - 1;
    // a listing is not of one moment: retention may remove files while it is read
    if (whole || attempt === MAX_LISTINGS) return listing;
  }
}

/** Lists a folder; nothing when it does not exist. */
export async function listEntries(dir: string): Promise<Deno.DirEntry[]> {
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(dir)) {
      if (entries.push(entry) > MAX_NAMES) throw new Error(`it has more than ${MAX_NAMES} names`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return entries;
}

function sortEntries(
  entries: readonly Deno.DirEntry[],
  judge: (entry: Deno.DirEntry) => number | "ours" | "other",
): Listing {
  const numbers: number[] = [];
  const others: string[] = [];
  for (const entry of entries) {
    const judged = judge(entry);
    if (typeof judged === "number") numbers.push(judged);
    else if (judged === "other") others.push(entry.name);
  }
  return { numbers: numbers.sort((a, b) => a - b), others: others.sort() };
}

/** Whether others than the owner may write to a folder: they could put anything there. */
export async function writableByOthers(dir: string): Promise<string | undefined> {
  const { mode } = await Deno.stat(dir);
  return mode !== null && (mode & 0o022) !== 0 ? (mode & 0o777).toString(8) : undefined;
}

/** Opens a plain file for reading. @throws {Deno.errors.NotFound} */
export function openToRead(path: string): number {
  return openPlain(path, nodeFs().constants.O_RDONLY);
}

/** Opens a plain file for appending; it is made where it is missing, or must be new. */
export function openToAppend(path: string, mustBeNew: boolean): number {
  const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY } = nodeFs().constants;
  return openPlain(path, O_WRONLY | O_APPEND | O_CREAT | (mustBeNew ? O_EXCL : 0));
}

function openPlain(path: string, flags: number): number {
  let descriptor: number;
  try {
    const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = nodeFs().constants; // Windows has neither
    descriptor = nodeFs().openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600);
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === "ENOENT") throw new Deno.errors.NotFound(`${path} is missing`, { cause });
    if (code === "EEXIST") throw new Deno.errors.AlreadyExists(`${path} is there`, { cause });
    if (code === "ELOOP" || code === "ENXIO" || code === "EISDIR") throw notPlain(path);
    throw cause;
  }
  if (nodeFs().fstatSync(descriptor).isFile()) return descriptor;
  nodeFs().closeSync(descriptor);
  throw notPlain(path);
}

function notPlain(path: string): Error {
  return new Error(`"${basename(path)}" is a link or no plain file`);
}

/** Reads on; 0 at the end. */
export function readSome(descriptor: number, buffer: Uint8Array, position: number): number {
  return nodeFs().readSync(descriptor, buffer, 0, buffer.length, position);
}

/** Reads a small file; `undefined` when it is missing. */
export function readSmall(path: string, maxBytes: number): Uint8Array | undefined {
  let descriptor: number;
  try {
    descriptor = openToRead(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    const bytes = new Uint8Array(maxBytes + 1);
    let length = 0;
    for (let read; (read = readSome(descriptor, bytes.subarray(length), length)) > 0;) {
      length += read;
    }
    if (length > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
    return bytes.slice(0, length);
  } finally {
    nodeFs().closeSync(descriptor);
  }
}

/** Replaces a file so that a reader finds the old or the new one, never half, also after a crash. */
export async function replaceFile(dir: string, name: string, text: string): Promise<void> {
  const path = `${dir}/${name}`;
  const temporary = `${path}.new`; // one name, so that what a crash left is found and goes
  await Deno.remove(temporary).catch(() => {});
  await replace(path, text, { temporary, mode: 0o600 });
}

/** Writes all of some bytes. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) {
    const written = nodeFs().writeSync(descriptor, rest);
    if (written === 0) throw new Error("nothing was written");
    rest = rest.subarray(written);
  }
}

/** Takes the lock of a chain; the kernel releases it when its holder dies, however it dies. */
export async function lockChain(dir: string): Promise<Deno.FsFile | undefined> {
  const path = `${dir}/${LOCK_FILE}`;
  const info = await Deno.lstat(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (info !== undefined && !info.isFile) throw notPlain(path); // to open a FIFO would wait
  const file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
  try {
    if (await file.tryLock(true)) return file;
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

/** Makes the audit folder, and refuses one in which others could put what they like. */
export async function prepareFolder(dir: string): Promise<string> {
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  const path = await Deno.realPath(dir);
  const mode = await writableByOthers(path);
  if (mode === undefined) return path;
  throw new SallyportError(
    "bad-config",
    `Cannot open audit log "${dir}": others than its owner may write to the folder (mode ${mode})`,
    { hint: `Run chmod go-w on "${path}", after a look at what lies there` },
  );
}
