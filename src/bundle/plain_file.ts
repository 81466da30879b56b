/**
 * Reads what should be a plain file, but may have become something else, or larger.
 *
 * @module
 */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

// Windows has neither of the two
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file for reading: fails on a symbolic link, and does not wait on a fifo.
 *
 * A file that was listed as plain may have been swapped since. (A parent folder that was swapped
 * gains nothing: what is read must still have the signed hash.) The caller checks with `stat()` that
 * it is a plain file, and closes it.
 *
 * @param path The path.
 * @returns The open file.
 */
export function openNoFollow(path: string): Promise<FileHandle> {
  return open(path, FLAGS);
}

/**
 * Reads to the end, counting what comes and not what `stat` promised.
 *
 * @param file The open file.
 * @param expected Its size as far as known.
 * @param limit More bytes than this are not read.
 * @returns The content, or nothing when there is more than `limit`.
 */
export async function readAtMost(
  file: FileHandle,
  expected: number,
  limit: number,
): Promise<Uint8Array | undefined> {
  // one byte more than expected, so that the end shows without growing the buffer
  let buffer = new Uint8Array(Math.min(expected, limit) + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
    if (length > limit) return undefined;
    if (length === buffer.length) {
      const larger = new Uint8Array(Math.min(buffer.length * 2, limit + 1));
      larger.set(buffer);
      buffer = larger;
    }
  }
}
