// RS-01, 02, 10–15, 18, 19: burns processor time in one way after another.
import { pbkdf2Sync } from "node:crypto";
import { DatabaseSync } from "node:sqlite";

const spin = () => {
  while (true);
};

function workers(source: string, count: number): void {
  const url = `data:text/javascript,${encodeURIComponent(source)}`;
  for (let n = 0; n < count; n++) new Worker(url, { type: "module" });
}

/** A module of one function that loops for ever. */
const WASM = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0],
  ...[10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11],
]);

const SPINS: Record<string, () => unknown> = {
  "a loop": spin,
  "a loop in each of 4 workers": () => {
    workers("while (true);", 4);
    return new Promise(() => {});
  },
  "microtasks": () => {
    const again = (): Promise<void> => Promise.resolve().then(again);
    return again();
  },
  "timers": () => {
    const again = () => void setTimeout(again, 0);
    for (let n = 0; n < 1_000; n++) again();
    return new Promise(() => {});
  },
  "a regular expression": () => /^(a+)+$/.test(`${"a".repeat(60)}b`),
  "Atomics.wait": () => Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0),
  "a query": () =>
    new DatabaseSync(":memory:").prepare(
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c",
    ).get(),
  "WebAssembly": () =>
    (new WebAssembly.Instance(new WebAssembly.Module(WASM)).exports.f as () => void)(),
  "a key derivation": () => pbkdf2Sync("password", "salt", 2_000_000_000, 64, "sha512").length,
  "a big number": () => String((10n ** 20_000_000n) ** 3n).length,
  "a generator": () => {
    function* endless() {
      while (true) yield 1;
    }
    return [...endless()].length;
  },
};

export default {
  methods: {
    ping: () => "pong",
    spins: ({ how }: { how: string }) => SPINS[how]!(),
    /** Starts loops and goes on answering. */
    starts: ({ count }: { count: number }) => {
      workers("while (true);", count);
      return { started: "ok" };
    },
  },
};
