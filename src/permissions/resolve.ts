// Effective permissions: what the manifest asks for, within what the policy grants.
import { DEFAULT_LIMITS, type LimitName, type Limits } from "../bundle/manifest/manifest.ts";
import type { AccessLevel, Manifest } from "../bundle/manifest/manifest_schema.ts";
import { joinIssues } from "../json/schema_issues.ts";
import { escapeText, SallyportError } from "../errors.ts";
import { compareFamilies } from "./compare.ts";
import { excessError } from "./excess.ts";
import {
  type Excess,
  OWN_BUNDLE,
  PERMISSION_FAMILIES,
  type PermissionFamily,
  type ResolvedItem,
} from "./findings.ts";
import type { PathContext } from "./match_paths.ts";
import { nativePath, realPathProblem } from "./scopes/path_scope.ts";
import { checkEntry, grantOrigin } from "./policy/policy.ts";
import type { PolicyEntry } from "./policy/policy_schema.ts";

/** Lets only this module make a {@linkcode ResolvedPermissions}. */
const MAKER = Symbol("resolvePermissions");

interface Resolution {
  readonly plugin: string;
  readonly items: readonly ResolvedItem[];
  readonly context: ReadonlyMap<string, AccessLevel>;
  readonly limits: Limits;
  readonly dropped: readonly Excess[];
  readonly entry: PolicyEntry;
}

/**
 * Proves that permissions were worked out from a manifest and a policy, by `resolvePermissions`.
 *
 * Every list is sorted and without repeats; every value is in normal form.
 */
export class ResolvedPermissions {
  readonly plugin: string;
  readonly limits: Limits;
  readonly entry: PolicyEntry;
  /** Everything that the plugin gets, with where it comes from. */
  readonly items: readonly ResolvedItem[];
  /** What it asked for and does not get, under `onExcess: "narrow"`. */
  readonly dropped: readonly Excess[];
  readonly #context: ReadonlyMap<string, AccessLevel>;
  readonly #lists: Readonly<Record<PermissionFamily, readonly string[]>>;

  /** Refuses every caller but `resolvePermissions`. */
  constructor(maker: unknown, resolution: unknown) {
    if (maker !== MAKER) throw new TypeError("ResolvedPermissions come from resolvePermissions()");
    const { plugin, limits, entry, items, dropped, context } = resolution as Resolution;
    this.plugin = plugin;
    this.limits = limits;
    this.entry = entry;
    this.items = items;
    this.dropped = dropped;
    this.#context = context;
    const lists = PERMISSION_FAMILIES.map((family) => {
      const own = items.filter((item) =>
        item.family === family && !(family === "read" && item.source === OWN_BUNDLE)
      );
      return [family, Object.freeze([...new Set(own.map(({ value }) => value))].sort())];
    });
    this.#lists = Object.fromEntries(lists);
    Object.freeze(this);
  }

  get net(): readonly string[] {
    return this.#lists.net;
  }

  /** Real paths that it may read besides its bundle, which it always reads. */
  get read(): readonly string[] {
    return this.#lists.read;
  }

  get write(): readonly string[] {
    return this.#lists.write;
  }

  get sys(): readonly string[] {
    return this.#lists.sys;
  }

  get hooks(): readonly string[] {
    return this.#lists.hooks;
  }

  /** Services that it may use, with how far; a copy, so that changing it changes nothing. */
  get context(): ReadonlyMap<string, AccessLevel> {
    return new Map(this.#context);
  }
}

/**
 * Works out what a plugin may do: its request within the policy's grant.
 *
 * A request is covered when one grant contains all of it. The plugin's own bundle is readable and
 * its declared storage is readable and writable without a grant, where the manifest asks. Services
 * never fail the load: each gets the lesser of the requested and the granted access. A limit is what
 * the manifest asks for, or the default, capped by the policy.
 */
export function resolvePermissions(
  manifest: Manifest,
  entry: PolicyEntry,
  context: PathContext,
): ResolvedPermissions {
  const plugin = manifest.name;
  checkEntry(entry, plugin);
  const found = compareFamilies(manifest, entry, pathContext(manifest, context));
  if (found.requestIssues.length > 0) {
    const message = `Cannot use the permissions of plugin "${plugin}": ${
      joinIssues(found.requestIssues)
    }`;
    throw new SallyportError("manifest-invalid", message, {
      hint: "Fix the manifest",
      details: { plugin, issues: found.requestIssues },
    });
  }
  if (found.grantIssues.length > 0) {
    const message = `Cannot use the policy for plugin "${plugin}": ${
      joinIssues(found.grantIssues)
    }`;
    throw new SallyportError("bad-config", message, {
      hint: "Create the folder, or take it out of the policy",
      details: { plugin, issues: found.grantIssues },
    });
  }
  const uncovered = new Map(
    found.uncovered.map(({ excess }) =>
      [`${excess.family} ${excess.value}`, Object.freeze(excess)] as const
    ),
  );
  const dropped = [...uncovered.values()].sort(byFamilyAndValue);
  if (dropped.length > 0 && entry.onExcess !== "narrow") throw excessError(plugin, entry, dropped);

  const services = resolveServices(manifest, entry);
  const items = [
    ...found.items,
    ...found.uncovered.flatMap(({ pieces }) => pieces),
    ...services.map(({ item }) => item),
  ].map((item) => Object.freeze(item)).sort(byFamilyAndValue);
  const resolution: Resolution = {
    plugin,
    items: Object.freeze(items),
    context: new Map(services.map(({ key, access }) => [key, access])),
    limits: resolveLimits(manifest, entry),
    dropped: Object.freeze(dropped),
    entry,
  };
  return new ResolvedPermissions(MAKER, resolution);
}

function resolveServices(
  { context = [] }: Manifest,
  entry: PolicyEntry,
): { key: string; access: AccessLevel; item: ResolvedItem }[] {
  const granted = entry.grant?.context ?? {};
  const source = grantOrigin(entry, "context");
  return context.toSorted((a, b) => compareText(a.key, b.key)).flatMap(({ key, access: asked }) => {
    const given = Object.hasOwn(granted, key) ? granted[key] : undefined;
    if (given === undefined) return [];
    const access = asked === "read" || given === "read" ? "read" : "readwrite";
    const [value, requested] = [`${key} (${access})`, `${key} (${asked})`];
    return [{ key, access, item: { family: "context" as const, value, requested, source } }];
  });
}

function resolveLimits(manifest: Manifest, entry: PolicyEntry): Limits {
  const { storage, limits: { ...asked } = {} } = manifest;
  if (storage) {
    asked.storageBytes = Math.min(asked.storageBytes ?? storage.quotaBytes, storage.quotaBytes);
  }
  const names = Object.keys(DEFAULT_LIMITS) as LimitName[];
  const limits = names.map((name) => [
    name,
    Math.min(asked[name] ?? DEFAULT_LIMITS[name], entry.limits?.[name] ?? Infinity),
  ]);
  return Object.freeze(Object.fromEntries(limits)) as Limits;
}

function pathContext(manifest: Manifest, context: PathContext): PathContext {
  const bundleDir = nativePath(context.bundleDir);
  const storageDir = context.storageDir && nativePath(context.storageDir);
  for (const folder of [bundleDir, ...(storageDir ? [storageDir] : [])]) {
    // a comma is the one character that a folder of the host may have until it becomes a flag
    const problem = realPathProblem(folder.replaceAll(",", "_"));
    if (problem !== undefined) {
      throw new TypeError(`Folder "${escapeText(folder, 500)}" ${problem}`);
    }
  }
  return {
    bundleDir,
    storageDir: manifest.storage && storageDir && (context.realPath(storageDir) ?? storageDir),
    reserved: (path, access) => context.reserved?.(path, access),
    realPath: (path) => context.realPath(path),
  };
}

const ORDER: readonly string[] = [...PERMISSION_FAMILIES, "context"];
type Listed = Pick<ResolvedItem, "family" | "value"> & Partial<ResolvedItem>;

function byFamilyAndValue(a: Listed, b: Listed): number {
  return ORDER.indexOf(a.family) - ORDER.indexOf(b.family) || compareText(a.value, b.value) ||
    compareText(a.requested ?? "", b.requested ?? "");
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
