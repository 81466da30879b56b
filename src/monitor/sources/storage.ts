// Counts the bytes of a folder, and of files without a name on its file system, a few entries at a time.
import { isShortage } from "../../io/system_error.ts";

/** A folder whose own entry is larger holds some 50,000 names: listing it would hold the host up. */
const MAX_FOLDER_BYTES = 1024 * 1024;
const MAX_PENDING = 100_000;
/** Descriptors of one process that are looked at. */
const MAX_DESCRIPTORS = 65_536;
/** Entries that are looked at while the processes are held. */
const MAX_HELD = 5_000;
/** Files of a walk whose numbers are remembered. */
const MAX_COUNTED = 200_000;
/** What stands in a name for bytes that are no UTF-8: such an entry cannot be looked at. */
const NOT_UTF8 = "\ufffd";

/** What a folder holds. */
export interface StorageSize {
  /** Bytes: of each file the larger of its length and the blocks that it takes. */
  readonly bytes: number;
  /** Whether everything was counted; else it is the least there is. */
  readonly complete: boolean;
}

/** A folder that is being walked through. */
interface Folder {
  readonly path: string;
  readonly listed: readonly string[];
  readonly left: Iterator<string>;
  /** Whether it, or a folder that it is in, was listed again. */
  readonly again: boolean;
  /** Whether an entry was gone when it was looked at: removed, or called otherwise to stay uncounted. */
  hasGone: boolean;
}

/**
 * Walks through a folder again and again. Symlinks are not followed; a plugin that swaps a folder for one
 * in between has somebody else's bytes counted as its own, and learns nothing of them.
 */
export class StorageScan {
  readonly #dir: string;
  readonly #given: ReadonlySet<string>;
  #pending: Folder[] = [];
  #descriptors: Iterator<string> = [].values();
  #device: number | undefined;
  #unlinked = new Set<number | null>();
  #counted = new Set<number | null>();
  #whole: StorageSize | undefined;
  #bytes = 0;
  #complete = true;
  /** Whether the host itself cannot look now: what was found before stands. */
  #unknown = false;
  #running = false;
  #walks = 0;

  /** Takes the folder; reads nothing yet. */
  constructor(dir: string, given: ReadonlySet<string> = new Set()) {
    this.#dir = dir;
    this.#given = given;
  }

  /** Whether a walk has begun and not ended. */
  get running(): boolean {
    return this.#running;
  }

  /**
   * What the last whole walk found, or the one that runs where that is more already; `undefined` while
   * there was none.
   */
  get size(): StorageSize | undefined {
    if (this.#running && this.#bytes > (this.#whole?.bytes ?? Infinity)) {
      return { bytes: this.#bytes, complete: this.#whole!.complete };
    }
    return this.#whole;
  }

  /** How many walks have ended. */
  get walks(): number {
    return this.#walks;
  }

  /** Begins a walk, unless one runs. */
  begin(pids: readonly number[] = []): void {
    if (this.#running) return;
    this.#running = true;
    this.#bytes = 0;
    this.#complete = true;
    this.#unknown = false;
    this.#pending = [folderOf("", [this.#dir], false)];
    this.#counted.clear();
    this.#descriptors = pids.values().flatMap((pid) => this.#openFiles(pid));
    this.#device = undefined;
    this.#unlinked.clear();
  }

  /** Goes on with the walk that runs. */
  step(entries: number, hold?: () => Disposable): number {
    let looked = 0;
    while (this.#running && looked < entries) {
      // before the names: a file that loses its name meanwhile is missed once rather than counted twice
      const descriptor = this.#descriptors.next();
      if (!descriptor.done) {
        looked++;
        this.#addUnlinked(descriptor.value);
        continue;
      }
      const folder = this.#pending.at(-1)!;
      const { done, value: path } = folder.left.next();
      if (done) {
        this.#pending.pop();
        if (folder.hasGone) looked += this.#addRenamed(folder, hold);
        if (this.#pending.length === 0) this.#end();
        continue;
      }
      looked++;
      this.#add(path, folder);
    }
    return looked;
  }

  #add(path: string, folder: Folder): void {
    try {
      const info = Deno.lstatSync(path);
      // else it was counted by another name
      if (!folder.again || !this.#counted.has(info.ino)) {
        this.#bytes += Math.max(info.size, (info.blocks ?? 0) * 512);
        if (this.#counted.size < MAX_COUNTED) this.#counted.add(info.ino);
      }
      if (!info.isDirectory) return;
      if (info.size > MAX_FOLDER_BYTES || this.#pending.length >= MAX_PENDING) {
        this.#complete = false;
        return;
      }
      this.#pending.push(folderOf(path, [...list(path)], folder.again));
    } catch (error) {
      const isMissing = error instanceof Deno.errors.NotFound;
      const neverWas = isMissing && this.#whole === undefined;
      if (!neverWas && (isShortage(error) || !this.#isReachable())) {
        this.#unknown = true;
        return;
      }
      if (isMissing) folder.hasGone = true;
      // gone since it was listed; anything else hides bytes from the count, such as a path that is too long
      if (!isMissing || path.includes(NOT_UTF8)) this.#complete = false;
    }
  }

  /** Looks at what has come into a folder since it was listed, before it can be renamed again. */
  #addRenamed({ path, listed, again }: Folder, hold: (() => Disposable) | undefined): number {
    const depth = this.#pending.length;
    if (again && hold !== undefined) this.#complete = false; // so many that they could not be held
    if (depth === 0 || again) return 0;
    this.#pending[depth - 1]!.hasGone = true; // or it was moved to where the walk has been
    using _held = hold?.();
    try {
      const before = new Set(listed);
      const come = [...list(path).filter((name) => !before.has(name))];
      this.#pending.push(folderOf(path, come, true));
    } catch {
      // gone itself
    }
    let looked = 1;
    for (; looked < MAX_HELD && this.#pending.length > depth; looked++) {
      const folder = this.#pending.at(-1)!;
      const { done, value } = folder.left.next();
      if (done) this.#pending.pop();
      else this.#add(value, folder);
    }
    return looked;
  }

  /** Whether the folder itself can be looked at: what is above it is not the plugin's. */
  #isReachable(): boolean {
    try {
      Deno.lstatSync(this.#dir);
      return true;
    } catch {
      return false;
    }
  }

  #openFiles(pid: number): string[] {
    try {
      this.#device ??= Deno.lstatSync(this.#dir).dev;
      const names = list(`/proc/${pid}/fd`);
      const looked = [...names.take(MAX_DESCRIPTORS)];
      if (!names.next().done) this.#complete = false;
      return looked;
    } catch {
      return []; // it has ended, or the host may not look
    }
  }

  #addUnlinked(path: string): void {
    try {
      const info = Deno.statSync(path);
      const { dev, ino, nlink, size, blocks } = info;
      if (!info.isFile || nlink !== 0 || dev !== this.#device || this.#unlinked.has(ino)) return;
      if (this.#given.has(fileKey(info))) return;
      this.#unlinked.add(ino);
      this.#bytes += Math.max(size, (blocks ?? 0) * 512);
    } catch {
      // closed since
    }
  }

  #end(): void {
    this.#running = false;
    this.#walks++;
    if (!this.#unknown) this.#whole = { bytes: this.#bytes, complete: this.#complete };
  }
}

/** Writes what tells a file from all others, whatever its name. */
export function fileKey({ dev, ino }: Pick<Deno.FileInfo, "dev" | "ino">): string {
  return `${dev}:${ino}`;
}

function folderOf(path: string, listed: readonly string[], again: boolean): Folder {
  return { path, listed, left: listed.values(), again, hasGone: false };
}

function list(dir: string): IteratorObject<string> {
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(dir)) names.push(`${dir}/${name}`);
  return names.values();
}
