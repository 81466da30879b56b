/** Reads the public test vectors in tests/vectors. */
const FOLDER = new URL("../vectors/", import.meta.url);

/** Reads a file of vectors as text. */
export function readVectors(name: string): string {
  return Deno.readTextFileSync(new URL(name, FOLDER));
}

/** Reads a file of vectors as JSON. */
export function readJsonVectors<T>(name: string): T {
  return JSON.parse(readVectors(name)) as T;
}

/** Decodes hex. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(text);
}
