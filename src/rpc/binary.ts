import { MAX_BINARY_PARTS, MAX_VALUE_DEPTH } from "./limits.ts";
import { violation } from "./violation.ts";

const { stringify } = JSON;
const { isArray } = Array;
const { isView } = ArrayBuffer;
const { keys: ownKeys, hasOwn } = Object;

/** A value as text, with the byte arrays that follow its line. */
export interface EncodedValue {
  /** JSON without a newline. */
  text: string;
  /** The byte arrays that `{"$bin": i}` stands for, or `undefined` where there are none. */
  raw: Uint8Array[] | undefined;
}

/** Looks for byte arrays, and for what cannot be sent, before JSON would turn it into something else. */
function holdsBytes(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isView(value) || value instanceof ArrayBuffer) {
    if (value instanceof Uint8Array) return true;
    throw new TypeError("Cannot send a value: of the binary types only Uint8Array can be sent");
  }
  // The depth cap ends a cycle too
  if (depth >= MAX_VALUE_DEPTH) {
    throw new TypeError(
      `Cannot send a value: it is nested deeper than ${MAX_VALUE_DEPTH} levels, or refers to itself`,
    );
  }
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) if (holdsBytes(value[i], depth + 1)) return true;
    return false;
  }
  const record = value as Record<string, unknown>;
  for (const name in record) {
    const child = record[name];
    if (typeof child === "object" && child !== null && holdsBytes(child, depth + 1)) return true;
  }
  return false;
}

/**
 * Encodes a value as JSON, byte arrays apart.
 *
 * @param value Any value that JSON can carry, with `Uint8Array`s anywhere in it.
 * @param absent The text for what JSON leaves out (`undefined`, functions, symbols).
 * @throws {TypeError} when the value cannot be sent.
 */
export function encodeValue(value: unknown, absent: string): EncodedValue {
  if (!holdsBytes(value, 0)) return { text: stringify(value) ?? absent, raw: undefined };
  const raw: Uint8Array[] = [];
  const markers = new Set<object>();
  const text = stringify(value, function (this: unknown, name: string, given: unknown) {
    // What the holder has, because a Buffer's own toJSON has already been called on `given`
    const held = (this as Record<string, unknown>)[name];
    if (held instanceof Uint8Array) {
      const marker = { $bin: raw.length };
      raw[raw.length] = held;
      markers.add(marker);
      return marker;
    }
    if (typeof given === "object" && given !== null && hasOwn(given, "$bin")) {
      if (!markers.has(given)) {
        throw new TypeError(
          'Cannot send a value: beside byte arrays no member may be named "$bin"',
        );
      }
    }
    return given;
  });
  if (raw.length > MAX_BINARY_PARTS) {
    throw new TypeError(`Cannot send a value: it holds more than ${MAX_BINARY_PARTS} byte arrays`);
  }
  return { text, raw };
}

/** Adds up the lengths of byte arrays. */
export function rawLength(raw: readonly Uint8Array[] | undefined): number {
  let sum = 0;
  if (raw) { for (let i = 0; i < raw.length; i++) sum += raw[i]!.length; }
  return sum;
}

/**
 * Puts byte arrays where a received value has `{"$bin": i}`; each must be used exactly once.
 *
 * @param value What `JSON.parse` gave, checked for depth.
 * @param raw The byte arrays behind the line.
 * @returns The value, changed in place, or a byte array when it was itself a marker.
 * @throws {SallyportError} `protocol-violation` when markers and byte arrays do not fit together.
 */
export function insertBytes(value: unknown, raw: readonly Uint8Array[]): unknown {
  const used = new Uint8Array(raw.length);
  const resolve = (child: unknown): unknown => {
    if (typeof child !== "object" || child === null || !hasOwn(child, "$bin")) return child;
    const index = (child as { $bin: unknown }).$bin;
    if (
      ownKeys(child).length !== 1 || typeof index !== "number" || raw[index] === undefined ||
      used[index] === 1
    ) throw violation('a "$bin" marker is malformed, out of range or repeated');
    used[index] = 1;
    return raw[index];
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
