// Which files of a folder are not meant to be signed: `.sallyportignore` over defaults.
import { readNamedFile, UnreadableFile } from "../../io/named_file.ts";
import { cannotRead } from "../reading/listing.ts";

/** Is the name of the file with an author's own patterns, at the root of a bundle. */
export const IGNORE_FILE = ".sallyportignore";

/** What tools, editors and systems leave in folders, and what holds secrets; a `!pattern` takes one back. */
const DEFAULTS: readonly string[] = [
  IGNORE_FILE,
  ".git",
  ".hg",
  ".svn",
  "node_modules",
  ".env*",
  ".netrc",
  "*.swp",
  "*.swo",
  "*~",
  ".#*",
  "\\#*#",
  "*.bak",
  "*.orig",
  "*.rej",
  ".DS_Store",
  "._*",
  "Thumbs.db",
  "desktop.ini",
  ".idea",
  ".vscode",
];
const MAX_BYTES = 65_536;

/** Tells whether a path is not meant to be signed; the path of a folder ends in a slash. */
export type Ignores = (path: string) => boolean;

/**
 * Reads the patterns of a folder.
 *
 * @throws {SallyportError} `bundle-invalid` when the file cannot be read or is larger than 64 KiB.
 */
export async function readIgnoreFile(dir: string, root: string): Promise<Ignores> {
  // only signing needs it: nobody else waits for it
  const { default: ignore } = await import("ignore");
  const rules = ignore().add(DEFAULTS).add(await readPatterns(dir, root));
  return (path) => rules.ignores(path);
}

async function readPatterns(dir: string, root: string): Promise<string> {
  try {
    const bytes = await readNamedFile(`${root}/${IGNORE_FILE}`, MAX_BYTES);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    if (cause instanceof UnreadableFile && cause.reason === "missing") return "";
    const reason = cause instanceof UnreadableFile ? cause.message : "it is not UTF-8";
    throw cannotRead(dir, `"${IGNORE_FILE}" cannot be used: ${reason}`, {
      hint: "Write one pattern a line, as in .gitignore",
      details: { path: IGNORE_FILE },
      cause,
    });
  }
}
