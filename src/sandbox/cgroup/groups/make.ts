// Makes the folder of a host in a cgroup tree, and one in it for each process.
import { SallyportError } from "../../../errors.ts";
import { errorCode } from "./kernel_files.ts";

/** Another host of the same process may remove the common folder between our two steps. */
const ATTEMPTS = 10;

/** Returns a name for a group that no other group of this process has. */
export function groupName(): string {
  return `plugin-${crypto.getRandomValues(new BigUint64Array(1))[0]!.toString(16)}`;
}

/**
 * Makes a group in the folder of its host, and that folder where it does not exist.
 *
 * @throws {SallyportError} `launch-failed` when the system refuses.
 */
export function makeGroup(hostFolder: string, name: string, prepare?: () => void): string {
  const folder = `${hostFolder}/${name}`;
  for (let attempt = 1;; attempt++) {
    try {
      makeFolder(hostFolder);
      prepare?.();
      Deno.mkdirSync(folder, { mode: 0o755 });
      return folder;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound && attempt < ATTEMPTS) continue;
      throw new SallyportError(
        "launch-failed",
        `Cannot make a cgroup in "${hostFolder}": ${errorCode(error)}`,
        { details: { folder }, cause: error },
      );
    }
  }
}

/** Makes a folder; one that is there already is fine. */
export function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { mode: 0o755 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
