/**
 * Counts the timers of this process. To be imported before everything else: what is loaded later then
 * sets its timers through this. Timers inside the runtime are not seen.
 */
const { setTimeout: set, setInterval: repeat, clearTimeout: clear } = globalThis;
const live = new Map<unknown, string>();

type Callback = (...args: unknown[]) => unknown;

const starting = (isRepeated: boolean) => (act: Callback, ms?: number, ...args: unknown[]) => {
  const origin = new Error().stack!.split("\n").slice(2, 5).join("\n");
  const id = (isRepeated ? repeat : set)(() => {
    if (!isRepeated) live.delete(id);
    act(...args);
  }, ms);
  live.set(id, origin);
  return id;
};
const ending = (id?: unknown) => {
  live.delete(id);
  clear(id as number);
};

Object.assign(globalThis, {
  setTimeout: starting(false),
  setInterval: starting(true),
  clearTimeout: ending,
  clearInterval: ending,
});

/** Lists where the timers that are set were set. */
export function liveTimers(): string[] {
  return [...live.values()];
}

/** Waits without a timer that counts. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => set(resolve, ms));
}
