// deno-lint-ignore-file no-console -- it is one of the ways to the pipe
// RP-01–30: writes to the pipe beside the protocol, too much, too little, or never.
import { closeSync, writeSync } from "node:fs";
import process from "node:process";
import { inWorker } from "./attempt.ts";

// deno-lint-ignore no-explicit-any -- the context is that of the host under test
let ctx: any;

function writeAll(text: string | Uint8Array, fd = 1): void {
  let rest = typeof text === "string" ? new TextEncoder().encode(text) : text;
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
}

/** Repeats a text; what is repeated may be longer than fits into one. */
function repeat(text: string, times: number): void {
  const block = text.repeat(Math.max(1, Math.min(times, Math.floor(65_536 / text.length))));
  const size = block.length / text.length;
  for (let done = 0; done < times; done += size) writeAll(block);
}

const say = (message: unknown) => writeAll(`${JSON.stringify(message)}\n`);

export default {
  init(given: unknown) {
    ctx = given;
  },
  methods: {
    echo: (value: unknown) => value,
    raw: ({ before = "", text, times = 1, after = "" }: {
      before?: string;
      text: string;
      times?: number;
      after?: string;
    }) => {
      writeAll(before);
      repeat(text, times);
      writeAll(after);
      return { written: "ok" };
    },
    bytes: ({ bytes }: { bytes: number[] }) => {
      writeAll(new Uint8Array(bytes));
      return { written: "ok" };
    },
    ways: async ({ way }: { way: string }) => {
      const garbage = "garbage\n";
      const ways: Record<string, () => unknown> = {
        console: () => console.log(garbage),
        "Deno.stdout": () => Deno.stdout.writeSync(new TextEncoder().encode(garbage)),
        "node:fs": () => writeAll(garbage),
        "process.stdout": () => process.stdout.write(garbage),
        "the runtime's own print": () =>
          inWorker(() => {
            // deno-lint-ignore no-explicit-any -- the internals of the runtime
            (Deno as any)[(Deno as any).internal].core.print("garbage\n", false);
          }, null),
      };
      await ways[way]!();
      // not answered before all of it is in the pipe
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { written: "ok" };
    },
    fromWorkers: async () => {
      const tear = () => {
        const bytes = new TextEncoder().encode(`{"jsonrpc":"2.0","method":"log","params":{`);
        for (let n = 0; n < 200; n++) {
          // deno-lint-ignore no-explicit-any -- the internals of the runtime
          (Deno as any)[(Deno as any).internal].core.print(new TextDecoder().decode(bytes), false);
        }
      };
      await Promise.all([1, 2, 3, 4].map(() => inWorker(tear, null)));
      return { written: "ok" };
    },
    drips: async ({ everyMs }: { everyMs: number }) => {
      for (const byte of '{"jsonrpc":"2.0","method":"log","params":{"message":"x"}') {
        writeAll(byte);
        await new Promise((resolve) => setTimeout(resolve, everyMs));
      }
      return await new Promise(() => {});
    },
    flood: ({ message, times }: { message: unknown; times: number }) => {
      repeat(`${JSON.stringify(message)}\n`, times);
      return { flooded: "ok" };
    },
    /** Asks and never goes back to where it would read an answer. */
    asks: ({ times, key, method, args }: {
      times: number;
      key: string;
      method: string;
      args: unknown[];
    }) => {
      const params = { key, method, args };
      for (let id = 1; id <= times; id++) {
        say({ jsonrpc: "2.0", id, method: "context/call", params });
      }
      return { asked: "ok" };
    },
    stderr: ({ text, times }: { text: string; times: number }) => {
      const block = new TextEncoder().encode(text.repeat(Math.ceil(65_536 / text.length)));
      for (let n = 0; n < times; n++) writeAll(block, 2);
      return { written: "ok" };
    },
    closes: ({ descriptors }: { descriptors: number[] }) => {
      for (const descriptor of descriptors) closeSync(descriptor);
      return { closed: "ok" };
    },
    halfFrame: () => {
      writeAll('{"jsonrpc":"2.0","id":2,"resu');
      return new Promise(() => {});
    },
    neverReads: () => {
      for (;;);
    },
    silent: () => new Promise(() => {}),
    answersEverything: () => {
      const result = { protocol: 1, healthy: true };
      for (let id = 1; id < 100; id++) say({ jsonrpc: "2.0", id, result });
      return { answered: "ok" };
    },
    context: async ({ key, method, args }: { key: string; method: string; args: unknown[] }) => {
      const service = ctx.get(key);
      return { answer: await service[method](...args) };
    },
    rawContext: ({ key, method, args }: { key: unknown; method: unknown; args: unknown }) => {
      say({ jsonrpc: "2.0", id: 900_001, method: "context/call", params: { key, method, args } });
      return { asked: "ok" };
    },
  },
};
