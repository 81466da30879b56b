// Compares a manifest's whole request with a policy's grant, family by family.
import type { Manifest } from "../bundle/manifest/manifest_schema.ts";
import { escapeText } from "../errors.ts";
import type { Findings } from "./findings.ts";
import { type Matching, matchRequests, type Request } from "./match.ts";
import { matchPaths, type PathContext } from "./match_paths.ts";
import { grantOrigin } from "./policy/policy.ts";
import type { PolicyEntry } from "./policy/policy_schema.ts";
import { formatNetScope, intersectNet, type Parsed, parseNetScope } from "./scopes/net_scope.ts";
import { parseSysKind } from "./scopes/sys_scope.ts";

export function compareFamilies(
  { permissions: asked = {}, hooks = [] }: Manifest,
  entry: PolicyEntry,
  paths: PathContext,
): Findings {
  const found: Findings = { items: [], uncovered: [], requestIssues: [], grantIssues: [] };
  const { grant = {} } = entry;
  const net = parseRequests("net", asked.net, parseNetScope, found);
  matchRequests(net, parseGrants(grant.net, parseNetScope), {
    family: "net",
    source: grantOrigin(entry, "net"),
    intersect: intersectNet,
    format: formatNetScope,
  }, found);
  for (const access of ["read", "write"] as const) {
    const lists = { requests: asked[access] ?? [], grants: grant[access] ?? [] };
    matchPaths({ access, ...lists, source: grantOrigin(entry, access) }, paths, found);
  }
  const names = (family: "sys" | "hooks"): Matching<string> => ({
    family,
    source: grantOrigin(entry, family),
    intersect: (granted, name) =>
      granted === name || (family === "hooks" && granted === "*") ? name : undefined,
    format: (name) => name,
  });
  const sys = parseRequests("sys", asked.sys, parseSysKind, found);
  matchRequests(sys, parseGrants(grant.sys, parseSysKind), names("sys"), found);
  const handled = hooks.map(({ name }) => ({ written: name, value: name }));
  matchRequests(handled, grant.hooks ?? [], names("hooks"), found);
  return found;
}

function parseRequests<T>(
  family: "net" | "sys",
  texts: readonly string[] = [],
  parse: (text: string) => Parsed<T>,
  { requestIssues }: Findings,
): Request<T>[] {
  return texts.flatMap((written, index) => {
    const parsed = parse(written);
    if ("value" in parsed) return [{ written, value: parsed.value }];
    const message = `"${escapeText(written, 200)}" ${parsed.problem}`;
    requestIssues.push({ path: `permissions.${family}[${index}]`, message });
    return [];
  });
}

function parseGrants<T>(texts: readonly string[] = [], parse: (text: string) => Parsed<T>): T[] {
  return texts.flatMap((text) => {
    const parsed = parse(text);
    return "value" in parsed ? [parsed.value] : []; // checkEntry() refused malformed ones before
  });
}
