// scrypt (RFC 7914), by the runtime: it runs on another thread and does not hold up the event loop.
import { nodeCrypto } from "../node.ts";

/** Says what a derivation costs: memory N·r·128 bytes, time N·r·p. */
export interface ScryptCost {
  /** The base-2 logarithm of N. */
  readonly logN: number;
  /** The block size. */
  readonly r: number;
  /** How many blocks are mixed, one after the other. */
  readonly p: number;
}

/** The cost of new files: 128 MiB, and half a second to a second of one core (OWASP's first choice). */
export const DEFAULT_SCRYPT_COST: ScryptCost = Object.freeze({ logN: 17, r: 8, p: 1 });

const MIN_LOG_N = 10;
const MAX_LOG_N = 20;
const MAX_R = 16;
const MAX_P = 4;
const MAX_MEMORY_BYTES = 512 * 1024 * 1024;
const MAX_PASSPHRASE_CHARACTERS = 4_096;
const KEY_BYTES = 32;

/**
 * Says what is wrong with a cost, without doing any of its work: whoever can write a file must not be
 * able to make its reader spend hours or all memory.
 */
export function findCostProblem({ logN, r, p }: ScryptCost): string | undefined {
  const within = (value: number, from: number, to: number) =>
    Number.isInteger(value) && value >= from && value <= to;
  if (!within(logN, MIN_LOG_N, MAX_LOG_N)) {
    return `log2 N of scrypt is ${logN}, not from ${MIN_LOG_N} to ${MAX_LOG_N}`;
  }
  if (!within(r, 1, MAX_R)) return `r of scrypt is ${r}, not from 1 to ${MAX_R}`;
  if (!within(p, 1, MAX_P)) return `p of scrypt is ${p}, not from 1 to ${MAX_P}`;
  const memory = 128 * r * 2 ** logN;
  if (memory <= MAX_MEMORY_BYTES) return undefined;
  const [needed, allowed] = [memory, MAX_MEMORY_BYTES].map((bytes) => bytes / 2 ** 20);
  return `scrypt would need ${needed} MiB of memory, more than ${allowed} MiB`;
}

/**
 * Stretches a passphrase into a key of 32 bytes.
 *
 * @throws {TypeError | RangeError} When the passphrase or the cost is out of range.
 */
export async function deriveWithScrypt(
  passphrase: string,
  salt: Uint8Array,
  cost: ScryptCost,
): Promise<Uint8Array> {
  checkPassphrase(passphrase);
  const problem = findCostProblem(cost);
  if (problem !== undefined) throw new RangeError(`Cannot derive a key: ${problem}`);
  const { logN, r, p } = cost;
  // what OpenSSL counts: V, B and two blocks to work in, and some room
  const maxmem = 128 * r * (2 ** logN + p + 2) + 2 ** 20;
  const input = new TextEncoder().encode(passphrase.normalize("NFC"));
  try {
    return await new Promise((resolve, reject) => {
      nodeCrypto().scrypt(input, salt, KEY_BYTES, { N: 2 ** logN, r, p, maxmem }, (error, key) => {
        if (error) reject(error);
        else resolve(new Uint8Array(key));
      });
    });
  } finally {
    input.fill(0);
  }
}

/**
 * Checks that a passphrase can be used; says nothing about how good it is.
 *
 * @throws {TypeError | RangeError} When it is no string, empty, longer than 4,096 characters, or has a
 * lone surrogate, which would become the same byte as any other.
 */
export function checkPassphrase(passphrase: string): void {
  if (typeof passphrase !== "string") throw new TypeError("Passphrase must be a string");
  if (passphrase === "") throw new RangeError("Passphrase must not be empty");
  if (passphrase.length > MAX_PASSPHRASE_CHARACTERS) {
    throw new RangeError(
      `Passphrase must have at most ${MAX_PASSPHRASE_CHARACTERS} characters: received ${passphrase.length}`,
    );
  }
  if (!passphrase.isWellFormed()) throw new RangeError("Passphrase must be well-formed Unicode");
}
