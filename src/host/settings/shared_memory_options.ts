// Options of the files that large values travel in.
import { refuseUnknown } from "./known_options.ts";

const MIB = 1024 * 1024;
const DEFAULT_BYTES = 64 * MIB;
const MAX_BYTES = 1024 * MIB;

/**
 * Options of the files that large values travel in.
 *
 * @category Host
 */
export interface SharedMemoryOptions {
  /**
   * How many bytes may be under way in each direction, for each plugin: from 1 MiB to 1 GiB.
   *
   * @default {67_108_864}
   */
  bytes?: number;
  /**
   * The folder that they are made in, best one in memory.
   *
   * @default {"/dev/shm" for sandboxed plugins, where the host may write to it; else the host's own folder}
   */
  dir?: string;
}

/** The same, checked. */
export interface SharedMemorySettings {
  /** Bytes of each direction. */
  readonly bytes: number;
  /** The folder; `undefined` to choose one. */
  readonly dir: string | undefined;
}

/**
 * Checks the option.
 *
 * @throws {TypeError} when it is of the wrong type or has an unknown member.
 * @throws {RangeError} when the number is out of range.
 */
export function parseSharedMemory(
  option: boolean | SharedMemoryOptions | undefined,
): SharedMemorySettings | undefined {
  if (option === undefined || option === false) return undefined;
  if (option === true) return { bytes: DEFAULT_BYTES, dir: undefined };
  if (typeof option !== "object" || option === null) {
    throw new TypeError("Cannot open the host: sharedMemory must be true, false or an object");
  }
  const { bytes = DEFAULT_BYTES, dir, ...others } = option;
  refuseUnknown(others, "sharedMemory.");
  if (!Number.isSafeInteger(bytes) || bytes < MIB || bytes > MAX_BYTES) {
    throw new RangeError(
      `Cannot open the host: sharedMemory.bytes must be a whole number from ${MIB} to ${MAX_BYTES}, is ${bytes}`,
    );
  }
  if (dir !== undefined && (typeof dir !== "string" || !dir.startsWith("/"))) {
    throw new TypeError("Cannot open the host: sharedMemory.dir must be an absolute path");
  }
  return { bytes, dir };
}
