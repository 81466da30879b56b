// The demo's own folder: keys and signed copies of bundles, all of it removed at the end.
//
// Keys and signatures are made by the command line of the package, as an author would.
import { main as sallyport } from "@sallyport/host/cli";
import { Unexpected } from "./terminal.ts";

/** A key pair on disk. */
export interface KeyFiles {
  readonly name: string;
  readonly id: string;
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Says what a bundle is made of. */
export interface BundleSource {
  /** The folder to copy; without it the bundle is made of `files` alone. */
  from?: URL;
  files?: Readonly<Record<string, string>>;
  manifest?: Readonly<Record<string, unknown>>;
}

/** Tells of a signature. */
export interface Signed {
  readonly dir: string;
  readonly name: string;
  readonly version: string;
  readonly bundleHash: string;
}

/** Makes keys and signed bundles in a temporary folder. */
export class Workshop implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** Opens a workshop in a new temporary folder. */
  static async open(): Promise<Workshop> {
    return new Workshop(await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-demo-" })));
  }

  /** Makes a key pair: `sallyport keygen NAME --dir DIR`. */
  async makeKey(name: string): Promise<KeyFiles> {
    const made = await command<{ keyId: string; privateKeyFile: string; publicKeyFile: string }>(
      ["keygen", name, "--dir", `${this.dir}/keys`],
    );
    return {
      name,
      id: made.keyId,
      privateKey: made.privateKeyFile,
      publicKey: made.publicKeyFile,
    };
  }

  /** Copies a bundle and signs the copy: `sallyport sign DIR --key FILE`. */
  async sign(path: string, source: BundleSource, key: KeyFiles): Promise<Signed> {
    const dir = `${this.dir}/${path}`;
    await Deno.mkdir(dir, { recursive: true });
    if (source.from !== undefined) await copyFiles(source.from, dir);
    for (const [name, text] of Object.entries(source.files ?? {})) {
      await Deno.writeTextFile(`${dir}/${name}`, text);
    }
    if (source.manifest !== undefined) {
      const manifest = JSON.parse(await Deno.readTextFile(`${dir}/plugin.json`));
      const changed = JSON.stringify({ ...manifest, ...source.manifest }, null, 2);
      await Deno.writeTextFile(`${dir}/plugin.json`, changed);
    }
    return { ...await command<Signed>(["sign", dir, "--key", key.privateKey]), dir };
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** Copies the files of a flat bundle, without a signature that someone may have left in it. */
async function copyFiles(from: URL, to: string): Promise<void> {
  for await (const entry of Deno.readDir(from)) {
    if (entry.isFile && entry.name !== "plugin.sig.json") {
      const bytes = await Deno.readFile(new URL(entry.name, from));
      await Deno.writeFile(`${to}/${entry.name}`, bytes);
    }
  }
}

/** Runs a command of the package in this process and reads the JSON that it prints. */
async function command<T>(args: readonly string[]): Promise<T> {
  let printed = "";
  const code = await sallyport([...args, "--json"], {
    writeOut: (text) => void (printed += text),
    writeErr: () => {},
    stdin: () => new ReadableStream({ start: (controller) => controller.close() }),
    outIsTerminal: false,
    errIsTerminal: false,
    noColor: true,
  });
  if (code !== 0) throw new Unexpected(`sallyport ${args.join(" ")}: exit code ${code} ${printed}`);
  return JSON.parse(printed);
}
