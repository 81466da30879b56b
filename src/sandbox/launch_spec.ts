/**
 * The launch spec: everything that starting one plugin takes, as plain data.
 *
 * @module
 */

/** Names of the launchers, strongest first. */
export type LauncherName = "bwrap" | "unshare" | "plain";

/** Holds what starting one plugin takes; a launcher turns it into a process. */
export interface LaunchSpec {
  /** The plugin's name, for messages only. */
  readonly plugin: string;
  /** The `deno` executable: an absolute path, or `deno` where the host may run only that name. */
  readonly executable: string;
  /** The arguments after the executable, complete and in order. */
  readonly args: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** The working folder: empty and private to this run. */
  readonly cwd: string;
}

/** Names the only environment variables that a plugin's process gets. */
export const ENVIRONMENT_NAMES: readonly string[] = Object.freeze([
  "DENO_DIR",
  "DENO_NO_UPDATE_CHECK",
  "NO_COLOR",
]);

/** Input of {@linkcode createLaunchSpec}; every path is absolute and real. */
export interface LaunchSpecInput {
  /** The plugin's name. */
  plugin: string;
  /** The `deno` executable. */
  executable: string;
  /** The permission flags, from `deriveFlags`. */
  flags: readonly string[];
  /** The import map that resolves the SDK without network. */
  importMap: string;
  /** The bootstrap: the main module of the process. */
  bootstrap: string;
  /** A folder for the runtime's caches, fresh for each run. */
  denoDir: string;
  /** The working folder, fresh for each run. */
  cwd: string;
}

/**
 * Combines flags, bootstrap and folders into the spec of one process.
 *
 * The main module is always the bootstrap, never the plugin: Deno lets the static imports of a main
 * module read any local file.
 *
 * @param input Flags and paths.
 * @returns The frozen spec.
 */
export function createLaunchSpec(input: LaunchSpecInput): LaunchSpec {
  return Object.freeze({
    plugin: input.plugin,
    executable: input.executable,
    args: Object.freeze([
      "run",
      ...input.flags,
      `--import-map=${input.importMap}`,
      input.bootstrap,
    ]),
    env: Object.freeze({
      DENO_DIR: input.denoDir,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
    }),
    cwd: input.cwd,
  });
}
