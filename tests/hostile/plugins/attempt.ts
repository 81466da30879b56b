/** What came of each way of trying something: `ok`, with what was got, or the error. */
export type Ways = Record<string, string>;

const PATIENCE_MS = 2_000;

/** Tries every way; a promise that does not settle in time has failed. */
export async function tryEach(ways: Record<string, () => unknown>): Promise<Ways> {
  const came: Ways = {};
  for (const [way, act] of Object.entries(ways)) came[way] = await tryOne(act);
  return came;
}

async function tryOne(act: () => unknown): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer in time")), PATIENCE_MS);
    });
    const value = await Promise.race([act(), late]);
    return value === undefined ? "ok" : `ok: ${String(value).slice(0, 300)}`;
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${String(message).slice(0, 300)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** Has a function run in a fresh realm: a worker made from this bundle. */
export function inWorker(act: (argument: never) => unknown, argument: unknown): Promise<unknown> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => "value" in data ? resolve(data.value) : reject(data.error);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage({ source: String(act), argument });
  }).finally(() => worker.terminate());
}
