import type { MonitorPolicy, ViolationKind } from "../../src/permissions/policy/watch_policy.ts";
import type { ManifestFields } from "./signing.ts";

const MIB = 1024 * 1024;

/** Takes more of something than it may have, never lets go, and answers nothing. */
export const GREEDY = `
  import { openSync } from "node:fs";
  const kept = [];
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const forEver = new Promise(() => {});
  let ctx;
  export default {
    init(given) { ctx = given; },
    methods: {
      ping: () => "pong",
      heap: async () => {
        for (;;) {
          for (let n = 0; n < 40_000; n++) kept.push({ n, text: "item " + n, list: [n, n, n] });
          await rest(10);
        }
      },
      buffers: async () => {
        for (;;) {
          kept.push(new Uint8Array(4 * 1024 * 1024).fill(1));
          await rest(10);
        }
      },
      threads: async () => {
        const url = "data:text/javascript," + encodeURIComponent("setInterval(() => {}, 1e6)");
        for (let n = 0; n < 40; n++) {
          try {
            kept.push(new Worker(url, { type: "module" }));
          } catch {}
          await rest(5);
        }
        await forEver;
      },
      descriptors: async () => {
        for (let n = 0; n < 200; n++) {
          try {
            kept.push(openSync(new URL(import.meta.url), "r"));
          } catch {}
        }
        await forEver;
      },
      disk: async () => {
        for (let n = 0; n < 16; n++) {
          Deno.writeFileSync(ctx.storage + "/" + n, new Uint8Array(256 * 1024).fill(1));
        }
        await forEver;
      },
      nameless: async () => {
        for (let n = 0; n < 16; n++) {
          const path = ctx.storage + "/" + n;
          const file = Deno.openSync(path, { createNew: true, write: true });
          Deno.removeSync(path);
          file.writeSync(new Uint8Array(256 * 1024).fill(1));
          kept.push(file);
        }
        await forEver;
      },
      cpu: () => { for (;;); },
      messages: async () => {
        const bell = ctx.get("bell");
        for (;;) await Promise.all(Array.from({ length: 20 }, () => bell.ring()));
      },
      log: async () => {
        for (let n = 0;; n++) {
          console.log("line " + n);
          if (n % 20 === 0) await rest(5);
        }
      },
    },
  };`;

/** One kind of greed. */
export interface Greed {
  /** What it is found as. */
  readonly kind: ViolationKind;
  /** The method of {@linkcode GREEDY}. */
  readonly method: string;
  /** The manifest that it runs under. */
  readonly manifest: ManifestFields;
  /** How it is to be watched; every 200 ms unless said otherwise. */
  readonly monitor?: MonitorPolicy;
}

const ROOMY = { memoryBytes: 1024 * MIB };

/** What greedy plugins take, each with limits that it soon breaks. */
export const GREEDS: Readonly<Record<string, Greed>> = {
  "memory inside the heap": {
    kind: "memory",
    method: "heap",
    manifest: { limits: { memoryBytes: 160 * MIB } },
  },
  "memory outside the heap": {
    kind: "memory",
    method: "buffers",
    manifest: { limits: { memoryBytes: 160 * MIB } },
  },
  "threads": {
    kind: "threads",
    method: "threads",
    manifest: { limits: { ...ROOMY, threads: 24 } },
  },
  "descriptors": {
    kind: "descriptors",
    method: "descriptors",
    manifest: { limits: { fileDescriptors: 64 } },
  },
  "disk": {
    kind: "storage",
    method: "disk",
    manifest: {
      permissions: { write: ["$STORAGE"] },
      storage: { quotaBytes: MIB },
      limits: { storageBytes: MIB },
    },
  },
  "disk, by files without a name": {
    kind: "storage",
    method: "nameless",
    manifest: {
      permissions: { write: ["$STORAGE"] },
      storage: { quotaBytes: MIB },
      limits: { storageBytes: MIB },
    },
  },
  "the processor": {
    kind: "cpu",
    method: "cpu",
    manifest: { limits: { cpuPercent: 10, cpuTimeMs: 600_000 } },
    // the kernel hands out time in slices of 100 ms
    monitor: { intervalMs: 1_000 },
  },
  "messages": {
    kind: "message-rate",
    method: "messages",
    manifest: { context: [{ key: "bell", access: "read" }] },
    monitor: { messagesPerSecond: 100 },
  },
  "the log": { kind: "log-rate", method: "log", manifest: {}, monitor: { logLinesPerSecond: 50 } },
};
