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
import { nativePath, type PathAccess, realPathProblem } from "./scopes/path_scope.ts";
import { checkEntry, grantOrigin } from "./policy/policy.ts";
import type { PolicyEntry } from "./policy/policy_schema.ts";

/** Holds the folders and the disk that {@linkcode resolvePermissions} needs. */
export interface ResolveContext {
  /** The real, absolute folder from which the plugin will run. */
  bundleDir: string;
  /** The real, absolute folder for the plugin's storage; it need not exist yet. */
  storageDir?: string;
  /**
   * Says what of the host a real path is, lies in or contains, such as its data folder, in words that
   * follow `cannot be granted: it`; nothing by default.
   */
  reserved?(path: string, access: PathAccess): string | undefined;
  /** Resolves every symlink of an existing path; returns `undefined` when there is none. */
  realPath(path: string): string | undefined;
}

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
  readonly #resolution: Resolution;
  readonly #lists: Readonly<Record<PermissionFamily, readonly string[]>>;

  /**
   * Refuses every caller but `resolvePermissions`.
   *
   * @throws {TypeError} When called from elsewhere.
   */
  constructor(maker: unknown, resolution: unknown) {
    if (maker !== MAKER) throw new TypeError("ResolvedPermissions come from resolvePermissions()");
    this.#resolution = resolution as Resolution;
    const list = (family: PermissionFamily): readonly string[] => {
      const items = this.#resolution.items.filter((item) =>
        item.family === family && !(family === "read" && item.source === OWN_BUNDLE)
      );
      return Object.freeze([...new Set(items.map((item) => item.value))].sort());
    };
    this.#lists = {
      net: list("net"),
      read: list("read"),
      write: list("write"),
      sys: list("sys"),
      hooks: list("hooks"),
    };
    Object.freeze(this);
  }

  /** The plugin's name. */
  get plugin(): string {
    return this.#resolution.plugin;
  }

  /** Hosts that it may reach, each with its port. */
  get net(): readonly string[] {
    return this.#lists.net;
  }

  /** Real paths that it may read besides its bundle, which it always reads. */
  get read(): readonly string[] {
    return this.#lists.read;
  }

  /** Real paths that it may write. */
  get write(): readonly string[] {
    return this.#lists.write;
  }

  /** Kinds of system information that it may read. */
  get sys(): readonly string[] {
    return this.#lists.sys;
  }

  /** Names of the hooks that it handles. */
  get hooks(): readonly string[] {
    return this.#lists.hooks;
  }

  /** Services that it may use, with how far; a copy, so that changing it changes nothing. */
  get context(): ReadonlyMap<string, AccessLevel> {
    return new Map(this.#resolution.context);
  }

  /** Limits that it runs under. */
  get limits(): Limits {
    return this.#resolution.limits;
  }

  /** What it asked for and does not get, under `onExcess: "narrow"`. */
  get dropped(): readonly Excess[] {
    return this.#resolution.dropped;
  }

  /** The policy entry that decided. */
  get entry(): PolicyEntry {
    return this.#resolution.entry;
  }

  /** Everything that it gets, with where it comes from. */
  get items(): readonly ResolvedItem[] {
    return this.#resolution.items;
  }
}

/**
 * Works out what a plugin may do: its request within the policy's grant.
 *
 * A request is covered when one grant contains all of it. The plugin's own bundle is readable and
 * its declared storage is readable and writable without a grant, where the manifest asks. Services
 * never fail the load: each gets the lesser of the requested and the granted access. A limit is what
 * the manifest asks for, or the default, capped by the policy.
 *
 * @throws {SallyportError} `permission-denied` when the policy does not cover the request and does
 * not say `onExcess: "narrow"`: every uncovered item is in `details.excess` and the grant that would
 * cover them is in `details.policy`; `manifest-invalid` when a host, path or kind is malformed;
 * `bad-config` when the entry is, or when it grants a path that does not exist.
 * @throws {TypeError} When a folder in `context` is not absolute and in normal form.
 */
export function resolvePermissions(
  manifest: Manifest,
  entry: PolicyEntry,
  context: ResolveContext,
): ResolvedPermissions {
  const plugin = manifest.name;
  checkEntry(entry, plugin);
  const found = compareFamilies(manifest, entry, pathContext(manifest, context));
  if (found.requestIssues.length > 0) {
    throw new SallyportError(
      "manifest-invalid",
      `Cannot use the permissions of plugin "${plugin}": ${joinIssues(found.requestIssues)}`,
      { hint: "Mend the manifest", details: { plugin, issues: found.requestIssues } },
    );
  }
  if (found.grantIssues.length > 0) {
    throw new SallyportError(
      "bad-config",
      `Cannot use the policy for plugin "${plugin}": ${joinIssues(found.grantIssues)}`,
      {
        hint: "Create the folder, or take it out of the policy",
        details: { plugin, issues: found.grantIssues },
      },
    );
  }
  const uncovered = new Map(
    found.uncovered.map((
      { excess },
    ) => [`${excess.family} ${excess.value}`, Object.freeze(excess)]),
  );
  const dropped = [...uncovered.values()].sort(byFamilyAndValue);
  if (dropped.length > 0 && entry.onExcess !== "narrow") throw excessError(plugin, entry, dropped);

  const services = resolveContext(manifest, entry);
  const items = [
    ...found.items,
    ...found.uncovered.flatMap((one) => one.pieces),
    ...services.items,
  ];
  return new ResolvedPermissions(
    MAKER,
    {
      plugin,
      items: Object.freeze(items.map((item) => Object.freeze(item)).sort(byFamilyAndValue)),
      context: services.access,
      limits: resolveLimits(manifest, entry),
      dropped: Object.freeze(dropped),
      entry,
    } satisfies Resolution,
  );
}

function resolveContext(
  manifest: Manifest,
  entry: PolicyEntry,
): { access: Map<string, AccessLevel>; items: ResolvedItem[] } {
  const granted = entry.grant?.context ?? {};
  const access = new Map<string, AccessLevel>();
  const items: ResolvedItem[] = [];
  for (const { key, access: asked } of manifest.context ?? []) {
    const given = Object.hasOwn(granted, key) ? granted[key] : undefined;
    if (given === undefined) continue;
    const effective = asked === "read" || given === "read" ? "read" : "readwrite";
    access.set(key, effective);
    items.push({
      family: "context",
      value: `${key} (${effective})`,
      requested: `${key} (${asked})`,
      source: grantOrigin(entry, "context"),
    });
  }
  return { access: new Map([...access].sort(([a], [b]) => compareText(a, b))), items };
}

function resolveLimits(manifest: Manifest, entry: PolicyEntry): Limits {
  const asked: Partial<Record<LimitName, number>> = { ...manifest.limits };
  if (manifest.storage) {
    const { quotaBytes } = manifest.storage;
    asked.storageBytes = Math.min(asked.storageBytes ?? quotaBytes, quotaBytes);
  }
  const names = Object.keys(DEFAULT_LIMITS) as LimitName[];
  const limits = names.map((name) => {
    const wanted = asked[name] ?? DEFAULT_LIMITS[name];
    return [name, Math.min(wanted, entry.limits?.[name] ?? Infinity)];
  });
  return Object.freeze(Object.fromEntries(limits)) as Limits;
}

function pathContext(manifest: Manifest, context: ResolveContext): PathContext {
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
    storageDir: manifest.storage === undefined || storageDir === undefined
      ? undefined
      : context.realPath(storageDir) ?? storageDir,
    reserved: (path, access) => context.reserved?.(path, access),
    realPath: (path) => context.realPath(path),
  };
}

const ORDER: readonly string[] = [...PERMISSION_FAMILIES, "context"];

interface Listed {
  readonly family: string;
  readonly value: string;
  readonly requested?: string;
}

function byFamilyAndValue(a: Listed, b: Listed): number {
  return ORDER.indexOf(a.family) - ORDER.indexOf(b.family) || compareText(a.value, b.value) ||
    compareText(a.requested ?? "", b.requested ?? "");
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
