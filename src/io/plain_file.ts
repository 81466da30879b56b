// Reads what should be a plain file, but may have become something else, or larger.
import type { Stats } from "node:fs";
import { nodeFs } from "../node.ts";

// Windows has neither of the two
function flags(): number {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = nodeFs().constants;
  return O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
}

/** Up to this size a file is read at once: handing each step to another thread takes longer. */
const SMALL_BYTES = 256 * 1024;

/** An open file; closed at the end of its scope. */
export interface PlainFile extends Disposable {
  /** What the system says of it: the caller checks that it is a plain file. */
  readonly info: Stats;
  /** Reads on. */
  read(buffer: Uint8Array, at: number): Promise<number>;
}

/**
 * Opens a file for reading: fails on a symbolic link, and does not wait on a fifo.
 *
 * A file that was listed as plain may have been swapped since. (A parent folder that was swapped
 * gains nothing: what is read must still have the signed hash.)
 */
export function openNoFollow(path: string): PlainFile {
  const descriptor = nodeFs().openSync(path, flags());
  try {
    const info = nodeFs().fstatSync(descriptor);
    return {
      info,
      read(buffer, at) {
        const length = buffer.length - at;
        if (info.size <= SMALL_BYTES) {
          return Promise.resolve(nodeFs().readSync(descriptor, buffer, at, length, null));
        }
        return new Promise((resolve, reject) => {
          nodeFs().read(descriptor, buffer, at, length, null, (error, count) => {
            if (error) reject(error);
            else resolve(count);
          });
        });
      },
      [Symbol.dispose]: () => nodeFs().closeSync(descriptor),
    };
  } catch (error) {
    nodeFs().closeSync(descriptor);
    throw error;
  }
}

/** Reads to the end, counting what comes and not what the system promised. */
export async function readAtMost(file: PlainFile, limit: number): Promise<Uint8Array | undefined> {
  // one byte more than expected, so that the end shows without growing the buffer
  let buffer = new Uint8Array(Math.min(file.info.size, limit) + 1);
  let length = 0;
  for (;;) {
    const room = buffer.length - length;
    const count = await file.read(buffer, length);
    length += count;
    if (length > limit) return undefined;
    // of a plain file less comes than there is room for only at its end
    if (count < room) return buffer.subarray(0, length);
    if (length === buffer.length) {
      const larger = new Uint8Array(Math.min(buffer.length * 2, limit + 1));
      larger.set(buffer);
      buffer = larger;
    }
  }
}

const FILES_A_TURN = 64;

/** Counts files that are read, and now and then lets the rest of the process go on. */
export function inTurns(): () => Promise<void> | void {
  let files = 0;
  return () => {
    if (++files % FILES_A_TURN === 0) return new Promise((resolve) => setTimeout(resolve));
  };
}
