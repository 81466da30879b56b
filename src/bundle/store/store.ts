// The content-addressed store: private, read-only copies of verified bundles, from which plugins run.
import { escapeText, readThrown, SallyportError } from "../../errors.ts";
import { bundlePathProblem, quotePath } from "../manifest/paths.ts";
import { removeTree } from "../../io/remove_tree.ts";
import { compareCopy, foldersOf, type StorableFile } from "./store_copy.ts";

/** Holds what the store needs of a verified bundle. */
export interface StorableBundle {
  /** The bundle hash, 128 hex digits: the name of the copy. */
  readonly bundleHash: string;
  /** All files with the bytes that were verified. */
  readonly files: readonly StorableFile[];
}

const TEMPORARY = ".tmp-";
const MAX_ATTEMPTS = 10;

/** Folders that this process is writing now, which its own sweeps leave alone. */
const writing = new Set<string>();

/**
 * Keeps one read-only copy of each verified bundle, in a folder named by its hash.
 *
 * Several hosts may share one store: a copy appears whole or not at all. Nothing is synced to disk,
 * as every use compares the copy with the verified bytes and replaces it when a crash tore it.
 */
export class BundleStore {
  readonly #dir: string;

  /** Makes a store; touches nothing on disk yet. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Returns the folder that the copy of a bundle has, or will have. */
  locate(bundleHash: string): string {
    checkHash(bundleHash);
    Deno.mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    return `${Deno.realPathSync(this.#dir)}/${bundleHash}`;
  }

  /**
   * Makes sure that the store has a true copy of a bundle.
   *
   * A copy that is there already is compared byte for byte with what was verified, and replaced when
   * anything differs: a changed, missing or additional file, a link, or a write permission.
   *
   * @throws {SallyportError} `launch-failed` when the copy cannot be written.
   * @throws {RangeError} When the hash or a path is none.
   */
  async put(bundle: StorableBundle): Promise<string> {
    checkBundle(bundle);
    let cause: unknown;
    try {
      Deno.mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
      const root = Deno.realPathSync(this.#dir);
      const target = `${root}/${bundle.bundleHash}`;
      // Looks again after each change, whoever made it: another host may write, replace or sweep the
      // same folder at the same time.
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const state = await compareCopy(target, bundle.files);
        if (state === "same") return target;
        if (state === "different") await discard(root, target);
        else cause = await write(root, target, bundle.files) ?? cause;
      }
    } catch (error) {
      cause = error;
    }
    throw new SallyportError(
      "launch-failed",
      `Cannot store bundle in "${escapeText(this.#dir, 500)}": the copy cannot be written: ${
        readThrown(cause).message
      }`,
      {
        hint: "See the cause; the host needs read and write access to its data folder, and space",
        details: { dir: this.#dir, bundleHash: bundle.bundleHash },
        cause,
      },
    );
  }

  /** Removes the copy of a bundle, if there is one. */
  async remove(bundleHash: string): Promise<void> {
    checkHash(bundleHash);
    await discard(this.#dir, `${this.#dir}/${bundleHash}`);
  }

  /**
   * Removes what interrupted writes and removals left behind; copies stay.
   *
   * A host that is writing meanwhile notices and writes again.
   */
  async sweep(): Promise<void> {
    const leftovers: string[] = [];
    try {
      for await (const { name } of Deno.readDir(this.#dir)) {
        if (name.startsWith(TEMPORARY) && !writing.has(name)) leftovers.push(name);
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return; // nothing was stored yet
      throw error;
    }
    for (const name of leftovers) await discard(this.#dir, `${this.#dir}/${name}`);
  }
}

function checkBundle(bundle: StorableBundle): void {
  checkHash(bundle.bundleHash);
  for (const { path } of bundle.files) {
    const problem = bundlePathProblem(path);
    if (problem) {
      throw new RangeError(`Cannot store bundle: the path ${quotePath(path)} ${problem}`);
    }
  }
}

function checkHash(bundleHash: string): void {
  if (/^[0-9a-f]{128}$/.test(bundleHash)) return;
  throw new RangeError(
    `Cannot use bundle hash "${escapeText(bundleHash, 150)}": not 128 hex digits`,
  );
}

function temporaryName(): string {
  return `${TEMPORARY}${crypto.randomUUID()}`;
}

/** Takes a folder out of sight in one step, then deletes it; another host may have been faster. */
async function discard(root: string, target: string): Promise<void> {
  const name = temporaryName();
  writing.add(name);
  try {
    await Deno.rename(target, `${root}/${name}`);
    await removeTree(`${root}/${name}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  } finally {
    writing.delete(name);
  }
}

/** Writes a copy; returns the error when another host got in the way, throws any other. */
async function write(
  root: string,
  target: string,
  files: readonly StorableFile[],
): Promise<unknown> {
  const name = temporaryName();
  const temporary = `${root}/${name}`;
  writing.add(name);
  try {
    const folders = foldersOf(files);
    await Deno.mkdir(temporary, { mode: 0o700 });
    for (const folder of folders) await Deno.mkdir(`${temporary}/${folder}`, { mode: 0o700 });
    for (const { path, bytes } of files) {
      await Deno.writeFile(`${temporary}/${path}`, bytes, { createNew: true, mode: 0o444 });
    }
    for (const folder of folders.reverse()) await Deno.chmod(`${temporary}/${folder}`, 0o555);
    await Deno.chmod(temporary, 0o555);
  } catch (error) {
    await removeTree(temporary);
    writing.delete(name);
    if (error instanceof Deno.errors.NotFound) return error; // swept by another host
    throw error;
  }
  try {
    await Deno.rename(temporary, target);
  } catch (error) {
    await removeTree(temporary);
    return error; // most likely another host put the same bundle there first
  } finally {
    writing.delete(name);
  }
}
