/**
 * The manifest, `plugin.json`: who a plugin is and what it asks for.
 *
 * @module
 */

import { docPage } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import type { Limits } from "./limits.ts";
import { checkManifest, toJsonSchema } from "./manifest_schema.ts";
import { joinIssues, type SchemaIssue } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";

export {
  DEFAULT_LIMITS,
  LIMIT_BOUNDS,
  type LimitBounds,
  type LimitName,
  type Limits,
} from "./limits.ts";

/** Says how far a plugin may use a service: only read, or also change. */
export type AccessLevel = "read" | "readwrite";

/** Lists the Deno permissions that a plugin asks for; a missing list asks for nothing. */
export interface PermissionRequest {
  /** Hosts: `host`, `host:port`, `*.host`, IP addresses, CIDR ranges. */
  readonly net?: readonly string[];
  /** Paths to read: absolute, or below `$BUNDLE` or `$STORAGE`. */
  readonly read?: readonly string[];
  /** Paths to write: absolute, or below `$STORAGE`. */
  readonly write?: readonly string[];
  /** Kinds of system information, such as `hostname`. */
  readonly sys?: readonly string[];
}

/** Asks for one service of the host. */
export interface ContextRequest {
  /** The key under which the host provides the service. */
  readonly key: string;
  /** What the plugin wants to do with it. */
  readonly access: AccessLevel;
  /** Why, for the person who decides. */
  readonly reason?: string;
}

/** Announces one hook that the plugin handles. */
export interface HookRequest {
  /** The name of the hook. */
  readonly name: string;
  /** The place in the order, 100 to 9999, lower first; 0 to 99 is the host's own band. */
  readonly priority?: number;
}

/** Asks for storage of the plugin's own. */
export interface StorageRequest {
  /** How much, in bytes. */
  readonly quotaBytes: number;
}

/** Describes a plugin, as {@linkcode parseManifest} read it: checked, and frozen all the way down. */
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
  /** The Deno permissions that it asks for. */
  readonly permissions?: PermissionRequest;
  /** The storage that it asks for. */
  readonly storage?: StorageRequest;
  /** The services that it asks for. */
  readonly context?: readonly ContextRequest[];
  /** The hooks that it handles. */
  readonly hooks?: readonly HookRequest[];
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits>;
  /** Other plugins that it needs, by name, with the range of versions. */
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Is the greatest size of `plugin.json`, in bytes. */
export const MAX_MANIFEST_BYTES: number = 1024 * 1024;

/**
 * Parses a manifest and checks every field of it.
 *
 * @param input The bytes or the text of `plugin.json`, at most 1 MiB.
 * @param source How messages name the file.
 * @returns The manifest, frozen all the way down.
 * @throws {SallyportError} `manifest-invalid`, naming all mistakes at once; they are in
 * `details.issues` as `{ path, message }`, the first 100 of them.
 *
 * @example
 * ```ts
 * import { parseManifest } from "@sallyport/host";
 *
 * const manifest = parseManifest('{ "name": "greeter", "version": "1.0.0", "entry": "main.ts" }');
 * if (manifest.name !== "greeter") throw new Error("unexpected");
 * ```
 */
export function parseManifest(
  input: Uint8Array | string,
  source: string = "plugin.json",
): Manifest {
  if (input.length > MAX_MANIFEST_BYTES) {
    throw invalid(source, [{ path: "", message: `is larger than ${MAX_MANIFEST_BYTES} bytes` }]);
  }
  let value: unknown;
  try {
    value = parseStrictJson(input);
  } catch (cause) {
    const message = escapeText((cause as Error).message, 300);
    throw invalid(source, [{ path: "", message }], cause);
  }
  const checked = checkManifest(value);
  if (checked.issues) throw invalid(source, checked.issues);
  return deepFreeze(checked.manifest);
}

function invalid(source: string, issues: SchemaIssue[], cause?: unknown): SallyportError {
  return new SallyportError(
    "manifest-invalid",
    `Cannot use manifest "${escapeText(source, 500)}": ${joinIssues(issues)}`,
    {
      hint: `Fix the file; its fields are described in ${docPage("plugin-development.md")}`,
      details: { source, issues },
      cause,
    },
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

/**
 * Makes the JSON Schema (draft 2020-12) of `plugin.json`, for editors.
 *
 * It says less than {@linkcode parseManifest} checks: ranges and repeated names are left to it.
 *
 * @returns The schema as plain data.
 */
export function manifestJsonSchema(): Record<string, unknown> {
  return {
    $id: "https://sallyport.dev/schema/plugin.json",
    title: "Sallyport plugin manifest",
    ...toJsonSchema(),
  };
}
