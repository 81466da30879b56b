import { isAlive } from "../helpers/process.ts";
import type { SceneGroups } from "./groups.ts";

/** By what the processes of a scene are known. */
export interface Marks {
  /** The folder that command lines, environments or working folders name. */
  readonly dir: string;
  /** The groups in which they live. */
  readonly groups: SceneGroups;
  /** The user, where nobody else is that user. */
  readonly user: number | undefined;
}

/**
 * Finds every process of a scene: by its group, its user, its folder; and what was seen below its host
 * while that lived, with all of its pid namespaces, because a sandbox need not name any folder of ours.
 */
export class SceneProcesses implements Disposable {
  readonly #marks: Marks;
  /** Held open: the number of one that is gone is given to the next, which may be anybody's. */
  readonly #namespaces = new Map<string, Deno.FsFile>();
  readonly #seen = new Set<string>();
  #host = 0;

  constructor(marks: Marks) {
    this.#marks = marks;
  }

  /** Takes note of what lives below a host, and forgets what lived below another before. */
  look(host: number): void {
    if (host !== this.#host) this[Symbol.dispose]();
    this.#host = host;
    const own = namespaceOf("self");
    for (const pid of descendants(host)) {
      this.#seen.add(identityOf(pid));
      const namespace = namespaceOf(pid);
      if (namespace === undefined || namespace === own || this.#namespaces.has(namespace)) continue;
      const file = attempt(() => Deno.openSync(`/proc/${pid}/ns/pid`), undefined);
      if (file === undefined) continue;
      // by what was opened: the process may have ended in between
      const held = `pid:[${file.statSync().ino}]`;
      if (held === own || this.#namespaces.has(held)) file.close();
      else this.#namespaces.set(held, file);
    }
  }

  /** Lists those that live; what has ended, or is about to without a byte of memory, does not. */
  alive(): number[] {
    const members = new Set(this.#marks.groups.members());
    return pids().filter((pid) =>
      (members.has(pid) || this.#isOurs(pid)) && isAlive(pid) && !isExiting(pid)
    );
  }

  /** Lets go of what was noted. */
  [Symbol.dispose](): void {
    for (const file of this.#namespaces.values()) file.close();
    this.#namespaces.clear();
    this.#seen.clear();
  }

  #isOurs(pid: number): boolean {
    const { dir, user } = this.#marks;
    const namespace = namespaceOf(pid);
    if (namespace !== undefined && this.#namespaces.has(namespace)) return true;
    if (this.#seen.has(identityOf(pid))) return true;
    const read = (name: string) => attempt(() => Deno.readTextFileSync(`/proc/${pid}/${name}`));
    if (user !== undefined && new RegExp(`^Uid:\\s+${user}\\b`, "m").test(read("status"))) {
      return true;
    }
    const cwd = attempt(() => Deno.readLinkSync(`/proc/${pid}/cwd`));
    return pid !== Deno.pid &&
      [read("cmdline"), read("environ"), cwd].some((text) => text.includes(dir));
  }
}

/**
 * Tells whether a process is past its end: no thread of it has memory any more, so none can run code.
 * The first process of a pid namespace stays so until everything in there has been waited for, which
 * may be the business of the machine's first process.
 *
 * @param pid The process; not one of the kernel's own, which never have memory.
 */
export function isExiting(pid: number): boolean {
  // the first thread may have ended alone, so one look at /proc/PID/exe is not enough
  const tasks = attempt(() => [...Deno.readDirSync(`/proc/${pid}/task`)], []);
  return tasks.every(({ name }) => {
    try {
      Deno.readLinkSync(`/proc/${pid}/task/${name}/exe`);
      return false;
    } catch (error) {
      return error instanceof Deno.errors.NotFound; // anything else says nothing: it counts as alive
    }
  });
}

/** Says what a process is, for the report of one that is left. */
export function describeProcess(pid: number): string {
  const line = attempt(() => Deno.readTextFileSync(`/proc/${pid}/cmdline`));
  const status = attempt(() => Deno.readTextFileSync(`/proc/${pid}/status`));
  const parent = /^PPid:\s+(\d+)/m.exec(status)?.[1];
  return `process ${pid} (child of ${parent}): ${line.replaceAll("\0", " ").slice(0, 200)}`;
}

/** Lists the children of a process. */
export function childrenOf(pid: number): number[] {
  const found: number[] = [];
  for (const task of attempt(() => [...Deno.readDirSync(`/proc/${pid}/task`)], [])) {
    const list = attempt(() => Deno.readTextFileSync(`/proc/${pid}/task/${task.name}/children`));
    found.push(...list.split(" ").filter((each) => each !== "").map(Number));
  }
  return found;
}

/** Lists what was started by a process, and what that started in turn. */
export function descendants(pid: number): number[] {
  const found = childrenOf(pid);
  for (let index = 0; index < found.length; index++) found.push(...childrenOf(found[index]!));
  return found;
}

/** Gives the chain from a child of one process down to another, the latter last; empty where it is none. */
export function chainBetween(host: number, pid: number): number[] {
  const chain: number[] = [];
  for (let each = pid; each > 1 && chain.length < 16; each = parentOf(each)) {
    if (each === host) return chain;
    chain.unshift(each);
  }
  return [];
}

function parentOf(pid: number): number {
  const status = attempt(() => Deno.readTextFileSync(`/proc/${pid}/status`));
  return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}

/** A process for good: its id may be given to another. */
function identityOf(pid: number): string {
  const stat = attempt(() => Deno.readTextFileSync(`/proc/${pid}/stat`));
  return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
}

function namespaceOf(pid: number | "self"): string | undefined {
  return attempt(() => Deno.readLinkSync(`/proc/${pid}/ns/pid`), undefined);
}

function pids(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 1);
}

/** Processes come and go while one looks at them; a text that is not to be had is empty. */
function attempt(read: () => string): string;
function attempt<T, U>(read: () => T, otherwise: U): T | U;
function attempt(read: () => unknown, ...otherwise: readonly unknown[]): unknown {
  try {
    return read();
  } catch {
    return otherwise.length === 0 ? "" : otherwise[0];
  }
}
