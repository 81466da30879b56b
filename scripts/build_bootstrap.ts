/**
 * Bundles `src/plugin/bootstrap.ts` into `src/plugin/bootstrap.generated.ts`; with `--check` it only
 * says whether that file is up to date, and exits 1 when it is not.
 *
 * `deno bundle` fetches its bundler, in the version that belongs to this version of Deno, when it runs
 * for the first time.
 */
import { sha3_512Hex } from "../src/crypto/digest.ts";
import { IMPORT_MAP_SOURCE } from "../src/plugin/import_map.ts";

const ROOT = new URL("../", import.meta.url);
const ENTRY = new URL("src/plugin/bootstrap.ts", ROOT);
const OUTPUT = new URL("src/plugin/bootstrap.generated.ts", ROOT);

const STALE = "src/plugin/bootstrap.generated.ts is stale: run `deno task build`\n";

async function bundle(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    // Minified: Deno and the engine both read all of it at each start of a plugin
    args: ["bundle", "--quiet", "--no-lock", "--platform=deno", "--minify", ENTRY.pathname],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot bundle: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function literal(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${");
}

function render(bootstrap: string): string {
  return `// Made by \`deno task build\` from bootstrap.ts and import_map.ts; do not edit.

/** The source of the module that every plugin's process starts with. */
export const BOOTSTRAP_SOURCE: string = \`${literal(bootstrap)}\`;

/** The import map of plugins' processes, as JSON. */
export const IMPORT_MAP_SOURCE: string = \`${literal(IMPORT_MAP_SOURCE)}\`;

/** The SHA3-512 of both, one after the other, in hex. */
export const RUNTIME_HASH: string =
  "${sha3_512Hex(new TextEncoder().encode(bootstrap + IMPORT_MAP_SOURCE))}";
`;
}

const made = render(await bundle());
if (!Deno.args.includes("--check")) {
  await Deno.writeTextFile(OUTPUT, made);
} else if (await Deno.readTextFile(OUTPUT).catch(() => "") !== made) {
  await Deno.stderr.write(new TextEncoder().encode(STALE));
  Deno.exit(1);
}
