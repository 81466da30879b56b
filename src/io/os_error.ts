/**
 * What the operating system says went wrong, and whether that passes.
 *
 * @module
 */

/** What the machine lacks for the moment, by the system's names, and what gives it more. */
const SHORTAGES: Readonly<Record<string, string>> = {
  EMFILE:
    "Raise this process's limit of open files (ulimit -n, or LimitNOFILE= in the unit), or close what it does not need",
  ENFILE: "The whole machine has too many files open: raise fs.file-max, or stop what opens them",
  ENOSPC: "The disk is full: free some space, or choose a dataDir (or TMPDIR) on another disk",
  EDQUOT: "The user's quota of the disk is used up: free some space, or raise the quota",
  ENOMEM: "The machine has no memory left: free some, or raise the limit of the host's cgroup",
  EAGAIN: "No further process may be started: raise ulimit -u, or pids.max of the host's cgroup",
  EIO: "The disk does not work: look into the kernel's log (dmesg)",
};

/** Names an error as the system does (`ENOSPC`), or the first of its causes that has such a name. */
export function osCode(error: unknown): string | undefined {
  for (let depth = 0; depth < 8 && error instanceof Error; depth++) {
    const { code } = error as { code?: unknown };
    if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
    error = error.cause;
  }
  return undefined;
}

/** Says what to do about an error that is a shortage of the machine's; `undefined` for any other. */
export function shortageHint(error: unknown): string | undefined {
  const code = osCode(error);
  return code === undefined ? undefined : SHORTAGES[code];
}
