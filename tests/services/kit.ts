import { DEFAULT_LIMITS, type Limits } from "../../src/bundle/manifest/limits.ts";
import type { AccessLevel } from "../../src/bundle/manifest/manifest_schema.ts";
import type { ServiceCaller } from "../../src/services/calls/caller.ts";
import type { ExecuteResult, SqlRow } from "../../src/plugin/service_types.ts";
import { PluginContext } from "../../src/services/context.ts";
import type { PluginContextOptions } from "../../src/services/context_types.ts";

/** Options of {@linkcode caller}. */
export interface CallerOptions {
  /** What the manifest asks for. */
  request?: Record<string, AccessLevel>;
  /** What the policy grants; all that is asked for where it is missing. */
  grant?: Record<string, AccessLevel>;
  limits?: Partial<Limits>;
  signal?: AbortSignal;
}

/** Makes a caller whose effective access is request and grant, whichever is less. */
export function caller(plugin: string, options: CallerOptions = {}): ServiceCaller {
  const { request = {}, grant = request, limits, signal } = options;
  const context = new Map<string, AccessLevel>();
  for (const [key, access] of Object.entries(request)) {
    const granted = Object.hasOwn(grant, key) ? grant[key] : undefined;
    if (granted === undefined) continue;
    context.set(key, granted === "read" || access === "read" ? "read" : "readwrite");
  }
  return {
    plugin,
    version: "1.0.0",
    requested: Object.entries(request).map(([key, access]) => ({ key, access })),
    context,
    limits: { ...DEFAULT_LIMITS, ...limits },
    signal: signal ?? new AbortController().signal,
  };
}

/** A context over a folder of its own that goes away with it. */
export interface TestContext extends AsyncDisposable {
  readonly services: PluginContext;
  readonly dir: string;
}

/** Opens a context in a temporary folder. */
export async function openContext(options: PluginContextOptions = {}): Promise<TestContext> {
  const dir = await Deno.makeTempDir();
  const services = new PluginContext({ dir, ...options });
  return {
    services,
    dir,
    async [Symbol.asyncDispose]() {
      await services[Symbol.asyncDispose]();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** Calls a database service as a plugin would. */
export function databaseOf(services: PluginContext, who: ServiceCaller, key = "database") {
  return {
    query: (sql: string, parameters?: unknown, options: { signal?: AbortSignal } = {}) =>
      services.call(who, key, "query", [sql, parameters], options) as Promise<SqlRow[]>,
    execute: (sql: string, parameters?: unknown) =>
      services.call(who, key, "execute", [sql, parameters]) as Promise<ExecuteResult>,
    batch: (statements: unknown) =>
      services.call(who, key, "batch", [statements]) as Promise<ExecuteResult[]>,
  };
}

/** A query that never ends by itself. */
export const ENDLESS =
  "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c";
