// Notices that a file may have changed, however it is replaced.
import { basename, dirname } from "node:path";
import { FolderEvents } from "./folder_events.ts";

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
  #folder: FolderEvents;
  #fileMark: string;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #poll: ReturnType<typeof setInterval>;
  #acting: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /** Begins to watch. */
  constructor(path: string, act: () => Promise<void>, options: FileWatchOptions = {}) {
    const { settleMs = 50, pollMs = 1_000 } = options;
    this.#path = path;
    this.#act = act;
    this.#settleMs = settleMs;
    this.#fileMark = markOf(path);
    const name = basename(path);
    this.#folder = new FolderEvents(dirname(path), {
      recursive: false,
      onEvent: ({ paths, flag }) => {
        if (flag === "rescan" || paths.some((path) => basename(path) === name)) this.#settle();
      },
    });
    this.#poll = setInterval(() => this.#look(), pollMs);
    Deno.unrefTimer(this.#poll);
  }

  /** Stops watching, and waits for what is being done about a change. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settling);
    this.#folder.close();
    await this.#acting;
  }

  #look(): void {
    this.#folder.renew();
    if (markOf(this.#path) !== this.#fileMark) this.#settle();
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

/** Returns a text that is another one when the file is another one or was written to. */
function markOf(path: string): string {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
    return `${dev}:${ino}:${size}:${mtime?.getTime()}:${ctime?.getTime()}`;
  } catch {
    return "";
  }
}
