import type { Part } from "./parts.ts";
import { MAX_BINARY_PARTS, MAX_TEXT_PARTS, MAX_VALUE_DEPTH } from "./limits.ts";
import { decodeUtf8 } from "./utf8.ts";
import { violation } from "./violation.ts";

const { stringify } = JSON;
const { isArray } = Array;
const { isView } = ArrayBuffer;
const { keys: ownKeys, hasOwn } = Object;

/** A string of more UTF-16 units travels as bytes: as JSON each step would look through it again. */
const LONG_TEXT = 32 * 1024;
/** Marks byte arrays that no other code holds. */
const OWN = Symbol("own");
/** Fewer bytes are left to the garbage collector. */
const FREED_BYTES = 64 * 1024;

type MaybeOwn = Uint8Array & { [OWN]?: boolean };

// Captured, because plugin code shares the realm of its end
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
const { apply } = Reflect;
const { isWellFormed } = String.prototype;
const { transfer } = ArrayBuffer.prototype;
const Bytes = Uint8Array;

/** A value as text, with the byte arrays that follow its line. */
export interface EncodedValue {
  text: string;
  /** The byte arrays that the markers in the text stand for, or `undefined` where there are none. */
  raw: Uint8Array[] | undefined;
}

/** What a value has that does not travel as JSON. */
const enum Holds {
  Nothing,
  LongText,
  Bytes,
}

/** Looks for byte arrays and long texts, and for what cannot be sent, before JSON would turn it into something else. */
function look(value: unknown, depth: number): Holds {
  if (typeof value === "string") return value.length > LONG_TEXT ? Holds.LongText : Holds.Nothing;
  if (typeof value !== "object" || value === null) return Holds.Nothing;
  if (isView(value) || value instanceof ArrayBuffer) {
    if (value instanceof Uint8Array) return Holds.Bytes;
    throw new TypeError(
      "Cannot send a value: of the binary types only Uint8Array can be sent; make one over its buffer",
    );
  }
  // The depth cap ends a cycle too
  if (depth >= MAX_VALUE_DEPTH) {
    throw new TypeError(
      `Cannot send a value: it is nested deeper than ${MAX_VALUE_DEPTH} levels, or refers to itself`,
    );
  }
  let holds = Holds.Nothing;
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = look(value[i], depth + 1);
      if (found === Holds.Bytes) return found;
      if (found > holds) holds = found;
    }
    return holds;
  }
  const record = value as Record<string, unknown>;
  for (const name in record) {
    const child = record[name];
    if (typeof child !== "string" && (typeof child !== "object" || child === null)) continue;
    const found = look(child, depth + 1);
    if (found === Holds.Bytes) return found;
    if (found > holds) holds = found;
  }
  return holds;
}

/** Encodes a value as JSON, byte arrays and long texts apart. */
export function encodeValue(value: unknown, absent: string): EncodedValue {
  const holds = look(value, 0);
  if (holds !== Holds.Nothing) {
    const encoded = encodeParts(value, absent);
    if (encoded !== undefined) return encoded;
    if (holds === Holds.Bytes) {
      throw new TypeError('Cannot send a value: beside byte arrays no member may be named "$bin"');
    }
  }
  return { text: stringify(value) ?? absent, raw: undefined };
}

/** Returns nothing for a value with members of its own that look like markers. */
function encodeParts(value: unknown, absent: string): EncodedValue | undefined {
  const raw: Uint8Array[] = [];
  const markers = new Set<object>();
  let isAmbiguous = false;
  const mark = (bytes: Uint8Array, marker: object) => {
    raw[raw.length] = bytes;
    markers.add(marker);
    return marker;
  };
  const text = stringify(value, function (this: unknown, name: string, given: unknown) {
    // What the holder has, because a Buffer's own toJSON has already been called on `given`
    const held = (this as Record<string, unknown>)[name];
    if (held instanceof Uint8Array) return mark(held, { $bin: raw.length });
    if (typeof given === "string") {
      // bytes have no way to carry half of a surrogate pair, which JSON escapes; and not too many parts
      if (given.length <= LONG_TEXT || raw.length >= MAX_TEXT_PARTS) return given;
      if (!apply(isWellFormed, given, [])) return given;
      return mark(own(encode(given)), { $bin: raw.length, as: "text" });
    }
    if (typeof given === "object" && given !== null && hasOwn(given, "$bin")) {
      if (!markers.has(given)) isAmbiguous = true;
    }
    return given;
  });
  if (isAmbiguous) return undefined;
  if (raw.length > MAX_BINARY_PARTS) {
    throw new TypeError(`Cannot send a value: it holds more than ${MAX_BINARY_PARTS} byte arrays`);
  }
  return { text: text ?? absent, raw: raw.length > 0 ? raw : undefined };
}

/** Copies bytes that their owner may change before they are sent. */
export function keep(part: Uint8Array): Uint8Array {
  // not slice(), which returns a view of a Buffer
  return (part as MaybeOwn)[OWN] === true ? part : own(new Bytes(part));
}

/** Frees the memory of sent bytes that no other code holds, before the collector would. */
export function free(part: Uint8Array): void {
  if ((part as MaybeOwn)[OWN] !== true || part.length < FREED_BYTES) return;
  apply(transfer, part.buffer, [0]);
}

function own(bytes: MaybeOwn): Uint8Array {
  bytes[OWN] = true;
  return bytes;
}

export function rawLength(raw: readonly Part[] | undefined): number {
  let sum = 0;
  if (raw) { for (let i = 0; i < raw.length; i++) sum += raw[i]!.length; }
  return sum;
}

/**
 * Puts byte arrays where a received value has `{"$bin": i}`, and texts where it has
 * `{"$bin": i, "as": "text"}`; each must be used exactly once.
 */
export function insertBytes(value: unknown, raw: readonly Uint8Array[]): unknown {
  const used = new Uint8Array(raw.length);
  const resolve = (child: unknown): unknown => {
    if (typeof child !== "object" || child === null || !hasOwn(child, "$bin")) return child;
    const { $bin: index, as } = child as { $bin: unknown; as?: unknown };
    const members = as === "text" ? 2 : 1;
    if (
      ownKeys(child).length !== members || typeof index !== "number" || raw[index] === undefined ||
      used[index] === 1
    ) throw violation('a "$bin" marker is malformed, out of range or repeated');
    used[index] = 1;
    return as === "text" ? readText(raw[index]) : raw[index];
  };
  const root = { value };
  let level: object[] = [root];
  while (level.length > 0) {
    const next: object[] = [];
    for (const container of level as Record<string, unknown>[]) {
      for (const name of ownKeys(container)) {
        const child = resolve(container[name]);
        container[name] = child;
        if (typeof child === "object" && child !== null && !isView(child)) next.push(child);
      }
    }
    level = next;
  }
  if (used.includes(0)) throw violation('a byte array announced in "$bin" has no marker');
  return root.value;
}

function readText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw violation("a text behind a line is not valid UTF-8");
  }
}
