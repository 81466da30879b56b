import { SERVICE_KEY } from "../bundle/manifest/manifest_schema.ts";
import { escapeText, SallyportError } from "../errors.ts";
import type { Service } from "./calls/service.ts";
import type { ServiceDescription } from "./context_types.ts";

export interface Provided {
  readonly service: Service;
  readonly builtIn: boolean;
  /** Whether its errors are this package's own. */
  readonly hostMade: boolean;
  readonly description: string | undefined;
}

const MAX_SERVICES = 1_000;

export class ServiceRegistry {
  readonly #services = new Map<string, Provided>();
  #closed = false;

  get(key: string): Provided | undefined {
    return this.#services.get(key);
  }

  list(): readonly Provided[] {
    return [...this.#services.values()];
  }

  keys(): readonly string[] {
    return [...this.#services.keys()].sort();
  }

  describe(): readonly ServiceDescription[] {
    return this.keys().map((key) => {
      const { builtIn, description, service: { methods } } = this.#services.get(key)!;
      return {
        key,
        builtIn,
        ...(description === undefined ? {} : { description }),
        ...(methods === undefined ? {} : {
          methods: Object.fromEntries([...methods].map(([name, { access }]) => [name, access])),
        }),
      };
    });
  }

  add(key: string, provided: Provided): Disposable {
    this.#services.set(key, provided);
    return {
      [Symbol.dispose]: () => {
        // a newer service under the key stays
        if (this.#services.get(key) === provided) this.remove(key);
      },
    };
  }

  remove(key: string): boolean {
    const provided = this.#services.get(key);
    if (provided === undefined) return false;
    this.#services.delete(key);
    // the service is out of use; how its own clean-up went is not this call's business
    provided.service.held?.close().catch(() => {});
    return true;
  }

  /** Removes all services and takes no more; returns those that it had, or `undefined` where it is closed. */
  close(): readonly Provided[] | undefined {
    if (this.#closed) return undefined;
    const services = this.list();
    this.#services.clear();
    this.#closed = true;
    return services;
  }

  /** Checks that a service may be added under a key. */
  checkKey(key: string): void {
    const head = `Cannot provide service "${escapeText(String(key), 100)}"`;
    if (typeof key !== "string" || !SERVICE_KEY.test(key)) {
      throw new TypeError(`${head}: the key must match ${SERVICE_KEY.source}`);
    }
    if (this.#services.has(key)) throw new TypeError(`${head}: the key is taken; remove it first`);
    if (this.#closed) throw new SallyportError("bad-state", `${head}: the context is closed`);
    if (this.#services.size >= MAX_SERVICES) {
      throw new SallyportError("limit-exceeded", `${head}: there are ${MAX_SERVICES} services`);
    }
  }
}
