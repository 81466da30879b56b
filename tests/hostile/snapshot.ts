/** What is in the folders where everybody may write, and what is mounted. */
export interface Snapshot {
  /** Paths, and mounts. */
  readonly seen: readonly string[];
}

/** Those that each lane has to itself; see `lane.ts`. */
const SHARED = ["/tmp", "/var/tmp", "/dev/shm"];
const MAX_DEPTH = 4;

/** Takes down what is there, apart from a folder. */
export function takeSnapshot(apart: string): Snapshot {
  const seen: string[] = [];
  const walk = (folder: string, depth: number): void => {
    if (folder === apart || apart.startsWith(`${folder}/`) && depth > 1) return;
    try {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        const path = `${folder}/${name}`;
        if (path === apart || apart.startsWith(`${path}/`)) continue;
        seen.push(path);
        if (isDirectory && depth < MAX_DEPTH) walk(path, depth + 1);
      }
    } catch {
      // not there, or not for us to see
    }
  };
  for (const folder of SHARED) walk(folder, 1);
  walk(Deno.env.get("HOME")!, 1);
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
    .map((line) => `a mount at ${line.split(" ")[4]}`);
  return { seen: [...seen, ...mounts] };
}

/** Says what is new. */
export function seen(before: Snapshot, after: Snapshot): string[] {
  const known = new Set(before.seen);
  return after.seen.filter((each) => !known.has(each));
}
