// Compares requested with granted paths, after symlinks are resolved.
import { escapeText } from "../errors.ts";
import { type Findings, OWN_BUNDLE, OWN_STORAGE } from "./findings.ts";
import { matchRequests, type Request } from "./match.ts";
import type { Parsed } from "./scopes/net_scope.ts";
import {
  intersectPath,
  neverGranted,
  overlaps,
  parsePathScope,
  type PathAccess,
  pathCovers,
  type PathScope,
  realPathProblem,
} from "./scopes/path_scope.ts";

/** Holds the folders that paths are resolved against, and the disk. */
export interface PathContext {
  /** The real folder from which the plugin runs; always readable, never writable. */
  readonly bundleDir: string;
  /** The real folder for the plugin's storage, which need not exist yet. */
  readonly storageDir?: string;
  /**
   * Says what of the host a real path is, lies in or contains, in words that follow `cannot be granted: it`; no
   * plugin ever gets that.
   */
  reserved?(path: string, access: PathAccess): string | undefined;
  /** Resolves every symlink of an existing path; returns `undefined` when there is none. */
  realPath(path: string): string | undefined;
}

/** Holds what the manifest asks and the policy grants, as it is written; the policy's form was checked. */
export interface PathLists {
  readonly access: PathAccess;
  readonly requests: readonly string[];
  readonly grants: readonly string[];
  /** Where the grants are in the policy. */
  readonly source: string;
}

/** Compares paths; the bundle, and storage that is declared, need no grant. */
export function matchPaths(lists: PathLists, context: PathContext, found: Findings): void {
  const { access, requests, source } = lists;
  const own = ownFolders(access, context);
  const open: Request<string>[] = [];
  for (const [index, written] of requests.entries()) {
    const parsed = parsePathScope(written);
    if ("problem" in parsed) {
      const message = `"${escapeText(written, 200)}" ${parsed.problem}`;
      found.requestIssues.push({ path: `permissions.${access}[${index}]`, message });
      continue;
    }
    const located = locate(parsed.value, access, context);
    if ("problem" in located) {
      const excess = { family: access, value: written, reason: located.problem, grantable: false };
      found.uncovered.push({ excess, pieces: [] });
      continue;
    }
    const { value } = located;
    const owner = own.find((folder) => pathCovers(folder.path, value));
    if (owner === undefined) open.push({ written, value });
    else found.items.push({ family: access, value, requested: written, source: owner.source });
  }
  if (open.length === 0) return; // grants are looked up on the disk only where needed
  matchRequests(open, locateGrants(lists, context, found), {
    family: access,
    source,
    intersect: intersectPath,
    format: (path) => path,
    name: ({ written }) => written,
    refuse: (path) => refusal(path, access, context),
  }, found);
}

function ownFolders(access: PathAccess, { bundleDir, storageDir }: PathContext) {
  return [
    ...(access === "read" ? [{ path: bundleDir, source: OWN_BUNDLE }] : []),
    ...(storageDir === undefined ? [] : [{ path: storageDir, source: OWN_STORAGE }]),
  ];
}

/** Finds the real path that a request means, unless nothing can grant it. */
function locate(
  { base, path }: PathScope,
  access: PathAccess,
  context: PathContext,
): Parsed<string> {
  const folder = base === "absolute"
    ? ""
    : base === "bundle"
    ? context.bundleDir
    : context.storageDir;
  if (folder === undefined) return { problem: 'needs "storage" in the manifest' };
  // a folder of the host's own is real, and may not exist yet
  const value = base !== "absolute" && path === "" ? folder : context.realPath(`${folder}${path}`);
  if (value === undefined) {
    // what does not exist could become anything later, a symlink too
    const instead = base === "storage" ? ': ask for "$STORAGE" itself' : "";
    return { problem: `does not exist${instead}` };
  }
  const problem = refusal(value, access, context);
  return problem === undefined ? { value } : { problem };
}

function refusal(path: string, access: PathAccess, context: PathContext): string | undefined {
  const form = realPathProblem(path);
  if (form !== undefined) return `cannot be granted: its real path ${form}`;
  const never = neverGranted(path, access);
  if (never !== undefined) return `cannot be granted: ${never}`;
  if (ownFolders(access, context).some((folder) => pathCovers(folder.path, path))) return undefined;
  const reserved = context.reserved?.(path, access);
  if (reserved !== undefined) return `cannot be granted: it ${escapeText(reserved, 1_000)}`;
  if (access === "read" || !overlaps(context.bundleDir, path)) return undefined;
  return "cannot be granted: a plugin never writes to its bundle, nor to what contains it";
}

function locateGrants(
  { grants, source }: PathLists,
  context: PathContext,
  { grantIssues }: Findings,
): string[] {
  return grants.flatMap((written, index) => {
    const parsed = parsePathScope(written);
    if ("problem" in parsed) return []; // checkEntry() refused the policy before
    if (parsed.value.base !== "absolute") return []; // the plugin has these without a grant
    const real = context.realPath(parsed.value.path);
    if (real !== undefined) return [real];
    const message = `"${escapeText(written, 200)}" does not exist`;
    grantIssues.push({ path: `${source}[${index}]`, message });
    return [];
  });
}
