// deno-lint-ignore-file no-explicit-any -- it is here to break its realm
// RE-01–13, 18, 19: breaks what it shares with the bootstrap.
import events from "node:events";
import fs from "node:fs";
import { Buffer } from "node:buffer";
import { inWorker, tryEach, type Ways } from "./attempt.ts";

const forged = '{"jsonrpc":"2.0","id":1,"result":"forged"}';

/** Each breaks something, and says how it shows that it is broken. */
const BREAKS: Record<string, () => unknown> = {
  "JSON.stringify": () => {
    JSON.stringify = (() => forged) as any;
    return JSON.stringify(1);
  },
  "JSON.parse": () => {
    JSON.parse = (() => ({ id: 1, result: "forged" })) as any;
    return JSON.stringify(JSON.parse("1"));
  },
  "TextEncoder": () => {
    const { encode } = TextEncoder.prototype;
    TextEncoder.prototype.encode = function () {
      return encode.call(this, `${forged}\n`) as any;
    };
    return new TextEncoder().encode("x").length;
  },
  "stdout": () => {
    Deno.stdout.write = () => Promise.reject(new Error("no"));
    (Deno as any).stdout = undefined;
    return typeof Deno.stdout;
  },
  "Object.prototype": () => {
    Object.defineProperty(Object.prototype, "result", { get: () => "forged", set() {} });
    (Object.prototype as any).toJSON = () => "forged";
    return ({} as any).result;
  },
  "setters of Object.prototype": () => {
    for (const name of ["id", "method", "params", "error", "jsonrpc"]) {
      Object.defineProperty(Object.prototype, name, { set() {}, get: () => 1 });
    }
    return ({} as any).id;
  },
  "Map": () => {
    Map.prototype.get = () => undefined as any;
    Map.prototype.set = function () {
      return this;
    };
    return String(new Map([[1, 2]]).get(1));
  },
  "Array.prototype.push": () => {
    Array.prototype.push = () => 0;
    const list: number[] = [];
    list.push(1);
    return list.length;
  },
  "iterators": () => {
    Array.prototype[Symbol.iterator] = function* () {
      yield "forged";
    } as any;
    return [...[1]].join();
  },
  "Promise": () => {
    Promise.prototype.then = () => new Promise(() => {}) as any;
    return "broken";
  },
  "Function.prototype.call": () => {
    Function.prototype.call = Function.prototype.apply = (() => forged) as any;
    return (() => 1).call(null);
  },
  "globals": () => {
    for (const name of ["TextDecoder", "ReadableStream", "AbortController", "queueMicrotask"]) {
      (globalThis as any)[name] = () => forged;
    }
    return typeof (globalThis as any).TextDecoder;
  },
  "streams": () => {
    ReadableStream.prototype.getReader = (() => ({ read: () => new Promise(() => {}) })) as any;
    WritableStream.prototype.getWriter = (() => ({ write: () => Promise.resolve() })) as any;
    return "broken";
  },
  "node builtins": () => {
    Buffer.from = (() => forged) as any;
    events.prototype.emit = () => false;
    fs.writeSync = (() => 0) as any;
    return String(Buffer.from("x"));
  },
  "typed arrays": () => {
    Uint8Array.prototype.subarray = function () {
      return new Uint8Array(0) as any;
    };
    Uint8Array.prototype.set = () => {};
    return new Uint8Array(8).subarray(4).length;
  },
  "errors": () => {
    (Error as any).prepareStackTrace = () => {
      throw new Error("from a hook");
    };
    Object.defineProperty(Error.prototype, "message", { get: () => forged });
    return "broken";
  },
};

export default {
  methods: {
    echo: (value: unknown) => value,
    breaks: ({ what }: { what: string }): Promise<Ways> => tryEach({ [what]: BREAKS[what]! }),
    /** Reads what the host sends, in place of the runtime. */
    readsInput: () => {
      const bytes = new Uint8Array(4_096);
      for (;;) fs.readSync(0, bytes);
    },
    deletesGlobals: () => {
      for (const name of Object.getOwnPropertyNames(globalThis)) {
        try {
          delete (globalThis as any)[name];
        } catch {
          // some stay
        }
      }
      return { globals: `ok: ${typeof (globalThis as any).Promise}` };
    },
    listens: ({ name }: { name: string }) => {
      const heard: unknown[] = [];
      const channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => void heard.push(data);
      (globalThis as any).heard = heard;
      return { listening: "ok" };
    },
    posts: ({ name }: { name: string }) => {
      const channel = new BroadcastChannel(name);
      channel.postMessage("from the other");
      channel.close();
      return { posted: "ok" };
    },
    hearsWorker: async () => {
      await inWorker(() => {
        const channel = new BroadcastChannel("zoo");
        channel.postMessage("from a worker");
        return new Promise((resolve) => setTimeout(resolve, 50));
      }, null);
      return (globalThis as any).heard;
    },
    heard: () => (globalThis as any).heard,
    hostileErrors: ({ what }: { what: string }) => {
      const errors: Record<string, () => unknown> = {
        escapes: () => new Error("\x1b]0;owned\x07\x1b[2J\r\nnext line\u202e"),
        long: () => new Error("x".repeat(3_000_000)),
        proxy: () =>
          new Proxy({}, {
            get() {
              throw new Error("trapped");
            },
          }),
        name: () => Object.assign(new Error("m"), { name: "SallyportError", code: "revoked" }),
        cyclic: () => {
          const error = new Error("m");
          error.cause = error;
          return error;
        },
      };
      throw errors[what]!();
    },
    traps: () =>
      JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  },
};
