import { escapeText, SallyportError } from "../errors.ts";
import { logFailure } from "../guard.ts";
import { ownError } from "../io/system_error.ts";
import { guardLogger, type Logger, silentLogger } from "../log.ts";
import { appService } from "./app_service.ts";
import type { ServiceCaller } from "./calls/caller.ts";
import { checkServiceAccess, checkServiceKey, notProvided } from "./calls/denial.ts";
import { methodNotFound } from "./calls/method_table.ts";
import type { Service } from "./calls/service.ts";
import { ServiceRegistry } from "./registry.ts";
import { cancelled, runServiceCall } from "./calls/service_call.ts";
import { serviceError } from "./calls/service_error.ts";
import { configService } from "./config_service.ts";
import type { PluginContextOptions, ProvideOptions, ServiceDescription } from "./context_types.ts";
import {
  databaseService,
  type OpensDatabase,
  ownDatabase,
  sharedDatabase,
  type SharedDatabaseOptions,
} from "./database/database_service.ts";
import { ServiceScratch } from "./database/scratch.ts";
import { kvService } from "./kv/kv_service.ts";
import { logService } from "./log_service.ts";

/** What a timer can wait for; one that is asked for more fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Holds the services that plugins reach through their context: `config`, `log`, `kv`, `database`, and
 * whatever the application provides.
 *
 * Each call is checked against the manifest (the plugin declared the key), the policy (it granted
 * enough access) and the service's own closed table of methods.
 *
 * @category Services
 * @example
 * ```ts
 * import { PluginHost } from "@sallyport/host";
 *
 * await using host = await PluginHost.open({ isolation: "plain" });
 * const services = host.services;
 * services.provide("inventory", { get: (id: string) => ({ id, count: 3 }) }, {
 *   access: { get: "read" },
 * });
 * if (!services.keys().includes("inventory")) throw new Error("not provided");
 * ```
 */
export class PluginContext implements AsyncDisposable {
  readonly #databaseFiles = new Set<string>();
  readonly #services = new ServiceRegistry();
  readonly #logger: Logger;
  readonly #scratch: ServiceScratch | undefined;
  readonly #databaseTimeoutMs: number;

  /**
   * Is made by the host, with the built-in services.
   *
   * @internal
   */
  constructor(options: PluginContextOptions = {}) {
    const { dir, config = {}, databaseTimeoutMs = 5_000 } = options;
    const logger = this.#logger = guardLogger(options.logger ?? silentLogger);
    const isNumber = typeof databaseTimeoutMs === "number";
    if (!(isNumber && databaseTimeoutMs > 0 && databaseTimeoutMs <= MAX_TIMER_MS)) {
      throw new RangeError(
        `Cannot make a context: databaseTimeoutMs must be more than 0 and at most ${MAX_TIMER_MS}, ` +
          `is ${String(databaseTimeoutMs)}`,
      );
    }
    this.#databaseTimeoutMs = databaseTimeoutMs;
    const scratch = options.scratch ?? (dir && `${dir}/run`);
    this.#scratch = scratch === undefined ? undefined : new ServiceScratch(
      `${scratch}/services-${crypto.randomUUID()}`,
      options.denoPath,
      options.confine,
    );
    const builtIn = (key: string, description: string, service: Service) =>
      this.#services.add(key, { service, builtIn: true, hostMade: true, description });
    builtIn("config", "the plugin's settings", configService(config));
    builtIn("log", "the host's log", logService(logger));
    if (dir === undefined) return;
    builtIn("kv", "keys and values of the plugin's own", kvService(`${dir}/kv`));
    const database = this.#database(ownDatabase(`${dir}/database`, "database"));
    builtIn("database", "an SQLite database of the plugin's own", database);
  }

  /**
   * Provides a service of the application.
   *
   * @param key The key under which plugins find it.
   * @param implementation An object, whose methods plugins call; or a function that makes one for
   * each plugin, which is disposed of when the plugin is unloaded.
   * @param options The access that methods need.
   * @returns Disposing it removes the service.
   * @throws {TypeError} when the key is taken or no key, or the implementation has no methods.
   */
  provide(
    key: string,
    implementation: object | ((caller: ServiceCaller) => object),
    options: ProvideOptions = {},
  ): Disposable {
    this.#services.checkKey(key);
    const { access, description } = options;
    const service = appService(key, implementation, { access, log: this.#logger });
    return this.#services.add(key, { service, builtIn: false, hostMade: false, description });
  }

  /**
   * Provides tables of an SQLite database of the application as a service like `database`.
   *
   * Each plugin's statements run in a process of their own. A plugin that writes may hold the
   * database's lock for as long as one call may take.
   *
   * @param key The key under which plugins find it.
   * @param options The file, and how far each table is shared.
   * @returns Disposing it removes the service.
   * @throws {TypeError} when the key is taken or no key, or no table is named.
   * @throws {SallyportError} `bad-config` when the context has no folder for processes.
   */
  provideDatabase(key: string, options: SharedDatabaseOptions): Disposable {
    this.#services.checkKey(key);
    const service = this.#database(sharedDatabase(key, options));
    const { description } = options;
    const added = this.#services.add(key, { service, builtIn: false, hostMade: true, description });
    this.#databaseFiles.add(options.file);
    return added;
  }

  /**
   * The files of all databases that were provided: no plugin may read what is not shared of them.
   *
   * @internal
   */
  get databaseFiles(): readonly string[] {
    return [...this.#databaseFiles];
  }

  /**
   * Removes a service; what plugins have of it is released in the background.
   *
   * @param key The key.
   * @returns Whether there was one.
   */
  remove(key: string): boolean {
    return this.#services.remove(key);
  }

  /** Lists the keys of all services, sorted. */
  keys(): readonly string[] {
    return this.#services.keys();
  }

  /** Describes all services, sorted by key. */
  describe(): readonly ServiceDescription[] {
    return this.#services.describe();
  }

  /**
   * Calls a method of a service for a plugin, which named key, method and arguments.
   *
   * @internal
   * @throws {SallyportError} `service-denied` when the manifest does not declare the service or the
   * policy does not grant enough; `method-not-found`; `cancelled`; the code of what the method threw,
   * `plugin-error` for what is no `SallyportError`.
   */
  async call(
    caller: ServiceCaller,
    key: string,
    method: string,
    args: readonly unknown[],
    options: { signal?: AbortSignal; traceId?: string } = {},
  ): Promise<unknown> {
    if (typeof key !== "string" || typeof method !== "string" || !Array.isArray(args)) {
      throw new TypeError("Cannot call a service: pass a key, a method and an array of arguments");
    }
    const provided = this.#services.get(key);
    const needed = provided?.service.methods?.get(method)?.access ?? "read";
    checkServiceKey(caller, key, needed);
    if (provided === undefined) throw notProvided(caller, key);
    const { service, hostMade } = provided;
    const call = { key, method, hostMade };
    // an object that is made for an unloaded plugin would never be disposed of
    if (caller.signal.aborted) throw cancelled(call, caller.signal.reason);
    const fail = (error: unknown) => {
      if (hostMade) return;
      logFailure(this.#logger, `Service "${key}"`, error, {
        plugin: caller.plugin,
        method: escapeText(method, 100),
      });
    };
    let table = service.methods;
    try {
      table ??= service.table!(caller); // making its object runs code of the application
    } catch (error) {
      fail(error);
      throw serviceError({ ...call, method: escapeText(method, 100) }, error);
    }
    const found = table.get(method);
    if (found === undefined) throw methodNotFound(key, method, table);
    checkServiceAccess(caller, key, method, found.access);
    return await runServiceCall(call, found, args, caller, { ...options, fail });
  }

  /**
   * Releases what a plugin holds: its database processes, its open files, and the objects that
   * services made for it. Its data stays.
   *
   * @internal
   */
  async release(plugin: string): Promise<void> {
    const outcomes = await Promise.allSettled(
      this.#services.list().map(({ service }) => service.held?.release(plugin)),
    );
    rethrow(outcomes, `release the services of plugin "${plugin}"`);
  }

  /** Releases everything, and removes the processes' files. */
  async [Symbol.asyncDispose](): Promise<void> {
    const services = this.#services.close();
    if (services === undefined) return;
    const outcomes = await Promise.allSettled(services.map(({ service }) => service.held?.close()));
    const removed = await Promise.allSettled([this.#scratch?.[Symbol.asyncDispose]()]);
    rethrow([...outcomes, ...removed], "close the services");
  }

  #database(opens: OpensDatabase): Service {
    if (this.#scratch === undefined) {
      throw new SallyportError("bad-config", "Cannot provide a database: there is no folder", {
        hint: "Make the context with `dir` or `scratch`",
      });
    }
    return databaseService(this.#scratch, opens, this.#databaseTimeoutMs);
  }
}

function rethrow(outcomes: readonly PromiseSettledResult<unknown>[], action: string): void {
  const errors = outcomes.flatMap((each) => each.status === "rejected" ? [each.reason] : []);
  if (errors.length === 0) return;
  throw ownError(new AggregateError(errors, `Cannot ${action}`), action, { code: "bad-state" });
}
