// Tells cheaply whether anything in a folder may have changed, without reading a file.
import { sha3_512Hex } from "../../crypto/digest.ts";

/** More than a bundle may have: what is beyond that is refused anyway, whatever changes in it. */
const MAX_ENTRIES = 12_000;
const MAX_DEPTH = 64;
const encoder = new TextEncoder();

/** Returns a text that is another one when an entry came, went, was replaced or was written to. */
export async function markOfFolder(dir: string, signal?: AbortSignal): Promise<string> {
  const marks: string[] = [];
  const rest: [path: string, depth: number][] = [["", 0]];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [inside, depth] = next;
    try {
      for await (const { name, isDirectory } of Deno.readDir(`${dir}/${inside}`)) {
        if (marks.length >= MAX_ENTRIES || signal?.aborted) return digest(marks);
        const path = `${inside}${name}`;
        marks.push(await markOfEntry(dir, path));
        if (isDirectory && depth < MAX_DEPTH) rest.push([`${path}/`, depth + 1]);
      }
    } catch {
      if (inside === "") return "";
      marks.push(`${inside}?`); // it went away, or may not be read
    }
  }
  return digest(marks);
}

async function markOfEntry(dir: string, path: string): Promise<string> {
  try {
    const { dev, ino, size, mtime, ctime, mode } = await Deno.lstat(`${dir}/${path}`);
    return [path, dev, ino, size, mode, mtime?.getTime(), ctime?.getTime()].join("\0");
  } catch {
    return `${path}\0?`;
  }
}

function digest(marks: string[]): string {
  return sha3_512Hex(encoder.encode(marks.sort().join("\n")));
}
