/**
 * The folders and files of an audit log.
 *
 * `key.pem`, `key.pub` and one folder a chain (`1`, `2`, …) with `000001.jsonl` and so on, `head.json`
 * and `lock`; a host that runs holds the lock of its chain.
 *
 * @module
 */

/** The name of the private key's file. */
export const PRIVATE_KEY_FILE = "key.pem";
/** The name of the public key's file. */
export const PUBLIC_KEY_FILE = "key.pub";
/** The name of the file with the last signed position. */
export const HEAD_FILE = "head.json";
/** The name of the lock file. */
export const LOCK_FILE = "lock";
/** How the folder of a chain is called until it is whole. */
export const NEW_CHAIN_PREFIX = "new-";
/** How many chains a folder may have. */
export const MAX_CHAINS = 10_000;

const MAX_LISTINGS = 5;
const FILE = /^(\d{6,9})\.jsonl$/;
const CHAIN = /^[1-9]\d{0,8}$/;

/** Gives the name of a chain's file. */
export function fileName(number: number): string {
  return `${String(number).padStart(6, "0")}.jsonl`;
}

/** Gives the number in a file's name, or `undefined` for any other file. */
export function fileNumber(name: string): number | undefined {
  const digits = FILE.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  return number > 0 && fileName(number) === name ? number : undefined;
}

/**
 * Lists the chains of an audit folder.
 *
 * @param dir The audit folder.
 * @returns Their numbers in order; none when there is no such folder.
 */
export async function listChains(dir: string): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await listNames(dir)) if (CHAIN.test(name)) numbers.push(Number(name));
  return numbers.sort((a, b) => a - b);
}

/**
 * Lists the files of a chain.
 *
 * @param dir The folder of the chain.
 * @returns Their numbers in order.
 */
export async function listFiles(dir: string): Promise<number[]> {
  for (let attempt = 1;; attempt++) {
    const numbers = (await listNames(dir)).map(fileNumber)
      .filter((number) => number !== undefined).sort((a, b) => a - b);
    const whole = numbers.length === 0 || numbers.at(-1)! - numbers[0]! === numbers.length - 1;
    // a listing is not of one moment: retention may remove files while it is read
    if (whole || attempt === MAX_LISTINGS) return numbers;
  }
}

/** Lists the names in a folder; none when it does not exist. */
export async function listNames(dir: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(dir)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}

/**
 * Replaces a file so that a reader finds the old or the new one, never half, also after a crash.
 *
 * @param dir Its folder.
 * @param name Its name; `<name>.new` is used on the way.
 * @param text The content.
 */
export async function replaceFile(dir: string, name: string, text: string): Promise<void> {
  const path = `${dir}/${name}`;
  await writeSynced(`${path}.new`, text, { create: true, truncate: true });
  await Deno.rename(`${path}.new`, path);
  await syncFolder(dir);
}

/**
 * Writes a file that only its owner can read, and waits until it is on the disk.
 *
 * @param path The file.
 * @param text The content.
 * @param options How to open it.
 */
export async function writeSynced(
  path: string,
  text: string | Uint8Array,
  options: { create?: boolean; createNew?: boolean; truncate?: boolean; mode?: number },
): Promise<void> {
  using file = await Deno.open(path, { mode: 0o600, ...options, write: true });
  await writeAll(file, typeof text === "string" ? new TextEncoder().encode(text) : text);
  await file.sync();
}

/** Writes all of some bytes where the file stands. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
}

/** Waits until the names in a folder are on the disk, where the system can do that. */
export async function syncFolder(dir: string): Promise<void> {
  if (Deno.build.os === "windows") return; // it has no such thing
  using folder = await Deno.open(dir);
  await folder.sync();
}

/**
 * Takes the lock of a chain; the kernel releases it when its holder dies, however it dies.
 *
 * @param dir The folder of the chain.
 * @returns The open file, which holds the lock until it is closed; `undefined` where another host has it.
 */
export async function lockChain(dir: string): Promise<Deno.FsFile | undefined> {
  const file = await Deno.open(`${dir}/${LOCK_FILE}`, { create: true, write: true, mode: 0o600 });
  try {
    if (await file.tryLock(true)) return file;
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}
