// Asks a plugin's runtime about its heap, now and then, and believes no more of it than its form.
import type { HeapFigures, MonitorTarget } from "./target.ts";

/** How long an answer is used, and how long after one the next question is put, in milliseconds. */
const ASK_EVERY_MS = 5_000;

/** Keeps the last answer of one plugin. */
export class HeapQuestion {
  readonly #target: MonitorTarget;
  #pending: Promise<void> | undefined;
  #askedMs = -Infinity;
  #answer: HeapFigures | undefined;

  /** Takes the target; asks nothing yet. */
  constructor(target: MonitorTarget) {
    this.#target = target;
  }

  /** What it answered last; `undefined` after a question that is not, or wrongly, answered. */
  get answer(): HeapFigures | undefined {
    return this.#answer;
  }

  /** Asks, unless the answer is young or a question is still open. */
  ask(signal: AbortSignal, fresh = false): Promise<void> | undefined {
    if (this.#target.heap === undefined) return undefined;
    const now = performance.now();
    if (this.#pending !== undefined) {
      this.#answer = undefined; // it leaves the question before open
      return undefined;
    }
    if (!fresh && now - this.#askedMs < ASK_EVERY_MS) return undefined;
    this.#askedMs = now;
    return this.#pending = this.#ask(signal).finally(() => this.#pending = undefined);
  }

  async #ask(signal: AbortSignal): Promise<void> {
    // while it is open a sample shows none: the answer before may be long out of date
    this.#answer = undefined;
    try {
      this.#answer = checked(await this.#target.heap!(signal));
    } catch {
      // it has ended, or is too busy to answer
    }
  }
}

/** The figures come from the plugin's process: anything but sizes is no answer. */
function checked(figures: HeapFigures | undefined): HeapFigures | undefined {
  if (figures === undefined) return undefined;
  const { heapUsedBytes, heapTotalBytes, externalBytes, rssBytes } = figures;
  const sizes = [heapUsedBytes, heapTotalBytes, externalBytes, rssBytes ?? 0];
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) return undefined;
  return { heapUsedBytes, heapTotalBytes, externalBytes, rssBytes };
}
