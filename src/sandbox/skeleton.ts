/**
 * Empty folders and files for the mounts of a root folder to be mounted on.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";
import { runBounded } from "./cgroup/bounded_command.ts";
import { DEVICES } from "./devices.ts";
import type { PrivateRoot } from "./launch_spec.ts";
import { DETACHED } from "./unshare_script.ts";
import type { Shell } from "./wrapper.ts";

/**
 * Makes a folder for each folder and a file for each file, all folders by one `mkdir`. Arguments:
 * where, then source and target in turn.
 */
const SCRIPT = `PATH=/usr/bin:/bin:/run/current-system/sw/bin
umask 022
root=$1
shift
(
  count=$#
  while [ "$count" -gt 0 ]; do
    if [ -d "$1" ]; then folder=$root$2; else folder=$root\${2%/*}; fi
    shift 2
    set -- "$@" "$folder"
    count=$((count - 2))
  done
  exec mkdir -p -- "$@"
) || exit 1
while [ $# -gt 0 ]; do
  [ -d "$root$2" ] || : >>"$root$2" || exit 1
  shift 2
done
`;

const TIMEOUT_MS = 10_000;

/** As many different trees as grants can be told apart by; each is a few empty files. */
const MAX_SKELETONS = 1_000;

/** Keeps one tree of mount points for each set of targets; they stay while anything may use them. */
export class Skeletons {
  #shell: Shell;
  #path: (name: string) => string;
  #made = new Map<string, Promise<string>>();

  /**
   * @param shell The shell that makes them.
   * @param path Gives a path in the host's private folder.
   */
  constructor(shell: Shell, path: (name: string) => string) {
    this.#shell = shell;
    this.#path = path;
  }

  /**
   * Gives the tree for a root.
   *
   * @param root What is to be mounted.
   * @returns The folder.
   * @throws {SallyportError} `launch-failed` when it cannot be made.
   */
  get(root: PrivateRoot): Promise<string> {
    const key = [...root.tmpfs, ...root.binds].map(({ target }) => target).join("\0");
    let made = this.#made.get(key);
    if (made === undefined) {
      if (this.#made.size >= MAX_SKELETONS) throw failed("too many different sets of grants");
      this.#made.set(key, made = this.#make(root, this.#path(`root-${this.#made.size}`)));
      made.catch(() => this.#made.delete(key));
    }
    return made;
  }

  async #make(root: PrivateRoot, folder: string): Promise<string> {
    const pairs = [
      ...["/", "/proc"],
      ...["/", "/dev"],
      ...["/dev/null", DETACHED],
      ...DEVICES.flatMap(([name]) => ["/dev/null", `/dev/${name}`]),
      ...root.tmpfs.flatMap(({ target }) => ["/", target]),
      ...root.binds.flatMap(({ source, target }) => [source, target]),
    ];
    const args = ["-c", SCRIPT, "sh", folder, ...pairs];
    const { ok, stderr } = await runBounded(this.#shell.path, args, {}, TIMEOUT_MS);
    if (!ok) throw failed(stderr || "it took too long");
    return folder;
  }
}

function failed(why: string): SallyportError {
  return new SallyportError("launch-failed", `Cannot make a root folder: ${why}`);
}
