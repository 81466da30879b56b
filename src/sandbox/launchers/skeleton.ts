// Root folders: mount points for what is mounted, and copies of what is the same for every plugin.
import { isPresent } from "../../io/is_present.ts";
import { runBounded } from "../../io/bounded_command.ts";
import { DEVICES } from "./devices.ts";
import { type BindMount, INSIDE, type PrivateRoot } from "../launch/launch_spec.ts";
import { MadeOnce } from "../launch/made_once.ts";
import type { Shell } from "../launch/wrapper.ts";

/**
 * Makes a folder for each folder and a file for each file, all folders by one `mkdir`; then copies.
 * Arguments: an earlier tree from which copies can be linked or nothing, where, the number of mounts, of
 * each source and target in turn, then source and target of what is to be copied.
 *
 * Where there is no room for copies, or they could not be executed, its status is that of `NO_COPIES`:
 * the loader among them is tried, and 126 is what a shell says of what may not be executed.
 */
const SCRIPT = `PATH=/usr/bin:/bin:/run/current-system/sw/bin
umask 022
base=$1 root=$2 mounts=$3
shift 3
[ -d "\${root%/*}" ] || exit 1
(
  pairs=$(($# / 2)) done=0
  while [ "$done" -lt "$pairs" ]; do
    folder=$root\${2%/*}
    if [ "$done" -lt "$mounts" ] && [ -d "$1" ]; then folder=$root$2; fi
    shift 2
    set -- "$@" "$folder"
    done=$((done + 1))
  done
  exec mkdir -p -- "$@"
) || exit 1
while [ "$mounts" -gt 0 ]; do
  [ -d "$root$2" ] || : >>"$root$2" || exit 1
  shift 2
  mounts=$((mounts - 1))
done
while [ $# -gt 0 ]; do
  if [ -z "$base" ] || ! cp -R -l -- "$base$2" "$root$2" 2>/dev/null; then
    rm -rf -- "$root$2"
    cp -R -L -- "$1" "$root$2" 2>/dev/null || exit 3
  fi
  case $2 in */ld-*)
    "$root$2" --help >/dev/null 2>&1
    [ $? != 126 ] || exit 3
    ;;
  esac
  shift 2
done
`;

const TIMEOUT_MS = 10_000;
const NO_COPIES = 3;

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
  #shell: Shell;
  #path: (name: string) => string;
  #files: readonly string[];
  #made = new MadeOnce<Skeleton>(({ folder }) => folder);
  #next = 0;
  /** The first tree of a set of copies, by that set. */
  #bases = new Map<string, string>();

  constructor(shell: Shell, path: (name: string) => string, files: readonly string[] = []) {
    this.#shell = shell;
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
        fixed === true ? [source, target] : [isFolder(source, target), target]
      ),
    ]);
    return this.#made.get(key, async () => {
      if (this.#made.size >= MAX_SKELETONS) throw failed("too many different sets of grants");
      return await this.#make(root, this.#path(`root-${this.#next++}`));
    });
  }

  async #make(root: PrivateRoot, folder: string): Promise<Skeleton> {
    const fixed = root.binds.filter((bind) => bind.fixed === true);
    const mounted = root.binds.filter((bind) => bind.fixed !== true);
    const pair = ({ source, target }: BindMount) => [source, target];
    const points = [
      ...["/", "/proc"],
      ...["/", "/dev"],
      ...this.#files.flatMap((path) => ["/dev/null", path]),
      ...DEVICES.flatMap(([name]) => ["/dev/null", `/dev/${name}`]),
      ...(root.folders ?? []).flatMap((target) => ["/", target]),
      ...root.tmpfs.flatMap(({ target }) => ["/", target]),
      ...mounted.flatMap(pair),
    ];
    const set = JSON.stringify(fixed.map(pair));
    const known = this.#bases.get(set);
    const base = known !== undefined && isPresent(known) ? known : "";
    const args = ["-c", SCRIPT, "sh", base, folder, String(points.length / 2), ...points];
    const { ok, status, stderr, unsure } = await runBounded(
      this.#shell.path,
      [...args, ...fixed.flatMap(pair)],
      {},
      TIMEOUT_MS,
    );
    if (status === NO_COPIES) {
      const binds = root.binds.map((bind) => ({ ...bind, fixed: false }));
      const { folder: points } = await this.#make({ ...root, binds }, `${folder}-points`);
      return { folder: points, noexec: true, mounts: ({ binds }) => binds };
    }
    if (unsure !== undefined) throw unsure;
    if (!ok) throw failed(stderr || "it took too long");
    if (base === "") this.#bases.set(set, folder);
    return { folder, mounts: ({ binds }) => binds.filter((bind) => bind.fixed !== true) };
  }
}

const OWN: ReadonlySet<string> = new Set(Object.values(INSIDE));

/** What is ours is always of one kind; a granted path may be a file today and a folder tomorrow. */
function isFolder(source: string, target: string): boolean | undefined {
  if (OWN.has(target)) return undefined;
  try {
    return Deno.statSync(source).isDirectory;
  } catch {
    return undefined; // the host may not look at it: the shell will
  }
}

function failed(why: string): Error {
  return new Error(`Cannot make a root folder: ${why}`);
}
