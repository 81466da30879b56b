/**
 * Stands in for `@std/crypto/crypto`: WebCrypto with more digests and a synchronous one.
 *
 * @module
 */

import type { Hash } from "node:crypto";
import { nodeCrypto } from "./_node.ts";

const NODE_NAMES = {
  "SHA-1": "sha1",
  "SHA-224": "sha224",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
  "SHA3-224": "sha3-224",
  "SHA3-256": "sha3-256",
  "SHA3-384": "sha3-384",
  "SHA3-512": "sha3-512",
} as const;

/** Names a digest algorithm; the real package knows more of them. */
export type DigestAlgorithmName = keyof typeof NODE_NAMES;

/** Lists the digest algorithms. */
export const DIGEST_ALGORITHM_NAMES: readonly DigestAlgorithmName[] = Object.freeze(
  Object.keys(NODE_NAMES) as DigestAlgorithmName[],
);

/** Names a digest algorithm and the length of its result in bytes. */
export type DigestAlgorithmObject = {
  /** The algorithm. */
  name: DigestAlgorithmName;
  /** The length in bytes; only the algorithm's own is accepted here, none of these is extendable. */
  length?: number;
};

/** Names a digest algorithm, with or without options. */
export type DigestAlgorithm = DigestAlgorithmName | DigestAlgorithmObject;

/** Extends `SubtleCrypto` with more digests. */
export interface StdSubtleCrypto extends SubtleCrypto {
  /** Digests bytes, or a sequence of chunks. */
  digest(
    algorithm: DigestAlgorithm,
    data: BufferSource | AsyncIterable<BufferSource> | Iterable<BufferSource>,
  ): Promise<ArrayBuffer>;

  /** Digests bytes, or a sequence of chunks, at once. */
  digestSync(
    algorithm: DigestAlgorithm,
    data: BufferSource | Iterable<BufferSource>,
  ): ArrayBuffer;
}

/** Extends `Crypto` with {@linkcode StdSubtleCrypto}. */
export interface StdCrypto extends Crypto {
  /** The extended interface. */
  readonly subtle: StdSubtleCrypto;
}

function isBufferSource(value: unknown): value is BufferSource {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function isIterable(value: unknown): value is Iterable<BufferSource> {
  return typeof (value as Iterable<BufferSource>)?.[Symbol.iterator] === "function";
}

function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  throw new TypeError("Cannot digest the data: A chunk is not ArrayBuffer nor ArrayBufferView");
}

function start(algorithm: DigestAlgorithm): { hash: Hash; finish(): ArrayBuffer } {
  const { name, length } = typeof algorithm === "string"
    ? { name: algorithm, length: undefined }
    : algorithm;
  if (length !== undefined && !(Number.isInteger(length) && length >= 0 && length <= 0x7fff_ffff)) {
    throw new RangeError("length must be an integer between 0 and 2147483647, inclusive");
  }
  const upper = name.toUpperCase();
  if (!Object.hasOwn(NODE_NAMES, upper)) throw new TypeError("unsupported algorithm");
  const hash = nodeCrypto().createHash(NODE_NAMES[upper as DigestAlgorithmName]);
  return {
    hash,
    finish() {
      const result = Uint8Array.from(hash.digest()).buffer;
      if (length !== undefined && length !== result.byteLength) {
        // the real package throws this text as a plain string from its WebAssembly module
        throw new TypeError("non-default length specified for non-extendable algorithm");
      }
      return result;
    },
  };
}

function digestSync(
  algorithm: DigestAlgorithm,
  data: BufferSource | Iterable<BufferSource>,
): ArrayBuffer {
  const { hash, finish } = start(algorithm);
  if (isBufferSource(data)) {
    hash.update(toBytes(data));
  } else if (isIterable(data)) {
    for (const chunk of data) hash.update(toBytes(chunk));
  } else {
    throw new TypeError("data must be a BufferSource or Iterable<BufferSource>");
  }
  return finish();
}

async function digest(
  algorithm: DigestAlgorithm,
  data: BufferSource | AsyncIterable<BufferSource> | Iterable<BufferSource>,
): Promise<ArrayBuffer> {
  if (isBufferSource(data) || isIterable(data)) return digestSync(algorithm, data);
  if (typeof data?.[Symbol.asyncIterator] !== "function") {
    throw new TypeError("data must be a BufferSource or [Async]Iterable<BufferSource>");
  }
  const { hash, finish } = start(algorithm);
  for await (const chunk of data) hash.update(toBytes(chunk));
  return finish();
}

const web = globalThis.crypto;
const subtle = web.subtle;

/** Passes WebCrypto through, with `subtle.digest` extended and `subtle.digestSync` added. */
const stdCrypto = {
  getRandomValues: web.getRandomValues.bind(web),
  randomUUID: web.randomUUID.bind(web),
  subtle: {
    decrypt: subtle.decrypt.bind(subtle),
    deriveBits: subtle.deriveBits.bind(subtle),
    deriveKey: subtle.deriveKey.bind(subtle),
    encrypt: subtle.encrypt.bind(subtle),
    exportKey: subtle.exportKey.bind(subtle),
    generateKey: subtle.generateKey.bind(subtle),
    importKey: subtle.importKey.bind(subtle),
    sign: subtle.sign.bind(subtle),
    unwrapKey: subtle.unwrapKey.bind(subtle),
    verify: subtle.verify.bind(subtle),
    wrapKey: subtle.wrapKey.bind(subtle),
    digest,
    digestSync,
  },
} as unknown as StdCrypto;

export { stdCrypto as crypto };
