// What comparing a request with a grant finds: items that a plugin gets, and excess that it does not.

/** Names a family of permissions whose excess keeps a plugin from loading. */
export type PermissionFamily = "net" | "read" | "write" | "sys" | "hooks";

/** Lists the families in the order in which people see them. */
export const PERMISSION_FAMILIES: readonly PermissionFamily[] = Object.freeze([
  "net",
  "read",
  "write",
  "sys",
  "hooks",
]);

/** Is the source of what a plugin reads because it is part of itself. */
export const OWN_BUNDLE = "its own bundle";

/** Is the source of what a plugin reads and writes because its manifest declares storage. */
export const OWN_STORAGE = "its own storage";

/** Names one part of a request that the policy does not cover. */
export interface Excess {
  /** The family it belongs to. */
  readonly family: PermissionFamily;
  /** What was asked for: a host in normal form, a path as the manifest writes it, a name. */
  readonly value: string;
  /** Why it is not given, such as `is not granted`. */
  readonly reason: string;
  /** Whether a policy could grant it at all. */
  readonly grantable: boolean;
}

/** Names one thing that a plugin gets, and why. */
export interface ResolvedItem {
  /** The family it belongs to. */
  readonly family: PermissionFamily | "context";
  /** The effective value in normal form. */
  readonly value: string;
  /** What the manifest says. */
  readonly requested: string;
  /** Where it comes from: a part of the policy, or the plugin's own bundle or storage. */
  readonly source: string;
}

/** Holds one uncovered request, with the parts of it that the grant does contain. */
export interface Uncovered {
  /** The request and the reason. */
  readonly excess: Excess;
  /** What remains of it when the request is narrowed. */
  readonly pieces: readonly ResolvedItem[];
}

/** Collects the findings of one family or of all. */
export interface Findings {
  /** What is covered. */
  readonly items: ResolvedItem[];
  /** What is not. */
  readonly uncovered: Uncovered[];
}
