// A Deno Worker: the same process, and nothing between the two but the structured clone. Bytes are
// transferred, there and back.
import { servePeer } from "./serve.mjs";

await servePeer(() => {
  const worker = new Worker(new URL("worker_child.ts", import.meta.url), { type: "module" });
  const pending = new Map<number, (result: unknown) => void>();
  let nextId = 1;
  worker.onmessage = ({ data: { id, result } }) => {
    pending.get(id)?.(result);
    pending.delete(id);
  };
  const send = (params: unknown, transfer: Transferable[] = []) => {
    const id = nextId++;
    worker.postMessage({ id, params }, transfer);
    return new Promise<unknown>((resolve) => pending.set(id, resolve));
  };
  return Promise.resolve({
    call: (text: string) => send({ text }),
    echo: (bytes: Uint8Array) => send(bytes, [bytes.buffer as ArrayBuffer]),
    close: () => worker.terminate(),
  });
});
