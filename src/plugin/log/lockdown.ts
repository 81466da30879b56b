import type { LogLevel } from "./log_sender.ts";

const { defineProperty } = Object;

/**
 * Takes away what plugins share or could reach the runtime by: storage keyed by the main module is
 * common to all plugins (threats FS-22, FS-23), `Deno[Deno.internal]` holds raw operations (PR-18).
 *
 * This makes mistakes harmless; it is no boundary, because a plugin can make itself a fresh realm.
 */
export function removeSharedState(): void {
  const deno = Deno as unknown as Record<symbol, unknown>;
  const internal = (Deno as unknown as { internal: symbol }).internal;
  if (typeof internal === "symbol") delete deno[internal];
  for (const name of ["localStorage", "sessionStorage", "caches"]) {
    delete (globalThis as Record<string, unknown>)[name];
  }
  // Namespaces that nobody inherits from; freezing prototypes would break `subclass.method = …`
  Object.freeze(JSON);
  Object.freeze(Reflect);
}

/**
 * Takes standard input and output away from plugin code: what it writes becomes log records instead
 * of torn frames, and it reads nothing.
 */
export function replaceStdio(log: (level: LogLevel, message: string) => void): void {
  const decoder = new TextDecoder();
  const print = (bytes: Uint8Array): number => {
    const text = decoder.decode(bytes.subarray(0, 8_000)).trimEnd();
    if (text !== "") log("info", text);
    return bytes.length;
  };
  const set = (target: object, name: string, value: unknown): void => {
    defineProperty(target, name, { value, writable: true, configurable: true });
  };
  set(Deno.stdout, "write", (bytes: Uint8Array) => Promise.resolve(print(bytes)));
  set(Deno.stdout, "writeSync", print);
  set(Deno.stdin, "read", () => Promise.resolve(null));
  set(Deno.stdin, "readSync", () => null);
  defineProperty(Deno.stdout, "writable", {
    configurable: true,
    get: () => new WritableStream({ write: (bytes: Uint8Array) => void print(bytes) }),
  });
  defineProperty(Deno.stdin, "readable", {
    configurable: true,
    get: () => new ReadableStream({ start: (controller) => controller.close() }),
  });
}
