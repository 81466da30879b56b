// The host's ends of the files that large values travel in, beside the pipe or socket: two for each process,
// in memory where that can be, without a name as soon as the process has opened them.
import { fileKey } from "../../monitor/sources/storage.ts";
import { neverGranted, realPathProblem } from "../../permissions/scopes/path_scope.ts";
import type { SharedMemorySettings } from "../settings/transport_options.ts";
import type { Connection } from "../../rpc/connection.ts";
import { type SharedFile, sharedFile } from "../../rpc/transport/shared_file.ts";

/** Two open files for one process; disposing it closes what no connection has. */
export interface SharedOffer extends Disposable {
  /** The path of the one that the host writes. */
  readonly down: string;
  /** The path of the one that the process writes. */
  readonly up: string;
  /** How many bytes each may have. */
  readonly bytes: number;
  /** Both files by device and inode, as they are without a name. */
  readonly keys: ReadonlySet<string>;
  /** How many bytes of large values may be under way in each direction; `undefined` where they travel as others do. */
  readonly used: number | undefined;
  /**
   * Lets a connection use them as soon as the process has opened them; then removes their names.
   */
  attach(
    connection: Connection,
    bytes: { readonly down: number; readonly up: number },
    entered: Promise<unknown>,
  ): void;
}

const MEMORY_DIR = "/dev/shm";
const PREFIX = "sallyport-shared-";

/** Matches the name that a file has outside of the folder of a run, but for its ending. */
export const SHARED_NAME = /sallyport-shared-[0-9a-f-]{36}/;

/** How old a file must be before it counts as left behind: it is locked right after it is made. */
const UNLOCKED_MS = 60_000;
const MAX_SWEPT = 10_000;

/** Makes files for the processes of one host. */
export class SharedMemory {
  readonly #settings: SharedMemorySettings;
  readonly #swept = new Set<string>();

  /** @param settings How large, and where. */
  constructor(settings: SharedMemorySettings) {
    this.#settings = settings;
  }

  /** Makes two files. */
  offer(runDir: string, mounted: boolean): SharedOffer | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const { dir } = this.#settings;
    if (dir !== undefined) return this.#offerIn(dir, mounted, true);
    // without a mount the process may open nothing under /dev
    return (mounted ? this.#offerIn(MEMORY_DIR, mounted, true) : undefined) ??
      this.#offerIn(runDir, mounted, false);
  }

  #offerIn(dir: string, mounted: boolean, foreign: boolean): SharedOffer | undefined {
    try {
      if (foreign && !mayUse(dir)) return undefined;
      const real = foreign ? Deno.realPathSync(dir) : dir;
      const base = foreign ? `${real}/${PREFIX}${crypto.randomUUID()}-` : `${dir}/`;
      const paths = { down: `${base}down`, up: `${base}up` };
      if (!mounted && !mayBeFlag(paths.down)) return undefined;
      const offer = new Offer(paths, this.#settings.bytes);
      if (foreign && !this.#swept.has(dir)) {
        this.#swept.add(dir);
        sweepShared(real, offer.uid);
      }
      return offer;
    } catch {
      return undefined; // there is no such folder, no room, or no locks
    }
  }
}

class Offer implements SharedOffer {
  readonly down: string;
  readonly up: string;
  readonly bytes: number;
  readonly keys: ReadonlySet<string>;
  /** Who owns the files. */
  readonly uid: number | null;
  #files: { readonly down: Deno.FsFile; readonly up: Deno.FsFile } | undefined;
  #ends: SharedFile[] = [];
  #connection: Connection | undefined;
  #used: number | undefined;

  constructor({ down, up }: { down: string; up: string }, bytes: number) {
    this.down = down;
    this.up = up;
    this.bytes = bytes;
    using undo = new DisposableStack();
    const first = make(down, undo);
    const second = make(up, undo);
    const files = [first.statSync(), second.statSync()] as const;
    this.uid = files[0].uid;
    this.keys = new Set(files.map(fileKey));
    this.#files = { down: first, up: second };
    undo.move();
  }

  get used(): number | undefined {
    return this.#connection?.shared.isWriting === true ? this.#used : undefined;
  }

  attach(
    connection: Connection,
    bytes: { readonly down: number; readonly up: number },
    entered: Promise<unknown>,
  ): void {
    if (this.#files === undefined) return;
    const up = sharedFile(this.#files.up, bytes.up);
    const down = sharedFile(this.#files.down, bytes.down);
    this.#files = undefined;
    this.#ends = [up, down];
    // before the answer, because what comes behind it may be in the file already
    connection.shared.readFrom(up);
    entered.then((answer) => {
      this.#removeNames();
      if ((answer as { shared?: unknown } | null)?.shared !== true) return this[Symbol.dispose]();
      this.#connection = connection;
      this.#used = Math.min(bytes.down, bytes.up);
      connection.shared.writeTo(down);
    }, () => {}); // then the process ends, and this goes with it
  }

  [Symbol.dispose](): void {
    this.#files?.down.close();
    this.#files?.up.close();
    this.#files = undefined;
    for (const end of this.#ends) end.close();
    this.#ends = [];
    this.#removeNames();
  }

  #removeNames(): void {
    remove(this.down);
    remove(this.up);
  }
}

/** Makes a file that nobody had before, held by a lock that says that its host lives. */
function make(path: string, undo: DisposableStack): Deno.FsFile {
  const file = Deno.openSync(path, { createNew: true, read: true, write: true, mode: 0o600 });
  undo.defer(() => {
    file.close();
    remove(path);
  });
  if (!file.tryLockSync(true)) throw new Error("Cannot lock a file that was just made");
  return file;
}

/** Looks before it opens anything, so that nobody is asked for a permission. */
function mayUse(path: string): boolean {
  return (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path }).state === "granted"
  );
}

function mayBeFlag(path: string): boolean {
  return realPathProblem(path) === undefined && neverGranted(path, "write") === undefined;
}

/** Removes files whose host was killed before its process had opened them. */
function sweepShared(dir: string, uid: number | null): void {
  let seen = 0;
  for (const { name, isFile } of Deno.readDirSync(dir)) {
    if (++seen > MAX_SWEPT) return;
    if (!isFile || !name.startsWith(PREFIX)) continue;
    const path = `${dir}/${name}`;
    try {
      const found = Deno.lstatSync(path);
      const age = Date.now() - (found.mtime?.getTime() ?? Date.now());
      if (!found.isFile || found.uid !== uid || age < UNLOCKED_MS) continue;
      using file = Deno.openSync(path, { write: true });
      if (file.tryLockSync(true)) Deno.removeSync(path);
    } catch {
      // gone, or another host removes it
    }
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // gone before
  }
}
