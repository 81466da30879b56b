// Compares requested with granted paths, after symlinks are resolved.
import type { SchemaIssue } from "../json/schema_issues.ts";
import { escapeText } from "../errors.ts";
import { type Findings, OWN_BUNDLE, OWN_STORAGE } from "./findings.ts";
import { matchRequests, type Request } from "./match.ts";
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

/** Holds the folders that paths are resolved against. */
export interface PathContext {
  /** The real folder from which the plugin runs; always readable, never writable. */
  readonly bundleDir: string;
  /** The plugin's own storage, when the manifest declares one. */
  readonly storageDir: string | undefined;
  /** Says what of the host a real path is, lies in or contains: no plugin ever gets that. */
  reserved(path: string, access: PathAccess): string | undefined;
  /** Resolves every symlink of an existing path; `undefined` when the path does not exist. */
  realPath(path: string): string | undefined;
}

/** Holds what the manifest asks and the policy gives, as it is written. */
export interface PathLists {
  /** How the paths would be used. */
  readonly access: PathAccess;
  /** The manifest's list. */
  readonly requests: readonly string[];
  /** The policy's list; its form was checked. */
  readonly grants: readonly string[];
  /** Where that list is in the policy. */
  readonly source: string;
}

/** Holds findings, with the grants that cannot be used. */
export interface PathFindings extends Findings {
  /** Mistakes in the manifest. */
  readonly requestIssues: SchemaIssue[];
  /** Mistakes in the policy that only the disk shows. */
  readonly grantIssues: SchemaIssue[];
}

/**
 * Compares requested paths with granted ones.
 *
 * The bundle is readable and declared storage is readable and writable without a grant.
 */
export function matchPaths(lists: PathLists, context: PathContext): PathFindings {
  const { access, requests, source } = lists;
  const findings: PathFindings = { items: [], uncovered: [], requestIssues: [], grantIssues: [] };
  const own = ownFolders(access, context);
  const open: Request<string>[] = [];
  requests.forEach((written, index) => {
    const parsed = parsePathScope(written);
    if ("problem" in parsed) {
      const path = `permissions.${access}[${index}]`;
      const message = `"${escapeText(written, 200)}" ${parsed.problem}`;
      findings.requestIssues.push({ path, message });
      return;
    }
    const located = locate(parsed.value, context);
    const reason = "reason" in located ? located.reason : refusal(located.path, access, context);
    if (reason !== undefined) {
      const excess = { family: access, value: written, reason, grantable: false };
      findings.uncovered.push({ excess, pieces: [] });
      return;
    }
    const value = (located as { path: string }).path;
    const owner = own.find((folder) => pathCovers(folder.path, value));
    if (!owner) open.push({ written, value });
    else findings.items.push({ family: access, value, requested: written, source: owner.source });
  });
  if (open.length === 0) return findings; // grants are looked up on the disk only where needed

  const { paths, issues } = locateGrants(lists, context);
  const matched = matchRequests(open, paths, {
    family: access,
    source,
    intersect: intersectPath,
    format: (path) => path,
    name: (request) => request.written,
    refuse: (path) => refusal(path, access, context),
  });
  findings.grantIssues.push(...issues);
  findings.items.push(...matched.items);
  findings.uncovered.push(...matched.uncovered);
  return findings;
}

function ownFolders(
  access: PathAccess,
  context: PathContext,
): { path: string; source: string }[] {
  const folders: { path: string; source: string }[] = [];
  if (access === "read") folders.push({ path: context.bundleDir, source: OWN_BUNDLE });
  if (context.storageDir !== undefined) {
    folders.push({ path: context.storageDir, source: OWN_STORAGE });
  }
  return folders;
}

function locate(scope: PathScope, context: PathContext): { path: string } | { reason: string } {
  const base = scope.base === "bundle" ? context.bundleDir : context.storageDir;
  if (scope.base === "storage" && base === undefined) {
    return { reason: 'needs "storage" in the manifest' };
  }
  if (scope.base !== "absolute" && scope.path === "") return { path: base! };
  const path = scope.base === "absolute" ? scope.path : `${base}${scope.path}`;
  const real = context.realPath(path);
  if (real !== undefined) return { path: real };
  // what does not exist could become anything later, a symlink too
  const instead = scope.base === "storage" ? ': ask for "$STORAGE" itself' : "";
  return { reason: `does not exist${instead}` };
}

function refusal(path: string, access: PathAccess, context: PathContext): string | undefined {
  const form = realPathProblem(path);
  if (form !== undefined) return `cannot be granted: its real path ${form}`;
  const never = neverGranted(path, access);
  if (never !== undefined) return `cannot be granted: ${never}`;
  if (ownFolders(access, context).some((folder) => pathCovers(folder.path, path))) return undefined;
  const reserved = context.reserved(path, access);
  if (reserved !== undefined) return `cannot be granted: it ${escapeText(reserved, 1_000)}`;
  if (access === "read" || !overlaps(context.bundleDir, path)) return undefined;
  return "cannot be granted: a plugin never writes to its bundle, nor to what contains it";
}

function locateGrants(
  lists: PathLists,
  context: PathContext,
): { paths: string[]; issues: SchemaIssue[] } {
  const paths: string[] = [];
  const issues: SchemaIssue[] = [];
  lists.grants.forEach((written, index) => {
    const parsed = parsePathScope(written);
    if ("problem" in parsed) return; // checkEntry() refused the policy before
    if (parsed.value.base !== "absolute") return; // the plugin has these without a grant
    const real = context.realPath(parsed.value.path);
    if (real !== undefined) paths.push(real);
    else {
      const message = `"${escapeText(written, 200)}" does not exist`;
      issues.push({ path: `${lists.source}[${index}]`, message });
    }
  });
  return { paths, issues };
}
