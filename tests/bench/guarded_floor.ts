/**
 * The floor of a cold load: what somebody would write by hand, with nothing of this package, to start a plugin
 * with the same guarantees. It is verified at each start, runs from a copy that was compared with what was
 * verified, under the narrowest flags, with a cache folder of its own, and ends with its host; `unshare` adds
 * namespaces, a private root and rlimits.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type CacheFiles, readCache, writeCache } from "./guarded_cache.ts";
import { GuardedProcess } from "./guarded_process.ts";
import { hasUnshare, makeRoot, mountsOf } from "./guarded_root.ts";

/** Names what contains it. */
export type GuardedIsolation = "plain" | "unshare";

/** Says what is started. */
export interface GuardedPlugin {
  /** Its entry module, in TypeScript. */
  readonly source: string;
  /** The method that is called. */
  readonly method: string;
  /** What it is called with. */
  readonly params: unknown;
}

const CHILD = new URL("guarded_child.ts", import.meta.url).pathname;
const SCRIPT = new URL("guarded_unshare.sh", import.meta.url).pathname;
const SETPRIV = "/usr/bin/setpriv";
const UNSHARE = [
  ...["/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--pid", "--ipc", "--uts"],
  ...["--net", "--fork", "--kill-child=KILL", "--", "/bin/sh", SCRIPT],
];
const FLAGS = [
  ...["--no-prompt", "--no-remote", "--no-npm", "--no-config", "--no-lock", "--cached-only"],
  ...["--deny-import", "--deny-write", "--deny-net", "--deny-sys", "--deny-env", "--deny-run"],
  ...["--deny-ffi", "--v8-flags=--max-old-space-size=128"],
];
const encoder = new TextEncoder();

/** A plugin in a folder, signed, and what its starts have in common. */
export class GuardedFloor implements AsyncDisposable {
  readonly #dir: string;
  readonly #isolation: GuardedIsolation;
  readonly #plugin: GuardedPlugin;
  readonly #publicKey: KeyObject;
  /** What a first start has left; until then nothing. */
  #caches: CacheFiles = new Map();
  #runs = 0;
  /** The folders of the next start, which are made when one is over. */
  #next: string | undefined;

  private constructor(
    dir: string,
    isolation: GuardedIsolation,
    plugin: GuardedPlugin,
    publicKey: KeyObject,
  ) {
    this.#dir = dir;
    this.#isolation = isolation;
    this.#plugin = plugin;
    this.#publicKey = publicKey;
  }

  /** Whether it can run here, where namespaces can be made at all. */
  static works(isolation: GuardedIsolation): boolean {
    return isolation === "plain" || hasUnshare();
  }

  /**
   * Writes, signs and copies the plugin, and starts it once to have something for the caches.
   *
   * @param isolation What contains it.
   * @param plugin What is started.
   */
  static async make(isolation: GuardedIsolation, plugin: GuardedPlugin): Promise<GuardedFloor> {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-bench-" }));
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const floor = new GuardedFloor(dir, isolation, plugin, publicKey);
    try {
      Deno.mkdirSync(`${dir}/bundle`);
      Deno.writeTextFileSync(`${dir}/bundle/main.ts`, plugin.source);
      Deno.writeTextFileSync(`${dir}/bundle/plugin.json`, `{ "entry": "main.ts" }\n`);
      const files = readFolder(`${dir}/bundle`);
      Deno.writeFileSync(`${dir}/signature`, sign(null, statementOf(files), privateKey));
      Deno.mkdirSync(`${dir}/copy`);
      for (const [name, bytes] of files) {
        Deno.writeFileSync(`${dir}/copy/${name}`, bytes, { mode: 0o444 });
      }
      Deno.chmodSync(`${dir}/copy`, 0o555);
      await floor.#fillCaches();
      return floor;
    } catch (error) {
      await floor[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Starts it, from the reading of its folder to the answer to a call.
   *
   * @returns Ends it, and removes its folders.
   */
  async start(): Promise<AsyncDisposable> {
    const files = readFolder(`${this.#dir}/bundle`);
    const signature = Deno.readFileSync(`${this.#dir}/signature`);
    if (!verify(null, statementOf(files), this.#publicKey, signature)) {
      throw new Error("The signature is wrong");
    }
    if (!isSame(files, readFolder(`${this.#dir}/copy`))) throw new Error("The copy is wrong");
    const run = this.#next ?? this.#makeRun();
    this.#next = undefined;
    await using undo = new AsyncDisposableStack();
    undo.defer(() => {
      Deno.removeSync(run, { recursive: true });
      this.#next ??= this.#makeRun();
    });
    await this.#call(undo.use(new GuardedProcess(this.#command(run))));
    return undo.move();
  }

  /** Removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (existsSync(`${this.#dir}/copy`)) Deno.chmodSync(`${this.#dir}/copy`, 0o755);
    await Deno.remove(this.#dir, { recursive: true });
  }

  get #inside(): boolean {
    return this.#isolation === "unshare";
  }

  /** The copy of the bundle as the child sees it. */
  get #bundle(): string {
    return this.#inside ? "/bundle" : `${this.#dir}/copy`;
  }

  /** Makes the folders of a run; those of a private root are in memory. */
  #makeRun(): string {
    const run = `${this.#dir}/run-${this.#runs++}`;
    Deno.mkdirSync(`${run}/cwd`, { recursive: true, mode: 0o700 });
    if (!this.#inside) writeCache(`${run}/deno`, this.#caches);
    return run;
  }

  #command(run: string): Deno.Command {
    const dir = this.#dir;
    const [command, ...args] = [
      ...(existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "KILL", "--"] : []),
      ...(this.#inside ? [...UNSHARE, `${dir}/root`, `${dir}/mounts`, `${dir}/caches`] : []),
      ...[this.#inside ? "/deno" : Deno.execPath(), "run", ...FLAGS],
      ...[`--allow-read=${this.#bundle}`, this.#inside ? "/child.ts" : CHILD],
    ];
    return new Deno.Command(command!, {
      args,
      cwd: `${run}/cwd`,
      env: {
        DENO_DIR: this.#inside ? "/deno-dir" : `${run}/deno`,
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
      },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    });
  }

  /** Has a child load the plugin and call it. */
  async #call(child: GuardedProcess): Promise<void> {
    await child.ask({ id: 1, entry: pathToFileURL(`${this.#bundle}/main.ts`).href });
    const { method, params } = this.#plugin;
    await child.ask({ id: 2, method, params });
  }

  /** Starts it once and keeps what it leaves in its cache folder. */
  async #fillCaches(): Promise<void> {
    const dir = this.#dir;
    const first = `${dir}/first`;
    const run = this.#makeRun();
    if (this.#inside) {
      await makeRoot(`${dir}/root`, CHILD);
      writeCache(first, this.#caches);
      writeCache(`${dir}/caches`, this.#caches);
      Deno.writeTextFileSync(`${dir}/mounts`, mountsOf(`${dir}/root`, `${dir}/copy`, first));
    }
    {
      await using child = new GuardedProcess(this.#command(run));
      await this.#call(child);
      await child.exit();
    }
    this.#caches = readCache(this.#inside ? first : `${run}/deno`);
    if (this.#inside) {
      Deno.removeSync(`${dir}/caches`);
      writeCache(`${dir}/caches`, this.#caches);
      Deno.writeTextFileSync(`${dir}/mounts`, mountsOf(`${dir}/root`, `${dir}/copy`));
    }
    Deno.removeSync(run, { recursive: true });
    this.#next = this.#makeRun();
  }
}

type Files = ReadonlyMap<string, Uint8Array>;

/** Reads a folder that has nothing but files in it. */
function readFolder(dir: string): Files {
  const entries = [...Deno.readDirSync(dir)];
  if (!entries.every(({ isFile }) => isFile)) throw new Error("There is more than files in it");
  const names = entries.map(({ name }) => name).sort();
  return new Map(names.map((name) => [name, Deno.readFileSync(`${dir}/${name}`)]));
}

/** What is signed: each file by its hash. */
function statementOf(files: Files): Uint8Array {
  const lines = [...files].map(([name, bytes]) =>
    `${createHash("sha3-512").update(bytes).digest("hex")}  ${name}\n`
  );
  return encoder.encode(lines.join(""));
}

function isSame(files: Files, copies: Files): boolean {
  const same = ([name, bytes]: [string, Uint8Array]) =>
    copies.has(name) && Buffer.compare(bytes, copies.get(name)!) === 0;
  return files.size === copies.size && [...files].every(same);
}
