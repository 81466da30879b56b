// The bundle hash: one number for all files of a bundle.
import { sha3_512Hex } from "../../crypto/digest.ts";
import { compareBytewise } from "../manifest/paths.ts";

/** Describes one file for the bundle hash. */
export interface FileDigest {
  /** The bundle path. */
  readonly path: string;
  /** The size in bytes. */
  readonly size: number;
  /** The SHA3-512 of the content, as 128 lower-case hex digits. */
  readonly sha3_512: string;
}

/**
 * Computes the bundle hash: SHA3-512 of one line a file, `<sha3-512>  <size>  <path>\n`, sorted by
 * path bytewise. `openssl dgst -sha3-512` over the same text gives the same.
 *
 * @throws {RangeError} When a path holds a line break, for then two lists could give one text.
 */
export function bundleHash(files: Iterable<FileDigest>): string {
  const sorted = [...files].sort((a, b) => compareBytewise(a.path, b.path));
  let text = "";
  for (const { path, size, sha3_512 } of sorted) {
    if (path.includes("\n")) throw new RangeError("Cannot hash bundle: a path has a line break");
    text += `${sha3_512}  ${size}  ${path}\n`;
  }
  return sha3_512Hex(new TextEncoder().encode(text));
}
