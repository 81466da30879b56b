// What a process with a root of its own is shown of the machine, and whether that still stands there.
import { type BindMount, INSIDE, type PrivateRoot } from "./launch_spec.ts";

const OWN: ReadonlySet<string> = new Set(
  Object.values(INSIDE).filter((target) => target !== INSIDE.storage),
);

/**
 * Lists what is mounted of the machine that others than the host may replace: storage, what is granted,
 * what resolving names needs.
 */
export function machineMounts(root: PrivateRoot | undefined): readonly BindMount[] {
  return root?.binds.filter(({ target, fixed }) => fixed !== true && !OWN.has(target)) ?? [];
}

/**
 * Tells whether the very files and folders are mounted that stand on the machine at this moment.
 *
 * The mounts themselves are asked, by the process's own root: whatever was renamed before they were made,
 * or to and fro since, there is nothing older to go by. A mount holds what it shows, so that the number
 * of a file is not given to another meanwhile.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_root.5.html
 */
export function showPresent(pid: number, mounts: readonly BindMount[]): boolean {
  try {
    return mounts.every(({ source, target }) => {
      const [mounted, present] = [
        Deno.lstatSync(`/proc/${pid}/root${target}`),
        Deno.lstatSync(source),
      ];
      // a larger number is rounded, and could be that of another file
      return Number.isSafeInteger(present.ino) && mounted.ino === present.ino &&
        mounted.dev === present.dev;
    });
  } catch {
    return false;
  }
}
