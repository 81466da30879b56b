// Finds source maps outside of a bundle that its modules name: the runtime opens such files without asking
// for the permission to read, and shows their names in stacks.
import { nodeBuffer } from "../../node.ts";

/** Any folder; paths are resolved against it as the runtime resolves them against the bundle's. */
const BASE = "file:///bundle/";
const NEEDLE = "sourceMappingURL=";
/** The comment as V8 takes it, at the least: what it leaves out harms nobody. */
const COMMENT = /\/\/[#@]\ssourceMappingURL=[^\S\n\r\u2028\u2029]*(\S+)/g;

/**
 * Finds the first source map that a file names and that is neither in the bundle's folder nor in the file
 * itself. Every file may be imported as a module, whatever its name ends in.
 */
export function outerSourceMap(path: string, bytes: Uint8Array): string | undefined {
  const encoding = encodingOf(bytes);
  if (
    encoding === "utf-8" &&
    !nodeBuffer().Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(NEEDLE)
  ) return undefined;
  const module = BASE + path.split("/").map(encodeURIComponent).join("/");
  for (const [, named] of new TextDecoder(encoding).decode(bytes).matchAll(COMMENT)) {
    if (!staysInside(named!, module)) return named;
  }
  return undefined;
}

/** How the runtime decodes a module: by its first two bytes. */
function encodingOf([first, second]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

function staysInside(named: string, module: string): boolean {
  const url = URL.parse(named, module);
  if (url === null || url.protocol !== "file:") return true; // no file: data, or what is never fetched
  if (url.host !== "" || !url.pathname.startsWith(new URL(BASE).pathname)) return false;
  // an encoded separator is one in the path that is opened
  try {
    return !decodeURIComponent(url.pathname).split(/[/\\]/).includes("..");
  } catch {
    return false;
  }
}
