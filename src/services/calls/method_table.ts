import type { AccessLevel } from "../../bundle/manifest/manifest_schema.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import type { ServiceCaller } from "./caller.ts";

/** Tells a built-in service about one call; services of the application do not see it. */
export interface ServiceCall {
  readonly caller: ServiceCaller;
  /** Aborts when the caller cancels, or the plugin is unloaded. */
  readonly signal: AbortSignal;
  /** The trace that the call belongs to, where there is one. */
  readonly traceId?: string;
}

export interface ServiceMethod {
  readonly access: AccessLevel;
  readonly call: (args: readonly unknown[], call: ServiceCall) => unknown;
}

export type MethodTable = ReadonlyMap<string, ServiceMethod>;

/** Which access each method needs; one that is not named needs `readwrite`. */
export type MethodAccess = Readonly<Record<string, AccessLevel>>;

const METHOD_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
// `then` would make a service look like a promise; the others belong to the language
const RESERVED = new Set(["then", "toJSON", ...Object.getOwnPropertyNames(Object.prototype)]);

/**
 * Makes the table of an implementation's methods: its own function properties, and those of its
 * class and the classes that it extends, up to but not including `Object`.
 *
 * Getters are not called, names that start with `_` are private, and the language's own methods
 * (`constructor`, `toString`, `then`, …) are never there.
 */
export function methodTable(
  key: string,
  implementation: object,
  access: MethodAccess,
): MethodTable {
  if (typeof implementation !== "object" || implementation === null) {
    throw new TypeError(`Cannot provide service "${key}": the implementation is not an object`);
  }
  const table = new Map<string, ServiceMethod>();
  const seen = new Set<string>();
  for (
    let level: object | null = implementation;
    level !== null && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  ) {
    for (const name of Object.getOwnPropertyNames(level)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const value: unknown = Object.getOwnPropertyDescriptor(level, name)?.value;
      if (typeof value !== "function" || !METHOD_NAME.test(name) || RESERVED.has(name)) continue;
      table.set(name, {
        access: Object.hasOwn(access, name) ? access[name]! : "readwrite",
        call: (args) => Reflect.apply(value, implementation, args),
      });
    }
  }
  if (table.size === 0) throw new TypeError(`Cannot provide service "${key}": it has no method`);
  checkMethodAccess(key, access, table);
  return table;
}

/** Checks the words of an access table, and that each method it names is there. */
export function checkMethodAccess(key: string, access: MethodAccess, table?: MethodTable): void {
  for (const [name, level] of Object.entries(access)) {
    if (level !== "read" && level !== "readwrite") {
      throw new TypeError(
        `Cannot provide service "${key}": access of "${name}" must be "read" or "readwrite", ` +
          `got "${String(level)}"`,
      );
    }
    if (table !== undefined && !table.has(name)) {
      throw new TypeError(`Cannot provide service "${key}": it has no method "${name}"`);
    }
  }
}

export function methodNotFound(key: string, method: string, table: MethodTable): SallyportError {
  const message = `Service "${key}" has no method "${escapeText(String(method), 100)}"`;
  return new SallyportError("method-not-found", message, {
    hint: `It has ${[...table.keys()].sort().join(", ")}`,
    details: { key },
  });
}
