// Checks an audit log: every line, every hash, every signature.
import { bytesEqual } from "../../crypto/digest.ts";
import { keyId } from "../../crypto/ed25519.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import {
  fileName,
  HEAD_FILE,
  listChains,
  listEntries,
  listFiles,
  PUBLIC_KEY_FILE,
  writableByOthers,
} from "../chain/folder.ts";
import { type AuditProblem, type AuditProblemKind, type AuditReport, Problems } from "./report.ts";
import { readPublicKey } from "../chain/signing_key.ts";
import { type CheckedChain, verifyChain } from "./verify_chain.ts";

/**
 * Options of {@linkcode verifyAuditLog}.
 *
 * @category Audit log
 */
export interface VerifyAuditLogOptions {
  /**
   * The 32 bytes of the key that must have signed the log.
   *
   * @default The key beside the log, which whoever can write there can replace.
   */
  publicKey?: Uint8Array;
  /** Ends the check. */
  signal?: AbortSignal;
}

const LIMITS: readonly string[] = Object.freeze([
  "What follows the last signed line can be cut off or rewritten: a minute, or 256 lines. After a " +
  "crash that is what the next run says it took over",
  "Whoever has the signing key (key.pem) can write the whole log anew",
  "An older copy of the whole folder, put back, looks like a log that ends there, and so does one " +
  "chain, put back to how another named it last: keep what this command prints, or send the log to " +
  "another machine, to see that",
  "A chain can be removed as a whole as long as no other has named it",
  "The times are those of the host's clock",
]);
const UNPINNED =
  "Without the public key from elsewhere, a log written anew with another key looks good: compare the key id";

/** A host may be writing: what changed while it was read is read again. */
const MAX_ATTEMPTS = 4;

/**
 * Checks an audit folder.
 *
 * @category Audit log
 * @param dir The audit folder.
 * @param options The key and a signal.
 * @returns What was found. Problems are in the report; they do not throw.
 * @throws {SallyportError} `bad-config` when there is no audit log in the folder or it cannot be read.
 */
export async function verifyAuditLog(
  dir: string,
  options: VerifyAuditLogOptions = {},
): Promise<AuditReport> {
  const { publicKey: pinned, signal } = options;
  signal?.throwIfAborted();
  try {
    await checkIsLog(dir);
    const found = new Problems(0);
    const publicKey = chooseKey(dir, pinned, found);
    const { numbers, others } = await listChains(dir);
    for (const name of others) {
      found.inFile("unexpected", name, "is nothing that a host makes here");
    }
    const check = (chain: number) => verifySteady(`${dir}/${chain}`, chain, publicKey, signal);
    const checked = new Map<number, CheckedChain>();
    for (const chain of numbers) checked.set(chain, await check(chain));
    const problems = [...found.list, ...await checkNamed(checked, check)];
    const chains = [...checked.values()].map(({ report }) => report);
    problems.push(...chains.flatMap((report) => report.problems));
    return {
      ok: problems.length === 0,
      dir,
      keyId: publicKey === undefined ? undefined : keyId(publicKey),
      pinned: pinned !== undefined,
      chains,
      notes: await folderNotes(dir, numbers),
      problems,
      limits: pinned === undefined ? [...LIMITS, UNPINNED] : LIMITS,
    };
  } catch (cause) {
    if (cause instanceof SallyportError || signal?.aborted) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError(
      "bad-config",
      `Cannot read audit log "${escapeText(dir)}": ${escapeText(message)}`,
      { cause, hint: "Check that you may read the folder and its files" },
    );
  }
}

/** Refuses a folder that is no audit log: an empty answer would look like a good one. */
export async function checkIsLog(dir: string): Promise<void> {
  const hasKey = (await listEntries(dir)).some(({ name }) => name === PUBLIC_KEY_FILE);
  if (hasKey || (await listChains(dir)).numbers.length > 0) return;
  throw new SallyportError(
    "bad-config",
    `Cannot read audit log "${escapeText(dir)}": there is none`,
    { hint: "Name the data folder of a host, or the folder with key.pub in it" },
  );
}

async function folderNotes(dir: string, chains: readonly number[]): Promise<string[]> {
  const notes: string[] = [];
  for (const path of [dir, ...chains.map((chain) => `${dir}/${chain}`)]) {
    const mode = await writableByOthers(path);
    if (mode !== undefined) {
      notes.push(`Others than its owner may write to ${escapeText(path)} (mode ${mode})`);
    }
  }
  return notes;
}

function chooseKey(
  dir: string,
  pinned: Uint8Array | undefined,
  found: Problems,
): Uint8Array | undefined {
  let own: Uint8Array | undefined;
  try {
    own = readPublicKey(dir);
    if (own === undefined) found.inFile("key-missing", PUBLIC_KEY_FILE, "is missing");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    found.inFile("unreadable", PUBLIC_KEY_FILE, `cannot be used: ${reason}`);
  }
  if (pinned !== undefined && own !== undefined && !bytesEqual(pinned, own)) {
    const what = `is another key than the given one: ${keyId(own)} instead of ${keyId(pinned)}`;
    found.inFile("key-replaced", PUBLIC_KEY_FILE, what);
  }
  return pinned ?? own;
}

/** Checks a chain, and again when a host wrote there meanwhile and something seemed wrong. */
async function verifySteady(
  dir: string,
  chain: number,
  publicKey: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<CheckedChain> {
  for (let attempt = 1;; attempt++) {
    const before = await fingerprint(dir);
    try {
      const checked = await verifyChain(dir, chain, publicKey, signal);
      if (checked.report.problemCount === 0 || attempt === MAX_ATTEMPTS) return checked;
      if (await fingerprint(dir) === before) return checked;
    } catch (error) {
      // retention removed a file meanwhile
      if (!(error instanceof Deno.errors.NotFound) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

async function fingerprint(dir: string): Promise<string> {
  const parts: string[] = [];
  for (const name of [HEAD_FILE, ...(await listFiles(dir)).numbers.map(fileName)]) {
    const stat = await Deno.lstat(`${dir}/${name}`).catch(() => undefined);
    parts.push(`${name} ${stat?.size} ${stat?.ino} ${stat?.mtime?.getTime()}`);
  }
  return parts.join("\n");
}

/** Checks that every chain that another one names is there, and had then the line that it names. */
async function checkNamed(
  checked: Map<number, CheckedChain>,
  check: (chain: number) => Promise<CheckedChain>,
): Promise<AuditProblem[]> {
  const problems = new Map<number, AuditProblem>();
  const tell = (kind: AuditProblemKind, chain: number, message: string, seq?: number) =>
    void problems.set(chain, { kind, chain, ...(seq === undefined ? {} : { seq }), message });
  const missing = (chain: number) => tell("chain-missing", chain, `Chain ${chain} is missing`);
  // numbers are given one after the other
  const highest = Math.max(1, ...checked.keys());
  for (let chain = 1; chain <= highest; chain++) if (!checked.has(chain)) missing(chain);
  for (const { report, named } of [...checked.values()]) {
    for (const { at, chain, seq, hash } of named) {
      let other = checked.get(chain);
      if (other === undefined) missing(chain);
      if (other === undefined || problems.has(chain)) continue;
      if (other.report.toSeq < seq) {
        // it may have been read before a host wrote to it and named it
        other = await check(chain);
        checked.set(chain, other);
      }
      const { fromSeq, toSeq, problemCount } = other.report;
      // what retention removed cannot be compared; what is told already is why
      const fits = seq < Math.max(1, fromSeq) || other.hashes.get(seq) === hash;
      if (fits || problemCount > 0) continue;
      const by = `line ${at} of chain ${report.chain}`;
      if (toSeq < seq) {
        const ends = `Chain ${chain} ends with line ${toSeq}, but was signed up to line ${seq}`;
        tell("truncated", chain, `${ends}, says ${by}: an older copy, or cut off`, toSeq + 1);
      } else {
        const what = `Line ${seq} of chain ${chain} is not the one that ${by} names`;
        tell("chain-replaced", chain, `${what}: another chain was put in its place`, seq);
      }
    }
  }
  return [...problems.values()].sort((a, b) => a.chain - b.chain);
}
