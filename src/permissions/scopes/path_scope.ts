// The grammar of granted paths, and which path contains which.
import type { Parsed } from "./net_scope.ts";

export type PathAccess = "read" | "write";

/** Holds a path as it was written: absolute, or beneath the bundle or the storage of the plugin. */
export interface PathScope {
  readonly base: "absolute" | "bundle" | "storage";
  /** The whole path when absolute, else what follows the variable, with its leading `/`; or empty. */
  readonly path: string;
}

const DRIVE = /^[A-Za-z]:[\\/]/;
const MAX_PATH_LENGTH = 4_096;

/** Folders that are never granted, nor anything beneath or above them (threats FS-04, LA-02). */
const NEVER = ["/proc", "/sys", "/dev"];

/** Folders with programs and settings of the system, macOS among them, never granted for writing (LA-05). */
const NEVER_WRITTEN = [
  ...["/Applications", "/Library", "/System", "/bin", "/boot", "/etc", "/lib", "/lib64"],
  ...["/private/etc", "/private/var/db", "/sbin", "/usr/bin", "/usr/lib", "/usr/lib64"],
  ...["/usr/libexec", "/usr/local/bin", "/usr/local/lib", "/usr/local/sbin", "/usr/sbin"],
];

/** The same of Windows, on whichever drive. */
const NEVER_WRITTEN_ON_DRIVES = [
  ...["$Recycle.Bin", "Boot", "EFI", "Program Files", "Program Files (Arm)"],
  ...["Program Files (x86)", "ProgramData", "Recovery", "System Volume Information", "Windows"],
];

export function parsePathScope(text: string): Parsed<PathScope> {
  const problem = characterProblem(text);
  if (problem !== undefined) return { problem };
  const variable = /^\$([A-Za-z_]\w*)/.exec(text);
  if (variable) {
    const base = ({ BUNDLE: "bundle", STORAGE: "storage" } as const)[variable[1]!];
    if (base === undefined) {
      return { problem: "starts with a variable other than $BUNDLE, $STORAGE" };
    }
    const rest = text.slice(variable[0].length);
    if (rest !== "" && !rest.startsWith("/")) {
      return { problem: `has text right after $${variable[1]}: write a / between them` };
    }
    return { value: { base, path: rest.replace(/\/+/g, "/").replace(/\/$/, "") } };
  }
  if (text.startsWith("~")) return { problem: "starts with ~, which is not expanded" };
  if (/^file:/i.test(text)) return { problem: "is a URL: write the path" };
  if (!isAbsolute(text)) {
    return { problem: "is relative: write an absolute path, or start with $BUNDLE or $STORAGE" };
  }
  return { value: { base: "absolute", path: normalise(text) } };
}

/** Says what keeps a real path from becoming the value of a flag. */
export function realPathProblem(path: string): string | undefined {
  const problem = characterProblem(path);
  if (problem !== undefined) return problem;
  if (!isAbsolute(path)) return "is not absolute";
  return normalise(path) === path ? undefined : "is not in normal form";
}

/** Returns a path that the host made in the form that granted paths have: on Windows with one kind of separator. */
export function nativePath(path: string): string {
  return DRIVE.test(path) ? normalise(path) : path;
}

/** Says why a path can never be granted, whatever the policy says. */
export function neverGranted(
  path: string,
  access: PathAccess,
  os: string = Deno.build.os,
): string | undefined {
  const isDrive = DRIVE.test(path);
  if (splitPath(path).length === (isDrive ? 1 : 0)) return "the root folder is never granted";
  const fold = (text: string) => os === "linux" ? text : text.toLowerCase();
  const touches = (folder: string) => overlaps(fold(folder), fold(path));
  const never = isDrive ? undefined : NEVER.find(touches);
  if (never !== undefined) return `${never} is never granted, nor what contains it`;
  if (access === "read") return undefined;
  const folders = isDrive
    ? NEVER_WRITTEN_ON_DRIVES.map((name) => `${path.slice(0, 2)}\\${name}`)
    : NEVER_WRITTEN;
  const system = folders.find(touches);
  return system && `${system} is never granted for writing, nor what contains it`;
}

/** Returns whether one path contains another or is the same, segment by segment: `/a` not `/ab`. */
export function pathCovers(grant: string, request: string): boolean {
  if (DRIVE.test(grant) !== DRIVE.test(request)) return false;
  const outer = splitPath(grant);
  const inner = splitPath(request);
  return outer.length <= inner.length && outer.every((part, index) => part === inner[index]);
}

export function overlaps(a: string, b: string): boolean {
  return pathCovers(a, b) || pathCovers(b, a);
}

export function intersectPath(a: string, b: string): string | undefined {
  if (pathCovers(a, b)) return b;
  return pathCovers(b, a) ? a : undefined;
}

function characterProblem(text: string): string | undefined {
  if (text === "" || text.length > MAX_PATH_LENGTH) {
    return `is empty or longer than ${MAX_PATH_LENGTH} characters`;
  }
  // LA-01: Deno splits its flags at commas and there is no escape
  if (text.includes(",")) {
    return "has a comma, which Deno's flags cannot express: rename the folder";
  }
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) return "has a control character";
  if (!text.isWellFormed()) return "is not well-formed Unicode";
  if (text.split(/[\\/]/).includes("..")) return "has a .. segment";
  if (DRIVE.test(text) && text.includes(":", 2)) {
    return "has a colon, which names a stream of a file";
  }
  return undefined;
}

function isAbsolute(path: string): boolean {
  return (path.startsWith("/") && !path.startsWith("//")) || DRIVE.test(path);
}

function normalise(path: string): string {
  const separator = DRIVE.test(path) ? "\\" : "/";
  const parts = path.split(DRIVE.test(path) ? /[\\/]+/ : /\/+/);
  const kept = parts.filter((part) => part !== "" && part !== ".");
  if (separator === "/") return `/${kept.join("/")}`;
  return kept.length === 1 ? `${kept[0]}\\` : kept.join("\\");
}

/** Splits a path into comparable segments; Windows compares without case, so those are folded. */
function splitPath(path: string): string[] {
  if (!DRIVE.test(path)) return path.split("/").filter((part) => part !== "");
  return path.toLowerCase().split(/[\\/]/).filter((part) => part !== "");
}
