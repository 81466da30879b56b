import { DatabaseSync } from "node:sqlite";
import { removeTree } from "../../src/io/remove_tree.ts";
import { makeBundle, signDir, type TestKeys } from "../helpers/signing.ts";
import type { Attack } from "./attack.ts";
import type { World } from "./world.ts";

/** Attacks that share one process, the first of which says how it is loaded. */
export interface Group {
  /** The name of its plugin. */
  readonly name: string;
  /** One after another. */
  readonly attacks: readonly [Attack, ...Attack[]];
}

/** Puts attacks of the same plugin and group together. */
export function groupsOf(attacks: readonly Attack[]): Group[] {
  const groups = new Map<string, [Attack, ...Attack[]]>();
  for (const [index, attack] of attacks.entries()) {
    const key = attack.group === undefined ? String(index) : `${attack.plugin} ${attack.group}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [attack]);
    else group.push(attack);
  }
  return [...groups.values()].map((attacks, index) => ({
    name: `${attacks[0].plugin.replaceAll("_", "-")}-${index}`,
    attacks,
  }));
}

/** Puts the places of a lane into texts that name them. */
export function placed<T>(value: T, world: World, dataDir: string): T {
  const places: Record<string, string> = {
    OUTSIDE: world.outside,
    DATA: dataDir,
    FREE_PORT: String(world.freePort),
    PORT: String(world.port),
  };
  if (value === undefined) return value;
  const text = JSON.stringify(value)
    .replace(/\b(?:FREE_PORT|PORT|OUTSIDE|DATA)\b/g, (name) => places[name]!);
  return JSON.parse(text);
}

/** Where the modules are, and where bundles go. */
export interface BundlePlaces {
  /** The folder of hostile modules. */
  readonly plugins: string;
  /** The folder that takes the bundles. */
  readonly bundles: string;
  /** What the bundles aim at. */
  readonly world: World;
  /** The host's own folder. */
  readonly dataDir: string;
}

/** Writes the bundle of an attack, and signs it where there are keys. */
export async function stageBundle(
  attack: Attack,
  name: string,
  { plugins, bundles, world, dataDir }: BundlePlaces,
  keys?: TestKeys,
): Promise<string> {
  const read = (file: string) => Deno.readTextFile(`${plugins}/${file}`);
  const dir = `${bundles}/${name}`;
  const files = placed(attack.files, world, dataDir);
  await makeBundle(dir, {
    "main.ts": await read(`${attack.plugin}.ts`),
    "attempt.ts": await read("attempt.ts"),
    "worker.ts": await read("worker.ts"),
    ...files,
  }, { name, ...placed(attack.manifest, world, dataDir) });
  if (keys !== undefined) {
    // what is not allowed in a bundle cannot be signed, either: it comes afterwards
    const late = Object.keys(attack.files ?? {}).filter((path) => !isPlain(path));
    for (const path of late) await removeTree(`${dir}/${path.split("/")[0]}`);
    try {
      await signDir(dir, keys);
    } catch (error) {
      // a manifest that cannot be signed is refused for itself: that is the attack
      if ((error as { code?: string }).code !== "manifest-invalid") throw error;
    }
    await add(dir, Object.fromEntries(late.map((path) => [path, files![path]!])));
    await add(dir, attack.unsigned ?? {});
  }
  for (const [path, target] of Object.entries(placed(attack.links, world, dataDir) ?? {})) {
    await Deno.symlink(target, `${dir}/${path}`);
  }
  return dir;
}

function isPlain(path: string): boolean {
  return !/^(?:deno\.jsonc?|package\.json|node_modules\/.*)$/.test(path);
}

async function add(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(`${dir}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${dir}/${path}`, text);
  }
}

/** Fills the folder outside of every grant with all that attacks reach for. */
export async function fillOutside(outside: string): Promise<void> {
  const files: Record<string, string> = {
    "secret.txt": "a secret",
    "victim": "a victim",
    "module.ts": "export default 'from outside' as string;",
    "module.cjs": "module.exports = 'from outside';",
    "data.json": '{"key":"from outside"}',
    "worker.js": "postMessage('from outside');",
    "library.so": "no library",
    "library.node": "no library",
    "package/package.json": '{"name":"package","main":"index.cjs"}',
    "package/index.cjs": "module.exports = 'from outside';",
  };
  await Deno.mkdir(`${outside}/package`, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${outside}/${name}`, text);
  }
  await Deno.symlink(`${outside}/secret.txt`, `${outside}/link`);
  const database = new DatabaseSync(`${outside}/data.sqlite`);
  database.exec("CREATE TABLE t (n); INSERT INTO t VALUES (1)");
  database.close();
}
