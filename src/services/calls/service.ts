import type { ServiceCaller } from "./caller.ts";
import type { MethodTable } from "./method_table.ts";

export interface Service {
  /** The methods; `undefined` where each plugin has an object of its own, whose methods `table` returns. */
  readonly methods: MethodTable | undefined;
  table?(caller: ServiceCaller): MethodTable;
  readonly held?: Pick<PerPlugin<unknown>, "release" | "close">;
}

/** What a service holds for each plugin: made when it is first used, released with the plugin. */
export class PerPlugin<T> {
  readonly #made = new Map<string, T>();
  readonly #make: (caller: ServiceCaller) => T;
  readonly #release: (made: T, plugin: string) => void | Promise<void>;

  constructor(
    make: (caller: ServiceCaller) => T,
    release: (made: T, plugin: string) => void | Promise<void>,
  ) {
    this.#make = make;
    this.#release = release;
  }

  of(caller: ServiceCaller): T {
    if (!this.#made.has(caller.plugin)) this.#made.set(caller.plugin, this.#make(caller));
    return this.#made.get(caller.plugin)!;
  }

  async release(plugin: string): Promise<void> {
    if (!this.#made.has(plugin)) return;
    const made = this.#made.get(plugin)!;
    this.#made.delete(plugin);
    await this.#release(made, plugin);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#made.keys()].map((plugin) => this.release(plugin)));
  }
}
