/** One file for the cache folder of a runtime. */
export interface CacheFile {
  /** The path in the folder. */
  readonly path: string;
  /** The content. */
  readonly bytes: Uint8Array;
}

/** Nothing: always the same. */
export const NO_FILES: readonly CacheFile[] = Object.freeze([]);
