// The rules for paths inside a bundle: one spelling, one file, on every system.
import { escapeText, hasInvisible } from "../../errors.ts";

/** Is the name of the manifest, at the root of a bundle. */
export const MANIFEST_FILE = "plugin.json";

/** Is the name of the signed envelope, at the root of a bundle. */
export const ENVELOPE_FILE = "plugin.sig.json";

/** Is the greatest length of a bundle path, in bytes of UTF-8. */
export const MAX_PATH_BYTES = 1_024;

/** Is the greatest length of one segment, in bytes of UTF-8: what common file systems take. */
export const MAX_SEGMENT_BYTES = 255;

/** Is the greatest number of segments of a bundle path. */
export const MAX_PATH_DEPTH = 32;

/**
 * Names that would configure the runtime or the tools around it, and so change what the verified
 * code means, or bring along what nobody meant to ship. Refused at any depth and in any case.
 */
const FORBIDDEN_NAMES: ReadonlyMap<string, string> = new Map([
  ["deno.json", "it would configure the runtime"],
  ["deno.jsonc", "it would configure the runtime"],
  ["deno.lock", "it would configure the runtime"],
  ["package.json", "it would redirect imports"],
  ["node_modules", "dependencies must be bundled into the plugin's own modules"],
  [".npmrc", "it would redirect imports"],
  [".git", "a repository's history does not belong in a bundle"],
]);

const encoder = new TextEncoder();

/**
 * Says what is wrong with a bundle path, if anything is.
 *
 * A good path is relative and `/`-separated, in Unicode NFC, without `..`, `.` or empty segments,
 * backslashes, colons, control or invisible characters, and within the length limits.
 */
export function bundlePathProblem(path: string): string | undefined {
  if (path === "") return "is empty";
  if (!path.isWellFormed() || path.includes("\ufffd")) return "is not valid Unicode";
  // also holds `C:\x` and `\\server\share`, absolute on Windows
  if (path.includes("\\")) return 'has a backslash; separate with "/"';
  if (path.startsWith("/")) return "is absolute";
  if (/\p{Cc}/u.test(path)) return "has a control character";
  // bidirectional and zero-width characters make two names look the same (CVE-2021-42574), and HFS+
  // ignores some of them when it compares (CVE-2014-9390)
  if (hasInvisible(path)) return "has an invisible formatting character";
  if (path.includes(":")) return "has a colon, which names a drive or a stream on Windows";
  if (path.normalize("NFC") !== path) return "is not in Unicode normal form NFC";
  if (encoder.encode(path).length > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  const segments = path.split("/");
  if (segments.length > MAX_PATH_DEPTH) return `is deeper than ${MAX_PATH_DEPTH} levels`;
  for (const segment of segments) {
    const problem = segmentProblem(segment);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function segmentProblem(segment: string): string | undefined {
  if (segment === "") return "has an empty segment";
  if (segment === "." || segment === "..") return `has a "${segment}" segment`;
  // Windows drops these, so that "deno.json." would open "deno.json"
  if (/[. ]$/.test(segment)) return "has a segment that ends in a dot or a space";
  if (encoder.encode(segment).length > MAX_SEGMENT_BYTES) {
    return `has a segment longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  const reason = FORBIDDEN_NAMES.get(foldCase(segment));
  return reason === undefined ? undefined : `is a forbidden name: ${reason}`;
}

/** Folds case as the most forgiving file system would: "ẞ", "ß" and "SS" are one. */
function foldCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase().normalize("NFC");
}

/**
 * Finds two paths that a case-insensitive file system would take for one, parent folders included.
 */
export function findCaseCollision(paths: readonly string[]): [string, string] | undefined {
  const seen = new Map<string, { spelling: string; file: boolean }>();
  for (const path of paths) {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      const spelling = path.slice(0, end);
      const folded = foldCase(spelling);
      const other = seen.get(folded);
      if (other && (other.file || other.spelling !== spelling)) return [other.spelling, spelling];
      if (!other) seen.set(folded, { spelling, file: false });
    }
    const folded = foldCase(path);
    const other = seen.get(folded);
    if (other) return [other.spelling, path];
    seen.set(folded, { spelling: path, file: true });
  }
  return undefined;
}

/**
 * Says what is wrong with the list of a bundle's files, if anything is: one rule for what is read
 * from disk and for what a statement claims.
 */
export function fileListProblem(paths: readonly string[]): string | undefined {
  if (!paths.includes(MANIFEST_FILE)) {
    const inside = paths.find((path) => path.endsWith(`/${MANIFEST_FILE}`));
    const found = inside === undefined
      ? ""
      : `, only ${quotePath(inside)}: name the plugin's own folder`;
    return `there is no "${MANIFEST_FILE}" at its root${found}`;
  }
  for (const path of paths) {
    const problem = bundlePathProblem(path);
    if (problem !== undefined) return `the path ${quotePath(path)} ${problem}`;
    if (isEnvelopeName(path)) {
      return `the path ${quotePath(path)} uses the name of the signature file`;
    }
  }
  const collision = findCaseCollision([ENVELOPE_FILE, ...paths]);
  if (collision) {
    const [one, other] = collision;
    return one === other
      ? `the path ${quotePath(one)} is there twice`
      : `the paths ${quotePath(one)} and ${quotePath(other)} differ only in case`;
  }
  return undefined;
}

/** Tells the envelope's name at any depth, and those that an interrupted signing leaves behind. */
function isEnvelopeName(path: string): boolean {
  const name = foldCase(path.slice(path.lastIndexOf("/") + 1));
  return name === ENVELOPE_FILE || name.startsWith(`${ENVELOPE_FILE}.`);
}

/** Quotes a path for a message. */
export function quotePath(path: string): string {
  return `"${escapeText(path, 300)}"`;
}

/** Compares two strings by the bytes of their UTF-8 form, for sorting. */
export function compareBytewise(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return utf8Rank(x) - utf8Rank(y);
  }
  return a.length - b.length;
}

/** Lifts surrogates above U+E000 to U+FFFF, as UTF-8 sorts by code point and UTF-16 does not. */
function utf8Rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}
