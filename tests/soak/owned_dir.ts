import { removeTree } from "../../src/io/remove_tree.ts";
import { hostName, isOrphaned, ownIdentity } from "../../src/sandbox/cgroup/groups/host_name.ts";

/** Short, because a socket's path may have 107 bytes only. */
const NAME = /^s-[0-9a-f]{8}$/;
/** The file that says whose a folder is. */
const OWNER = "owner";

/** Makes a temporary folder that a later run removes if this process is killed. */
export async function makeOwnedDir(): Promise<string> {
  const dir = `${await base()}/s-${crypto.randomUUID().slice(0, 8)}`;
  await Deno.mkdir(dir, { mode: 0o755 });
  await Deno.writeTextFile(`${dir}/${OWNER}`, hostName(ownIdentity()));
  return dir;
}

/** Removes the folders of processes that are gone. */
export async function sweepOwnedDirs(): Promise<void> {
  const self = ownIdentity();
  const parent = await base();
  for (const { name, isDirectory } of [...Deno.readDirSync(parent)]) {
    if (!isDirectory || !NAME.test(name)) continue;
    const owner = await Deno.readTextFile(`${parent}/${name}/${OWNER}`).catch(() => "");
    if (isOrphaned(owner, self)) await removeTree(`${parent}/${name}`);
  }
}

function base(): Promise<string> {
  return Deno.realPath(Deno.env.get("TMPDIR") ?? "/tmp");
}
