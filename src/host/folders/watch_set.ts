// The watches of a host: a bounded number, each ended by whoever is first to end it.
import { SallyportError } from "../../errors.ts";
import type { BundleWatch } from "./bundle_watch.ts";

const MAX_WATCHES = 16;

/** Keeps watches until they end. */
export class Watches implements AsyncDisposable {
  #watches = new Set<BundleWatch>();
  #opening = 0;
  #stopped = false;

  /**
   * Opens a watch.
   *
   * @throws {SallyportError} `limit-exceeded` when there are too many, `bad-state` after the end.
   */
  async add(
    open: () => Promise<BundleWatch>,
    signal: AbortSignal | undefined,
  ): Promise<AsyncDisposable> {
    if (this.#watches.size + this.#opening >= MAX_WATCHES) {
      throw new SallyportError(
        "limit-exceeded",
        `Cannot watch a folder: the host watches ${MAX_WATCHES} already`,
        { hint: "Dispose a watch, or put bundles into one folder" },
      );
    }
    this.#opening++;
    let watch: BundleWatch;
    try {
      watch = await open();
    } finally {
      this.#opening--;
    }
    const forget = () => this.#watches.delete(watch);
    this.#watches.add(watch);
    signal?.addEventListener("abort", forget, { once: true });
    const end = async () => {
      forget();
      signal?.removeEventListener("abort", forget);
      await watch[Symbol.asyncDispose]();
    };
    if (this.#stopped || signal?.aborted) await end();
    return { [Symbol.asyncDispose]: end };
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
    for (const watch of this.#watches) watch.stop();
  }

  /** Stops, and waits for what was being done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    const watches = [...this.#watches];
    this.#watches.clear();
    await Promise.all(watches.map((watch) => watch[Symbol.asyncDispose]()));
  }
}
