// JSON from outside, read so that it means one thing only.

/** Nesting beyond this depth is refused; no file of ours comes near it. */
const MAX_DEPTH = 64;

/**
 * Parses JSON that another program may read differently otherwise.
 *
 * Refuses what `JSON.parse` lets pass: bytes that are not UTF-8, a byte order mark, a repeated key
 * (parsers disagree on which one counts, so a reviewer could read another value than the host uses),
 * and a `__proto__` key.
 *
 * @throws {SyntaxError} With a message fit for people, on all of the above.
 */
export function parseStrictJson(input: Uint8Array | string): unknown {
  const text = typeof input === "string" ? input : decode(input);
  if (text.startsWith("\ufeff")) throw new SyntaxError("starts with a byte order mark");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`is not JSON: ${(cause as Error).message}`, { cause });
  }
  refuseTrickyKeys(text);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError("is not UTF-8", { cause });
  }
}

/** Walks text that is known to be JSON, so that it need only tell strings, brackets and colons. */
function refuseTrickyKeys(text: string): void {
  const open: (Set<string> | undefined)[] = []; // the keys seen of each open object; undefined: array
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case "{":
        open.push(new Set());
        break;
      case "[":
        open.push(undefined);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const end = endOfString(text, at);
        if (isKey(text, end)) {
          const key = JSON.parse(text.slice(at, end)) as string; // "\u0061" and "a" are one key
          const keys = open.at(-1);
          if (key === "__proto__") throw new SyntaxError('has a key "__proto__"');
          if (keys?.has(key)) throw new SyntaxError(`has the key ${JSON.stringify(key)} twice`);
          keys?.add(key);
        }
        at = end - 1;
        break;
      }
    }
    if (open.length > MAX_DEPTH) throw new SyntaxError(`is nested deeper than ${MAX_DEPTH} levels`);
  }
}

/** Returns the index after the closing quote of the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let quote = start;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}

function isKey(text: string, afterString: number): boolean {
  let at = afterString;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return text[at] === ":";
}
