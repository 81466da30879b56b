// Compares a manifest's whole request with a policy's grant, family by family.
import type { Manifest } from "../bundle/manifest/manifest_schema.ts";
import type { SchemaIssue } from "../json/schema_issues.ts";
import { escapeText } from "../errors.ts";
import type { Findings } from "./findings.ts";
import { matchRequests, type Request } from "./match.ts";
import { matchPaths, type PathContext } from "./match_paths.ts";
import {
  formatNetScope,
  intersectNet,
  type NetScope,
  type Parsed,
  parseNetScope,
} from "./scopes/net_scope.ts";
import { grantOrigin } from "./policy/policy.ts";
import type { PolicyEntry } from "./policy/policy_schema.ts";
import { parseSysKind } from "./scopes/sys_scope.ts";

/** Holds the findings of all families, with the mistakes on either side. */
export interface AllFindings extends Findings {
  /** Mistakes in the manifest. */
  readonly requestIssues: SchemaIssue[];
  /** Mistakes in the policy that only the disk shows. */
  readonly grantIssues: SchemaIssue[];
}

/** Compares hosts, paths, system information and hooks. */
export function compareFamilies(
  manifest: Manifest,
  entry: PolicyEntry,
  paths: PathContext,
): AllFindings {
  const all: AllFindings = { items: [], uncovered: [], requestIssues: [], grantIssues: [] };
  const add = (findings: Findings & Partial<AllFindings>) => {
    all.items.push(...findings.items);
    all.uncovered.push(...findings.uncovered);
    all.requestIssues.push(...findings.requestIssues ?? []);
    all.grantIssues.push(...findings.grantIssues ?? []);
  };
  const asked = manifest.permissions ?? {};
  const net = parseRequests("net", asked.net, parseNetScope, all.requestIssues);
  add(matchRequests<NetScope>(net, parseGrants(entry.grant?.net, parseNetScope), {
    family: "net",
    source: grantOrigin(entry, "net"),
    intersect: intersectNet,
    format: formatNetScope,
    name: (request) => formatNetScope(request.value),
  }));
  for (const access of ["read", "write"] as const) {
    add(matchPaths({
      access,
      requests: asked[access] ?? [],
      grants: entry.grant?.[access] ?? [],
      source: grantOrigin(entry, access),
    }, paths));
  }
  const sys = parseRequests("sys", asked.sys, parseSysKind, all.requestIssues);
  add(matchNames("sys", sys, parseGrants(entry.grant?.sys, parseSysKind), entry));
  const hooks = (manifest.hooks ?? []).map(({ name }) => ({ written: name, value: name }));
  add(matchNames("hooks", hooks, entry.grant?.hooks ?? [], entry));
  return all;
}

function matchNames(
  family: "sys" | "hooks",
  requests: readonly Request<string>[],
  grants: readonly string[],
  entry: PolicyEntry,
): Findings {
  return matchRequests<string>(requests, grants, {
    family,
    source: grantOrigin(entry, family),
    intersect: (grant, request) =>
      grant === request || (family === "hooks" && grant === "*") ? request : undefined,
    format: (name) => name,
    name: (request) => request.value,
  });
}

function parseRequests<T>(
  family: "net" | "sys",
  texts: readonly string[] | undefined,
  parse: (text: string) => Parsed<T>,
  issues: SchemaIssue[],
): Request<T>[] {
  return (texts ?? []).flatMap((written, index) => {
    const parsed = parse(written);
    if ("value" in parsed) return [{ written, value: parsed.value }];
    const message = `"${escapeText(written, 200)}" ${parsed.problem}`;
    issues.push({ path: `permissions.${family}[${index}]`, message });
    return [];
  });
}

function parseGrants<T>(
  texts: readonly string[] | undefined,
  parse: (text: string) => Parsed<T>,
): T[] {
  return (texts ?? []).flatMap((text) => {
    const parsed = parse(text);
    return "value" in parsed ? [parsed.value] : []; // checkEntry() refused malformed ones before
  });
}
