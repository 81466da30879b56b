// What of a folder may be signed: no private key, and nothing that the author did not mean to give away.
import { dirname, relative, resolve, sep } from "node:path";
import { escapeText, SallyportError } from "../../errors.ts";
import { openNoFollow, readAtMost } from "../../io/plain_file.ts";
import { IGNORE_FILE, type Ignores, readIgnoreFile } from "./ignore_file.ts";
import { quotePath } from "../manifest/paths.ts";
import { findPrivateKey } from "./private_keys.ts";
import {
  type BundleContents,
  findRoot,
  readBundle,
  type ReadBundleOptions,
} from "../reading/reading.ts";

/** Of a file that is left out anyway, no more than this is searched. */
const MAX_SEARCHED_BYTES = 1024 * 1024;
const MAX_NAMED = 5;

/**
 * Reads a bundle that is to be signed.
 *
 * A host refuses a folder with files that are not signed: what is to be ignored must not lie in it, or is
 * left out of a copy.
 *
 * @throws {SallyportError} `bundle-invalid` when a private key lies in the folder, ignored or not, or
 * something that is to be ignored without a copy being made; what {@linkcode readBundle} throws.
 */
export async function readSignable(
  dir: string,
  seeds: readonly Uint8Array[],
  copied: boolean,
  options: ReadBundleOptions,
): Promise<BundleContents> {
  const ignores = await readIgnoreFile(dir, findRoot(dir));
  const contents = await readBundle(dir, { ...options, ...(copied ? { leaveOut: ignores } : {}) });
  for (const { path, bytes } of contents.files) refuseKey(dir, path, findPrivateKey(bytes, seeds));
  for (const path of contents.leftOut) {
    if (!path.endsWith("/")) refuseKey(dir, path, await searchLeftOut(contents.root, path, seeds));
  }
  if (!copied) refuseIgnored(dir, contents, ignores);
  return contents;
}

/**
 * Writes the files of a bundle to a folder of their own.
 *
 * @throws {SallyportError} `bundle-invalid` when it is anything else, or cannot be written.
 */
export async function copyBundle(contents: BundleContents, out: string): Promise<string> {
  const refuse = (what: string, hint: string, cause?: unknown): never => {
    throw new SallyportError(
      "bundle-invalid",
      `Cannot write a signed copy to "${escapeText(out, 500)}": ${what}`,
      { hint, details: { dir: out }, cause },
    );
  };
  const target = resolve(out);
  if (`${throughLinks(target)}${sep}`.startsWith(`${contents.root}${sep}`)) {
    refuse("it is within the bundle", "Name a folder outside of it");
  }
  try {
    await Deno.mkdir(target, { recursive: true });
    for await (const _entry of Deno.readDir(target)) {
      refuse("it is not empty", "Name a folder that does not exist yet");
    }
    for (const { path, bytes } of contents.files) {
      await Deno.mkdir(dirname(`${target}/${path}`), { recursive: true });
      await Deno.writeFile(`${target}/${path}`, bytes, { createNew: true });
    }
    return await Deno.realPath(target);
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    return refuse((cause as Error).message, "Name a folder that you may write", cause);
  }
}

/** Returns the path that will be made: its end need not be there yet. */
function throughLinks(path: string): string {
  for (let at = path;; at = dirname(at)) {
    try {
      return resolve(Deno.realPathSync(at), relative(at, path));
    } catch {
      if (dirname(at) === at) return path;
    }
  }
}

async function searchLeftOut(
  root: string,
  path: string,
  seeds: readonly Uint8Array[],
): Promise<string | undefined> {
  try {
    using file = openNoFollow(`${root}/${path}`);
    if (!file.info.isFile()) return undefined;
    const bytes = await readAtMost(file, MAX_SEARCHED_BYTES);
    return bytes && findPrivateKey(bytes, seeds);
  } catch {
    return undefined; // a link, or not ours to read: nothing of it is signed
  }
}

function refuseKey(dir: string, path: string, form: string | undefined): void {
  if (form === undefined) return;
  throw new SallyportError(
    "bundle-invalid",
    `Cannot sign bundle "${escapeText(dir, 500)}": ${
      quotePath(path)
    } holds a private key (${form})`,
    {
      hint:
        "Move it out of the folder; if the plugin was given to anybody with it, replace the key",
      details: { dir, path, form },
    },
  );
}

function refuseIgnored(dir: string, { files }: BundleContents, ignores: Ignores): void {
  const found = files.map(({ path }) => path).filter((path) =>
    path !== IGNORE_FILE && ignores(path)
  );
  if (found.length === 0) return;
  const named = found.slice(0, MAX_NAMED).map(quotePath).join(", ");
  const more = found.length > MAX_NAMED ? ` and ${found.length - MAX_NAMED} more` : "";
  throw new SallyportError(
    "bundle-invalid",
    `Cannot sign bundle "${escapeText(dir, 500)}": ${named}${more} would be signed and given away`,
    {
      hint: "Move what does not belong to the plugin out of the folder, sign a copy without it " +
        `(sign --out DIR), or write a line such as "!${
          escapeText(found[0]!, 100)
        }" into ${IGNORE_FILE} to sign it`,
      details: { dir, paths: found.slice(0, 100), count: found.length },
    },
  );
}
