/**
 * A `Map` whose methods are its own: plugin code shares the realm of its end of the pipe, and may
 * replace those of `Map.prototype`.
 */
export class SafeMap<K, V> extends Map<K, V> {}

const names = ["get", "set", "has", "delete", "clear", "keys", "values", "entries", "size"];
for (const name of [...names, Symbol.iterator]) {
  Object.defineProperty(
    SafeMap.prototype,
    name,
    Object.getOwnPropertyDescriptor(Map.prototype, name)!,
  );
}
Object.freeze(SafeMap.prototype);
