/**
 * Bundles what applications import into `dist/`: one file is imported three times as fast as three hundred.
 * With `--check` it only says whether those files are up to date, and exits 1 when they are not.
 */
import { stop, transform } from "esbuild";

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);
/** The name of each bundle, and the module that it is made of. */
const ENTRIES: readonly (readonly [name: string, source: string])[] = [
  ["host", "src/mod.ts"],
  ["testing", "src/testing/mod.ts"],
  ["cli", "src/cli/main.ts"],
];
const STALE = "dist/ is stale: run `deno task build`\n";

const made = await build();
if (!Deno.args.includes("--check")) {
  await Deno.remove(DIST, { recursive: true }).catch(() => {}); // there is none yet
  await Deno.mkdir(DIST);
  for (const [name, text] of made) await Deno.writeTextFile(new URL(name, DIST), text);
} else if (!await isCurrent(made)) {
  await Deno.stderr.write(new TextEncoder().encode(STALE));
  Deno.exit(1);
}

/** Builds the files, by their names. */
async function build(): Promise<ReadonlyMap<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-build-" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--no-lock", "--platform=deno"],
        ...["--code-splitting", "--outdir", folder, ...ENTRIES.map(([, source]) => source)],
      ],
      cwd: ROOT,
    }).output();
    if (!success) throw new Error(`Cannot bundle: ${new TextDecoder().decode(stderr)}`);
    const names = new Map<string, string>();
    const texts = new Map<string, string>();
    for (const [name, source] of ENTRIES) {
      const path = source.replace(/^src\//, "").replace(/\.ts$/, ".js");
      names.set(path, `${name}.js`);
      texts.set(path, await Deno.readTextFile(`${folder}/${path}`));
    }
    // shared parts are named by the order in which they are imported: the bundler's names depend on paths
    for (const text of texts.values()) {
      for (const [, part] of text.matchAll(/["'](?:\.{1,2}\/)+([\w.-]+\.js)["']/g)) {
        if (names.has(part!)) continue;
        names.set(part!, `part_${names.size - ENTRIES.length + 1}.js`);
        texts.set(part!, await Deno.readTextFile(`${folder}/${part}`));
      }
    }
    const made = new Map<string, string>();
    for (const [path, text] of texts) {
      // where a package lies differs from machine to machine
      const placeless = text.replaceAll(/"(?:\.\.\/)+[^"\n]*\/npm\/[^"/\n]+\//g, '"');
      const renamed = placeless.replaceAll(
        /(["'])(?:\.{1,2}\/)+([\w.-]+\.js)\1/g,
        (whole, quote, part) => names.has(part) ? `${quote}./${names.get(part)}${quote}` : whole,
      );
      made.set(names.get(path)!, header(names.get(path)!) + await minify(renamed));
    }
    return made;
  } finally {
    await stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Takes out what only people need: a third of the import is reading. Statements stay as they are, for esbuild
 * takes a `using` that is named once for a plain expression (0.28), and then nothing is disposed.
 */
async function minify(text: string): Promise<string> {
  const { code } = await transform(text, {
    minifyWhitespace: true,
    minifyIdentifiers: true,
    format: "esm",
    target: "esnext",
    legalComments: "none",
  });
  const count = (source: string) => source.match(/\busing\s+[\w$]+\s*=/g)?.length ?? 0;
  if (count(code) !== count(text)) throw new Error("Cannot minify: a `using` would be lost");
  return code;
}

function header(file: string): string {
  const source = ENTRIES.find(([name]) => file === `${name}.js`)?.[1];
  const made = "// Made by `deno task build` from src/; do not edit.\n";
  return source === undefined ? made : `/* @ts-self-types="../${source}" */\n${made}`;
}

async function isCurrent(made: ReadonlyMap<string, string>): Promise<boolean> {
  const present = new Map<string, string>();
  try {
    for await (const { name } of Deno.readDir(DIST)) {
      present.set(name, await Deno.readTextFile(new URL(name, DIST)));
    }
  } catch {
    return false; // it was never made
  }
  return present.size === made.size &&
    [...made].every(([name, text]) => present.get(name) === text);
}
