// The steps of a plugin's life, one at a time.
import type { SallyportError } from "../../errors.ts";

/** Runs steps in order; a load among them can be ended from outside. */
export class StepQueue {
  #tail: Promise<unknown> = Promise.resolve();
  #loading: AbortController | undefined;
  #length = 0;

  /** Whether a step is under way or waits. */
  get isBusy(): boolean {
    return this.#length > 0;
  }

  /** Runs a step when every earlier one has ended. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    this.#length++;
    const result = this.#tail.then(step, step);
    this.#tail = result.catch(() => {}); // the caller has the error; the queue goes on
    try {
      return await result;
    } finally {
      this.#length--;
    }
  }

  /** Runs a step that {@linkcode cancelLoad} or the caller's signal ends. */
  load<T>(signal: AbortSignal | undefined, step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.run(async () => {
      const loading = this.#loading = new AbortController();
      const abort = () => loading.abort(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      try {
        if (signal?.aborted) abort();
        return await step(loading.signal);
      } finally {
        signal?.removeEventListener("abort", abort);
        this.#loading = undefined;
      }
    });
  }

  /** Ends a load that is under way; what waits behind it goes on. */
  cancelLoad(reason?: SallyportError): void {
    this.#loading?.abort(reason);
  }
}
