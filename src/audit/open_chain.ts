/**
 * Chooses the chain that a host writes: one that is free and whole, or a new one.
 *
 * @module
 */
import { removeTree } from "../bundle/remove_tree.ts";
import { type ChainEnd, findChainEnd, repairChainEnd } from "./chain_end.ts";
import { ChainWriter } from "./chain_writer.ts";
import {
  listChains,
  listNames,
  lockChain,
  MAX_CHAINS,
  NEW_CHAIN_PREFIX,
  syncFolder,
} from "./folder.ts";
import { readHead, writeHead } from "./head.ts";
import { NO_HASH } from "./line.ts";
import type { SigningKey } from "./signing_key.ts";

/** Holds a chain that is open for writing. */
export interface OpenedChain {
  /** Its number, the name of its folder. */
  readonly number: number;
  /** Its random id. */
  readonly id: string;
  /** Appends to it. */
  readonly writer: ChainWriter;
  /** Its lock, held until the file is closed. */
  readonly lock: Deno.FsFile;
  /** The other chains, and how far each was signed. */
  readonly chains: readonly { readonly chain: number; readonly seq: number }[];
  /** Chains that were left alone because they do not hold together. */
  readonly damaged: readonly { readonly chain: number; readonly problem: string }[];
}

/** How a chain is written. */
export interface WritingOptions {
  /** How large a file may become, in bytes. */
  readonly maxFileBytes: number;
  /** How many files are kept. */
  readonly keepFiles: number | undefined;
  /** The clock. */
  readonly now: () => Date;
}

/** How many other chains a line names. */
const MAX_NAMED = 500;
const MAX_ATTEMPTS = 100;
const UNFINISHED_KEY = /^key\.(?:pem|pub)\.[0-9a-f-]{36}$/;

interface Held {
  number: number;
  lock: Deno.FsFile;
  end: Omit<ChainEnd, "tornBytes">;
}

/**
 * Opens the first chain that is free and whole, or makes a new one.
 *
 * @param dir The audit folder.
 * @param key The key of the log.
 * @param options How it is written.
 * @returns The chain, its lock held.
 */
export async function openChain(
  dir: string,
  key: SigningKey,
  options: WritingOptions,
): Promise<OpenedChain> {
  await sweepUnfinished(dir);
  const chains: { chain: number; seq: number }[] = [];
  const damaged: { chain: number; problem: string }[] = [];
  let held: Held | undefined;
  try {
    for (const number of await listChains(dir)) {
      const found = held === undefined
        ? await takeChain(`${dir}/${number}`, number, key, options.now)
        : undefined;
      if (found !== undefined && "lock" in found) {
        held = found;
        continue;
      }
      if (found !== undefined) damaged.push({ chain: number, problem: found.damage });
      const head = await readHead(`${dir}/${number}`, key.publicKey);
      if (!("problem" in head)) chains.push({ chain: number, seq: head.seq });
    }
    held ??= await makeChain(dir, key, options.now);
    const { number, lock, end } = held;
    const writer = await ChainWriter.open({
      ...options,
      dir: `${dir}/${number}`,
      chain: end.head.chain,
      key,
      end,
      headSeq: end.head.seq,
    });
    return {
      number,
      id: end.head.chain,
      writer,
      lock,
      chains: chains.slice(-MAX_NAMED),
      damaged: damaged.slice(-MAX_NAMED),
    };
  } catch (error) {
    held?.lock.close();
    throw error;
  }
}

/** Takes a chain when it is free; gives what is wrong with it when it must not be written again. */
async function takeChain(
  dir: string,
  number: number,
  key: SigningKey,
  now: () => Date,
): Promise<Held | { damage: string } | undefined> {
  const lock = await lockChain(dir);
  if (lock === undefined) return undefined;
  try {
    const end = await findChainEnd(dir, key.publicKey);
    if ("damage" in end) {
      lock.close();
      return end;
    }
    return { number, lock, end: await repairChainEnd(dir, end, now()) };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Makes a chain under another name, so that one that has its name is whole and has a head. */
async function makeChain(dir: string, key: SigningKey, now: () => Date): Promise<Held> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const unfinished = `${dir}/${NEW_CHAIN_PREFIX}${crypto.randomUUID()}`;
    await Deno.mkdir(unfinished, { mode: 0o700 });
    const lock = await lockChain(unfinished).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined; // swept meanwhile
      throw error;
    });
    if (lock === undefined) continue;
    try {
      const chain = crypto.randomUUID().replaceAll("-", "");
      const end = { seq: 0, hash: NO_HASH, file: 1, offset: 0 };
      const head = { ...end, chain, time: now().toISOString(), key: key.id };
      await writeHead(unfinished, head, key);
      const number = await nameChain(dir, unfinished);
      return { number, lock, end: { ...end, head } };
    } catch (error) {
      await removeTree(unfinished).catch(() => {}); // the next start sweeps it
      lock.close();
      // another host that has just started took it for one that was left, before it was locked
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error("other hosts take every new chain away");
}

async function nameChain(dir: string, unfinished: string): Promise<number> {
  for (;;) {
    const number = ((await listChains(dir)).at(-1) ?? 0) + 1;
    if (number > MAX_CHAINS) throw new Error(`there are more than ${MAX_CHAINS} chains`);
    try {
      await Deno.rename(unfinished, `${dir}/${number}`);
      await syncFolder(dir);
      return number;
    } catch (error) {
      // another host was faster: a folder with files in it cannot be renamed over
      if (!(await listChains(dir)).includes(number)) throw error;
    }
  }
}

/** Removes chains and keys that a killed host had not finished making; the key is there by now. */
async function sweepUnfinished(dir: string): Promise<void> {
  for (const name of await listNames(dir)) {
    const path = `${dir}/${name}`;
    try {
      if (UNFINISHED_KEY.test(name)) await Deno.remove(path);
      if (!name.startsWith(NEW_CHAIN_PREFIX)) continue;
      using lock = await lockChain(path);
      if (lock !== undefined) await removeTree(path);
    } catch {
      // it got its name meanwhile, or another host removes it
    }
  }
}
