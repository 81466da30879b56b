import type { ServiceMethod } from "../calls/method_table.ts";
import { PerPlugin, type Service } from "../calls/service.ts";
import { KvStore } from "./kv_store.ts";

const MAX_KEY_BYTES = 512;
const MAX_VALUE_BYTES = 64 * 1024;
const MAX_ENTRIES = 100_000;
const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 100;

type Act = (store: KvStore, args: readonly unknown[]) => unknown;

const READS: Readonly<Record<string, Act>> = {
  get(store, [key]) {
    const value = store.get(keyBytes(key));
    return value === undefined ? null : JSON.parse(value);
  },
  has: (store, [key]) => store.get(keyBytes(key)) !== undefined,
  list(store, [options]) {
    const { prefix, after, limit } = listOptions(options);
    const decoder = new TextDecoder();
    return store.list(prefix, after, limit).map((key) => decoder.decode(key));
  },
};

const WRITES: Readonly<Record<string, Act>> = {
  set(store, [key, value]) {
    store.set(keyBytes(key), valueText(value));
    return null;
  },
  delete: (store, [key]) => store.delete(keyBytes(key)),
};

/** Makes the `kv` service; opens nothing yet. */
export function kvService(dir: string): Service {
  const held = new PerPlugin(({ plugin, limits }) => {
    Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
    const caps = { maxBytes: limits.storageBytes, maxEntries: MAX_ENTRIES };
    return new KvStore(`${dir}/${plugin}.sqlite`, caps);
  }, (store) => store.close());
  const methods = (acts: Readonly<Record<string, Act>>, access: ServiceMethod["access"]) =>
    Object.entries(acts).map(([name, act]): [string, ServiceMethod] => [
      name,
      { access, call: (args, { caller }) => act(held.of(caller), args) },
    ]);
  return { methods: new Map([...methods(READS, "read"), ...methods(WRITES, "readwrite")]), held };
}

function keyBytes(key: unknown): Uint8Array {
  if (typeof key !== "string" || key === "") {
    throw new TypeError("Cannot use the key: it must be a string with at least one character");
  }
  return boundedBytes(key, "key");
}

function boundedBytes(text: string, what: string): Uint8Array {
  if (!text.isWellFormed()) {
    throw new TypeError(
      `Cannot use the ${what}: it has half a surrogate pair, which UTF-8 cannot hold`,
    );
  }
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > MAX_KEY_BYTES) {
    throw new RangeError(
      `Cannot use the ${what}: it has ${bytes.length} bytes, at most ${MAX_KEY_BYTES}`,
    );
  }
  return bytes;
}

function valueText(value: unknown): string {
  const text = JSON.stringify(value, function (this: unknown, name, after) {
    const held = (this as Record<string, unknown>)[name];
    if (ArrayBuffer.isView(held) || held instanceof ArrayBuffer) {
      throw new TypeError("Cannot keep the value: bytes are no JSON; encode them as text");
    }
    return after;
  });
  if (text === undefined) {
    throw new TypeError("Cannot keep the value: it is undefined; use delete()");
  }
  const { length } = new TextEncoder().encode(text);
  if (length > MAX_VALUE_BYTES) {
    throw new RangeError(
      `Cannot keep the value: it has ${length} bytes as JSON, at most ${MAX_VALUE_BYTES}`,
    );
  }
  return text;
}

function listOptions(
  options: unknown,
): { prefix: Uint8Array; after: Uint8Array | undefined; limit: number } {
  const given = options ?? {};
  if (typeof given !== "object") throw new TypeError("Cannot list keys: options must be an object");
  for (const name of Object.keys(given)) {
    if (name !== "prefix" && name !== "after" && name !== "limit") {
      throw new TypeError(`Cannot list keys: there is no option "${name.slice(0, 100)}"`);
    }
  }
  const { prefix = "", after, limit = DEFAULT_LIMIT } = given as Record<string, unknown>;
  if (typeof prefix !== "string") throw new TypeError("Cannot list keys: prefix must be a string");
  if (!Number.isInteger(limit) || (limit as number) < 1 || (limit as number) > MAX_LIMIT) {
    throw new RangeError(`Cannot list keys: limit must be an integer from 1 to ${MAX_LIMIT}`);
  }
  return {
    prefix: boundedBytes(prefix, "prefix"),
    after: after === undefined || after === null ? undefined : keyBytes(after),
    limit: limit as number,
  };
}
