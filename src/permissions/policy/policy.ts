// The policy, `policy.json`: what the operator grants to plugins, and under which limits.
import * as z from "zod";
import { describeIssues, joinIssues, PARSING, type SchemaIssue } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { docPage } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { entrySchema, policySchema } from "./policy_schema.ts";
import type { Grant, Policy, PolicyEntry } from "./policy_schema.ts";

/** Is the greatest size of `policy.json`, in bytes. */
export const MAX_POLICY_BYTES: number = 1024 * 1024;

const UNKNOWN_GRANTS: ReadonlyMap<string, string> = new Map([
  ["env", "a plugin never gets the environment"],
  ["run", "a plugin never starts processes"],
  ["ffi", "a plugin never calls native code"],
  ["import", "a plugin imports from its own bundle only"],
]);

/** Fields of an entry that are laid over the default's field by field. */
const LAYERED = ["grant", "limits", "violations", "restart", "monitor"] as const;

/** Remembers, for entries made by `entryFor`, which part of the policy each list came from. */
const origins = new WeakMap<PolicyEntry, ReadonlyMap<keyof Grant, string>>();

/**
 * Parses a policy and checks every field of it, the form of hosts and paths included.
 *
 * @category Policy
 * @param input The bytes or text of `policy.json`, at most 1 MiB, or the object in it.
 * @param source How messages name the policy.
 * @returns The policy, frozen all the way down; an object given is copied, not frozen.
 * @throws {SallyportError} `bad-config`, naming all mistakes at once; they are in `details.issues`
 * as `{ path, message }`, the first 100 of them.
 *
 * @example
 * ```ts
 * import { parsePolicy } from "@sallyport/host";
 *
 * const policy = parsePolicy({
 *   plugins: { "link-check": { grant: { net: ["example.com:443"] } } },
 * });
 * if (policy.default !== undefined) throw new Error("unexpected");
 * ```
 */
export function parsePolicy(input: unknown, source: string = "policy.json"): Policy {
  const result = policySchema.safeParse(readInput(input, source), PARSING);
  if (!result.success) {
    throw invalid(
      source,
      describeIssues(result.error.issues, (path) => {
        const grant = /(?:^default|^plugins\..+)\.grant\.(\w+)$/.exec(path);
        return grant ? UNKNOWN_GRANTS.get(grant[1]!) : undefined;
      }),
    );
  }
  return deepFreeze(result.data);
}

/**
 * Returns the entry of one plugin: its own laid over the default.
 *
 * Each list of the grant (and the `context` table) replaces that of the default as a whole; lists
 * are never merged. So does the list of responses to violations. Each limit and each other setting
 * replaces its counterpart.
 */
export function entryFor(policy: Policy | undefined, name: string): PolicyEntry {
  const base = policy?.default ?? {};
  const plugins = policy?.plugins ?? {};
  const own = Object.hasOwn(plugins, name) ? plugins[name]! : {};
  const layers = Object.fromEntries(
    LAYERED.filter((field) => base[field] || own[field])
      .map((field) => [field, { ...base[field], ...withoutUndefined(own[field] ?? {}) }]),
  );
  const entry: PolicyEntry = { ...base, ...withoutUndefined(own), ...layers };
  const origin = new Map<keyof Grant, string>();
  for (const family of ["net", "read", "write", "sys", "context", "hooks"] as const) {
    if (own.grant?.[family] !== undefined) origin.set(family, `plugins.${name}.grant.${family}`);
    else if (base.grant?.[family] !== undefined) origin.set(family, `default.grant.${family}`);
  }
  origins.set(entry, origin);
  return deepFreeze(entry);
}

/**
 * Checks an entry that did not come out of {@linkcode parsePolicy}, or might not have.
 *
 * @throws {SallyportError} `bad-config`, naming all mistakes at once, also in `details.issues`.
 */
export function checkEntry(entry: PolicyEntry, plugin: string): void {
  const result = entrySchema.safeParse(entry, PARSING);
  if (!result.success) throw invalid(`entry for ${plugin}`, describeIssues(result.error.issues));
}

export function grantOrigin(entry: PolicyEntry, family: keyof Grant): string {
  return origins.get(entry)?.get(family) ?? `grant.${family}`;
}

/**
 * Makes the JSON Schema (draft 2020-12) of `policy.json`, for editors.
 *
 * It says less than {@linkcode parsePolicy} checks: the form of hosts and paths is left to it.
 *
 * @category Policy
 * @returns The schema as plain data.
 */
export function policyJsonSchema(): Record<string, unknown> {
  return {
    $id: "https://sallyport.dev/schema/policy.json",
    title: "Sallyport policy",
    ...z.toJSONSchema(policySchema),
  };
}

function readInput(input: unknown, source: string): unknown {
  if (typeof input !== "string" && !(input instanceof Uint8Array)) return input;
  if (input.length > MAX_POLICY_BYTES) {
    throw invalid(source, [{ path: "", message: `is larger than ${MAX_POLICY_BYTES} bytes` }]);
  }
  try {
    return parseStrictJson(input);
  } catch (cause) {
    const message = escapeText((cause as Error).message, 300);
    throw invalid(source, [{ path: "", message }], cause);
  }
}

function invalid(source: string, issues: SchemaIssue[], cause?: unknown): SallyportError {
  return new SallyportError(
    "bad-config",
    `Cannot use policy "${escapeText(source, 500)}": ${joinIssues(issues)}`,
    {
      hint: `Fix the policy; its fields are described in ${docPage("integration.md")}`,
      details: { source, issues },
      cause,
    },
  );
}

/** An option that a caller passed as `undefined` is one that it left out, not one that it cleared. */
function withoutUndefined<T extends object>(value: T): Partial<T> {
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
