/**
 * What this very process holds: descriptors, threads, children, timers. For programs that run one host;
 * in `deno test` other files share the process.
 */

/** What a process holds. */
export interface OwnProcess {
  /** Open descriptors by kind. */
  readonly descriptors: Readonly<Record<string, number>>;
  /** Threads. */
  readonly threads: number;
  /** Child processes, those included that have ended and were not waited for. */
  readonly children: number;
}

/** Counts what this process holds now. */
export function ownProcess(): OwnProcess {
  const descriptors: Record<string, number> = {};
  for (const target of openDescriptors()) {
    const kind = target.startsWith("/") ? "file" : target.replace(/:?\[?\d*\]?$/, "");
    descriptors[kind] = (descriptors[kind] ?? 0) + 1;
  }
  const tasks = [...Deno.readDirSync("/proc/self/task")];
  const children = tasks.flatMap(({ name }) =>
    readText(`/proc/self/task/${name}/children`).split(" ").filter((pid) => pid !== "")
  );
  return { descriptors, threads: tasks.length, children: children.length };
}

/** Lists what the descriptors of this process lead to. */
export function openDescriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return ""; // that of the listing itself
    }
  }).filter((target) => target !== "" && !/^\/proc\/\d+\/fd$/.test(target));
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // a thread that has ended meanwhile
  }
}
