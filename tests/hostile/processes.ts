/** The processes that belong to a plugin: everything in its pid namespace, or the one process. */
export interface Family {
  /** Its processes that still run. */
  alive(): number[];
}

/** Remembers what a process belongs to, so that it can be asked later who is left. */
export function familyOf(pid: number): Family {
  const namespace = namespaceOf(pid);
  const own = namespaceOf("self");
  return {
    alive: () =>
      pids().filter((each) => {
        if (!runs(each)) return false;
        return each === pid || (namespace !== undefined && namespace !== own &&
          namespaceOf(each) === namespace);
      }),
  };
}

function namespaceOf(pid: number | "self"): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // it is gone, or not for us to see
  }
}

function pids(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 0);
}

function runs(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Gives the processes below a process. */
export function childrenOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const pid of pids()) {
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // it ended meanwhile
    }
  }
  const below = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === root || below(parent));
  };
  return [...parents.keys()].filter((pid) => below(pid) && runs(pid));
}
