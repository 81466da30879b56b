import { nodeUrl } from "../../node.ts";

/** Returns the URL of a bundle's entry. */
export function entryUrl(bundleDir: string, entry: string): string {
  return nodeUrl().pathToFileURL(`${bundleDir}/${entry}`).href;
}
