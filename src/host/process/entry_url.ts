import { pathToFileURL } from "node:url";

/** Returns the URL of a bundle's entry. */
export function entryUrl(bundleDir: string, entry: string): string {
  return pathToFileURL(`${bundleDir}/${entry}`).href;
}
