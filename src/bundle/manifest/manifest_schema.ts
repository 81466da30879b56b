// The schema of `plugin.json`; zod's types stay inside.
import * as z from "zod";
import type { Limits } from "./limits.ts";
import { limitSchema, limitsSchema } from "./limits_schema.ts";
import { bundlePathProblem } from "./paths.ts";
import { describeIssues, PARSING, quoteValue, type SchemaIssue } from "../../json/schema_issues.ts";
import { isVersionRange } from "./version_range.ts";

/**
 * Says how far a plugin may use a service: only read, or also change.
 *
 * @category Bundles
 */
export type AccessLevel = "read" | "readwrite";

/**
 * Describes a plugin, as {@linkcode parseManifest} read it: checked, and frozen all the way down.
 *
 * @category Bundles
 */
export interface Manifest {
  /** Where the JSON Schema of the file is, for editors; never fetched. */
  readonly $schema?: string;
  /** The plugin's name. */
  readonly name: string;
  /** The plugin's version, as SemVer 2.0.0. */
  readonly version: string;
  /** Who wrote it. */
  readonly author?: string;
  /** What it does. */
  readonly description?: string;
  /** Its licence, as an SPDX expression by custom. */
  readonly license?: string;
  /** The bundle path of the module to load. */
  readonly entry: string;
  /** The range of host API versions that it works with. */
  readonly sdk?: string;
  /** The Deno permissions that it asks for; a missing list asks for nothing. */
  readonly permissions?: {
    /** Hosts: `host`, `host:port`, `*.host`, IP addresses, CIDR ranges. */
    readonly net?: readonly string[];
    /** Paths to read: absolute, or below `$BUNDLE` or `$STORAGE`. */
    readonly read?: readonly string[];
    /** Paths to write: absolute, or below `$STORAGE`. */
    readonly write?: readonly string[];
    /** Kinds of system information, such as `hostname`. */
    readonly sys?: readonly string[];
  };
  /** The storage that it asks for, and how much, in bytes. */
  readonly storage?: { readonly quotaBytes: number };
  /** The services that it asks for. */
  readonly context?: readonly {
    /** The key under which the host provides the service. */
    readonly key: string;
    /** What the plugin wants to do with it. */
    readonly access: AccessLevel;
    /** Why, for the person who decides. */
    readonly reason?: string;
  }[];
  /** The hooks that it handles. */
  readonly hooks?: readonly {
    /** The name of the hook. */
    readonly name: string;
    /** The place in the order, 100 to 9999, lower first; 0 to 99 is the host's own band. */
    readonly priority?: number;
  }[];
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits>;
  /** Other plugins that it needs, by name, with the range of versions. */
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** One service that a manifest asks for. */
export type ContextRequest = NonNullable<Manifest["context"]>[number];

const MAX_ENTRIES = 100;

export const PLUGIN_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
/** The keys of services and names of hooks. */
export const SERVICE_KEY = /^[a-z][a-z0-9_.:-]{0,63}$/;
export const SERVICE_KEY_RULE =
  "must be a lower-case letter, then at most 63 lower-case letters, digits, _ . : or -";

// the pattern of semver.org, with the numbers kept below 2^53
const VERSION =
  /^(?:0|[1-9]\d{0,14})\.(?:0|[1-9]\d{0,14})\.(?:0|[1-9]\d{0,14})(?:-(?:0|[1-9]\d{0,14}|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d{0,14}|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;

// a comma would split the flag and grant a second path (threat LA-01)
const NET = /^[^\s,\p{Cc}]+$/u;
const READ = /^(?:\$(?:BUNDLE|STORAGE)(?:$|[\\/])|\/|\\\\|[A-Za-z]:[\\/])[^,\p{Cc}]*$/u;
const WRITE = /^(?:\$STORAGE(?:$|[\\/])|\/|\\\\|[A-Za-z]:[\\/])[^,\p{Cc}]*$/u;

export const pluginName: z.ZodString = z.string().regex(PLUGIN_NAME, {
  error: "must be a lower-case letter, then at most 63 lower-case letters, digits, _ or -",
});

export const serviceKey: z.ZodString = z.string().regex(SERVICE_KEY, { error: SERVICE_KEY_RULE });

const version = z.string().max(128).regex(VERSION, {
  error: "must be a version as of SemVer 2.0.0, such as 1.2.3",
});

const range = z.string().min(1).max(256).refine(isVersionRange, {
  error: "must be a range of versions, such as ^1.2.0",
});

function text(maxLength: number): z.ZodString {
  return z.string().max(maxLength).refine(
    (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
    {
      error: "must be one line of text without control characters",
    },
  );
}

const entry = z.string().superRefine((path, context) => {
  const problem = bundlePathProblem(path.startsWith("./") ? path.slice(2) : path);
  if (path.startsWith("./")) {
    context.addIssue({ code: "custom", message: 'must not start with "./"' });
  } else if (problem) context.addIssue({ code: "custom", message: `${problem}` });
  else if (!/\.(?:[jt]sx?|m[jt]s)$/.test(path)) {
    context.addIssue({
      code: "custom",
      message: "must be a module: .ts .js .mjs .mts .tsx or .jsx",
    });
  }
});

function permissionList(pattern: RegExp, error: string): z.ZodOptional<z.ZodArray<z.ZodString>> {
  return z.array(z.string().max(1_024).regex(pattern, { error })).max(MAX_ENTRIES).optional();
}

function pathList(pattern: RegExp, roots: string): z.ZodOptional<z.ZodArray<z.ZodString>> {
  const path = z.string().max(4_096)
    .regex(pattern, {
      error: `must be absolute or below ${roots}, without commas or control characters`,
    })
    .refine((value) => !/(?:^|[\\/])\.\.(?:[\\/]|$)/.test(value), {
      error: 'must not have a ".." segment',
    });
  return z.array(path).max(MAX_ENTRIES).optional();
}

const permissions = z.lazy(() =>
  z.strictObject({
    net: permissionList(NET, "must be a host without spaces, commas or control characters"),
    read: pathList(READ, "$BUNDLE or $STORAGE"),
    write: pathList(WRITE, "$STORAGE (a bundle is read-only)"),
    sys: permissionList(/^[A-Za-z]{1,64}$/, "must be the name of a kind of system information"),
  })
);

const access = z.enum(["read", "readwrite"]);

const contextRequest = z.lazy(() =>
  z.strictObject({ key: serviceKey, access, reason: text(500).optional() })
);

const hookRequest = z.lazy(() =>
  z.strictObject({
    name: serviceKey,
    priority: z.int().min(100, { error: "must be 100 or more: 0 to 99 is the host's own band" })
      .max(9_999).optional(),
  })
);

/** Every object in it refuses unknown fields. */
const manifestSchema = z.lazy(() =>
  z.strictObject({
    $schema: text(1_024).optional(),
    name: pluginName,
    version,
    author: text(200).optional(),
    description: text(2_000).optional(),
    license: text(200).optional(),
    entry,
    sdk: range.optional(),
    permissions: permissions.optional(),
    storage: z.strictObject({ quotaBytes: limitSchema("storageBytes") }).optional(),
    context: z.array(contextRequest).max(MAX_ENTRIES)
      .optional(),
    hooks: z.array(hookRequest).max(MAX_ENTRIES).optional(),
    limits: limitsSchema.optional(),
    dependencies: z.record(pluginName, range)
      .refine((value) => Object.keys(value).length <= MAX_ENTRIES, {
        error: `must have at most ${MAX_ENTRIES} entries`,
      }).optional(),
  })
);

const UNKNOWN_FIELDS: ReadonlyMap<string, string> = new Map([
  ["permissions.env", "a plugin never gets the environment"],
  ["permissions.run", "a plugin never starts processes"],
  ["permissions.ffi", "a plugin never calls native code"],
  ["permissions.import", "a plugin imports from its own bundle only"],
]);

/** Checks a value against the schema. */
export function checkManifest(
  value: unknown,
): { manifest: Manifest; issues?: undefined } | { issues: SchemaIssue[] } {
  const result = manifestSchema.safeParse(value, PARSING);
  const across = [
    ...findRepeats(value, "context", "key"),
    ...findRepeats(value, "hooks", "name"),
    ...findSelf(value),
  ];
  if (result.success && across.length === 0) return { manifest: result.data };
  const issues = result.error?.issues ?? [];
  return { issues: [...describeIssues(issues, (path) => UNKNOWN_FIELDS.get(path)), ...across] };
}

// What concerns more than one field is checked apart from the schema, which skips such checks as
// soon as anything else is wrong: all mistakes must show at once.

function findRepeats(value: unknown, list: "context" | "hooks", field: string): SchemaIssue[] {
  const entries = (value as Record<string, unknown> | null)?.[list];
  if (!Array.isArray(entries)) return [];
  const issues: SchemaIssue[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of entries.slice(0, MAX_ENTRIES).entries()) {
    const text = entry?.[field];
    if (typeof text !== "string") continue;
    if (seen.has(text)) {
      issues.push({
        path: `${list}[${index}].${field}`,
        message: `${quoteValue(text)} is there twice`,
      });
    }
    seen.add(text);
  }
  return issues;
}

function findSelf(value: unknown): SchemaIssue[] {
  const { name: own, dependencies } = (value ?? {}) as { name?: unknown; dependencies?: unknown };
  if (typeof own !== "string" || typeof dependencies !== "object" || dependencies === null) {
    return [];
  }
  if (!PLUGIN_NAME.test(own) || !Object.hasOwn(dependencies, own)) return [];
  return [{ path: `dependencies.${own}`, message: "is the plugin itself" }];
}

/** Makes the JSON Schema that says as much of this as one can. */
export function toJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(manifestSchema);
}
