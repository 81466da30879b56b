/** The processes that belong to a plugin: everything in its pid namespace, or the one process. */
export interface Family {
  /** Its processes that still run. */
  alive(): number[];
}

/**
 * Remembers what a process belongs to, so that it can be asked later who is left. Ids of processes and
 * of namespaces are given away again, so the first process of the namespace must still be the same.
 */
export function familyOf(pid: number): Family {
  const namespace = namespaceOf(pid);
  const own = namespaceOf("self");
  const itself = identityOf(pid);
  const apart = namespace !== undefined && namespace !== own;
  const inside = () => pids().filter((each) => namespaceOf(each) === namespace);
  const first = () => inside().filter(isFirst).map(identityOf)[0];
  const init = apart ? first() : undefined;
  return {
    alive() {
      if (!apart) return runs(pid) && identityOf(pid) === itself ? [pid] : [];
      // a namespace ends with its first process
      return init === undefined || first() === init ? inside().filter(runs) : [];
    },
  };
}

/** Tells whether a process is the first of its pid namespace. */
function isFirst(pid: number): boolean {
  try {
    return /^NSpid:.*\t1$/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

function identityOf(pid: number): string | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return undefined;
  }
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
