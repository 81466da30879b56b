// What the system tells of changes in one folder, until it is replaced or goes away.

/** A watcher as Deno has it; `unref` concerns the step that is waited for and is not in its types. */
interface Steps {
  next(): Promise<IteratorResult<Deno.FsEvent>>;
  unref?(): void;
}

/** Options of {@linkcode FolderEvents}. */
export interface FolderEventsOptions {
  /** Whether to listen to the folders below it, too. */
  readonly recursive: boolean;
  /** Takes every event but those of reading; must not throw. */
  readonly onEvent: (event: Deno.FsEvent) => void;
}

/** Listens to one folder, as far as the system lets it; keeps no process alive. */
export class FolderEvents {
  readonly #dir: string;
  readonly #options: FolderEventsOptions;
  #watcher: Deno.FsWatcher | undefined;
  #identity = "";
  #closed = false;

  /** Begins to listen. */
  constructor(dir: string, options: FolderEventsOptions) {
    this.#dir = dir;
    this.#options = options;
    this.renew();
  }

  /** Listens anew where the folder was replaced under its name, or listening has ended. */
  renew(): void {
    if (this.#closed) return;
    const identity = identityOf(this.#dir);
    if (this.#watcher !== undefined && identity === this.#identity) return;
    this.#end();
    this.#identity = identity;
    try {
      const { recursive } = this.#options;
      const watcher = this.#watcher = Deno.watchFs(this.#dir, { recursive });
      void this.#follow(watcher);
    } catch {
      this.#watcher = undefined; // it is not there, or may not be watched: who polls finds out
    }
  }

  /** Listens no more. */
  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    try {
      watcher?.close();
    } catch {
      // it ended by itself
    }
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    const steps = watcher as unknown as Steps;
    try {
      for (;;) {
        const step = steps.next();
        steps.unref?.();
        const { done, value } = await step;
        if (done) break;
        if (value.kind !== "access") this.#options.onEvent(value);
      }
    } catch {
      // the folder went away
    }
    if (this.#watcher === watcher) this.#watcher = undefined;
  }
}

function identityOf(path: string): string {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return "";
  }
}
