// The launch spec: everything that starting one plugin takes, as plain data.

/** A way to start a process. */
export type LauncherName = "bwrap" | "unshare" | "plain";

/** Not at all (a network namespace with nothing in it), by the host's egress proxy, or by Deno's flags only. */
export type NetworkMode = "isolated" | "proxied" | "host";

/** A system call filter; `off` is none. */
export type SeccompProfile = "strict" | "baseline" | "off";

/** Shows a file or folder of the machine inside a private root. */
export interface BindMount {
  /** The path on the machine: absolute and real. */
  readonly source: string;
  /** The path inside. */
  readonly target: string;
  /** Whether it may be written. */
  readonly writable: boolean;
  /** Whether it is the same for every plugin: a launcher may show a copy. */
  readonly fixed?: boolean;
}

/** Puts copies of small files into a folder in memory; what cannot be copied may be left out. */
export interface FolderCopy {
  /** The folder on the machine: absolute and real. */
  readonly source: string;
  /** The folder in memory. */
  readonly target: string;
  /** All that is in it, by path. */
  readonly files: readonly string[];
}

/** Puts an empty folder, held in memory, into a private root. */
export interface TmpfsMount {
  /** The path inside. */
  readonly target: string;
  /** Its greatest size, in bytes. */
  readonly sizeBytes: number;
}

/** Holds the file tree that a process sees instead of the machine's; all of it read-only but what says otherwise. */
export interface PrivateRoot {
  /** Files and folders of the machine, a parent before what lies in it. */
  readonly binds: readonly BindMount[];
  /** Empty folders. */
  readonly folders?: readonly string[];
  /** Folders in memory; mounted before the binds. */
  readonly tmpfs: readonly TmpfsMount[];
  /** What a folder in memory starts with, if not empty. */
  readonly copy?: FolderCopy;
}

/** Holds what the kernel caps. */
export interface ProcessLimits {
  /** Memory of all processes together, in bytes, swap included. */
  readonly memoryBytes: number;
  /** Processor time, in percent of one core. */
  readonly cpuPercent: number;
  /** Threads of the runtime; the launcher adds what its own processes need. */
  readonly threads: number;
  /** Open descriptors. */
  readonly fileDescriptors: number;
  /** The size of a file that it writes, in bytes. */
  readonly fileBytes: number;
}

/** Holds what starting one plugin takes; a launcher turns it into a process. */
export interface LaunchSpec {
  /** The plugin's name, for messages only. */
  readonly plugin: string;
  /** The `deno` executable as the process sees it: absolute, or `deno` where the host may run only that name. */
  readonly executable: string;
  /** The arguments after the executable, complete and in order. */
  readonly args: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** The working folder as the process sees it: empty and private to this run. */
  readonly cwd: string;
  /** The file tree; `undefined` for the machine's own. */
  readonly root: PrivateRoot | undefined;
  /** How the network is reached. */
  readonly network: NetworkMode;
  /** The system call filter. */
  readonly seccomp: SeccompProfile;
  /** Whether the bootstrap connects to a socket of the host, whatever the network. */
  readonly lane: boolean;
  /** What the kernel caps. */
  readonly limits: ProcessLimits;
}

/** Names the only environment variables that a plugin's process gets; the proxies only where it is proxied. */
export const ENVIRONMENT_NAMES: readonly string[] = Object.freeze([
  "DENO_DIR",
  "DENO_NO_UPDATE_CHECK",
  "DENO_WEBGPU_BACKEND",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_COLOR",
]);

/** Where things are in a private root. */
export const INSIDE = Object.freeze({
  executable: "/deno",
  runtime: "/runtime",
  bundle: "/plugin",
  storage: "/storage",
  denoDir: "/deno-dir",
  cwd: "/cwd",
  temporary: "/tmp",
  sockets: "/sockets",
  sharedDown: "/shared-memory/down",
  sharedUp: "/shared-memory/up",
});

/** The loopback port that the bootstrap relays to the host's egress proxy. */
export const RELAY_PORT = 3128;

/** Input of {@linkcode createLaunchSpec}; every path is absolute, real and as the process sees it. */
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
  /** The file tree, for a launcher that gives one. */
  root?: PrivateRoot;
  /** How the network is reached. */
  network: NetworkMode;
  /** The system call filter. */
  seccomp: SeccompProfile;
  /**
   * Whether the bootstrap connects to a socket of the host, whatever the network.
   *
   * @default {false}
   */
  lane?: boolean;
  /** What the kernel caps. */
  limits: ProcessLimits;
}

/**
 * Combines flags, bootstrap, folders and limits into the spec of one process.
 *
 * The main module is always the bootstrap, never the plugin: Deno lets the static imports of a main
 * module read any local file.
 */
export function createLaunchSpec(input: LaunchSpecInput): LaunchSpec {
  const proxy = `http://127.0.0.1:${RELAY_PORT}`;
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
      // `navigator.gpu` would load native drivers, which write caches where they like, past every flag
      DENO_WEBGPU_BACKEND: "noop",
      NO_COLOR: "1",
      ...(input.network === "proxied" ? { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } : {}),
    }),
    cwd: input.cwd,
    root: input.root,
    network: input.network,
    seccomp: input.seccomp,
    lane: input.lane ?? false,
    limits: Object.freeze({ ...input.limits }),
  });
}
