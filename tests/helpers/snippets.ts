import { removeTree } from "../../src/io/remove_tree.ts";
import { writeProgram } from "./process.ts";

/** The folder of the project. */
export const PROJECT = new URL("../../", import.meta.url);

/** A fenced block of a Markdown document. */
export interface Block {
  /** The line of its opening fence, from 1. */
  readonly line: number;
  /** The first word after the fence, such as `ts` or `sh`. */
  readonly language: string;
  /** The other words, such as `ignore`, or `file=app.ts` as `file` with its value. */
  readonly tags: ReadonlyMap<string, string>;
  /** What is between the fences, with its last line end. */
  readonly text: string;
}

/** Finds the fenced blocks of a document. */
export function parseBlocks(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string[]; lines: string[] } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    if (open === undefined) {
      const info = /^```(.+)$/.exec(line)?.[1];
      if (info !== undefined) open = { line: index + 1, info: info.split(/\s+/), lines: [] };
    } else if (line === "```") {
      const [language = "", ...words] = open.info;
      const tags = new Map(words.map((word) => {
        const [name = "", ...value] = word.split("=");
        return [name, value.join("=")];
      }));
      const text = open.lines.map((each) => `${each}\n`).join("");
      blocks.push({ line: open.line, language, tags, text });
      open = undefined;
    } else open.lines.push(line);
  }
  if (open !== undefined) throw new Error(`the block at line ${open.line} has no end`);
  return blocks;
}

/** Gives the block of output that follows a block of commands, if one does. */
export function outputOf(blocks: readonly Block[], command: Block): Block | undefined {
  const next = blocks[blocks.indexOf(command) + 1];
  return next?.language === "text" && next.tags.has("output") ? next : undefined;
}

/** Replaces what differs from run to run: keys, hashes, times; and sizes of the examples. */
export function normalise(text: string): string {
  return text
    // said only where there is no sandbox, and then besides what is shown
    .replace(/^.*\bPlugins run without an operating-system sandbox \{.*\n/gm, "")
    .replace(/\b[0-9a-f]{128}\b/g, "<hash>")
    .replace(/\b[0-9a-f]{64}\b/g, "<public key>")
    .replace(/\b[0-9a-f]{16}(?=…)/g, "<hash>")
    .replace(/\b[0-9a-f]{16}\b/g, "<key id>")
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replace(/\b\d+ bytes, now \d+/g, "<size>")
    .replace(/\(\d+(?:ms|s)\)/g, "(<time>)")
    .replace(/[ \t]+$/gm, "")
    .trimEnd();
}

const COPIED = [
  "deno.json",
  "mod.ts",
  "testing.ts",
  "cli.ts",
  "dist",
  "src",
  "links",
  "plugins",
  "README.md",
];

/** A copy of the project in which the commands of one document run, one block after another. */
export class Checkout implements AsyncDisposable {
  readonly #base: string;
  readonly #dir: string;

  private constructor(base: string) {
    this.#base = base;
    this.#dir = `${base}/sallyport`;
  }

  /** Copies the project, and makes the commands that a reader has: `deno`, `npx`, `sallyport`. */
  static async make(): Promise<Checkout> {
    const base = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-docs-" }));
    await using stack = new AsyncDisposableStack();
    const checkout = stack.use(new Checkout(base));
    await Deno.mkdir(checkout.#dir);
    for (const name of COPIED) await copy(new URL(name, PROJECT), `${checkout.#dir}/${name}`);
    // what the documents run must not depend on whether the lock file is up to date
    const config = JSON.parse(await Deno.readTextFile(`${checkout.#dir}/deno.json`));
    await Deno.writeTextFile(
      `${checkout.#dir}/deno.json`,
      JSON.stringify({ ...config, lock: false }),
    );
    await Deno.mkdir(`${base}/bin`);
    const deno = `exec '${Deno.execPath()}'`;
    for (
      const [name, script] of [
        // what is tested type-checks: a block of the documents and the test of `new` say so
        ["deno", `[ "$1" != test ] || { shift; set -- test --no-check "$@"; }\n${deno} "$@"`],
        ["npx", `[ "$1 $2" = "-y deno@2.9.6" ] || exit 64; shift 2; ${deno} "$@"`],
        ["sallyport", `${deno} run -A '${checkout.#dir}/cli.ts' "$@"`],
      ] as const
    ) {
      await writeProgram(`${base}/bin/${name}`, script);
    }
    stack.move();
    return checkout;
  }

  /** Writes a file that a document shows. */
  async write(path: string, text: string): Promise<void> {
    const slash = path.lastIndexOf("/");
    if (slash > 0) await Deno.mkdir(`${this.#dir}/${path.slice(0, slash)}`, { recursive: true });
    await Deno.writeTextFile(`${this.#dir}/${path}`, text);
  }

  /** Runs a block of commands; stdout and stderr come as one text, in the order of writing. */
  async run(script: string): Promise<{ code: number; output: string }> {
    const path = `${this.#base}/bin:${Deno.env.get("PATH")}`;
    const { code, stdout } = await new Deno.Command("/bin/sh", {
      args: ["-e", "-c", `exec 2>&1\n${script}`],
      cwd: this.#dir,
      // a task that runs the tests is not the one that a reader calls
      env: { PATH: path, NO_COLOR: "1", INIT_CWD: "" },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).output();
    const output = new TextDecoder().decode(stdout).replaceAll(this.#dir, "");
    return { code, output };
  }

  /** Removes the copy. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(this.#base);
  }
}

async function copy(from: URL, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  const folder = new URL(`${from.href}/`);
  for await (const { name } of Deno.readDir(folder)) {
    await copy(new URL(encodeURIComponent(name), folder), `${to}/${name}`);
  }
}
