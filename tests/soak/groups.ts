import { folderOf, parseMounts, pathsOf } from "../../src/sandbox/cgroup/hierarchy.ts";

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
   * Makes the groups, as far as this user may.
   *
   * @param user Whom they are handed to, as an administrator would.
   */
  static make(user: number | undefined): SceneGroups {
    const name = `soak-${crypto.randomUUID()}`;
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

  /** Removes the groups; fails while anything is inside. */
  remove(): void {
    for (const folder of this.folders) {
      for (const each of below(folder).reverse()) Deno.removeSync(each);
    }
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

/** A group and all below it, parents first. */
function below(folder: string): string[] {
  const found = [folder];
  for (let index = 0; index < found.length; index++) {
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
