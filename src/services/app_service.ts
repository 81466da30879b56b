/**
 * A service of the application: one object for all plugins, or one made for each.
 *
 * @module
 */

import type { ServiceCaller } from "./caller.ts";
import {
  checkMethodAccess,
  type MethodAccess,
  type MethodTable,
  methodTable,
} from "./method_table.ts";

interface Made {
  readonly table: MethodTable;
  readonly implementation: object;
}

/** Wraps what the application provides. */
export class AppService {
  /** What the service is for. */
  readonly description: string | undefined;
  /** The methods, where all plugins share them. */
  readonly methods: MethodTable | undefined;
  readonly #key: string;
  readonly #make: ((caller: ServiceCaller) => object) | undefined;
  readonly #access: MethodAccess;
  readonly #made = new Map<string, Made>();

  /**
   * Wraps an implementation.
   *
   * @param key The service's key.
   * @param implementation The object, or what makes one for a plugin.
   * @param options The access that methods need.
   * @throws {TypeError} when it has no methods.
   */
  constructor(
    key: string,
    implementation: object | ((caller: ServiceCaller) => object),
    options: { readonly access?: MethodAccess; readonly description?: string },
  ) {
    this.#key = key;
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

  /** Disposes of a plugin's object. */
  async release(plugin: string): Promise<void> {
    const made = this.#made.get(plugin);
    this.#made.delete(plugin);
    const implementation = made?.implementation as
      | Partial<AsyncDisposable & Disposable>
      | undefined;
    if (typeof implementation?.[Symbol.asyncDispose] === "function") {
      await implementation[Symbol.asyncDispose]!();
    } else if (typeof implementation?.[Symbol.dispose] === "function") {
      implementation[Symbol.dispose]!();
    }
  }

  /** Disposes of all plugins' objects. */
  async close(): Promise<void> {
    await Promise.all([...this.#made.keys()].map((plugin) => this.release(plugin)));
  }
}
