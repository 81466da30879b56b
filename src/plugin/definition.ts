import { readThrown } from "../errors.ts";
import { SafeMap } from "../rpc/wire/safe_map.ts";
import { StartFailure } from "./refusal.ts";
import type { HookHandler, Plugin, PluginMethod } from "./types.ts";

/** A method; whether it streams is `undefined` where only the result can tell. */
export interface MethodEntry {
  run: PluginMethod;
  streams: boolean;
}

/** A hook's handler, and where it wants to run. */
export interface HookEntry {
  run: HookHandler;
  priority: number | undefined;
}

type Functions = "init" | "shutdown" | "health" | "snapshot" | "restore" | "warned";

/** A plugin's definition, read once: what its author changes later has no effect. */
export interface Definition extends Pick<Plugin, Functions> {
  /** The object itself, as `this` of its functions. */
  plugin: Plugin;
  /** Methods by name; a `Map`, so that no name of `Object.prototype` is a method. */
  methods: Map<string, MethodEntry>;
  hooks: Map<string, HookEntry>;
}

const MAX_NAMES = 1_000;
const NAME = /^[A-Za-z_$][\w$.:-]{0,127}$/;

/**
 * Imports an entry and reads its default export, every part of it once.
 *
 * The entry is imported by a wrapper that names it statically: a module namespace with a callable
 * `then` would otherwise take over the promise (threat RE-14).
 */
export async function importDefinition(entry: string): Promise<Definition> {
  let namespace: { m: Record<string, unknown> };
  try {
    namespace = await import(wrapperOf(entry));
  } catch (error) {
    throw failure("import", "Cannot import the entry", error);
  }
  try {
    return readDefinition(namespace.m.default);
  } catch (error) {
    if (error instanceof StartFailure) throw error;
    throw failure("import", "Cannot read the entry's default export", error);
  }
}

/**
 * Imports a plugin of no use, so that the runtime has loaded by then what the import of one takes: its
 * compiler for TypeScript and its caches, above all.
 */
export async function warmUp(entry: string): Promise<Record<never, never>> {
  await importDefinition(entry);
  return {};
}

/**
 * Has the runtime compile an entry and all that it imports, and runs none of it: modules run only when
 * all of them could be linked, and the last import here never can.
 */
export async function compileEntry(entry: string, builtins: readonly string[]): Promise<void> {
  const unlinkable = `import ${JSON.stringify(wrapperOf(entry))};
    import { missing } from "data:text/javascript,"; missing;`;
  try {
    await import(dataUrl(unlinkable));
  } catch {
    // as it is meant to
  }
  for (const name of builtins) {
    if (!name.startsWith("node:")) continue;
    try {
      await import(name);
    } catch {
      // there is none of this name, or it may not be used
    }
  }
}

function wrapperOf(entry: string): string {
  return dataUrl(`import * as m from ${JSON.stringify(entry)}; export { m };`);
}

function dataUrl(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** Makes the error of a stage, with the message of what was thrown. */
export function failure(stage: string, what: string, error: unknown): StartFailure {
  // Deno puts the place of a failed import on lines of its own: paths of the host, which stay here
  const message = readThrown(error).message.split("\n", 1)[0]!;
  return new StartFailure(stage, `${what}: ${message}`, error);
}

function readDefinition(given: unknown): Definition {
  if (typeof given !== "object" || given === null) {
    throw new StartFailure(
      "import",
      "The entry has no default export that is an object: write `export default definePlugin({ … })`",
    );
  }
  const plugin = given as Plugin;
  const definition: Definition = {
    plugin,
    methods: new SafeMap(),
    hooks: new SafeMap(),
    init: readFunction(plugin, "init"),
    shutdown: readFunction(plugin, "shutdown"),
    health: readFunction(plugin, "health"),
    snapshot: readFunction(plugin, "snapshot"),
    restore: readFunction(plugin, "restore"),
    warned: readFunction(plugin, "warned"),
  };
  for (const [name, value] of readTable(plugin.methods, "methods")) {
    if (typeof value !== "function") throw wrong(`methods.${name}`, "a function");
    definition.methods.set(name, {
      run: value as PluginMethod,
      streams: isGeneratorFunction(value),
    });
  }
  for (const [name, value] of readTable(plugin.hooks, "hooks")) {
    definition.hooks.set(name, readHook(name, value));
  }
  return definition;
}

function readFunction<K extends Functions>(plugin: Plugin, name: K): Plugin[K] {
  const value = plugin[name];
  if (value !== undefined && typeof value !== "function") throw wrong(name, "a function");
  return value;
}

function readTable(table: unknown, what: string): [string, unknown][] {
  if (table === undefined) return [];
  if (typeof table !== "object" || table === null) throw wrong(what, "an object");
  const entries = Object.entries(table);
  if (entries.length > MAX_NAMES) throw wrong(what, `an object of at most ${MAX_NAMES} members`);
  for (const [name] of entries) {
    if (!NAME.test(name)) throw wrong(`${what}: a name`, "of letters, digits and _ $ . : -");
  }
  return entries;
}

function readHook(name: string, value: unknown): HookEntry {
  if (typeof value === "function") return { run: value as HookHandler, priority: undefined };
  const { handler, priority } = (value ?? {}) as { handler?: unknown; priority?: unknown };
  if (typeof handler !== "function") throw wrong(`hooks.${name}`, "a function or has a handler");
  if (priority !== undefined && !Number.isSafeInteger(priority)) {
    throw wrong(`hooks.${name}.priority`, "an integer");
  }
  const run: HookHandler = (data, ctx) => (value as { handler: HookHandler }).handler(data, ctx);
  return { run, priority: priority as number | undefined };
}

function isGeneratorFunction(value: object): boolean {
  const tag = (value as Record<symbol, unknown>)[Symbol.toStringTag];
  return tag === "AsyncGeneratorFunction" || tag === "GeneratorFunction";
}

function wrong(what: string, needed: string): StartFailure {
  return new StartFailure("import", `The plugin's "${what}" is not ${needed}`);
}
