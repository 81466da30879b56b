import type { ByteDuplex } from "../../src/rpc/transport/duplex.ts";

/** One direction of a pipe in memory. */
class Lane {
  #chunks: Uint8Array[] = [];
  #ended = false;
  #reader: ((chunk: Uint8Array | null) => void) | undefined;

  push(chunk: Uint8Array): void {
    if (this.#ended || chunk.length === 0) return;
    if (this.#reader) this.#wake(chunk);
    else this.#chunks.push(chunk);
  }

  end(): void {
    this.#ended = true;
    this.#wake(null);
  }

  read(): Promise<Uint8Array | null> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return Promise.resolve(chunk);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => this.#reader = resolve);
  }

  #wake(chunk: Uint8Array | null): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(chunk);
  }
}

/** Options of {@linkcode memoryPipe}. */
export interface MemoryPipeOptions {
  /** Cuts what is written into the chunks that are read. */
  split?: (bytes: Uint8Array) => Uint8Array[];
}

/** Makes two ends of a pipe in memory; closing one end is the end of the stream for the other. */
export function memoryPipe(options: MemoryPipeOptions = {}): [ByteDuplex, ByteDuplex] {
  const { split = (bytes) => [bytes] } = options;
  const there = new Lane();
  const back = new Lane();
  const end = (incoming: Lane, outgoing: Lane): ByteDuplex => ({
    read: () => incoming.read(),
    write(bytes) {
      for (const chunk of split(bytes.slice())) outgoing.push(chunk);
      return Promise.resolve();
    },
    end() {
      outgoing.end();
      return Promise.resolve();
    },
    close() {
      outgoing.end();
      incoming.end();
    },
  });
  return [end(back, there), end(there, back)];
}
