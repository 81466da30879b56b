// What a plugin asks of its host, in one plain form, and what one version asks beyond another.
import { z } from "zod";
import { limitsSchema } from "../bundle/manifest/limits_schema.ts";
import { DEFAULT_LIMITS, type LimitName } from "../bundle/manifest/limits.ts";
import type { AccessLevel, Manifest } from "../bundle/manifest/manifest_schema.ts";
import { SallyportError } from "../errors.ts";
import { formatNetScope, intersectNet, netCovers, parseNetScope } from "./scopes/net_scope.ts";
import { parsePathScope, pathCovers, type PathScope } from "./scopes/path_scope.ts";
import { parseSysKind } from "./scopes/sys_scope.ts";

/**
 * Holds all that a manifest asks for, as plain JSON in normal form: lists are sorted and without
 * repeats, hosts and paths are written as they are compared.
 */
export interface PluginAsks {
  /** Hosts, each with its port. */
  readonly net: readonly string[];
  /** Paths to read. */
  readonly read: readonly string[];
  /** Paths to write. */
  readonly write: readonly string[];
  /** Kinds of system information. */
  readonly sys: readonly string[];
  /** Services by key. */
  readonly context: Readonly<Record<string, AccessLevel>>;
  /** Hooks by name, with the earliest place in the order that it may take. */
  readonly hooks: Readonly<Record<string, number>>;
  /** Limits that it names. */
  readonly limits: Readonly<Partial<Record<LimitName, number>>>;
  /** The storage of its own that it wants, in bytes; 0 for none. */
  readonly storageBytes: number;
  /** Other plugins that it needs. */
  readonly dependencies: readonly string[];
}

/** The earliest place in a hook's order that a plugin may have; those before it are the host's own. */
const HOOK_PRIORITY_FLOOR = 100;

const MAX_ENTRIES = 100;

const texts = z.array(z.string().max(4_200)).max(MAX_ENTRIES);

const asksSchema: z.ZodType<PluginAsks> = z.strictObject({
  net: texts,
  read: texts,
  write: texts,
  sys: texts,
  context: z.record(z.string().max(64), z.enum(["read", "readwrite"])),
  hooks: z.record(z.string().max(64), z.int().min(HOOK_PRIORITY_FLOOR).max(9_999)),
  limits: limitsSchema,
  storageBytes: z.int().min(0),
  dependencies: texts,
});

/** Checks what is said to be a request. */
function parseAsks(value: unknown): PluginAsks | undefined {
  return asksSchema.safeParse(value).data;
}

/** Names a kind of thing that a plugin asks for. */
export type AskFamily =
  | "net"
  | "read"
  | "write"
  | "sys"
  | "context"
  | "hooks"
  | "limits"
  | "storage"
  | "dependencies";

/** Holds one thing that a plugin asks for beyond what it asked for before. */
export interface AddedAsk {
  /** The kind of thing. */
  readonly family: AskFamily;
  /** What it asks for now. */
  readonly value: string;
  /** The lesser thing that it asked for before, where there was one. */
  readonly before?: string;
}

/** Returns what a manifest asks for. */
export function asksOf(manifest: Manifest): PluginAsks {
  const { permissions = {}, storage, context = [], hooks = [], dependencies = {} } = manifest;
  return {
    net: normal(permissions.net, netForm),
    read: normal(permissions.read, pathForm),
    write: normal(permissions.write, pathForm),
    sys: normal(permissions.sys, sysForm),
    context: sorted(context.map(({ key, access }) => [key, access])),
    // without a priority in the manifest the module itself chooses one
    hooks: sorted(hooks.map(({ name, priority }) => [name, priority ?? HOOK_PRIORITY_FLOOR])),
    limits: sorted(Object.entries(manifest.limits ?? {})),
    storageBytes: storage?.quotaBytes ?? 0,
    dependencies: Object.keys(dependencies).sort(),
  };
}

/**
 * Reads what {@linkcode asksOf} gave, back from where it was kept.
 *
 * @throws {SallyportError} `bad-config` when it has another form.
 */
export function readAsks(value: unknown, plugin: string): PluginAsks {
  const asks = parseAsks(value);
  if (asks !== undefined) return asks;
  throw new SallyportError(
    "bad-config",
    `Cannot compare what plugin "${plugin}" asks: what it asked before is kept in another form`,
    { hint: "It was kept by another version of this host: use that one", details: { plugin } },
  );
}

/**
 * Compares two requests: what the later one asks for that the earlier one did not contain.
 *
 * A narrower host, path or access is not more, nor is a smaller limit. Two halves do not contain their
 * whole. A limit that is not named is the default. A range of versions of a dependency is no request
 * of the host; another dependency is.
 */
export function compareAsks(before: PluginAsks, after: PluginAsks): readonly AddedAsk[] {
  return [
    ...addedNet(before.net, after.net),
    ...addedPaths("read", before.read, after.read),
    ...addedPaths("write", before.write, after.write),
    ...addedNames("sys", before.sys, after.sys),
    ...addedServices(before.context, after.context),
    ...addedHooks(before.hooks, after.hooks),
    ...addedLimits(before, after),
    ...addedNames("dependencies", before.dependencies, after.dependencies),
  ];
}

/** Writes one added thing for people. */
export function describeAddedAsk(
  { family, value, before }: { family: string; value: string; before?: string },
): string {
  return `${family} "${value}"${before === undefined ? "" : ` (before: "${before}")`}`;
}

function normal(texts: readonly string[] | undefined, form: (text: string) => string): string[] {
  return [...new Set((texts ?? []).map(form))].sort();
}

function sorted<T>(entries: (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => a < b ? -1 : 1)); // keys: never equal
}

function netForm(text: string): string {
  const parsed = parseNetScope(text);
  return "value" in parsed ? formatNetScope(parsed.value) : text;
}

const VARIABLES = { absolute: "", bundle: "$BUNDLE", storage: "$STORAGE" } as const;

function pathForm(text: string): string {
  const parsed = parsePathScope(text);
  return "value" in parsed ? `${VARIABLES[parsed.value.base]}${parsed.value.path}` : text;
}

function sysForm(text: string): string {
  const parsed = parseSysKind(text);
  return "value" in parsed ? parsed.value : text;
}

function addedNet(before: readonly string[], after: readonly string[]): AddedAsk[] {
  const known = before.map((text) => ({ text, ...parseNetScope(text) }));
  return after.filter((text) => !before.includes(text)).flatMap((value) => {
    const parsed = parseNetScope(value);
    if (!("value" in parsed)) return [{ family: "net", value }];
    const scopes = known.filter((scope) => "value" in scope);
    if (scopes.some((scope) => netCovers(scope.value, parsed.value))) return [];
    const lesser = scopes.filter((scope) => intersectNet(parsed.value, scope.value) !== undefined);
    return [added("net", value, lesser.map(({ text }) => text))];
  });
}

function addedPaths(
  family: "read" | "write",
  before: readonly string[],
  after: readonly string[],
): AddedAsk[] {
  const known = before.map((text) => ({ text, ...parsePathScope(text) }));
  return after.filter((text) => !before.includes(text)).flatMap((value) => {
    const parsed = parsePathScope(value);
    if (!("value" in parsed)) return [{ family, value }];
    const scopes = known.filter((scope) => "value" in scope);
    if (scopes.some((scope) => scopeCovers(scope.value, parsed.value))) return [];
    const lesser = scopes.filter((scope) => scopeCovers(parsed.value, scope.value));
    return [added(family, value, lesser.map(({ text }) => text))];
  });
}

/** Tells whether one path as written contains another; folders of different bases never do. */
function scopeCovers(outer: PathScope, inner: PathScope): boolean {
  if (outer.base !== inner.base) return false;
  return outer.base === "absolute"
    ? pathCovers(outer.path, inner.path)
    : pathCovers(`/${outer.path}`, `/${inner.path}`);
}

function added(family: AskFamily, value: string, lesser: readonly string[]): AddedAsk {
  return { family, value, ...(lesser.length === 0 ? {} : { before: lesser.join(", ") }) };
}

function addedNames(
  family: "sys" | "dependencies",
  before: readonly string[],
  after: readonly string[],
): AddedAsk[] {
  return after.filter((name) => !before.includes(name)).map((value) => ({ family, value }));
}

function addedServices(before: PluginAsks["context"], after: PluginAsks["context"]): AddedAsk[] {
  return Object.entries(after).flatMap(([key, access]) => {
    const had = Object.hasOwn(before, key) ? before[key] : undefined;
    if (had === access || had === "readwrite") return [];
    const lesser = had === undefined ? [] : [`${key} (${had})`];
    return [added("context", `${key} (${access})`, lesser)];
  });
}

/** Compares hooks; an earlier place is more: there the data is as other plugins have not yet left it. */
function addedHooks(before: PluginAsks["hooks"], after: PluginAsks["hooks"]): AddedAsk[] {
  return Object.entries(after).flatMap(([name, priority]) => {
    const had = Object.hasOwn(before, name) ? before[name] : undefined;
    if (had === undefined) return [added("hooks", name, [])];
    if (priority >= had) return [];
    return [added("hooks", `${name} (priority ${priority})`, [`${name} (priority ${had})`])];
  });
}

function addedLimits(before: PluginAsks, after: PluginAsks): AddedAsk[] {
  const names = Object.keys(DEFAULT_LIMITS) as LimitName[];
  const more = names.flatMap((name) => {
    const [had, wants] = [before, after].map(({ limits }) => limits[name] ?? DEFAULT_LIMITS[name]);
    if (wants! <= had!) return [];
    return [added("limits", `${name} ${wants}`, [`${name} ${had}`])];
  });
  if (after.storageBytes > before.storageBytes) {
    const lesser = before.storageBytes === 0 ? [] : [`${before.storageBytes} bytes`];
    more.push(added("storage", `${after.storageBytes} bytes`, lesser));
  }
  return more;
}
