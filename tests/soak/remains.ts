import { describeProcess } from "./processes.ts";
import type { Scene } from "./scene.ts";

/** How long what a dead host had started may take to end, on a machine that is busy. */
const GONE_WITHIN_MS = 10_000;
/** What may be in the folder of a version's runtime files. */
const RUNTIME = ["bootstrap.js", "import_map.json"];

/**
 * Waits until no process of a scene lives.
 *
 * @param scene The scene.
 * @param within How long that may take, in milliseconds.
 * @returns How long it took, and what lives in spite of that.
 */
export async function untilGone(
  scene: Scene,
  within: number = GONE_WITHIN_MS,
): Promise<{ ms: number; left: string[] }> {
  const began = performance.now();
  for (;;) {
    const alive = scene.processes.alive();
    const ms = Math.round(performance.now() - began);
    if (alive.length === 0 || ms > within) return { ms, left: alive.map(describeProcess) };
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The mounts of this process's table. */
export function mountsNow(): ReadonlySet<string> {
  const lines = Deno.readTextFileSync("/proc/self/mountinfo").split("\n");
  // without the numbers, which are given anew; others may mount below folders of their own meanwhile
  return new Set(lines.map((line) => line.split(" ").slice(3).join(" ")));
}

/**
 * Lists mounts that were not there before, but for those in temporary folders of somebody else.
 *
 * @param before The mounts as they were.
 * @param dir The folder of the scene.
 */
export function newMounts(before: ReadonlySet<string>, dir: string): string[] {
  const foreign = (line: string) => /^\S+ \/(?:var\/)?tmp\//.test(line) && !line.includes(dir);
  return [...mountsNow()].filter((line) => !before.has(line) && !foreign(line))
    .map((line) => `a mount: ${line}`);
}

/**
 * Lists the groups, sockets and temporary files of a scene that a host should have removed.
 *
 * @param scene The scene, with no host running.
 */
export function leftovers(scene: Scene): string[] {
  const { dir } = scene;
  const data = `${dir}/data`;
  const found = scene.groups.made().map((folder) => `a cgroup: ${folder}`);
  for (const name of names(`${data}/run`)) found.push(`a file of a run: ${name}`);
  for (const name of names(`${dir}/t`)) found.push(`a temporary file: ${name}`);
  for (const name of names(`${data}/store`)) {
    if (!/^[0-9a-f]{128}$/.test(name)) found.push(`a file in the store: ${name}`);
  }
  for (const version of names(`${data}/runtime`)) {
    for (const name of names(`${data}/runtime/${version}`)) {
      if (!RUNTIME.includes(name)) found.push(`a file of the runtime: ${version}/${name}`);
    }
  }
  for (const path of sockets(dir)) found.push(`a socket: ${path}`);
  for (const line of Deno.readTextFileSync("/proc/net/unix").split("\n")) {
    if (line.includes(dir)) found.push(`an open socket: ${line}`);
  }
  return found;
}

/** Makes temporary folders without a lock an hour older, and tells whether there are any. */
export function makeOld({ dir }: Scene): boolean {
  const unlocked = names(`${dir}/t`).filter((name) => !names(`${dir}/t/${name}`).includes("lock"));
  const time = Date.now() / 1_000 - 3_600;
  for (const name of unlocked) Deno.utimeSync(`${dir}/t/${name}`, time, time);
  return unlocked.length > 0;
}

/** Counts what there is to be left: for the proof that something could have been. */
export function countOf(scene: Scene): { processes: number; groups: number; files: number } {
  const runs = [`${scene.dir}/data/run`];
  for (const name of names(`${scene.dir}/t`)) runs.push(`${scene.dir}/t/${name}/run`);
  return {
    processes: scene.processes.alive().length,
    groups: scene.groups.made().length,
    files: runs.flatMap((run) => names(run).flatMap((name) => [name, ...names(`${run}/${name}`)]))
      .length,
  };
}

function names(dir: string): string[] {
  try {
    return [...Deno.readDirSync(dir)].map(({ name }) => name);
  } catch {
    return []; // there is none
  }
}

function sockets(dir: string): string[] {
  const found: string[] = [];
  const folders = [dir];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const { name, isDirectory, isFile, isSymlink } of Deno.readDirSync(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) folders.push(path);
      else if (isFile || isSymlink) continue;
      // devices are kept for the next host
      else if (Deno.lstatSync(path).isCharDevice !== true) found.push(path);
    }
  }
  return found;
}
