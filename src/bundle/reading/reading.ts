// Reads a bundle once, into memory: what is hashed here is what is verified, stored and run.
import { sha3_512Hex } from "../../crypto/digest.ts";
import { docPage } from "../../command_line.ts";
import { readThrown, SallyportError } from "../../errors.ts";
import { MAX_ENVELOPE_BYTES } from "./envelope.ts";
import { bundleHash, type FileDigest } from "./hash.ts";
import { cannotRead, listBundle, notAFile, throwIfCancelled } from "./listing.ts";
import { parseManifest } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest_schema.ts";

import { ENVELOPE_FILE, fileListProblem, MANIFEST_FILE, quotePath } from "../manifest/paths.ts";
import { outerSourceMap } from "./source_maps.ts";
import { inTurns, openNoFollow, readAtMost } from "../../io/plain_file.ts";

/** Is the number of files that a bundle may have unless the caller says otherwise. */
export const DEFAULT_MAX_FILES = 10_000;

/** Is the size that a bundle may have unless the caller says otherwise: 256 MiB. */
export const DEFAULT_MAX_BYTES: number = 256 * 1024 * 1024;

/** Holds one file of a bundle, with its content. */
export interface BundleFile extends FileDigest {
  /** The very bytes that were hashed. */
  readonly bytes: Uint8Array;
}

/** Holds a bundle as it was read. Nothing in it is trusted yet. */
export interface BundleContents {
  /** The real path of the folder it came from. */
  readonly root: string;
  /** All files but the envelope, sorted by path bytewise. */
  readonly files: readonly BundleFile[];
  /** The manifest that `plugin.json` holds. */
  readonly manifest: Manifest;
  /** The bundle hash, 128 hex digits. */
  readonly bundleHash: string;
  /** The bytes of `plugin.sig.json`, where there is one. */
  readonly envelopeBytes?: Uint8Array;
  /** What `leaveOut` left out; a folder ends in a slash. */
  readonly leftOut: readonly string[];
}

/** Options of {@linkcode readBundle}. */
export interface ReadBundleOptions {
  /**
   * How many files are too many.
   *
   * @default {10_000}
   */
  maxFiles?: number;
  /**
   * How many bytes all files may have together.
   *
   * @default {268_435_456}
   */
  maxBytes?: number;
  /** Ends the reading, with the code `cancelled`. */
  signal?: AbortSignal;
  /** Tells what to leave out, by paths of which those of folders end in a slash. By default nothing. */
  leaveOut?: (path: string) => boolean;
}

/**
 * Reads a bundle: every file once, counted while reading, hashed as read.
 *
 * @throws {SallyportError} `bundle-invalid` when the folder breaks a rule for bundles or cannot be
 * read, `manifest-invalid` when `plugin.json` is wrong, `cancelled` when the signal says so.
 * @throws {RangeError} When a cap is not a positive whole number.
 */
export async function readBundle(
  dir: string,
  options: ReadBundleOptions = {},
): Promise<BundleContents> {
  const { maxFiles = DEFAULT_MAX_FILES, maxBytes = DEFAULT_MAX_BYTES, signal } = options;
  for (const [name, value] of Object.entries({ maxFiles, maxBytes })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot read bundle: "${name}" must be a positive integer, got ${value}`,
      );
    }
  }
  const root = findRoot(dir);
  const listing = await listBundle(dir, root, maxFiles, signal, options.leaveOut);
  const problem = fileListProblem(listing.paths);
  if (problem !== undefined) {
    throw cannotRead(dir, problem, {
      hint: `A bundle is described in ${docPage("plugin-development.md")}`,
    });
  }
  const files: BundleFile[] = [];
  const nextTurn = inTurns();
  let left = maxBytes;
  for (const path of listing.paths) {
    throwIfCancelled(dir, signal);
    const bytes = await readFile(dir, root, path, left, maxBytes);
    left -= bytes.length;
    refuseOuterSourceMap(dir, path, bytes);
    files.push(Object.freeze({ path, size: bytes.length, sha3_512: sha3_512Hex(bytes), bytes }));
    await nextTurn();
  }
  const envelopeBytes = listing.hasEnvelope
    ? await readFile(dir, root, ENVELOPE_FILE, MAX_ENVELOPE_BYTES, MAX_ENVELOPE_BYTES)
    : undefined;
  const manifest = parseManifest(bytesOf(files, MANIFEST_FILE), `${dir}/${MANIFEST_FILE}`);
  if (!files.some((file) => file.path === manifest.entry)) {
    throw cannotRead(dir, `its entry ${quotePath(manifest.entry)} is not there`, {
      hint: `Add the file, or name another one in "entry" of ${MANIFEST_FILE}`,
      details: { path: manifest.entry },
    });
  }
  return {
    root,
    files: Object.freeze(files),
    manifest,
    bundleHash: bundleHash(files),
    ...(envelopeBytes ? { envelopeBytes } : {}),
    leftOut: listing.leftOut,
  };
}

/** Finds the content of a file that the rules for bundles say is there. */
export function bytesOf(files: readonly BundleFile[], path: string): Uint8Array {
  const file = files.find((candidate) => candidate.path === path);
  if (!file) throw new RangeError(`Cannot find file ${quotePath(path)} in bundle`);
  return file.bytes;
}

/** Finds the folder of a bundle behind links. */
export function findRoot(dir: string): string {
  try {
    const root = Deno.realPathSync(dir);
    if (Deno.lstatSync(root).isDirectory) return root;
  } catch (cause) {
    const missing = cause instanceof Deno.errors.NotFound;
    const reason = missing
      ? "there is no such folder"
      : `the folder cannot be opened: ${readThrown(cause).message}`;
    throw cannotRead(dir, reason, {
      hint: missing ? "Check the path" : "See the cause; the host needs read access to the bundle",
      cause,
    });
  }
  throw cannotRead(dir, "it is not a folder", { hint: "Name the folder that holds plugin.json" });
}

function refuseOuterSourceMap(dir: string, path: string, bytes: Uint8Array): void {
  const named = outerSourceMap(path, bytes);
  if (named === undefined) return;
  throw cannotRead(
    dir,
    `${quotePath(path)} names a source map outside the bundle, ${quotePath(named)}`,
    {
      hint: "Put the map into the bundle and name it by a relative path, or remove that comment",
      details: { path, sourceMap: named.slice(0, 1_000) },
    },
  );
}

async function readFile(
  dir: string,
  root: string,
  path: string,
  left: number,
  maxBytes: number,
): Promise<Uint8Array> {
  try {
    using file = openNoFollow(`${root}/${path}`);
    if (!file.info.isFile()) throw notAFile(dir, path);
    const bytes = await readAtMost(file, left);
    if (bytes) return bytes;
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw cannotRead(dir, `${quotePath(path)} cannot be read: ${readThrown(cause).message}`, {
      hint: "See the cause; nothing may change in a bundle while it is read",
      details: { path },
      cause,
    });
  }
  const what = path === ENVELOPE_FILE ? quotePath(path) : "it";
  throw cannotRead(dir, `${what} is larger than ${maxBytes} bytes`, {
    hint: "Leave out what the plugin does not need, or raise the limit where the host is opened",
    details: { path, maxBytes },
  });
}
