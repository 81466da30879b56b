// Finds the place in a version 2 tree where this host may make groups.
import { delegatedTop } from "../systemd/delegation.ts";
import { folderOf, type Hierarchy, isWithin } from "../groups/hierarchy.ts";
import { errorCode, mayWrite, readKernelFile, tryWriteKernelFile } from "../groups/kernel_files.ts";
import { removeEmptyGroup } from "../groups/remove.ts";

/** A group of this host's whose members may be limited. */
export interface V2Place {
  /** Its folder. */
  readonly folder: string;
  /** The controllers that its members have. */
  readonly controllers: ReadonlySet<string>;
  /** Puts things back as they were, as far as nobody else uses them. */
  release(): void;
}

/** The group that a host moves itself into where it alone fills the one delegated to it. */
const LEAF = "sallyport-host";
const WANTED = ["memory", "pids", "cpu", "io"];
const NEEDED = ["memory", "pids"];

/** Finds the place: the process's own group, else the one above it, else the root of the tree. */
export async function findV2Place(tree: Hierarchy, path: string): Promise<V2Place | string> {
  const own = folderOf(tree, path);
  if (own === undefined) {
    return `its mount at ${tree.mountPoint} does not show this process's group`;
  }
  if (tree.readOnly) return `${tree.mountPoint} is mounted for reading only`;
  const delegated = await delegatedTop(path);
  if ("reason" in delegated) return delegated.reason;
  const top = folderOf(tree, delegated.top) ?? tree.mountPoint;
  const reasons: string[] = [];
  for (const folder of candidates(own, top)) {
    const place = tryPlace(folder, folder === own);
    if (typeof place !== "string") return place;
    reasons.push(`${folder} ${place}`);
  }
  return reasons.join(", ");
}

function candidates(own: string, top: string): string[] {
  const parent = own.slice(0, own.lastIndexOf("/"));
  const found = own.endsWith(`/${LEAF}`) ? [parent] : [own, parent]; // a leaf stays a leaf
  if (top === "/" || Deno.uid() === 0) found.push(top); // a container's root, or the machine's
  return [...new Set(found)].filter((folder) => isWithin(folder, top));
}

function tryPlace(folder: string, isOwn: boolean): V2Place | string {
  const type = readKernelFile(`${folder}/cgroup.type`); // the machine's root has none
  if (type !== undefined && type !== "domain") return `is ${type}`;
  const offered = words(`${folder}/cgroup.controllers`);
  const lacking = NEEDED.filter((name) => !offered.has(name));
  if (lacking.length > 0) return `lacks the ${lacking.join(" and ")} controller`;
  if (!mayWrite(`${folder}/cgroup.procs`) || !mayWrite(`${folder}/cgroup.subtree_control`)) {
    return "is not this user's to write";
  }
  const undo: (() => void)[] = [];
  let problem = enable(folder, offered);
  if (problem !== undefined && isOwn) {
    const moved = moveIntoLeaf(folder);
    if (typeof moved === "string") return `${problem}: ${moved}`;
    undo.push(moved);
    problem = enable(folder, offered);
  }
  const release = () => undo.forEach((step) => step());
  if (problem !== undefined) {
    release();
    return problem;
  }
  return { folder, controllers: words(`${folder}/cgroup.subtree_control`), release };
}

/** Hands the controllers to the members; returns the reason when one that is needed is refused. */
function enable(folder: string, offered: ReadonlySet<string>): string | undefined {
  const file = `${folder}/cgroup.subtree_control`;
  const enabled = words(file);
  // Memory first: the kernel would hand down cpu and pids of a group with processes in it too, and
  // take groups below that for threads only
  for (const name of WANTED) {
    if (!offered.has(name) || enabled.has(name)) continue;
    if (tryWriteKernelFile(file, `+${name}`) || !NEEDED.includes(name)) continue;
    return `does not hand down the ${name} controller while processes live in it`;
  }
  return undefined;
}

/** Moves this process into a group of its own, if nobody else lives beside it. */
function moveIntoLeaf(folder: string): (() => void) | string {
  if (readKernelFile(`${folder}/cgroup.procs`) !== String(Deno.pid)) {
    return "others than this process do";
  }
  const leaf = `${folder}/${LEAF}`;
  try {
    Deno.mkdirSync(leaf);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) return `mkdir says ${errorCode(error)}`;
  }
  const before = words(`${folder}/cgroup.subtree_control`);
  if (!tryWriteKernelFile(`${leaf}/cgroup.procs`, String(Deno.pid))) {
    removeEmptyGroup(leaf);
    return "it cannot be moved";
  }
  return () => moveBack(folder, leaf, before);
}

/** Undoes the move unless another host, or a child of this one, still needs it. */
function moveBack(folder: string, leaf: string, before: ReadonlySet<string>): void {
  if (readKernelFile(`${leaf}/cgroup.procs`) !== String(Deno.pid)) return;
  const others = [...Deno.readDirSync(folder)].some(({ isDirectory, name }) =>
    isDirectory && name !== LEAF
  );
  if (others) return;
  const file = `${folder}/cgroup.subtree_control`;
  for (const name of words(file)) if (!before.has(name)) tryWriteKernelFile(file, `-${name}`);
  if (tryWriteKernelFile(`${folder}/cgroup.procs`, String(Deno.pid))) removeEmptyGroup(leaf);
}

function words(file: string): ReadonlySet<string> {
  return new Set(readKernelFile(file)?.split(/\s+/).filter((word) => word !== ""));
}
