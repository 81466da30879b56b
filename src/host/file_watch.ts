/**
 * Notices that a file may have changed, however it is replaced.
 *
 * @module
 */
import { basename, dirname } from "node:path";

/** Options of {@linkcode FileWatch}. */
export interface FileWatchOptions {
  /**
   * How long to wait after a first sign of change, so that the steps of one write are seen as one, in
   * milliseconds.
   *
   * @default {50}
   */
  settleMs?: number;
  /**
   * How often to look at the file itself, in milliseconds: for links, network drives, and folders that
   * were replaced or may not be watched.
   *
   * @default {1000}
   */
  pollMs?: number;
}

/** A watcher as Deno has it; `unref` concerns the step that is waited for and is not in its types. */
interface Steps {
  next(): Promise<IteratorResult<Deno.FsEvent>>;
  unref?(): void;
}

/**
 * Watches one file: its folder, so that renames, removals and new files of that name are seen, and the
 * file itself from time to time. It keeps no process alive.
 *
 * Changes that come while the last one is still looked at are looked at together afterwards.
 */
export class FileWatch implements AsyncDisposable {
  #path: string;
  #act: () => Promise<void>;
  #settleMs: number;
  #folder: Deno.FsWatcher | undefined;
  #folderMark: string | undefined;
  #fileMark: string;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #poll: ReturnType<typeof setInterval>;
  #acting: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /**
   * Begins to watch.
   *
   * @param path The file; it need not exist.
   * @param act What to do about a change; must not throw.
   * @param options Times.
   */
  constructor(path: string, act: () => Promise<void>, options: FileWatchOptions = {}) {
    const { settleMs = 50, pollMs = 1_000 } = options;
    this.#path = path;
    this.#act = act;
    this.#settleMs = settleMs;
    this.#fileMark = markOf(path);
    this.#watchFolder();
    this.#poll = setInterval(() => this.#look(), pollMs);
    Deno.unrefTimer(this.#poll);
  }

  /** Stops watching, and waits for what is being done about a change. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settling);
    this.#closeFolder();
    await this.#acting;
  }

  #look(): void {
    // a folder that was replaced under its name is watched no more
    if (this.#folder === undefined || markOf(dirname(this.#path), true) !== this.#folderMark) {
      this.#closeFolder();
      this.#watchFolder();
    }
    if (markOf(this.#path) !== this.#fileMark) this.#settle();
  }

  #watchFolder(): void {
    try {
      this.#folderMark = markOf(dirname(this.#path), true);
      const folder = this.#folder = Deno.watchFs(dirname(this.#path), { recursive: false });
      void this.#follow(folder);
    } catch {
      this.#folder = undefined; // it is not there, or may not be watched: the file is looked at
    }
  }

  #closeFolder(): void {
    const folder = this.#folder;
    this.#folder = undefined;
    try {
      folder?.close();
    } catch {
      // it ended by itself
    }
  }

  async #follow(folder: Deno.FsWatcher): Promise<void> {
    const steps = folder as unknown as Steps;
    const name = basename(this.#path);
    try {
      for (;;) {
        const step = steps.next();
        steps.unref?.();
        const { done, value } = await step;
        if (done) break;
        if (value.kind === "access") continue;
        const named = value.paths.some((path) => basename(path) === name);
        if (named || value.flag === "rescan") this.#settle();
      }
    } catch {
      // the folder went away: the next look finds out
    }
    if (this.#folder === folder) this.#folder = undefined;
  }

  /** Acts soon; signs of change that come until then are part of it, and never put it off. */
  #settle(): void {
    if (this.#closed || this.#settling !== undefined) return;
    const settling = this.#settling = setTimeout(() => {
      this.#settling = undefined;
      this.#fileMark = markOf(this.#path);
      this.#run();
    }, this.#settleMs);
    Deno.unrefTimer(settling);
  }

  #run(): void {
    if (this.#acting !== undefined) {
      this.#again = true;
      return;
    }
    this.#acting = this.#act().finally(() => {
      this.#acting = undefined;
      if (this.#again && !this.#closed) {
        this.#again = false;
        this.#run();
      }
    });
  }
}

/** Gives a text that is another one when the file is another one or was written to. */
function markOf(path: string, identityOnly = false): string {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
    return identityOnly
      ? `${dev}:${ino}`
      : `${dev}:${ino}:${size}:${mtime?.getTime()}:${ctime?.getTime()}`;
  } catch {
    return "";
  }
}
