/**
 * Checks an audit log: every line, every hash, every signature.
 *
 * @module
 */
import { bytesEqual } from "../crypto/digest.ts";
import { keyId } from "../crypto/ed25519.ts";
import { escapeText, SallyportError } from "../errors.ts";
import {
  fileName,
  HEAD_FILE,
  listChains,
  listFiles,
  listNames,
  PUBLIC_KEY_FILE,
} from "./folder.ts";
import type { AuditProblem, AuditReport } from "./report.ts";
import { readPublicKey } from "./signing_key.ts";
import { type CheckedChain, verifyChain } from "./verify_chain.ts";

/** Options of {@linkcode verifyAuditLog}. */
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
  "Lines after the last signed position can be cut off or rewritten without its being seen",
  "Whoever has the signing key (key.pem) can write the whole log anew",
  "An older copy of the whole folder, put back, looks like a log that ends there: keep what this " +
  "command prints, or copy the log to another machine, to see that",
  "The last chain can be removed as a whole when no other was begun after it",
]);
const UNPINNED =
  "Without the public key from elsewhere, a log written anew with another key looks good: compare the key id";

/** A host may be writing: what changed while it was read is read again. */
const MAX_ATTEMPTS = 4;

/**
 * Checks an audit folder.
 *
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
    const problems: AuditProblem[] = [];
    const publicKey = await chooseKey(dir, pinned, problems);
    const checked: CheckedChain[] = [];
    for (const chain of await listChains(dir)) {
      checked.push(await verifySteady(`${dir}/${chain}`, chain, publicKey, signal));
    }
    await checkNamed(dir, checked, publicKey, problems, signal);
    const chains = checked.map(({ report }) => report);
    problems.push(...chains.flatMap((report) => report.problems));
    return {
      ok: problems.length === 0,
      dir,
      keyId: publicKey === undefined ? undefined : keyId(publicKey),
      pinned: pinned !== undefined,
      chains,
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

/**
 * Refuses a folder that is no audit log: an empty answer would look like a good one.
 *
 * @param dir The folder.
 * @throws {SallyportError} `bad-config` when it has neither chains nor a key.
 */
export async function checkIsLog(dir: string): Promise<void> {
  const names = await listNames(dir);
  if (names.includes(PUBLIC_KEY_FILE) || (await listChains(dir)).length > 0) return;
  throw new SallyportError(
    "bad-config",
    `Cannot read audit log "${escapeText(dir)}": there is none`,
    {
      hint: "Name the data folder of a host, or the folder with key.pub in it",
    },
  );
}

async function chooseKey(
  dir: string,
  pinned: Uint8Array | undefined,
  problems: AuditProblem[],
): Promise<Uint8Array | undefined> {
  let own: Uint8Array | undefined;
  try {
    own = await readPublicKey(dir);
    if (own === undefined) {
      const message = `${PUBLIC_KEY_FILE} is missing`;
      problems.push({ kind: "key-missing", chain: 0, file: PUBLIC_KEY_FILE, message });
    }
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    const message = `${PUBLIC_KEY_FILE} cannot be used: ${error.message}`;
    problems.push({ kind: "unreadable", chain: 0, file: PUBLIC_KEY_FILE, message });
  }
  if (pinned !== undefined && own !== undefined && !bytesEqual(pinned, own)) {
    const message = `${PUBLIC_KEY_FILE} is another key than the given one: ${keyId(own)} instead ` +
      `of ${keyId(pinned)}`;
    problems.push({ kind: "key-replaced", chain: 0, file: PUBLIC_KEY_FILE, message });
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
  for (const name of [HEAD_FILE, ...(await listFiles(dir)).map(fileName)]) {
    const stat = await Deno.stat(`${dir}/${name}`).catch(() => undefined);
    parts.push(`${name} ${stat?.size} ${stat?.ino} ${stat?.mtime?.getTime()}`);
  }
  return parts.join("\n");
}

/** Checks that no chain that another one names has gone or ends before where it was. */
async function checkNamed(
  dir: string,
  checked: CheckedChain[],
  publicKey: Uint8Array | undefined,
  problems: AuditProblem[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const named = new Map<number, number>();
  for (const { named: chains } of checked) {
    for (const { chain, seq } of chains) named.set(chain, Math.max(seq, named.get(chain) ?? 0));
  }
  const highest = Math.max(0, ...checked.map(({ report }) => report.chain));
  for (let chain = 1; chain <= highest; chain++) if (!named.has(chain)) named.set(chain, 0);
  for (const [chain, seq] of named) {
    const index = checked.findIndex(({ report }) => report.chain === chain);
    if (index === -1) {
      const message = `Chain ${chain} is missing`;
      problems.push({ kind: "chain-missing", chain, message });
      continue;
    }
    if (checked[index]!.report.toSeq >= seq) continue;
    // it may have been read before a host wrote to it and named it
    const again = await verifySteady(`${dir}/${chain}`, chain, publicKey, signal);
    checked[index] = again;
    const { toSeq } = again.report;
    if (toSeq >= seq || again.report.problems.some(({ kind }) => kind === "truncated")) continue;
    const message =
      `Chain ${chain} ends with line ${toSeq}, but another chain says it was signed ` +
      `up to line ${seq}`;
    problems.push({ kind: "truncated", chain, seq: toSeq + 1, message });
  }
}
