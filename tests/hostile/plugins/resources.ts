// RS-03–09, 16, 17: takes as much as it can get of everything.
import { closeSync, openSync } from "node:fs";
import { deflateSync, inflateSync } from "node:zlib";

const MIB = 1024 * 1024;
const kept: unknown[] = [];

/** Makes sure that the memory is really there. */
function touch(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 4_096) bytes[at] = 1;
}

const TAKES: Record<string, (mib: number) => unknown> = {
  "the heap": (mib) => {
    for (let n = 0; n < mib; n++) {
      kept.push(Array.from({ length: MIB / 8 }, (_, index) => index * 1.5));
    }
  },
  "array buffers": (mib) => {
    for (let n = 0; n < mib; n += 8) {
      const bytes = new Uint8Array(8 * MIB);
      touch(bytes);
      kept.push(bytes);
    }
  },
  "WebAssembly memory": (mib) => {
    const memory = new WebAssembly.Memory({ initial: mib * 16 });
    touch(new Uint8Array(memory.buffer));
    kept.push(memory);
  },
  "shared memory": (mib) => {
    const bytes = new Uint8Array(new SharedArrayBuffer(mib * MIB));
    touch(bytes);
    kept.push(bytes);
  },
  "blobs": async (mib) => {
    for (let n = 0; n < mib; n += 8) {
      const bytes = new Uint8Array(8 * MIB);
      touch(bytes);
      kept.push(new Blob([bytes]));
      await new Promise((resolve) => setTimeout(resolve));
    }
  },
  "a bomb": (mib) => {
    const small = deflateSync(new Uint8Array(8 * MIB));
    for (let n = 0; n < mib; n += 8) {
      const bytes = inflateSync(small);
      touch(bytes);
      kept.push(bytes);
    }
  },
  "strings": (mib) => {
    for (let n = 0; n < mib; n += 8) kept.push(new TextEncoder().encode("x".repeat(8 * MIB)));
  },
};

export default {
  methods: {
    ping: () => "pong",
    takes: async ({ what, mib }: { what: string; mib: number }) => {
      await TAKES[what]!(mib);
      return { [what]: "ok" };
    },
    recursion: () => {
      const deeper = (): number => 1 + deeper();
      return deeper();
    },
    workers: async ({ count }: { count: number }) => {
      const url = `data:text/javascript,${encodeURIComponent("postMessage(1)")}`;
      for (let n = 0; n < count; n++) {
        const worker = new Worker(url, { type: "module" });
        kept.push(worker);
        await new Promise((resolve) => worker.onmessage = resolve);
      }
      return { workers: "ok" };
    },
    /** Each worker makes two more. */
    tree: async ({ depth }: { depth: number }) => {
      const source = (depth: number): string =>
        depth === 0 ? "postMessage(1)" : `
          let answers = 0;
          for (let n = 0; n < 2; n++) {
            const url = "data:text/javascript," + encodeURIComponent(${
          JSON.stringify(source(depth - 1))
        });
            const worker = new Worker(url, { type: "module" });
            worker.onmessage = () => { if (++answers === 2) postMessage(1); };
          }`;
      const worker = new Worker(`data:text/javascript,${encodeURIComponent(source(depth))}`, {
        type: "module",
      });
      await new Promise((resolve) => worker.onmessage = resolve);
      return { tree: "ok" };
    },
    descriptors: ({ count }: { count: number }) => {
      const path = new URL("./own.txt", import.meta.url);
      const open: number[] = [];
      try {
        while (open.length < count) open.push(openSync(path, "r"));
        return { descriptors: "ok" };
      } catch (error) {
        return { descriptors: `${(error as Error).message} after ${open.length}` };
      } finally {
        for (const fd of open) closeSync(fd);
      }
    },
  },
};
