/**
 * What the system tells of changes below a folder, as far as it does.
 *
 * @module
 */

/** A watcher as Deno has it; `unref` concerns the step that is waited for and is not in its types. */
interface Steps {
  next(): Promise<IteratorResult<Deno.FsEvent>>;
  unref?(): void;
}

/** Tells that something happened below a folder; keeps no process alive. */
export class FolderEvents {
  #dir: string;
  #onChange: () => void;
  #watcher: Deno.FsWatcher | undefined;
  #identity = "";
  #closed = false;

  /**
   * Begins to listen.
   *
   * @param dir The folder.
   * @param onChange Is told, often several times for one change; must not throw.
   */
  constructor(dir: string, onChange: () => void) {
    this.#dir = dir;
    this.#onChange = onChange;
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
      const watcher = this.#watcher = Deno.watchFs(this.#dir, { recursive: true });
      void this.#follow(watcher);
    } catch {
      this.#watcher = undefined; // it is not there, or the system has no more watches: polling does
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
        if (value.kind !== "access") this.#onChange();
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
