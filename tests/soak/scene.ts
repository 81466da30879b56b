import { fileURLToPath } from "node:url";
import { removeTree } from "../../src/io/remove_tree.ts";
import type { KilledHostSettings } from "../fixtures/hosts/killed_host.ts";
import { startCommand, until } from "../helpers/process.ts";
import { makeKeys, type TestKeys } from "../helpers/signing.ts";
import { within } from "./bounds.ts";
import { SceneGroups } from "./groups.ts";
import { HostProcess } from "./host_process.ts";
import { makeOwnedDir, sweepOwnedDirs } from "./owned_dir.ts";
import { PLUGIN_NAMES, type PluginName, stagePlugins } from "./plugins.ts";
import { SceneProcesses } from "./processes.ts";
import { EndlessServer } from "./server.ts";

/** Joins groups, and becomes the command: the same process all along. */
const JOIN = 'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 99; shift; done; shift; ' +
  'exec "$@"';
const PROGRAM = new URL("../fixtures/hosts/killed_host.ts", import.meta.url);
const PROJECT = new URL("../../", import.meta.url);

/** How a scene is set. */
export interface SceneOptions {
  /** The launcher of its hosts. */
  readonly isolation: KilledHostSettings["isolation"];
  /** Whether hosts run as a user that nobody else is; takes root. */
  readonly asUser?: boolean;
  /** Whether every layer must be in force. Default: yes, unless plain. */
  readonly require?: boolean;
  /** Whether its hosts live in groups of its own, by which all that they start is found. Default: yes. */
  readonly grouped?: boolean;
  /** The permissions of hosts. Default: all. */
  readonly permissions?: readonly string[];
}

/** What one host does. */
export interface HostOptions {
  /** What it does once open. */
  readonly act: KilledHostSettings["act"];
  /** Whether its folder is temporary. */
  readonly temporary?: boolean;
  /** Whether it loads all plugins at the same time. */
  readonly atOnce?: boolean;
  /** What it loads. Default: every plugin of the soak. */
  readonly plugins?: readonly PluginName[];
}

/** Folders, groups, keys and a server for hosts that are killed one after another. */
export class Scene implements AsyncDisposable {
  /** The folder that holds everything. */
  readonly dir: string;
  /** The groups in which everything lives. */
  readonly groups: SceneGroups;
  /** Finds what lives. */
  readonly processes: SceneProcesses;
  /** The launcher of its hosts. */
  readonly isolation: KilledHostSettings["isolation"];
  readonly #options: SceneOptions;
  readonly #user: number | undefined;
  readonly #keys: TestKeys;
  readonly #port: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    dir: string,
    options: SceneOptions,
    user: number | undefined,
    keys: TestKeys,
    port: number,
    stack: AsyncDisposableStack,
  ) {
    this.dir = dir;
    this.isolation = options.isolation;
    this.groups = options.grouped === false ? SceneGroups.none() : SceneGroups.make(user);
    this.processes = new SceneProcesses({ dir, groups: this.groups, user });
    this.#options = options;
    this.#user = user;
    this.#keys = keys;
    this.#port = port;
    this.#stack = stack;
  }

  /**
   * Sets a scene, and removes what scenes of killed processes have left.
   *
   * @param options The launcher, and as whom.
   * @param program The bundled host, of {@linkcode bundleHost}.
   */
  static async set(options: SceneOptions, program: string): Promise<Scene> {
    if (options.grouped !== false) await SceneGroups.sweep();
    await sweepOwnedDirs();
    const dir = await makeOwnedDir();
    await using undo = new AsyncDisposableStack();
    undo.defer(() => removeTree(dir));
    const { port } = undo.use(EndlessServer.start());
    const keys = await makeKeys("soak");
    await stagePlugins(`${dir}/bundles`, keys, port);
    await Deno.copyFile(program, `${dir}/host.js`);
    for (const name of ["t", "home"]) await Deno.mkdir(`${dir}/${name}`);
    let user: number | undefined;
    if (options.asUser) {
      user = 100_000 + crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000_000;
      for (const name of ["", "/t", "/home"]) await Deno.chown(`${dir}${name}`, user, user);
      // the executable of whoever runs this may lie where nobody else may look
      await Deno.link(Deno.execPath(), `${dir}/deno`)
        .catch(() => Deno.copyFile(Deno.execPath(), `${dir}/deno`));
    }
    return new Scene(dir, options, user, keys, port, undo.move());
  }

  /** Starts a host. */
  start(
    { act, temporary = false, atOnce = false, plugins = PLUGIN_NAMES }: HostOptions,
  ): HostProcess {
    const settings: KilledHostSettings = {
      isolation: this.isolation,
      require: this.#options.require ?? this.isolation !== "plain",
      key: this.#keys.hex,
      bundles: `${this.dir}/bundles`,
      plugins,
      atOnce,
      port: this.#port,
      act,
      ...(temporary ? {} : { dataDir: `${this.dir}/data` }),
    };
    const ids = [`--reuid=${this.#user}`, `--regid=${this.#user}`, "--clear-groups"];
    return new HostProcess(startCommand({
      command: "/bin/sh",
      args: [
        ...["-c", JOIN, "sh", ...this.groups.folders, "--"],
        ...(this.#user === undefined ? [] : ["setpriv", ...ids, "--inh-caps=-all", "--"]),
        ...[this.#user === undefined ? Deno.execPath() : `${this.dir}/deno`, "run"],
        ...(this.#options.permissions ?? ["-A"]),
        ...["--no-prompt", "--no-config", "--no-lock", "--no-check", `${this.dir}/host.js`],
        JSON.stringify(settings),
      ],
      env: {
        PATH: "/usr/bin:/bin:/usr/sbin:/sbin",
        HOME: `${this.dir}/home`,
        DENO_DIR: `${this.dir}/home/deno`,
        TMPDIR: `${this.dir}/t`,
        SALLYPORT_SOAK: this.dir,
        NO_COLOR: "1",
      },
      cwd: "/",
    }));
  }

  /** Kills whatever lives, and removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    const kill = () => {
      const rest = this.processes.alive();
      for (const pid of rest) {
        try {
          Deno.kill(pid, "SIGKILL");
        } catch {
          // it ended meanwhile
        }
      }
      return rest.length === 0;
    };
    await using stack = new AsyncDisposableStack();
    stack.use(this.processes);
    stack.defer(() => within(20_000, "the removal of the scene", () => this.#stack.disposeAsync()));
    stack.defer(() => this.groups.remove());
    await until(kill, "nothing of the scene lives");
  }
}

/**
 * Bundles the host that is killed into one file, which any user can run.
 *
 * @param dir The folder for it.
 * @returns The file.
 */
export async function bundleHost(dir: string): Promise<string> {
  const file = `${dir}/killed_host.js`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--no-lock", "--platform=deno"],
      ...[`--output=${file}`, fileURLToPath(PROGRAM)],
    ],
    cwd: PROJECT,
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).output();
  if (!success) throw new Error(`cannot bundle the host: ${new TextDecoder().decode(stderr)}`);
  return file;
}
