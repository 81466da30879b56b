// Node's child_process.fork, both ends under Node. Messages are JSON, its default; bytes go over a child
// with "advanced" serialization, which carries them as they are.
import { fork } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { servePeer } from "./serve.mjs";

if (process.send === undefined) await servePeer(start);
else process.on("message", (message) => process.send?.(message));

function start() {
  const json = startChild("json");
  /** @type {ReturnType<typeof startChild> | undefined} */
  let advanced;
  return Promise.resolve({
    /** @param {string} text */
    call: (text) => json.send({ text }),
    /** @param {Uint8Array} bytes */
    echo: (bytes) => (advanced ??= startChild("advanced")).send(bytes),
    close: () => Promise.all([json.close(), advanced?.close()]),
  });
}

/** @param {"json" | "advanced"} serialization */
function startChild(serialization) {
  const child = fork(fileURLToPath(import.meta.url), [], { serialization });
  /** @type {Map<number, (result: unknown) => void>} */
  const pending = new Map();
  let nextId = 1;
  child.on("message", (/** @type {any} */ { id, params }) => {
    pending.get(id)?.(params);
    pending.delete(id);
  });
  return {
    /** @param {unknown} params */
    send(params) {
      const id = nextId++;
      child.send({ id, params });
      return new Promise((resolve) => pending.set(id, resolve));
    },
    async close() {
      child.disconnect();
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}
