// The manifest, `plugin.json`: who a plugin is and what it asks for.
import { docPage } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { checkManifest, toJsonSchema } from "./manifest_schema.ts";
import { joinIssues, type SchemaIssue } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import type { Manifest } from "./manifest_schema.ts";

export { DEFAULT_LIMITS, LIMIT_BOUNDS, type LimitName, type Limits } from "./limits.ts";

/** Is the greatest size of `plugin.json`, in bytes. */
export const MAX_MANIFEST_BYTES: number = 1024 * 1024;

/**
 * Parses a manifest and checks every field of it.
 *
 * @category Bundles
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
 * @category Bundles
 * @returns The schema as plain data.
 */
export function manifestJsonSchema(): Record<string, unknown> {
  return {
    $id: "https://sallyport.dev/schema/plugin.json",
    title: "Sallyport plugin manifest",
    ...toJsonSchema(),
  };
}
