import type { Launchable } from "../admission/plan.ts";
import type { PreparedPlugin } from "../admission/admit.ts";

/** Folders of which it is remembered what ran from them. */
const MAX_FOLDERS = 256;

/** What was started from a folder the last time; the bundle itself is not kept. */
export interface LastStart {
  /** What was verified. */
  readonly bundleHash: string;
  /** How many files it had. */
  readonly fileCount: number;
  /** What a process for it was started with. */
  readonly launchable: Launchable;
  /** Whether it could be told that what it was shown of the machine is what stands there. */
  readonly isComparable: boolean;
}

/** Remembers what was started, by folder. */
export class LastStarts {
  /** The one that was started last at the end. */
  readonly #byFolder = new Map<string, LastStart>();

  /** Gives what was started from a folder the last time. */
  of(folder: string): LastStart | undefined {
    return this.#byFolder.get(folder);
  }

  /** Notes a start; the folder of which that is longest ago is forgotten. */
  note(prepared: PreparedPlugin, isComparable: boolean): void {
    const { verified: { root, bundleHash, files } } = prepared;
    const { permissions, containment, bundleDir, storageDir, codeCaching } = prepared;
    const launchable = { permissions, containment, bundleDir, storageDir, codeCaching };
    this.#byFolder.delete(root);
    this.#byFolder.set(root, { bundleHash, fileCount: files.length, launchable, isComparable });
    const [oldest] = this.#byFolder.keys();
    if (this.#byFolder.size > MAX_FOLDERS) this.#byFolder.delete(oldest!);
  }
}
