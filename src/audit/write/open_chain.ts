// Chooses the chain that a host writes: one that is free and whole, or a new one.
import { removeTree } from "../../io/remove_tree.ts";
import { type ChainEnd, findChainEnd } from "../verify/chain_end.ts";
import {
  listChains,
  listEntries,
  lockChain,
  MAX_CHAINS,
  NEW_CHAIN_PREFIX,
  syncFolder,
  UNFINISHED_KEY,
  writableByOthers,
} from "../chain/folder.ts";
import { type NamedChain, readHead, writeHead } from "../chain/head.ts";
import { NO_HASH } from "../chain/line.ts";
import type { SigningKey } from "../chain/signing_key.ts";

/** Holds a chain that may be written. */
export interface OpenedChain {
  readonly number: number;
  readonly end: ChainEnd;
  /** Its lock, held until the file is closed. */
  readonly lock: Deno.FsFile;
  /** Chains that were left alone. */
  readonly damaged: readonly DamagedChain[];
  /** Whether it is the first of the folder, though the key is older. */
  readonly anew: boolean;
}

/** A chain that must not be written again. */
export interface DamagedChain {
  readonly chain: number;
  readonly problem: string;
  readonly foreign: boolean;
}

const MAX_ATTEMPTS = 100;
const MAX_PROBLEM = 120;
/** A host that is about to make the first chain has just made the key. */
const NEW_KEY_MS = 10_000;

/** Opens the first chain that is free and whole, or makes a new one. */
export async function openChain(
  dir: string,
  key: SigningKey,
  now: () => Date,
): Promise<OpenedChain> {
  await sweepUnfinished(dir);
  const damaged: DamagedChain[] = [];
  const { numbers } = await listChains(dir);
  for (const number of numbers) {
    const found = await takeChain(`${dir}/${number}`, number, key);
    if (found === undefined) continue;
    if ("lock" in found) return { ...found, number, damaged, anew: false };
    const { damage, foreign } = found;
    damaged.push({ chain: number, problem: damage.slice(0, MAX_PROBLEM), foreign });
  }
  const age = Date.now() - (key.since?.getTime() ?? Infinity);
  const anew = numbers.length === 0 && age > NEW_KEY_MS;
  return { ...await makeChain(dir, key, now), damaged, anew };
}

/** Tells how far all other chains are signed. */
export async function nameOthers(
  dir: string,
  own: number,
  publicKey: Uint8Array,
): Promise<NamedChain[]> {
  const named: NamedChain[] = [];
  for (const chain of (await listChains(dir)).numbers) {
    if (chain === own) continue;
    const head = await readHead(`${dir}/${chain}`, chain, publicKey);
    if (!("problem" in head)) named.push({ chain, seq: head.seq, hash: head.hash });
  }
  return named;
}

/** Takes a chain when it is free; returns what is wrong with it when it must not be written again. */
async function takeChain(
  dir: string,
  number: number,
  key: SigningKey,
): Promise<
  { lock: Deno.FsFile; end: ChainEnd } | { damage: string; foreign: boolean } | undefined
> {
  let lock: Deno.FsFile | undefined;
  try {
    const mode = await writableByOthers(dir);
    if (mode !== undefined) throw new Error(`others than its owner may write there (mode ${mode})`);
    lock = await lockChain(dir);
    if (lock === undefined) return undefined;
    const end = await findChainEnd(dir, number, key.publicKey);
    if (!("damage" in end)) return { lock, end };
    lock.close();
    return end;
  } catch (error) {
    lock?.close();
    // this chain cannot be used, but another can
    return { damage: error instanceof Error ? error.message : String(error), foreign: false };
  }
}

/** Makes a chain under another name, so that one that has its name is whole and has a head. */
async function makeChain(
  dir: string,
  key: SigningKey,
  now: () => Date,
): Promise<{ number: number; lock: Deno.FsFile; end: ChainEnd }> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const unfinished = `${dir}/${NEW_CHAIN_PREFIX}${crypto.randomUUID()}`;
    await Deno.mkdir(unfinished, { mode: 0o700 });
    const lock = await lockChain(unfinished).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined; // swept meanwhile
      throw error;
    });
    if (lock === undefined) continue;
    const number = await nextNumber(dir);
    try {
      const start = { seq: 0, hash: NO_HASH, file: 1, offset: 0 };
      const chain = crypto.randomUUID().replaceAll("-", "");
      const head = { ...start, chain, number, closed: false, time: now().toISOString() };
      await writeHead(unfinished, head, key);
      await Deno.rename(unfinished, `${dir}/${number}`);
      await syncFolder(dir);
      const end = { ...start, head: { ...head, key: key.id }, firstFile: 1 };
      return { number, lock, end: { ...end, takenOver: undefined, torn: undefined } };
    } catch (error) {
      await removeTree(unfinished).catch(() => {}); // the next start sweeps it
      lock.close();
      // another host took this for one that was left, before it was locked; or took that number
      const again = error instanceof Deno.errors.NotFound || await nextNumber(dir) > number;
      if (!again) throw error;
    }
  }
  throw new Error("other hosts take every new chain away");
}

/** Returns the number after the highest, whatever has it. */
async function nextNumber(dir: string): Promise<number> {
  const taken = (await listEntries(dir)).map(({ name }) => Number(/^[1-9]\d{0,2}$/.exec(name) ?? 0))
    .filter((number) => number <= MAX_CHAINS);
  const next = Math.max(0, ...taken) + 1;
  if (next <= MAX_CHAINS) return next;
  throw new Error(`it has a chain ${MAX_CHAINS} already: move the folder away`);
}

/** Removes chains and keys that a killed host had not finished making; the key is there by now. */
async function sweepUnfinished(dir: string): Promise<void> {
  for (const { name, isDirectory } of await listEntries(dir)) {
    const path = `${dir}/${name}`;
    try {
      if (UNFINISHED_KEY.test(name)) await Deno.remove(path);
      if (!isDirectory || !name.startsWith(NEW_CHAIN_PREFIX)) continue;
      using lock = await lockChain(path);
      if (lock !== undefined) await removeTree(path);
    } catch {
      // it got its name meanwhile, or another host removes it
    }
  }
}
