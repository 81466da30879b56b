/** Bytes in both directions, however they travel. */
export interface ByteDuplex {
  /** Returns the next bytes, valid until the next call, or `null` at the end. */
  read(expected?: number): Promise<Uint8Array | null>;
  /** Writes all bytes; they belong to the duplex until the promise settles. */
  write(bytes: Uint8Array): Promise<void>;
  /** Whether a write begins before it returns, so that the peer can work while this end goes on. */
  readonly isPrompt?: boolean;
  /** Writes all bytes at once, where that is cheaper and may block. */
  writeSync?(bytes: Uint8Array): void;
  /** Ends the outgoing direction, after what was written; reading goes on. */
  end?(): Promise<void>;
  /** Releases everything; a pending read resolves with `null`. */
  close(): void | Promise<void>;
}

/** How many bytes one read of standard input takes at most: what a Linux pipe holds. */
const READ_BYTES = 64 * 1024;

/**
 * Makes a duplex of this process's standard input and output, for the plugin's side.
 *
 * Writes block: a pipe takes a message in less time than an asynchronous write needs to be scheduled,
 * and the host always reads. The methods of `Deno.stdin` and `Deno.stdout` are captured here, so that
 * code that replaces them later does not reach the pipe by accident.
 */
export function stdioDuplex(): ByteDuplex {
  const { stdin, stdout } = Deno;
  const read = stdin.read.bind(stdin);
  const readSync = stdin.readSync.bind(stdin);
  const writeSync = stdout.writeSync.bind(stdout);
  const { WouldBlock } = Deno.errors;
  const buffer = new Uint8Array(READ_BYTES);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const writeAll = (bytes: Uint8Array): void => {
    let at = 0;
    while (at < bytes.length) {
      try {
        at += writeSync(at === 0 ? bytes : bytes.subarray(at));
      } catch (error) {
        // Only a non-blocking descriptor gets here
        if (!(error instanceof WouldBlock)) throw error;
        Atomics.wait(pause, 0, 0, 1);
      }
    }
  };
  let isFirst = true;
  return {
    async read() {
      let count: number | null;
      if (isFirst) {
        // There is nothing to do before the first message, and waiting for it in the event loop costs
        // a start nearly a millisecond; the main module is evaluated to its end before
        isFirst = false;
        await undefined;
        count = readSync(buffer);
      } else {
        count = await read(buffer);
      }
      return count === null ? null : buffer.subarray(0, count);
    },
    write(bytes) {
      writeAll(bytes);
      return Promise.resolve();
    },
    writeSync: writeAll,
    close() {},
  };
}

/**
 * How many bytes one read of a socket takes at most: so few that the peer gets answers to work with while
 * this end goes on, or of a long message what Linux lets wait in a socket.
 */
const SOCKET_READ_BYTES = 32 * 1024;
const LONG_READ_BYTES = 208 * 1024;

/**
 * Makes a duplex of a connected socket, for either side. The first try of a write is made before it
 * returns, so that what a process writes right before its exit is not lost while there is room.
 */
export function socketDuplex(conn: Deno.Conn): ByteDuplex {
  const read = conn.read.bind(conn);
  const write = conn.write.bind(conn);
  const short = new Uint8Array(SOCKET_READ_BYTES);
  let long: Uint8Array | undefined;
  let closed = false;
  return {
    isPrompt: true,
    async read(expected = 0) {
      const buffer = expected <= SOCKET_READ_BYTES
        ? short
        : long ??= new Uint8Array(LONG_READ_BYTES);
      try {
        const count = await read(buffer);
        return count === null ? null : buffer.subarray(0, count);
      } catch (error) {
        if (closed) return null;
        throw error;
      }
    },
    async write(bytes) {
      let at = await write(bytes);
      while (at < bytes.length) at += await write(bytes.subarray(at));
    },
    end: () => conn.closeWrite(),
    close() {
      if (closed) return;
      closed = true;
      conn.close();
    },
  };
}

/** Makes a duplex of a child's standard output and input, for the host's side. */
export function childDuplex(child: Deno.ChildProcess): ByteDuplex {
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  // Without a listener a broken pipe would be an unhandled rejection; writes report it themselves
  writer.closed.catch(() => {});
  let ended = false;
  return {
    async read() {
      const { done, value } = await reader.read();
      return done ? null : value;
    },
    write(bytes) {
      return writer.write(bytes as Uint8Array<ArrayBuffer>);
    },
    async end() {
      if (ended) return;
      ended = true;
      await writer.close();
    },
    async close() {
      ended = true;
      // Each may fail because the child is gone, which is what closing is for
      await Promise.allSettled([reader.cancel(), writer.abort()]);
    },
  };
}
