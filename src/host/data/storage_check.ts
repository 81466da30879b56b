// Looks through a plugin's storage before it is given to a process.
import { escapeText, SallyportError } from "../../errors.ts";

const MAX_ENTRIES = 100_000;
/** What stands in a name for bytes that are no UTF-8: such a folder cannot be looked into. */
const NOT_UTF8 = "\ufffd";

/**
 * Refuses links in a plugin's storage, and what cannot be looked through: a link that stands there would
 * lead the plugin's reads and writes out of its grant.
 *
 * @throws {SallyportError} `permission-denied` when there is a link, too many entries, or a folder that the
 * host cannot list or whose path is too long.
 */
export async function checkStorage(plugin: string, dir: string): Promise<void> {
  const refuse = (what: string, where: string, cause?: unknown): never => {
    throw new SallyportError(
      "permission-denied",
      `Cannot start plugin "${plugin}": its storage ${what}`,
      {
        hint: `Look into "${escapeText(where, 500)}" and remove what does not belong there`,
        details: { plugin, storage: dir },
        cause,
      },
    );
  };
  const refuseFolder = (folder: string, cause: unknown): never => {
    // a path that is too long is no help: the entry of the storage that it is below can be removed whole
    const top = folder.slice(0, (folder.indexOf("/", dir.length + 1) + 1 || Infinity) - 1);
    const { code, message } = cause as { code?: unknown; message?: unknown };
    return code === "ENAMETOOLONG"
      ? refuse("has folders that are nested too deep to be looked into", top, cause)
      : refuse(
        `has a folder that cannot be listed: ${escapeText(String(message), 500)}`,
        top,
        cause,
      );
  };
  const present = await Deno.lstat(dir).catch((cause) => refuseFolder(dir, cause));
  if (present.isSymlink) refuse("is a symbolic link", dir);
  const pending = [dir];
  let seen = 0;
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    try {
      for await (const entry of Deno.readDir(folder)) {
        if (entry.isSymlink) refuse("has a symbolic link", folder);
        if (++seen > MAX_ENTRIES) refuse(`has more than ${MAX_ENTRIES} entries`, folder);
        if (entry.isDirectory) pending.push(`${folder}/${entry.name}`);
      }
    } catch (cause) {
      if (cause instanceof SallyportError) throw cause;
      // gone since it was listed
      const gone = cause instanceof Deno.errors.NotFound && folder !== dir;
      if (!gone || folder.includes(NOT_UTF8)) refuseFolder(folder, cause);
    }
  }
}
