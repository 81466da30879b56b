// Name resolution with bounds: how long, how many at once.
import { lookup } from "node:dns/promises";
import { type IpAddress, parseIpv4, parseIpv6 } from "../../permissions/scopes/ip.ts";
import { within } from "./deadline.ts";
import { Refusal } from "../http/refusal.ts";

export type Resolve = (host: string) => Promise<readonly string[]>;

interface ResolverOptions {
  /** By default names are resolved as the machine does: by its hosts file, then by DNS. */
  readonly resolve: Resolve | undefined;
  /** How many lookups run at once; further ones wait. */
  readonly maxLookups: number;
  /** How many lookups may wait or run; further ones are refused. */
  readonly maxPending: number;
}

const MAX_ADDRESSES = 64;

/**
 * Resolves names for one plugin; requests for the same name at the same time share one lookup.
 *
 * A lookup cannot be cancelled: it keeps its place until it ends, also when no request waits for it.
 */
export class Resolver {
  readonly #resolve: Resolve;
  readonly #options: ResolverOptions;
  readonly #pending = new Map<string, Promise<readonly string[]>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? lookupAll;
  }

  async addresses(host: string, ms: number, signal: AbortSignal): Promise<IpAddress[]> {
    const late = () => new Refusal(504, `the name "${host}" was not resolved in time`);
    let texts: readonly string[];
    try {
      texts = await within(ms, signal, late, () => this.#shared(host));
    } catch (error) {
      if (error instanceof Refusal || signal.aborted) throw error;
      throw lookupRefusal(host, error);
    }
    return texts.slice(0, MAX_ADDRESSES)
      .map((text) => parseIpv4(text) ?? parseIpv6(text))
      .filter((address) => address !== undefined);
  }

  #shared(host: string): Promise<readonly string[]> {
    const known = this.#pending.get(host);
    if (known !== undefined) return known;
    if (this.#pending.size >= this.#options.maxPending) {
      return Promise.reject(new Refusal(503, "too many names are being resolved"));
    }
    const lookup = this.#lookup(host).finally(() => this.#pending.delete(host));
    lookup.catch(() => {}); // requests that wait see it, and there may be none any more
    this.#pending.set(host, lookup);
    return lookup;
  }

  async #lookup(host: string): Promise<readonly string[]> {
    while (this.#running >= this.#options.maxLookups) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      return await this.#resolve(host);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

async function lookupAll(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function lookupRefusal(host: string, error: unknown): Refusal {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const short = `the name "${host}" could not be resolved`;
  const why = code === "EPERM"
    ? "the host process may not: it needs --allow-net for the granted names"
    : String(code ?? message ?? error);
  return new Refusal(502, short, { reason: `${short}: ${why}`, cause: error });
}
