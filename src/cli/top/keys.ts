/**
 * The keys of `sallyport top`.
 *
 * @module
 */

/** Names what a key asks for. */
export type TopKey = "quit" | "sort" | "up" | "down" | "page-up" | "page-down" | "start" | "end";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const ESCAPE = "\u001b";

const KEYS: Readonly<Record<string, TopKey>> = {
  q: "quit",
  Q: "quit",
  [CTRL_C]: "quit",
  [CTRL_D]: "quit",
  s: "sort",
  k: "up",
  j: "down",
  b: "page-up",
  " ": "page-down",
  g: "start",
  G: "end",
  "[A": "up",
  OA: "up",
  "[B": "down",
  OB: "down",
  "[5~": "page-up",
  "[6~": "page-down",
  "[H": "start",
  OH: "start",
  "[1~": "start",
  "[F": "end",
  OF: "end",
  "[4~": "end",
};

/** The rest of a key after its Escape, as far as it has come. */
// deno-lint-ignore no-control-regex
const SEQUENCE = /^\u001b(\[[0-9;]{0,16}[@-~]|O[@-~])/;

/** Reads keys from what a terminal sent at once. */
export function readKeys(bytes: Uint8Array): TopKey[] {
  const keys: TopKey[] = [];
  for (let rest = new TextDecoder("latin1").decode(bytes); rest !== "";) {
    const sequence = rest.startsWith(ESCAPE) ? SEQUENCE.exec(rest)?.[1] : undefined;
    const key = sequence ?? rest[0]!;
    if (Object.hasOwn(KEYS, key)) keys.push(KEYS[key]!);
    rest = rest.slice(sequence === undefined ? 1 : sequence.length + 1);
  }
  return keys;
}
