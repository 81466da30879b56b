/**
 * A service of the application: one object for all plugins, or one made for each.
 *
 * @module
 */

import { type FailureLog, logFailure } from "../guard.ts";
import type { ServiceCaller } from "./calls/caller.ts";
import {
  checkMethodAccess,
  type MethodAccess,
  type MethodTable,
  methodTable,
} from "./calls/method_table.ts";

interface Made {
  readonly table: MethodTable;
  readonly implementation: object;
}

/** How long disposing of a plugin's object may hold up what waits for it. */
const RELEASE_MS = 5_000;

/** Wraps what the application provides. */
export class AppService {
  /** What the service is for. */
  readonly description: string | undefined;
  /** The methods, where all plugins share them. */
  readonly methods: MethodTable | undefined;
  readonly #key: string;
  readonly #make: ((caller: ServiceCaller) => object) | undefined;
  readonly #access: MethodAccess;
  readonly #log: FailureLog;
  readonly #releaseMs: number;
  readonly #made = new Map<string, Made>();

  /**
   * Wraps an implementation.
   *
   * @throws {TypeError} when it has no methods.
   */
  constructor(
    key: string,
    implementation: object | ((caller: ServiceCaller) => object),
    options: {
      readonly access?: MethodAccess;
      readonly description?: string;
      readonly log: FailureLog;
      readonly releaseMs?: number;
    },
  ) {
    this.#key = key;
    this.#log = options.log;
    this.#releaseMs = options.releaseMs ?? RELEASE_MS;
    this.description = options.description;
    this.#access = { ...options.access };
    if (typeof implementation === "function") {
      this.#make = implementation as (caller: ServiceCaller) => object;
      checkMethodAccess(key, this.#access);
    } else this.methods = methodTable(key, implementation, this.#access);
  }

  /** Gives the methods that a plugin sees, and makes its object where it has none yet. */
  table(caller: ServiceCaller): MethodTable {
    if (this.methods !== undefined) return this.methods;
    let made = this.#made.get(caller.plugin);
    if (made === undefined) {
      const implementation = this.#make!(caller);
      made = { implementation, table: methodTable(this.#key, implementation, this.#access) };
      this.#made.set(caller.plugin, made);
    }
    return made.table;
  }

  /** Disposes of a plugin's object; that it cannot be, or takes too long, is only logged. */
  async release(plugin: string): Promise<void> {
    const made = this.#made.get(plugin);
    this.#made.delete(plugin);
    if (made === undefined) return;
    const fail = (error: unknown) =>
      logFailure(this.#log, `Disposing of service "${this.#key}"`, error, { plugin });
    const disposed = Promise.try(() => dispose(made.implementation)).catch(fail);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        fail(new Error(`not done after ${this.#releaseMs} ms`));
        resolve();
      }, this.#releaseMs);
    });
    await Promise.race([disposed, late]);
    clearTimeout(timer);
  }

  /** Disposes of all plugins' objects. */
  async close(): Promise<void> {
    await Promise.all([...this.#made.keys()].map((plugin) => this.release(plugin)));
  }
}

async function dispose(implementation: Partial<AsyncDisposable & Disposable>): Promise<void> {
  if (typeof implementation[Symbol.asyncDispose] === "function") {
    await implementation[Symbol.asyncDispose]!();
  } else if (typeof implementation[Symbol.dispose] === "function") {
    implementation[Symbol.dispose]!();
  }
}
