/** One file for the cache folder of a runtime. */
export interface CacheFile {
  /** The path in the folder. */
  readonly path: string;
  /** The content. */
  readonly bytes: Uint8Array;
}

/** Nothing: always the same. */
export const NO_FILES: readonly CacheFile[] = Object.freeze([]);

/** Makes one file of many: a line of JSON with paths and lengths, then their content. */
export function packCache(files: readonly CacheFile[]): Uint8Array {
  const list = JSON.stringify(files.map(({ path, bytes }) => [path, bytes.length]));
  const head = new TextEncoder().encode(`${list}\n`);
  const whole = new Uint8Array(files.reduce((sum, { bytes }) => sum + bytes.length, head.length));
  whole.set(head);
  let at = head.length;
  for (const { bytes } of files) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

/** Takes apart what {@linkcode packCache} has made; whoever calls knows that it is that. */
export function unpackCache(whole: Uint8Array): readonly CacheFile[] {
  let at = whole.indexOf(10) + 1;
  const list: [string, number][] = JSON.parse(new TextDecoder().decode(whole.subarray(0, at)));
  return list.map(([path, length]) => ({ path, bytes: whole.subarray(at, at += length) }));
}
