// Finds the processes below a process, for many at once.
import { readStat } from "./proc.ts";

/** So many times what a look took passes before the next: half a percent of a processor. */
const REST_FACTOR = 200;
/** Processes that are read in one look; the rest have their turn in the next. */
const MAX_READ = 1_000;
/** Every so many looks all are read anew, because a number may have been given to another process. */
const FRESH_EVERY = 16;

/**
 * Knows the parents of all processes of this machine. A look reads only those that are new, and there is
 * none while the machine has started no process.
 */
export class ProcessTable {
  readonly #now: () => number;
  /** The parent of each. */
  #known = new Map<number, number>();
  #children = new Map<number, number[]>();
  #nextLook = -Infinity;
  #looks = 0;
  #newest: string | undefined;

  /** Makes an empty table. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Looks for new processes, unless none was started or the last look was too short a time ago. */
  refresh(): void {
    const began = this.#now();
    if (began < this.#nextLook) return;
    const newest = readNewest();
    if (newest !== undefined && newest === this.#newest) return;
    try {
      this.#newest = this.#look() ? newest : undefined;
    } catch {
      this.#known.clear(); // the host may not read /proc
    }
    const ended = this.#now();
    this.#nextLook = ended + (ended - began) * REST_FACTOR;
  }

  /** Returns the processes below one, as of the last look. */
  below(pid: number): readonly number[] {
    const found: number[] = [];
    const seen = new Set([pid]);
    for (let at: number | undefined = pid, next = 0; at !== undefined; at = found[next++]) {
      for (const child of this.#children.get(at) ?? []) {
        if (seen.has(child)) continue;
        seen.add(child);
        found.push(child);
      }
    }
    return found;
  }

  /** Whether all that is new was read. */
  #look(): boolean {
    const before = this.#looks++ % FRESH_EVERY === 0 ? new Map<number, number>() : this.#known;
    const known = new Map<number, number>();
    let read = 0;
    for (const { name } of Deno.readDirSync("/proc")) {
      const pid = Number(name);
      if (!(pid > 0)) continue;
      let parent = before.get(pid);
      if (parent === undefined && read++ < MAX_READ) parent = readStat(pid)?.parent;
      parent ??= this.#known.get(pid); // past the bound an old word is better than none
      if (parent !== undefined) known.set(pid, parent);
    }
    const children = new Map<number, number[]>();
    for (const [pid, parent] of known) {
      const siblings = children.get(parent);
      if (siblings === undefined) children.set(parent, [pid]);
      else siblings.push(pid);
    }
    this.#known = known;
    this.#children = children;
    return read <= MAX_READ;
  }
}

/** The number that was given last to a process or thread; the fifth field of `/proc/loadavg`. */
function readNewest(): string | undefined {
  try {
    return Deno.readTextFileSync("/proc/loadavg").split(" ")[4];
  } catch {
    return undefined;
  }
}
