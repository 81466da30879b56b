// Finds out whether a project knows where `@sallyport/host` is.
import { readNamedFile } from "../../io/named_file.ts";

const MAX_CONFIG_BYTES = 1_048_576;
const CONFIG_FILES = ["deno.json", "deno.jsonc", "package.json"];
const PACKAGE = /"@sallyport\/host"/;

/** Looks through the configurations of a folder and those above it: for one that names the package, or the nearest. */
export async function findMapping(
  dir: string,
): Promise<{ kind: "mapped" | "unmapped"; path: string } | { kind: "no-config" }> {
  let nearest: string | undefined;
  for (let folder = dir.replaceAll("\\", "/");; folder = folder.replace(/\/[^/]*$/, "")) {
    for (const name of CONFIG_FILES) {
      const path = `${folder}/${name}`;
      const bytes = await readNamedFile(path, MAX_CONFIG_BYTES).catch(() => undefined);
      if (bytes === undefined) continue;
      const text = new TextDecoder().decode(bytes);
      if (PACKAGE.test(text)) return { kind: "mapped", path };
      nearest ??= path;
    }
    if (!folder.includes("/")) break;
  }
  return nearest === undefined ? { kind: "no-config" } : { kind: "unmapped", path: nearest };
}
