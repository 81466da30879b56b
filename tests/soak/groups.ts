import { folderOf, parseMounts, pathsOf } from "../../src/sandbox/cgroup/groups/hierarchy.ts";
import { hostName, isOrphaned, ownIdentity } from "../../src/sandbox/cgroup/groups/host_name.ts";
import { removeGroup } from "../../src/sandbox/cgroup/groups/remove.ts";

/** Comes before the name of the process that has made the groups: so no host sweeps them. */
const PREFIX = "soak-";

/** What Sallyport uses of version 1, and one more: nobody moves to another group of that. */
const V1 = ["memory", "pids", "cpu", "blkio", "freezer"];

/**
 * A group of its own in each tree, for all that hosts of one scene start: whatever a host makes is made
 * below it, and in the freezer's (version 1) or anywhere below it (version 2) whatever lives is its.
 */
export class SceneGroups {
  /** The folders; none where this user may not make groups. */
  readonly folders: readonly string[];

  private constructor(folders: readonly string[]) {
    this.folders = folders;
  }

  /**
   * Makes the groups, as far as this user may; they are named after this process.
   *
   * @param user Whom they are handed to, as an administrator would.
   */
  static make(user: number | undefined): SceneGroups {
    const name = `${PREFIX}${hostName(ownIdentity())}-${crypto.randomUUID().slice(0, 8)}`;
    const folders: string[] = [];
    for (const place of places()) {
      const folder = `${place}/${name}`;
      try {
        Deno.mkdirSync(folder);
      } catch {
        continue; // not this user's to make
      }
      folders.push(folder);
      if (user === undefined) continue;
      for (const file of ["", "/cgroup.procs", "/cgroup.subtree_control", "/tasks"]) {
        try {
          Deno.chownSync(`${folder}${file}`, user, user);
        } catch {
          // the other version has it
        }
      }
    }
    return new SceneGroups(folders);
  }

  /** Kills what lives in the groups of test runs that are gone, and removes those groups. */
  static async sweep(): Promise<void> {
    const self = ownIdentity();
    for (const place of places()) {
      for (const folder of below(place, 1).slice(1)) {
        const name = folder.slice(place.length + 1);
        if (!name.startsWith(PREFIX) || !isOrphaned(name.slice(PREFIX.length), self)) continue;
        if (!await removeGroup(folder)) throw new Error(`cannot remove the cgroup ${folder}`);
      }
    }
  }

  /** Makes none: hosts make theirs where they are. */
  static none(): SceneGroups {
    return new SceneGroups([]);
  }

  /** Lists the processes that live in the groups or below them. */
  members(): number[] {
    const found = new Set<number>();
    for (const folder of this.folders.flatMap(below)) {
      for (const line of read(`${folder}/cgroup.procs`).split("\n")) {
        if (/^[1-9]\d*$/.test(line)) found.add(Number(line));
      }
    }
    return [...found];
  }

  /** Lists what hosts have made and not removed. */
  made(): string[] {
    return this.folders.flatMap((folder) => below(folder).slice(1));
  }

  /** Removes the groups with all that is inside; fails when something stays for five seconds. */
  async remove(): Promise<void> {
    const removed = await Promise.all(this.folders.map((folder) => removeGroup(folder)));
    const left = this.folders.filter((_, index) => !removed[index]);
    if (left.length > 0) throw new Error(`cannot remove the cgroups ${left.join(", ")}`);
  }
}

/** Lists the groups on this machine that a host has made, by its process id in their names. */
export function groupsOfHost(pid: number): string[] {
  const trees = parseMounts(Deno.readTextFileSync("/proc/self/mountinfo"));
  return trees.flatMap(({ mountPoint }) => below(mountPoint)).filter((folder) =>
    new RegExp(`/sallyport-\\d+-${pid}-\\d+[^/]*$`).test(folder)
  );
}

/** The folders in which this process could make groups, one in each tree. */
function places(): string[] {
  const paths = pathsOf("self");
  const trees = parseMounts(Deno.readTextFileSync("/proc/self/mountinfo"));
  const old = trees.filter(({ version, controllers }) =>
    version === 1 && controllers.some((each) => V1.includes(each))
  );
  const found = (old.length > 0 ? old : trees).map((tree) =>
    folderOf(tree, paths?.get(tree.controllers[0] ?? "") ?? "/")
  );
  return [...new Set(found)].filter((folder) => folder !== undefined);
}

/** A group and those below it, parents first; with one level, those directly below. */
function below(folder: string, levels = Infinity): string[] {
  const found = [folder];
  for (let index = 0; index < (levels === 1 ? 1 : found.length); index++) {
    try {
      for (const { name, isDirectory } of Deno.readDirSync(found[index]!)) {
        if (isDirectory) found.push(`${found[index]}/${name}`);
      }
    } catch {
      found.splice(index--, 1); // removed meanwhile
    }
  }
  return found;
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // removed meanwhile
  }
}
