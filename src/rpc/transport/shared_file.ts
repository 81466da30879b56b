/** One end of a file that large values are put into, so that they do not travel over the pipe. */
export interface SharedFile {
  readonly bytes: number;
  read(offset: number, into: Uint8Array): boolean;
  write(offset: number, bytes: Uint8Array): void;
  close(): void;
}

const START: Deno.SeekMode.Start = 0;

/**
 * Makes an end of an open file. Its methods are captured here, because plugin code shares the realm of its
 * end. Plain reads and writes, no mapping: a file that a peer makes shorter gives a short read, and not a
 * signal that ends the process.
 */
export function sharedFile(file: Deno.FsFile, bytes: number): SharedFile {
  const seek = file.seekSync.bind(file);
  const read = file.readSync.bind(file);
  const write = file.writeSync.bind(file);
  const close = file.close.bind(file);
  let closed = false;
  return {
    bytes,
    read(offset, into) {
      seek(offset, START);
      let at = 0;
      while (at < into.length) {
        const count = read(at === 0 ? into : into.subarray(at));
        if (count === null || count === 0) return false;
        at += count;
      }
      return true;
    },
    write(offset, bytes) {
      seek(offset, START);
      let at = 0;
      while (at < bytes.length) {
        const count = write(at === 0 ? bytes : bytes.subarray(at));
        if (count === 0) throw new Error("Cannot write to a shared file");
        at += count;
      }
    },
    close() {
      if (closed) return;
      closed = true;
      close();
    },
  };
}
