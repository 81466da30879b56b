// Root folders: mount points for what is mounted, and copies of what is the same for every plugin.
import { dirname } from "node:path";
import { isPresent } from "../../io/is_present.ts";
import { DEVICES } from "./devices.ts";
import { type BindMount, INSIDE, type PrivateRoot } from "../launch/launch_spec.ts";
import { MadeOnce } from "../launch/made_once.ts";

/** As many different trees as grants can be told apart by; each is a few empty files and links. */
const MAX_SKELETONS = 1_000;

/** A root folder, to be mounted read-only. */
export interface Skeleton {
  /** Its path on the machine. */
  readonly folder: string;
  /** Whether nothing in it is to be executed but what is mounted; its file system may forbid it. */
  readonly noexec?: boolean;
  /** What of a root is to be mounted on it; the rest is there as copies. */
  mounts(root: PrivateRoot): readonly BindMount[];
}

/** Keeps one tree for each set of targets; they stay while anything may use them. */
export class Skeletons {
  #path: (name: string) => string;
  #files: readonly string[];
  #made = new MadeOnce<Skeleton>(({ folder }) => folder);
  #next = 0;
  /** The first tree of a set of copies, by that set. */
  #bases = new Map<string, string>();

  constructor(path: (name: string) => string, files: readonly string[] = []) {
    this.#path = path;
    this.#files = files;
  }

  /**
   * Returns the tree for a root.
   *
   * @throws {Error} when it cannot be made.
   */
  get(root: PrivateRoot): Promise<Skeleton> {
    const key = JSON.stringify([
      root.folders,
      root.tmpfs.map(({ target }) => target),
      root.binds.map(({ source, target, fixed }) =>
        fixed === true ? [source, target] : [isGrantedFolder(source, target), target]
      ),
    ]);
    return this.#made.get(key, () => {
      if (this.#made.size >= MAX_SKELETONS) throw failed("too many different sets of grants");
      return Promise.resolve(this.#make(root, this.#path(`root-${this.#next++}`)));
    });
  }

  /** A few dozen short system calls: handing them to another thread, or to a program, takes longer. */
  #make(root: PrivateRoot, folder: string): Skeleton {
    const fixed = root.binds.filter((bind) => bind.fixed === true);
    const mounted = root.binds.filter((bind) => bind.fixed !== true);
    try {
      Deno.mkdirSync(folder, { mode: 0o755 });
      for (const target of ["/proc", "/dev", ...root.folders ?? []]) makeFolder(folder + target);
      for (const { target } of root.tmpfs) makeFolder(folder + target);
      const files = [...this.#files, ...DEVICES.map((name) => `/dev/${name}`)];
      for (const target of files) makeFile(folder + target);
      for (const { source, target } of mounted) {
        (isFolder(source) ? makeFolder : makeFile)(folder + target);
      }
    } catch (error) {
      throw failed(error instanceof Error ? error.message : String(error));
    }
    if (!this.#copy(fixed, folder)) {
      const binds = root.binds.map((bind) => ({ ...bind, fixed: false }));
      const { folder: points } = this.#make({ ...root, binds }, `${folder}-points`);
      return { folder: points, noexec: true, mounts: ({ binds }) => binds };
    }
    return { folder, mounts: ({ binds }) => binds.filter((bind) => bind.fixed !== true) };
  }

  /** Copies, or links to earlier copies; not where there is no room for them or they could not be executed. */
  #copy(fixed: readonly BindMount[], folder: string): boolean {
    if (fixed.length === 0) return true;
    if (forbidsExecution(folder)) return false;
    const set = JSON.stringify(fixed.map(({ source, target }) => [source, target]));
    const known = this.#bases.get(set);
    try {
      if (known !== undefined && isPresent(known)) {
        for (const { target } of fixed) copy(known + target, folder + target, Deno.linkSync);
        return true;
      }
    } catch {
      // a file has only so many links, or a cleaner of temporary files was here: then copies of its own
    }
    try {
      for (const { source, target } of fixed) copy(source, folder + target, Deno.copyFileSync);
    } catch {
      return false; // no room, or not for this host to read
    }
    this.#bases.set(set, folder);
    return true;
  }
}

function makeFolder(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o755 });
}

function makeFile(path: string): void {
  makeFolder(dirname(path));
  Deno.openSync(path, { create: true, write: true, mode: 0o644 }).close();
}

/** Copies a file or a folder, as what its links lead to. */
function copy(source: string, target: string, copyFile: (from: string, to: string) => void): void {
  if (Deno.statSync(source).isDirectory) {
    makeFolder(target);
    for (const { name } of Deno.readDirSync(source)) {
      copy(`${source}/${name}`, `${target}/${name}`, copyFile);
    }
    return;
  }
  makeFolder(dirname(target));
  removeIfThere(target); // a link has a name of its own
  copyFile(source, target);
}

function removeIfThere(path: string): void {
  if (isPresent(path)) Deno.removeSync(path);
}

/**
 * Tells whether the mount of a folder lets nothing be executed; taken to be so where the host may not look.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
 */
function forbidsExecution(folder: string): boolean {
  let table: string;
  try {
    table = Deno.readTextFileSync("/proc/self/mountinfo");
  } catch {
    return true;
  }
  let [nearest, options] = ["", ""];
  for (const line of table.split("\n")) {
    const fields = line.split(" ");
    const point = (fields[4] ?? "").replaceAll(
      /\\([0-7]{3})/g,
      (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
    );
    // the later of two on one point hides the other
    if (point.length < nearest.length || !`${folder}/`.startsWith(`${point}/`.replace("//", "/"))) {
      continue;
    }
    [nearest, options] = [point, fields[5] ?? ""];
  }
  return options.split(",").includes("noexec");
}

const OWN: ReadonlySet<string> = new Set(Object.values(INSIDE));

/** What is ours is always of one kind; a granted path may be a file today and a folder tomorrow. */
function isGrantedFolder(source: string, target: string): boolean | undefined {
  return OWN.has(target) ? undefined : isFolder(source);
}

/** What the host may not look at is a library or the runtime: it resolves what it grants. */
function isFolder(source: string): boolean {
  try {
    return Deno.statSync(source).isDirectory;
  } catch {
    return false;
  }
}

function failed(why: string): Error {
  return new Error(`Cannot make a root folder: ${why}`);
}
