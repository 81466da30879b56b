import { sallyport } from "./sallyport.ts";
import { removeTree } from "../../src/io/remove_tree.ts";

/** A folder that goes away. */
export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

/** Makes a temporary folder. */
export async function scratch(): Promise<Scratch> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-cli-test-" }));
  return { path, [Symbol.asyncDispose]: () => removeTree(path) };
}

const MODULE = `import { definePlugin } from "@sallyport/host/plugin";

export default definePlugin({
  methods: {
    count: ({ text }: { text: string }) => ({ words: text.split(/\\s+/).filter(Boolean).length }),
    nothing() {},
    bytes: () => new Uint8Array([1, 2, 3]),
    odd: () => "a\\u202eb\\u009bc",
    chatty() {
      console.log("said by console");
      return "done";
    },
    stderr() {
      Deno.stderr.writeSync(new TextEncoder().encode("said to \\u001b[31mstderr\\n"));
      return "done";
    },
    fails() {
      throw new Error("out of luck");
    },
    hangs: () => new Promise(() => console.log("hanging")),
    crashes: () => Deno.exit(7),
    async *lines({ text }: { text: string }) {
      for (const line of text.split("\\n")) yield { line };
    },
    async *endless() {
      for (let n = 0;; n++) yield n;
    },
  },
});
`;

/** Writes a bundle and gives its folder. */
export async function writeBundle(
  parent: string,
  manifest: Record<string, unknown> = {},
  module: string = MODULE,
): Promise<string> {
  const { name = "sample" } = manifest;
  const dir = `${parent}/${name}`;
  await Deno.mkdir(dir, { recursive: true });
  const whole = { name, version: "1.2.3", entry: "main.ts", ...manifest };
  await Deno.writeTextFile(`${dir}/plugin.json`, `${JSON.stringify(whole, null, 2)}\n`);
  await Deno.writeTextFile(`${dir}/main.ts`, module);
  return dir;
}

/** A bundle, signed by a key that the command line made. */
export interface SignedBundle {
  readonly dir: string;
  readonly key: string;
  readonly pub: string;
}

/** Writes a bundle and signs it with the commands themselves. */
export async function signedBundle(
  parent: string,
  manifest: Record<string, unknown> = {},
): Promise<SignedBundle> {
  const dir = await writeBundle(parent, manifest);
  const keys = `${parent}/keys`;
  for (
    const args of [
      ["keygen", "author", "--dir", keys],
      ["sign", dir, "--key", `${keys}/author.key`],
    ]
  ) {
    const { code, stderr } = await sallyport(args);
    if (code !== 0) throw new Error(stderr);
  }
  return { dir, key: `${keys}/author.key`, pub: `${keys}/author.pub` };
}

/** Writes a policy and gives its path. */
export async function writePolicy(parent: string, policy: unknown): Promise<string> {
  const path = `${parent}/policy.json`;
  await Deno.writeTextFile(path, JSON.stringify(policy));
  return path;
}
