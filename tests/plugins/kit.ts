import type { HostTest } from "../helpers/host.ts";
import { signDir } from "../helpers/signing.ts";

/** The example plugins of this project. */
export const PLUGINS = new URL("../../plugins/", import.meta.url);

/** The names of the example plugins. */
export const EXAMPLES = ["doc-stats", "link-check", "notes", "word-count"] as const;

/** Copies an example plugin into a test's folder, lays fields over its manifest, and signs the copy. */
export async function signedExample(
  test: HostTest,
  name: typeof EXAMPLES[number],
  manifest: Readonly<Record<string, unknown>> = {},
  folder: string = name,
): Promise<string> {
  const from = new URL(`${name}/`, PLUGINS);
  const dir = `${test.plugins}/${folder}`;
  await Deno.mkdir(dir);
  for await (const entry of Deno.readDir(from)) {
    await Deno.copyFile(new URL(entry.name, from), `${dir}/${entry.name}`);
  }
  const path = `${dir}/plugin.json`;
  const written = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...written, ...manifest }));
  await signDir(dir, test.keys);
  return dir;
}
