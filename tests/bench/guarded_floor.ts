/**
 * The floor of a cold load: what somebody would write by hand, with nothing of this package, to start a plugin
 * with the same guarantees. It is verified at each start, runs from a copy that was compared with what was
 * verified, under the narrowest flags, with a cache folder of its own, and ends with its host; `unshare` adds
 * namespaces, a private root and rlimits.
 *
 * @module
 */
import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** Names what contains it. */
export type GuardedIsolation = "plain" | "unshare";

const SOURCE = "export default { methods: { echo: (params: unknown) => params } };\n";
const FILES = { "main.ts": SOURCE, "plugin.json": `{ "name": "echo", "entry": "main.ts" }\n` };
const CHILD = new URL("guarded_child.ts", import.meta.url).pathname;
const SCRIPT = new URL("guarded_unshare.sh", import.meta.url).pathname;
const SETPRIV = "/usr/bin/setpriv";
const UNSHARE = "/usr/bin/unshare";
const DEVICES = ["null", "zero", "full", "random", "urandom"];
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A plugin in a folder, signed, and what its starts have in common. */
export class GuardedFloor implements AsyncDisposable {
  readonly #dir: string;
  readonly #isolation: GuardedIsolation;
  readonly #publicKey: KeyObject;
  readonly #caches = new Map<string, Uint8Array>();
  #runs = 0;
  /** The folders for the next start, which are made when one is over. */
  #next: string | undefined;

  private constructor(dir: string, isolation: GuardedIsolation, publicKey: KeyObject) {
    this.#dir = dir;
    this.#isolation = isolation;
    this.#publicKey = publicKey;
  }

  /** Whether it can run here. */
  static works(isolation: GuardedIsolation): boolean {
    return isolation === "plain" || [SETPRIV, UNSHARE].every(existsSync);
  }

  /**
   * Writes and signs the plugin, and fills the caches by a first start.
   *
   * @param isolation What contains it.
   */
  static async make(isolation: GuardedIsolation): Promise<GuardedFloor> {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-bench-" }));
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const floor = new GuardedFloor(dir, isolation, publicKey);
    try {
      for (const folder of ["bundle", "copy"]) {
        Deno.mkdirSync(`${dir}/${folder}`);
        for (const [name, text] of Object.entries(FILES)) {
          Deno.writeTextFileSync(`${dir}/${folder}/${name}`, text);
        }
      }
      const signature = sign(null, encoder.encode(statementOf(floor.#read())), privateKey);
      Deno.writeFileSync(`${dir}/signature`, signature);
      if (isolation === "unshare") floor.#makeRoot();
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
   * @param data What it is to give back.
   * @returns Ends it, and removes its folders.
   */
  async start(data: unknown): Promise<AsyncDisposable> {
    const files = this.#read();
    const signature = Deno.readFileSync(`${this.#dir}/signature`);
    if (!verify(null, encoder.encode(statementOf(files)), this.#publicKey, signature)) {
      throw new Error("The signature is wrong");
    }
    for (const [name, bytes] of files) {
      const copy = Deno.readFileSync(`${this.#dir}/copy/${name}`);
      if (!bytes.every((byte, index) => byte === copy[index])) throw new Error("The copy is wrong");
    }
    const run = this.#next ?? this.#makeRun();
    this.#next = undefined;
    return await this.#startChild(run, data);
  }

  /** Makes the folders of a run. */
  #makeRun(): string {
    const run = `${this.#dir}/run-${this.#runs++}`;
    Deno.mkdirSync(`${run}/cwd`, { recursive: true });
    if (this.#isolation === "plain") this.#writeCaches(`${run}/deno`);
    return run;
  }

  /** Removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#dir, { recursive: true });
  }

  #read(): Map<string, Uint8Array> {
    const names = [...Deno.readDirSync(`${this.#dir}/bundle`)].map(({ name }) => name).sort();
    return new Map(names.map((name) => [name, Deno.readFileSync(`${this.#dir}/bundle/${name}`)]));
  }

  async #startChild(run: string, data: unknown): Promise<AsyncDisposable> {
    const inside = this.#isolation === "unshare";
    const bundle = inside ? "/bundle" : `${this.#dir}/copy`;
    const deno = [
      inside ? "/deno" : Deno.execPath(),
      ..."run --no-prompt --no-remote --no-npm --no-config --no-lock --cached-only".split(" "),
      ..."--deny-import --deny-write --deny-net --deny-sys --deny-env --deny-run".split(" "),
      ...["--deny-ffi", "--v8-flags=--max-old-space-size=128", `--allow-read=${bundle}`],
      inside ? "/child.ts" : CHILD,
    ];
    const root = `${this.#dir}/root`;
    const command = [
      ...(existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "KILL", "--"] : []),
      ...(inside
        ? `${UNSHARE} --user --map-root-user --mount --pid --ipc --uts --net`.split(" ")
        : []),
      ...(inside ? ["--fork", "--kill-child=KILL", "--", "/bin/bash", "--norc", SCRIPT] : []),
      ...(inside ? [root, `${this.#dir}/mounts`, `${this.#dir}/caches`] : []),
      ...deno,
    ];
    const child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      cwd: `${run}/cwd`,
      env: {
        DENO_DIR: inside ? "/deno-dir" : `${run}/deno`,
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
      },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = child.stdin.getWriter();
    const reader = child.stdout.getReader();
    const end = async () => {
      child.kill("SIGKILL");
      await child.status;
      await Promise.allSettled([writer.abort(), reader.cancel()]);
      await Deno.remove(run, { recursive: true });
      this.#next ??= this.#makeRun();
    };
    try {
      const entry = pathToFileURL(`${bundle}/main.ts`).href;
      await ask(writer, reader, { id: 1, entry });
      await ask(writer, reader, { id: 2, params: { method: "echo", params: data } });
    } catch (error) {
      await end();
      throw error;
    }
    return { [Symbol.asyncDispose]: end };
  }

  /** Keeps what a first start leaves in its cache folder, as databases without a log. */
  async #fillCaches(): Promise<void> {
    const dir = `${this.#dir}/first`;
    if (this.#isolation === "unshare") {
      await this.#firstInside(dir);
    } else {
      const run = await this.start("first");
      await new Deno.Command("cp", { args: ["-R", `${this.#dir}/run-0/deno`, dir] }).output();
      await run[Symbol.asyncDispose]();
    }
    await Deno.remove(this.#next!, { recursive: true }); // it was made without caches
    this.#next = undefined;
    for (const { name } of [...Deno.readDirSync(dir)]) {
      if (!/_cache_v\d+$/.test(name)) continue;
      const database = new DatabaseSync(`${dir}/${name}`);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
      this.#caches.set(name, Deno.readFileSync(`${dir}/${name}`));
    }
    await Deno.remove(dir, { recursive: true });
    this.#writeCaches(`${this.#dir}/caches`);
  }

  /** Starts it once with an empty cache folder that outlives it, in the place of the one in memory. */
  async #firstInside(dir: string): Promise<void> {
    Deno.mkdirSync(dir);
    Deno.mkdirSync(`${this.#dir}/caches`);
    const mounts = Deno.readTextFileSync(`${this.#dir}/mounts`);
    const target = `${this.#dir}/root/deno-dir`;
    const bound = mounts.replace(
      new RegExp(`^tmpfs ${RegExp.escape(target)} .*$`, "m"),
      `${dir} ${target} none bind,rw 0 0`,
    );
    Deno.writeTextFileSync(`${this.#dir}/mounts`, bound);
    Deno.chmodSync(dir, 0o777);
    const run = await this.start("first");
    await run[Symbol.asyncDispose]();
    Deno.writeTextFileSync(`${this.#dir}/mounts`, mounts);
    Deno.removeSync(`${this.#dir}/caches`);
  }

  #writeCaches(dir: string): void {
    Deno.mkdirSync(dir);
    for (const [name, bytes] of this.#caches) Deno.writeFileSync(`${dir}/${name}`, bytes);
  }

  /** Makes the mount points of the private root, and the list of its mounts. */
  #makeRoot(): void {
    const root = `${this.#dir}/root`;
    for (const name of ["proc", "dev", "tmp", "deno-dir", "usr", "bundle", ".old"]) {
      Deno.mkdirSync(`${root}/${name}`, { recursive: true });
    }
    const points = ["deno", "child.ts", ...DEVICES.map((name) => `dev/${name}`)];
    for (const name of points) Deno.writeTextFileSync(`${root}/${name}`, "");
    for (const name of ["bin", "sbin", "lib", "lib64"]) {
      if (existsSync(`/usr/${name}`)) Deno.symlinkSync(`usr/${name}`, `${root}/${name}`);
    }
    const bind = (source: string, target: string, options = "nosuid,nodev") =>
      `${source} ${root}${target} none rbind,ro,${options} 0 0`;
    const memory = (target: string, size: string) =>
      `tmpfs ${root}${target} tmpfs nosuid,nodev,noexec,size=${size},mode=0777 0 0`;
    Deno.writeTextFileSync(
      `${this.#dir}/mounts`,
      `${
        [
          bind(root, ""),
          `proc ${root}/proc proc nosuid,nodev,noexec 0 0`,
          ...DEVICES.map((name) => bind(`/dev/${name}`, `/dev/${name}`, "nosuid,noexec")),
          ...[memory("/tmp", "64m"), memory("/deno-dir", "16m")],
          ...[bind("/usr", "/usr"), bind(Deno.execPath(), "/deno")],
          ...[bind(`${this.#dir}/copy`, "/bundle"), bind(CHILD, "/child.ts")],
        ].join("\n")
      }\n`,
    );
  }
}

/** What is signed: each file by its hash. */
function statementOf(files: ReadonlyMap<string, Uint8Array>): string {
  return [...files].map(([name, bytes]) =>
    `${createHash("sha3-512").update(bytes).digest("hex")}  ${name}\n`
  ).join("");
}

/** Sends a line and waits for one. */
async function ask(
  writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>,
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  message: unknown,
): Promise<void> {
  await writer.write(encoder.encode(`${JSON.stringify(message)}\n`));
  for (let text = ""; !text.includes("\n");) {
    const { value, done } = await reader.read();
    if (done) throw new Error("The hand-written child has ended");
    text += decoder.decode(value, { stream: true });
  }
}
