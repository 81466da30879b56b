// What comparing a request with a grant finds: items that a plugin gets, and excess that it does not.
import type { SchemaIssue } from "../json/schema_issues.ts";

/** Names a family of permissions whose excess keeps a plugin from loading. */
export type PermissionFamily = "net" | "read" | "write" | "sys" | "hooks";

export const PERMISSION_FAMILIES: readonly PermissionFamily[] = Object.freeze(
  ["net", "read", "write", "sys", "hooks"],
);

/** Is the source of what a plugin reads because it is part of itself. */
export const OWN_BUNDLE = "its own bundle";

/** Is the source of what a plugin reads and writes because its manifest declares storage. */
export const OWN_STORAGE = "its own storage";

/** Names one part of a request that the policy does not cover. */
export interface Excess {
  readonly family: PermissionFamily;
  /** What was asked for: a host in normal form, a path as the manifest writes it, a name. */
  readonly value: string;
  /** Why it is not given, such as `is not granted`. */
  readonly reason: string;
  /** Whether a policy could grant it at all. */
  readonly grantable: boolean;
}

export interface ResolvedItem {
  readonly family: PermissionFamily | "context";
  /** The effective value in normal form. */
  readonly value: string;
  readonly requested: string;
  /** Where it comes from: a part of the policy, or the plugin's own bundle or storage. */
  readonly source: string;
}

export interface Findings {
  readonly items: ResolvedItem[];
  /** Uncovered requests, with what remains of each when it is narrowed. */
  readonly uncovered: { readonly excess: Excess; readonly pieces: readonly ResolvedItem[] }[];
  /** Mistakes in the manifest. */
  readonly requestIssues: SchemaIssue[];
  /** Mistakes in the policy that only the disk shows. */
  readonly grantIssues: SchemaIssue[];
}
