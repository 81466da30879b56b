import { fileURLToPath } from "node:url";
import { removeTree } from "../../src/io/remove_tree.ts";
import { folderOf, parseMounts, pathsOf } from "../../src/sandbox/cgroup/groups/hierarchy.ts";
import { until } from "../helpers/process.ts";
import type { Report } from "./attack.ts";
import type { BypassReport } from "./run_bypass.ts";

/** One way in which the zoo is run: under which launcher, and as whom. */
export interface Lane {
  /** The launcher. */
  readonly launcher: "bwrap" | "unshare" | "plain";
  /** Whether the host runs as root. */
  readonly root: boolean;
  /** What it does. */
  readonly act: "attack" | "control";
  /** Whether attacks on the host's own code are among them. */
  readonly onHost: boolean;
}

/** What a lane has shown. */
export interface LaneResult {
  /** The reports of attacks, by key. */
  readonly attacks: ReadonlyMap<string, Report>;
  /** The reports of what was tried with every permission, by key. */
  readonly bypasses: ReadonlyMap<string, BypassReport>;
  /** Everything that the host printed, by key. */
  readonly lines: ReadonlyMap<string, Record<string, unknown>>;
  /** What the host wrote to its error output. */
  readonly stderr: string;
  /** What was left when it had ended. */
  readonly left: readonly string[];
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

/** A user that nobody is: whatever belongs to it is ours. */
const USER = 54_321;
const LANE_MS = 240_000;
const HERE = new URL("./", import.meta.url);
const ROOT = new URL("../../", HERE);

/** The programs of the zoo, bundled, where a user without rights can read them. */
export class Zoo implements AsyncDisposable {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Bundles the programs and copies what they need. */
  static async open(): Promise<Zoo> {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "zoo-" }));
    await using undo = new AsyncDisposableStack();
    const zoo = undo.use(new Zoo(dir));
    await Deno.chmod(dir, 0o755);
    await Deno.mkdir(`${dir}/plugins`);
    for await (const { name } of Deno.readDir(new URL("plugins", HERE))) {
      await Deno.copyFile(new URL(`plugins/${name}`, HERE), `${dir}/plugins/${name}`);
    }
    await Deno.copyFile(new URL("direct.ts", HERE), `${dir}/direct.ts`);
    // the executable of whoever runs the tests may lie where nobody else may look
    await Deno.link(Deno.execPath(), `${dir}/deno`)
      .catch(() => Deno.copyFile(Deno.execPath(), `${dir}/deno`));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--no-lock", "--platform=deno"],
        ...[`--output=${dir}/zoo_host.js`, fileURLToPath(new URL("zoo_host.ts", HERE))],
      ],
      cwd: ROOT,
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`cannot bundle the zoo: ${new TextDecoder().decode(stderr)}`);
    undo.move();
    return zoo;
  }

  /** Runs a lane to its end. */
  async run(lane: Lane, only?: string): Promise<LaneResult> {
    const began = performance.now();
    await using scene = await Scene.set(this.#dir, lane);
    const { act, onHost } = lane;
    const command = scene.command({ act, onHost, ...(only === undefined ? {} : { only }) });
    const child = command.spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), LANE_MS);
    const stderr = new Response(child.stderr).text();
    const lines = parse(await new Response(child.stdout).text());
    await child.status;
    clearTimeout(timer);
    const left = await scene.left();
    const end = lines.get("end");
    return {
      attacks: lines as unknown as ReadonlyMap<string, Report>,
      bypasses: lines as unknown as ReadonlyMap<string, BypassReport>,
      lines,
      stderr: await stderr,
      left: [
        ...left,
        ...(end === undefined ? ["the host did not come to its end"] : end.left as string[]),
      ],
      ms: Math.round(performance.now() - began),
    };
  }

  /** Kills a host while its plugins are busy, and has the next one sweep. */
  async kill(lane: Lane): Promise<{ ended: boolean; goneMs: number; left: readonly string[] }> {
    await using scene = await Scene.set(this.#dir, lane);
    const child = scene.command({ act: "hold" }).spawn();
    const stderr = new Response(child.stderr).text();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`the host did not hold: ${await stderr}`);
      text += value;
    }
    const { pids, hostPid } = JSON.parse(text) as { pids: Record<string, number>; hostPid: number };
    const all = processesOf(Object.values(pids));
    // for a moment it is really busy
    await new Promise((resolve) => setTimeout(resolve, 200));
    Deno.kill(hostPid, "SIGKILL");
    const began = performance.now();
    const ended = await until(() => !all().length, "its plugins are gone", 5_000)
      .then(() => true, () => false);
    const goneMs = performance.now() - began;
    await child.status;
    await reader.cancel();
    await stderr;
    const next = await scene.command({ act: "open" }).output();
    const opened = parse(new TextDecoder().decode(next.stdout)).has("opened");
    return {
      ended,
      goneMs,
      left: [
        ...await scene.left(),
        ...(opened ? [] : [`the next host did not open: ${new TextDecoder().decode(next.stderr)}`]),
      ],
    };
  }

  /** Removes the copies. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(this.#dir);
  }
}

/** The folder and the cgroups of one lane. */
class Scene implements AsyncDisposable {
  readonly #zoo: string;
  readonly #dir: string;
  readonly #lane: Lane;
  readonly #groups: readonly string[];

  private constructor(zoo: string, dir: string, lane: Lane, groups: readonly string[]) {
    this.#zoo = zoo;
    this.#dir = dir;
    this.#lane = lane;
    this.#groups = groups;
  }

  static async set(zoo: string, lane: Lane): Promise<Scene> {
    // short, because the path of a socket may not have more than 107 bytes
    const who = lane.root ? "root" : "user";
    const dir = `${zoo}/${lane.launcher[0]}${who[0]}-${crypto.randomUUID().slice(0, 4)}`;
    for (const folder of ["", "/home", "/outside", "/cache", "/tmp"]) {
      await Deno.mkdir(`${dir}${folder}`, { mode: 0o755 });
    }
    await Deno.writeTextFile(`${dir}/outside/secret.txt`, "a secret");
    const own = Deno.uid() === 0 && !lane.root;
    if (own) {
      for (const path of ["", "/home", "/outside", "/cache", "/outside/secret.txt"]) {
        await Deno.chown(`${dir}${path}`, USER, USER);
      }
    }
    return new Scene(zoo, dir, lane, own ? await delegate() : []);
  }

  /** Gives the command that starts the host of this lane. */
  command(settings: Record<string, unknown>): Deno.Command {
    const path = `${this.#dir}/settings.json`;
    Deno.writeTextFileSync(
      path,
      JSON.stringify({
        dir: this.#dir,
        plugins: `${this.#zoo}/plugins`,
        direct: `${this.#zoo}/direct.ts`,
        atOnce: 8,
        ...settings,
      }),
    );
    const deno = [
      `${this.#zoo}/deno`,
      ...["run", "-A", "--no-prompt", "--no-config", "--no-lock", "--no-check"],
      ...[`${this.#zoo}/zoo_host.js`, this.#lane.launcher, path],
    ];
    const root = Deno.uid() === 0;
    const start = root && !this.#lane.root
      ? [
        "setpriv",
        `--reuid=${USER}`,
        `--regid=${USER}`,
        "--clear-groups",
        "--inh-caps=-all",
        ...deno,
      ]
      : deno;
    const script = [
      "set -e",
      ...(root ? privateTemporary(this.#zoo, this.#dir) : []),
      ...this.#groups.map((group) => `echo $$ > '${group}/cgroup.procs'`),
      // a descriptor that is not closed on exec, as careless parents leave them
      `exec 9< '${this.#dir}/outside/secret.txt'`,
      'exec "$@"',
    ].join("\n");
    const shell = ["/bin/sh", "-c", script, "sh", ...start];
    const [command, ...args] = root
      ? ["unshare", "--mount", "--propagation=private", ...shell]
      : shell;
    return new Deno.Command(command!, {
      args,
      env: {
        PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
        HOME: `${this.#dir}/home`,
        DENO_DIR: `${this.#dir}/cache`,
        NO_COLOR: "1",
        ZOO_SECRET: "a secret",
        ...(root ? {} : { TMPDIR: `${this.#dir}/tmp` }),
      },
      clearEnv: true,
      cwd: "/",
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** Says what is left of the lane on the machine. */
  async left(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of pids()) {
      try {
        const line = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
        const environment = Deno.readTextFileSync(`/proc/${pid}/environ`);
        if (line.includes(this.#dir) || environment.includes(this.#dir)) {
          found.push(`process ${pid}: ${line.replaceAll("\0", " ").slice(0, 300)}`);
        }
      } catch {
        // it ended meanwhile
      }
    }
    for (const line of Deno.readTextFileSync("/proc/self/mountinfo").split("\n")) {
      if (line.includes(this.#dir)) found.push(`a mount: ${line}`);
    }
    for (const group of this.#groups) {
      for (const { name, isDirectory } of Deno.readDirSync(group)) {
        if (isDirectory) found.push(`cgroup ${group}/${name}`);
      }
      const members = Deno.readTextFileSync(`${group}/cgroup.procs`).trim();
      if (members !== "") found.push(`processes ${members} in ${group}`);
    }
    try {
      for await (const { name } of Deno.readDir(`${this.#dir}/data/run`)) {
        found.push(`a run: ${name}`);
      }
    } catch {
      // it was never opened
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const group of this.#groups) {
      for (const pid of Deno.readTextFileSync(`${group}/cgroup.procs`).split("\n")) {
        if (pid !== "") Deno.kill(Number(pid), "SIGKILL");
      }
      await until(() => removed(group), `${group} is removed`, 5_000).catch(() => {});
    }
    await removeTree(this.#dir);
  }
}

/** Gives the lane a `/tmp`, `/var/tmp` and `/dev/shm` of its own, in which the zoo itself is seen. */
function privateTemporary(zoo: string, dir: string): string[] {
  const own = zoo.startsWith("/tmp/")
    ? [
      `mount -t tmpfs -o mode=1777 tmpfs '${dir}/tmp'`,
      `mkdir -p '${dir}/tmp${zoo.slice("/tmp".length)}'`,
      `mount --bind '${zoo}' '${dir}/tmp${zoo.slice("/tmp".length)}'`,
      `mount --move '${dir}/tmp' /tmp`,
    ]
    : ["mount -t tmpfs -o mode=1777 tmpfs /tmp"];
  return [
    ...own,
    "mount -t tmpfs -o mode=1777 tmpfs /var/tmp",
    "mount -t tmpfs -o mode=1777 tmpfs /dev/shm",
  ];
}

/** Hands a group in each tree to the user, as an administrator would. */
async function delegate(): Promise<string[]> {
  const trees = parseMounts(await Deno.readTextFile("/proc/self/mountinfo"));
  const paths = pathsOf("self")!;
  const name = `zoo-${crypto.randomUUID()}`;
  const groups: string[] = [];
  const wanted = trees.filter(({ version, controllers }) =>
    version === 1 && controllers.some((each) => ["memory", "pids", "cpu", "blkio"].includes(each))
  );
  const seen = new Set<string>();
  for (const tree of wanted.length > 0 ? wanted : trees.filter(({ version }) => version === 2)) {
    const folder = folderOf(tree, paths.get(tree.controllers[0] ?? "") ?? "/");
    if (folder === undefined || seen.has(folder)) continue;
    seen.add(folder);
    const group = `${folder}/${name}`;
    await Deno.mkdir(group);
    groups.push(group);
    for (
      const file of ["", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads", "/tasks"]
    ) {
      await Deno.chown(`${group}${file}`, USER, USER).catch(() => {});
    }
  }
  return groups;
}

function removed(group: string): boolean {
  try {
    for (const { name, isDirectory } of Deno.readDirSync(group)) {
      if (isDirectory) removed(`${group}/${name}`);
    }
    Deno.removeSync(group);
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
  return true;
}

function pids(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 0);
}

/** Follows processes and everything in their pid namespaces. */
function processesOf(known: readonly number[]): () => number[] {
  const namespaceOf = (pid: number | "self") => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
    } catch {
      return undefined;
    }
  };
  const namespaces = new Set(known.map(namespaceOf));
  namespaces.delete(namespaceOf("self"));
  namespaces.delete(undefined);
  return () =>
    pids().filter((pid) => {
      if (!known.includes(pid) && !namespaces.has(namespaceOf(pid))) return false;
      try {
        const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
        return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
      } catch {
        return false;
      }
    });
}

function parse(output: string): Map<string, Record<string, unknown>> {
  const lines = new Map<string, Record<string, unknown>>();
  for (const line of output.split("\n")) {
    if (!line.startsWith("{")) continue;
    const value = JSON.parse(line) as { key: string } & Record<string, unknown>;
    lines.set(value.key, value);
  }
  return lines;
}
