// What a plugin asks of its host, in one plain form, and what one version asks beyond another.
import * as z from "zod";
import { PARSING } from "../json/schema_issues.ts";
import { limitsSchema } from "../bundle/manifest/limits_schema.ts";
import { DEFAULT_LIMITS, type LimitName } from "../bundle/manifest/limits.ts";
import type { AccessLevel, Manifest } from "../bundle/manifest/manifest_schema.ts";
import { SallyportError } from "../errors.ts";
import { formatNetScope, netCovers, type Parsed, parseNetScope } from "./scopes/net_scope.ts";
import { parsePathScope, pathCovers, type PathScope } from "./scopes/path_scope.ts";
import { parseSysKind } from "./scopes/sys_scope.ts";

/**
 * Holds all that a manifest asks for, as plain JSON in normal form: lists are sorted and without
 * repeats, hosts and paths are written as they are compared.
 */
export interface PluginAsks {
  readonly net: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly sys: readonly string[];
  readonly context: Readonly<Record<string, AccessLevel>>;
  /** Hooks by name, with the earliest place in the order that it may take. */
  readonly hooks: Readonly<Record<string, number>>;
  readonly limits: Readonly<Partial<Record<LimitName, number>>>;
  /** The storage of its own that it wants, in bytes; 0 for none. */
  readonly storageBytes: number;
  readonly dependencies: readonly string[];
}

/** The earliest place in a hook's order that a plugin may have; those before it are the host's own. */
const HOOK_PRIORITY_FLOOR = 100;

const MAX_ENTRIES = 100;

const texts = z.array(z.string().max(4_200)).max(MAX_ENTRIES);

const asksSchema: z.ZodType<PluginAsks> = z.lazy(() =>
  z.strictObject({
    net: texts,
    read: texts,
    write: texts,
    sys: texts,
    context: z.record(z.string().max(64), z.enum(["read", "readwrite"])),
    hooks: z.record(z.string().max(64), z.int().min(HOOK_PRIORITY_FLOOR).max(9_999)),
    limits: limitsSchema,
    storageBytes: z.int().min(0),
    dependencies: texts,
  })
);

/** Holds one thing that a plugin asks for beyond what it asked for before. */
export interface AddedAsk {
  readonly family: Exclude<keyof PluginAsks, "storageBytes"> | "storage";
  readonly value: string;
  /** The lesser thing that it asked for before, where there was one. */
  readonly before?: string;
}

export function asksOf(manifest: Manifest): PluginAsks {
  const { permissions = {}, storage, context = [], hooks = [], dependencies = {} } = manifest;
  return {
    net: normal(permissions.net, parseNetScope, formatNetScope),
    read: normal(permissions.read, parsePathScope, formatPath),
    write: normal(permissions.write, parsePathScope, formatPath),
    sys: normal(permissions.sys, parseSysKind, String),
    context: sorted(context.map(({ key, access }) => [key, access])),
    // without a priority in the manifest the module itself chooses one
    hooks: sorted(hooks.map(({ name, priority }) => [name, priority ?? HOOK_PRIORITY_FLOOR])),
    limits: sorted(Object.entries(manifest.limits ?? {})),
    storageBytes: storage?.quotaBytes ?? 0,
    dependencies: Object.keys(dependencies).sort(),
  };
}

/** Reads back what {@linkcode asksOf} returned and a file kept. */
export function readAsks(value: unknown, plugin: string): PluginAsks {
  const asks = asksSchema.safeParse(value, PARSING).data;
  if (asks !== undefined) return asks;
  const message =
    `Cannot compare what plugin "${plugin}" asks: what it asked before is kept in another form`;
  throw new SallyportError("bad-config", message, {
    hint: "It was kept by another version of this host: use that one",
    details: { plugin },
  });
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
    ...addedScopes("net", before, after, parseNetScope, netCovers),
    ...addedScopes("read", before, after, parsePathScope, scopeCovers),
    ...addedScopes("write", before, after, parsePathScope, scopeCovers),
    ...addedNames("sys", before, after),
    ...addedServices(before.context, after.context),
    ...addedHooks(before.hooks, after.hooks),
    ...addedLimits(before, after),
    ...addedNames("dependencies", before, after),
  ];
}

export function describeAddedAsk(
  { family, value, before }: { family: string; value: string; before?: string },
): string {
  return `${family} "${value}"${before === undefined ? "" : ` (before: "${before}")`}`;
}

/** Brings texts into normal form; what cannot be parsed stays as it is. */
function normal<T>(
  texts: readonly string[] = [],
  parse: (text: string) => Parsed<T>,
  format: (value: T) => string,
): string[] {
  const forms = texts.map((text) => {
    const parsed = parse(text);
    return "value" in parsed ? format(parsed.value) : text;
  });
  return [...new Set(forms)].sort();
}

function sorted<T>(entries: (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => a < b ? -1 : 1)); // keys: never equal
}

const VARIABLES = { absolute: "", bundle: "$BUNDLE", storage: "$STORAGE" } as const;

function formatPath({ base, path }: PathScope): string {
  return `${VARIABLES[base]}${path}`;
}

function addedScopes<T>(
  family: "net" | "read" | "write",
  before: PluginAsks,
  after: PluginAsks,
  parse: (text: string) => Parsed<T>,
  covers: (outer: T, inner: T) => boolean,
): AddedAsk[] {
  const known = before[family].map((text) => ({ text, ...parse(text) }))
    .filter((scope) => "value" in scope);
  return addedNames(family, before, after).flatMap(({ value }) => {
    const parsed = parse(value);
    if ("problem" in parsed) return [{ family, value }];
    if (known.some((scope) => covers(scope.value, parsed.value))) return [];
    const lesser = known.filter((scope) => covers(parsed.value, scope.value));
    return [added(family, value, lesser.map(({ text }) => text))];
  });
}

/** Returns whether one path as written contains another; folders of different bases never do. */
function scopeCovers(outer: PathScope, inner: PathScope): boolean {
  if (outer.base !== inner.base) return false;
  return outer.base === "absolute"
    ? pathCovers(outer.path, inner.path)
    : pathCovers(`/${outer.path}`, `/${inner.path}`);
}

function added(family: AddedAsk["family"], value: string, lesser: readonly string[]): AddedAsk {
  return { family, value, ...(lesser.length === 0 ? {} : { before: lesser.join(", ") }) };
}

function addedNames(
  family: "net" | "read" | "write" | "sys" | "dependencies",
  before: PluginAsks,
  after: PluginAsks,
): AddedAsk[] {
  return after[family].filter((name) => !before[family].includes(name))
    .map((value) => ({ family, value }));
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
