import { parseManifest } from "../../src/bundle/manifest/manifest.ts";
import type { Manifest } from "../../src/bundle/manifest/manifest_schema.ts";
import { entryFor, parsePolicy } from "../../src/permissions/policy/policy.ts";
import { overlaps } from "../../src/permissions/scopes/path_scope.ts";
import { type ResolvedPermissions, resolvePermissions } from "../../src/permissions/resolve.ts";

/** One case: what a plugin asks for, what the policy says, and what the disk looks like. */
export interface PermissionCase {
  /** Fields of the manifest besides name, version and entry. */
  manifest?: Partial<Manifest>;
  policy?: unknown;
  /** Existing paths, each with its real path where symlinks lead elsewhere. */
  disk?: Record<string, string>;
  bundleDir?: string;
  storageDir?: string;
  protectedDirs?: string[];
  /** The bundle's folder as the process sees it, where that is another one. */
  flagsBundleDir?: string;
}

export const BUNDLE_DIR = "/srv/sallyport/store/0f3a";
export const STORAGE_DIR = "/srv/sallyport/storage/link-check";

/** Makes the manifest of `link-check`, through the real parser. */
export function makeManifest(fields: Partial<Manifest> = {}): Manifest {
  return parseManifest(
    JSON.stringify({ name: "link-check", version: "1.0.0", entry: "main.ts", ...fields }),
  );
}

/** Resolves a case with the real parsers; only the disk is made up. */
export function resolveCase(input: PermissionCase): ResolvedPermissions {
  const bundleDir = input.bundleDir ?? BUNDLE_DIR;
  const disk = new Map(Object.entries({ [bundleDir]: bundleDir, ...input.disk }));
  return resolvePermissions(
    makeManifest(input.manifest),
    entryFor(parsePolicy(input.policy ?? {}), "link-check"),
    {
      bundleDir,
      storageDir: input.storageDir ?? STORAGE_DIR,
      reserved: (path) =>
        input.protectedDirs?.some((folder) => overlaps(folder, path))
          ? "is or contains the host's"
          : undefined,
      realPath: (path) => disk.get(path),
    },
  );
}

/** Writes a policy that grants `link-check` something. */
export function granting(grant: Record<string, unknown>, rest: Record<string, unknown> = {}) {
  return { plugins: { "link-check": { grant, ...rest } } };
}
