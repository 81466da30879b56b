// Watches a folder of bundles, and hands over each one that has changed and then rested.
import { readBundle } from "../../bundle/reading/reading.ts";
import { sha3_512Hex } from "../../crypto/digest.ts";
import { SallyportError, type SallyportErrorCode } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { bundleFolders } from "./bundle_folders.ts";
import { FolderEvents } from "./folder_events.ts";
import { markOfFolder } from "./folder_marks.ts";

/**
 * Options of `watch`.
 *
 * @category Host
 */
export interface WatchOptions {
  /**
   * How long a bundle must rest before it is looked at, in milliseconds, from 20 to 60,000: so that
   * what is copied file by file is seen when all of it is there.
   *
   * @default {300}
   */
  debounceMs?: number;
  /**
   * What becomes of a bundle that was not there before: nothing, it is verified and listed, or it is
   * loaded, too.
   *
   * @default {"ignore"}
   */
  added?: "ignore" | "discover" | "load";
  /** Ends the watch. */
  signal?: AbortSignal;
}

/** What becomes of bundles that were not there before. */
export type AddedBundles = NonNullable<WatchOptions["added"]>;

/** What a watch does its work with. */
export interface WatchTarget {
  /** Handles a bundle that has changed or is new; emits what is wrong with it. */
  handle(path: string, added: AddedBundles, signal: AbortSignal): Promise<void>;
  /** Returns the hash of the bundle that runs from a folder, if one does. */
  runningFrom(path: string): string | undefined;
  /** Takes log records. */
  readonly logger: Logger;
}

/** What is known of one folder. */
interface Folder {
  /** Its mark when it was last handled. */
  handled: string;
  /** Its mark when it was last looked at, and since when it is that. */
  seen: string;
  since: number;
  /** What was in it then: the same content is handled once. */
  content: string | undefined;
}

const POLL_MS = 2_000;
/** Looking may take one part in so many of the time. */
const SHARE = 25;
const MAX_REMEMBERED = 20_000;

/**
 * Looks at marks of all files, soon after the system tells of a change, and every two seconds for what
 * it does not tell of: network drives, folders replaced as a whole. It keeps no process alive.
 */
export class BundleWatch implements AsyncDisposable {
  #dir: string;
  #target: WatchTarget;
  #debounceMs: number;
  #added: AddedBundles;
  #folders = new Map<string, Folder>();
  #events: FolderEvents;
  #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextAt = Infinity;
  #notBefore = 0;
  #looking: Promise<void> | undefined;
  #isMissing = false;
  #release: () => void = () => {};

  private constructor(dir: string, target: WatchTarget, options: WatchOptions) {
    const { debounceMs = 300, added = "ignore", signal } = options;
    if (!(typeof debounceMs === "number" && debounceMs >= 20 && debounceMs <= 60_000)) {
      throw new RangeError(`Cannot watch: debounceMs must be 20 to 60000, is ${debounceMs}`);
    }
    if (!["ignore", "discover", "load"].includes(added)) {
      throw new TypeError('Cannot watch: added must be "ignore", "discover" or "load"');
    }
    this.#dir = dir;
    this.#target = target;
    this.#debounceMs = debounceMs;
    this.#added = added;
    this.#events = new FolderEvents(dir, { recursive: true, onEvent: () => this.#lookIn(0) });
    const stop = () => this.stop();
    signal?.addEventListener("abort", stop, { once: true });
    this.#release = () => signal?.removeEventListener("abort", stop);
    if (signal?.aborted) this.stop();
  }

  /**
   * Begins to watch: what is there now is what changes are told by.
   *
   * @throws {SallyportError} `bad-config` when the folder cannot be read.
   * @throws {RangeError} when debounceMs is out of range.
   */
  static async open(dir: string, target: WatchTarget, options: WatchOptions): Promise<BundleWatch> {
    const watch = new BundleWatch(dir, target, options);
    try {
      for (const path of await bundleFolders(dir)) {
        const mark = await markOfFolder(path, watch.#abort.signal);
        watch.#folders.set(path, { handled: mark, seen: mark, since: 0, content: undefined });
      }
    } catch (error) {
      watch.stop();
      throw error;
    }
    watch.#lookIn(POLL_MS);
    return watch;
  }

  /** Begins nothing more, and aborts what is being handled. */
  stop(): void {
    this.#abort.abort();
    this.#release();
    clearTimeout(this.#timer);
    this.#events.close();
  }

  /** Stops, and waits for what was being done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#looking;
  }

  /** Looks after a while, or sooner where that is planned; never more than a share of the time. */
  #lookIn(ms: number): void {
    if (this.#abort.signal.aborted || this.#looking !== undefined) return;
    const now = performance.now();
    const at = Math.max(now + ms, this.#notBefore);
    if (at >= this.#nextAt) return;
    clearTimeout(this.#timer);
    this.#nextAt = at;
    this.#timer = setTimeout(() => {
      this.#nextAt = Infinity;
      this.#looking = this.#look().catch((error) => {
        this.#target.logger.error(`Cannot look at "${this.#dir}"`, { error: String(error) });
      }).finally(() => {
        this.#looking = undefined;
        this.#lookIn(this.#isUnsettled() ? this.#debounceMs : POLL_MS);
      });
    }, at - now);
    Deno.unrefTimer(this.#timer);
  }

  #isUnsettled(): boolean {
    return [...this.#folders.values()].some(({ handled, seen }) => seen !== handled && seen !== "");
  }

  async #look(): Promise<void> {
    const began = performance.now();
    this.#events.renew();
    const rested = await this.#compare();
    const took = performance.now() - began;
    this.#notBefore = performance.now() + Math.max(this.#debounceMs / 2, took * SHARE);
    for (const [path, folder] of rested) {
      if (this.#abort.signal.aborted) return;
      await this.#handle(path, folder);
    }
  }

  /** Compares all marks with those before; returns the folders that have changed and rest since. */
  async #compare(): Promise<[string, Folder][]> {
    const { signal } = this.#abort;
    const rested: [string, Folder][] = [];
    const there = new Set<string>();
    for (const path of await this.#list()) {
      there.add(path);
      const seen = await markOfFolder(path, signal);
      if (signal.aborted) return [];
      const now = performance.now();
      let folder = this.#folders.get(path);
      if (folder === undefined) {
        this.#folders.set(path, folder = { handled: "", seen, since: now, content: undefined });
      } else if (folder.seen !== seen) {
        Object.assign(folder, { seen, since: now });
      } else if (seen !== folder.handled && now - folder.since >= this.#debounceMs - 1) {
        rested.push([path, folder]);
      }
    }
    for (const [path, folder] of this.#folders) {
      if (there.has(path)) continue;
      folder.seen = ""; // it may be on its way: what comes in its place is a change
      if (this.#folders.size > MAX_REMEMBERED) this.#folders.delete(path);
    }
    return rested;
  }

  async #list(): Promise<string[]> {
    try {
      const paths = await bundleFolders(this.#dir);
      this.#isMissing = false;
      return paths;
    } catch (error) {
      if (!this.#isMissing) this.#target.logger.warn(String(error), { dir: this.#dir });
      this.#isMissing = true; // logged once
      return [];
    }
  }

  async #handle(path: string, folder: Folder): Promise<void> {
    const { signal } = this.#abort;
    const mark = folder.seen;
    const { content, hash } = await contentOf(path, signal);
    // written to meanwhile: it is not at rest after all
    if (signal.aborted || await markOfFolder(path, signal) !== mark) return;
    folder.handled = mark;
    const isKnown = content === folder.content;
    folder.content = content;
    if (isKnown || (hash !== undefined && hash === this.#target.runningFrom(path))) return;
    try {
      await this.#target.handle(path, this.#added, signal);
    } catch (error) {
      // nothing is wrong with the content itself: put there once more, it is worth another attempt
      if (!(error instanceof SallyportError) || PASSING.has(error.code)) folder.content = undefined;
      if (error instanceof SallyportError) return; // it was emitted
      this.#target.logger.error(`Cannot handle the change of the bundle in "${path}"`, {
        error: String(error),
      });
    }
  }
}

/** What may be different the next time, though the content is the same. */
const PASSING: ReadonlySet<SallyportErrorCode> = new Set([
  "launch-failed",
  "timeout",
  "cancelled",
  "crashed",
  "limit-exceeded",
  "bad-state",
]);

/** Names what is in a folder: its content, or what is wrong with it. */
async function contentOf(
  path: string,
  signal: AbortSignal,
): Promise<{ content: string; hash: string | undefined }> {
  try {
    const { bundleHash, envelopeBytes = new Uint8Array() } = await readBundle(path, { signal });
    return { content: `${bundleHash} ${sha3_512Hex(envelopeBytes)}`, hash: bundleHash };
  } catch (error) {
    return { content: String(error), hash: undefined };
  }
}
