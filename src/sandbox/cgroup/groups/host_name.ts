// Names what a host makes so that a later host can tell whether the maker still runs.

/** Identifies one process of one pid namespace, now and after its id was given to another. */
export interface HostIdentity {
  /** The inode of its pid namespace: ids of another one mean nothing here. */
  readonly namespace: string;
  /** Its id. */
  readonly pid: number;
  /** When it started, in clock ticks since the machine did. */
  readonly started: string;
}

const PREFIX = "sallyport-";
const PATTERN = /^sallyport-(\d{1,20})-(\d{1,10})-(\d{1,20})(?:-|$)/;

/**
 * Returns the identity of this very process.
 *
 * @throws {Error} the system's or Deno's when `/proc` may not be read.
 */
export function ownIdentity(): HostIdentity {
  const namespace = /\d+/.exec(Deno.readLinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  const { started } = parseStat(Deno.readTextFileSync("/proc/self/stat"));
  return Object.freeze({ namespace, pid: Deno.pid, started });
}

/** Returns the name for what a host makes. */
export function hostName(host: HostIdentity): string {
  return `${PREFIX}${host.namespace}-${host.pid}-${host.started}`;
}

/**
 * Says whether a name was made by a host of this pid namespace that no longer runs.
 *
 * In doubt it does run: what belongs to a living host must never be touched.
 */
export function isOrphaned(name: string, self: HostIdentity): boolean {
  const match = PATTERN.exec(name);
  if (match === null) return false;
  const [, namespace, pid, started] = match;
  if (namespace !== self.namespace) return false;
  try {
    const now = parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
    return now.started !== started || /[ZX]/.test(now.state);
  } catch (error) {
    const { code } = error as { code?: unknown };
    return error instanceof Deno.errors.NotFound || code === "ESRCH";
  }
}

/** Field 2 is the program's own name in brackets and may hold anything; see proc_pid_stat(5). */
function parseStat(text: string): { state: string; started: string } {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", started: fields[19] ?? "" };
}
