// Cuts the fields of an entry to bounds, whatever they are.

/** How many characters of one text are kept. */
const MAX_TEXT = 4_096;
const MAX_NAME = 200;
const MAX_ITEMS = 1_000;
const MAX_KEYS = 256;
const MAX_DEPTH = 8;
/** How many bytes all fields may have as JSON, so that a line stays below 64 KiB. */
const MAX_BYTES = 60_000;
/** What a comma, a bracket and a number cost at most. */
const VALUE_BYTES = 28;

/** Keys that the line itself has; a field of that name gets another one. */
const LINE_KEYS: ReadonlySet<string> = new Set(["seq", "time", "type", "prev", "signature"]);

/** Holds fields that are plain JSON values and within the bounds. */
export type ShapedFields = Readonly<Record<string, unknown>>;

const encoder = new TextEncoder();

/**
 * Copies fields as plain, bounded JSON values. A hostile plugin has a say in what errors and events carry:
 * without bounds it could fill the disk with one line, and a getter or a cycle could throw into the host.
 */
export function shapeFields(entry: object): ShapedFields {
  try {
    const { type: _type, ...fields } = entry as Record<string, unknown>;
    const shaped = new Shaper().shape(fields, 0) as Record<string, unknown>;
    for (const key of LINE_KEYS) {
      if (!Object.hasOwn(shaped, key)) continue;
      shaped[`field-${key}`] = shaped[key];
      delete shaped[key];
    }
    return shaped;
  } catch {
    return { unreadable: true };
  }
}

class Shaper {
  #left = MAX_BYTES;

  shape(value: unknown, depth: number): unknown {
    this.#left -= VALUE_BYTES;
    switch (typeof value) {
      case "string":
        return this.#text(value, MAX_TEXT);
      case "number":
        return Number.isFinite(value) ? value : String(value);
      case "boolean":
        return value;
      case "object":
        return value === null ? null : this.#object(value, depth);
      case "undefined":
        return undefined;
      default:
        return this.#text(String(value), MAX_NAME);
    }
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Uint8Array) return `<${value.length} bytes>`;
    if (value instanceof Date) return this.#text(String(value.toJSON()), MAX_NAME);
    if (value instanceof URL) return this.#text(value.href, MAX_TEXT);
    if (depth >= MAX_DEPTH) return "…[deeper]";
    if (value instanceof Error) return this.#error(value, depth);
    if (value instanceof Map) return this.#record([...value].slice(0, MAX_KEYS), value.size, depth);
    if (Array.isArray(value) || value instanceof Set) {
      return this.#array([...value.values().take(MAX_ITEMS)], value, depth);
    }
    const keys = Object.keys(value);
    const entries = keys.slice(0, MAX_KEYS)
      .map((key): [string, unknown] => [key, (value as Record<string, unknown>)[key]]);
    return this.#record(entries, keys.length, depth);
  }

  /** Keeps what an error tells, never its stack or cause: they speak of the host. */
  #error(error: Error, depth: number): unknown {
    const { code, details } = error as { code?: unknown; details?: unknown };
    const entries: [string, unknown][] = [["message", error.message]];
    entries.unshift(typeof code === "string" ? ["code", code] : ["name", error.name]);
    if (details !== undefined) entries.push(["details", details]);
    return this.#record(entries, entries.length, depth);
  }

  #array(items: unknown[], whole: readonly unknown[] | Set<unknown>, depth: number): unknown[] {
    const total = Array.isArray(whole) ? whole.length : (whole as Set<unknown>).size;
    const shaped: unknown[] = [];
    for (const item of items) {
      if (this.#left <= 0) break;
      shaped.push(this.shape(item, depth + 1) ?? null);
    }
    if (shaped.length < total) shaped.push(`…[${total - shaped.length} more]`);
    return shaped;
  }

  #record(entries: readonly [unknown, unknown][], total: number, depth: number): unknown {
    // without a prototype, so that no key means anything but itself
    const shaped: Record<string, unknown> = Object.create(null);
    let taken = 0;
    for (const [key, item] of entries) {
      if (this.#left <= 0) break;
      taken++;
      const name = String(this.#text(String(key), MAX_NAME));
      const kept = this.shape(item, depth + 1);
      if (kept !== undefined) shaped[name === "__proto__" ? "(proto)" : name] = kept;
    }
    if (taken < total) shaped["…"] = `[${total - taken} more]`;
    return shaped;
  }

  #text(text: string, maxCharacters: number): string {
    let kept = text.length > maxCharacters ? text.slice(0, maxCharacters) : text;
    if (jsonBytes(kept) > this.#left) kept = kept.slice(0, Math.max(0, Math.floor(this.#left / 6)));
    this.#left -= jsonBytes(kept);
    return kept.length === text.length ? text : `${kept}…[${text.length - kept.length} more]`;
  }
}

/** What JSON writes as it is, a byte a character; most texts are of this. */
const PLAIN = /^[ !#-[\]-~]*$/;

function jsonBytes(text: string): number {
  if (PLAIN.test(text)) return text.length + 2;
  return encoder.encode(JSON.stringify(text)).length;
}
