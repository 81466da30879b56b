// FS-22, 23: leaves something where another plugin, or its own next run, might find it.
import { Worker as NodeWorker } from "node:worker_threads";
import { inWorker, tryEach } from "./attempt.ts";
import type { World } from "../world.ts";

const CACHE = `
  const url = "http://shared.invalid/";
  const act = async (write, text) => {
    const cache = await caches.open("shared");
    if (write) await cache.put(url, new Response(text));
    const found = await cache.match(url);
    if (found === undefined) throw new Error("nothing there");
    return await found.text();
  };`;

async function cache({ write, text }: { write: boolean; text: string }): Promise<string> {
  const opened = await caches.open("shared");
  const url = "http://shared.invalid/";
  if (write) await opened.put(url, new Response(text));
  const found = await opened.match(url);
  if (found === undefined) throw new Error("nothing there");
  return (await found.text()).slice(0, 100);
}

function nodeWorker(argument: { write: boolean; text: string }): Promise<unknown> {
  const source = `${CACHE}
    const { parentPort, workerData } = require("node:worker_threads");
    act(workerData.write, workerData.text)
      .then((value) => parentPort.postMessage({ value: value.slice(0, 100) }))
      .catch((error) => parentPort.postMessage({ error: String(error) }));`;
  const worker = new NodeWorker(source, { eval: true, workerData: argument });
  return new Promise((resolve, reject) => {
    worker.on("message", ({ value, error }) => error ? reject(new Error(error)) : resolve(value));
    worker.on("error", reject);
  }).finally(() => worker.terminate());
}

function local({ write, text }: { write: boolean; text: string }): string {
  if (write) localStorage.setItem("shared", text);
  const found = localStorage.getItem("shared");
  if (found === null) throw new Error("nothing there");
  return found;
}

const share = (argument: { write: boolean; text: string }) =>
  tryEach({
    localStorage: () => local(argument),
    "the cache": () => cache(argument),
    "the cache of a worker": () => inWorker(cache, argument),
    "the cache of a node worker": () => nodeWorker(argument),
  });

export default {
  methods: {
    leaves: ({ marker }: World) => share({ write: true, text: marker }),
    finds: () => share({ write: false, text: "" }),
    fills: ({ pieces, bytes, marker }: World & { pieces: number; bytes: number }) =>
      inWorker(async (
        { pieces, bytes, marker }: { pieces: number; bytes: number; marker: string },
      ) => {
        const opened = await caches.open("filled");
        const came: Record<string, string> = {};
        for (let n = 0; n < pieces; n++) {
          try {
            await opened.put(
              `http://filled.invalid/${n}`,
              new Response(marker + "x".repeat(bytes)),
            );
            came[`piece ${n}`] = "ok";
          } catch (error) {
            came[`piece ${n}`] = String(error);
          }
        }
        return came;
      }, { pieces, bytes, marker }),
  },
};
