// The egress proxy: the only way out of a plugin's empty network namespace.
//
// It speaks HTTP/1.1 on a Unix socket: `CONNECT host:port`, and absolute-form requests for plain HTTP
// and WebSocket. What was granted is compared with what was asked for in normal form; the addresses
// that were checked are the addresses that are dialled.
import { setTimeout as sleep } from "node:timers/promises";
import { SallyportError } from "../errors.ts";
import { MAX_SOCKET_PATH_BYTES } from "../io/socket_path.ts";
import { AllowList } from "./dialing/allow_list.ts";
import { type ConnectionContext, EgressConnectionHandler } from "./connection.ts";
import { Pace } from "./pace.ts";
import { Refusal, refusalResponse } from "./http/refusal.ts";
import { type EgressConnection, Reports } from "./reports.ts";
import { type Resolve, Resolver } from "./dialing/resolver.ts";
import { closeQuietly, writeAll } from "./http/streams.ts";
import { DEFAULT_TUNING, type EgressTuning } from "./tuning.ts";

export type { EgressConnection } from "./reports.ts";

export interface EgressProxyOptions {
  readonly plugin: string;
  /** What is granted, in the normal forms of `formatNetScope`. */
  readonly grants: readonly string[];
  /** Where to listen: at most 107 bytes, in a folder that only the host may enter. */
  readonly socketPath: string;
  readonly maxConnections: number;
  /** How many bytes a connection may carry, both ways together; by default 1 GiB. */
  readonly maxBytesPerConnection?: number;
  /** Takes one report of each connection, refused ones too; those of a flood come combined, with their count. */
  onConnection(connection: EgressConnection): void;
  /** Resolves names; by default as the machine does: its hosts file, then DNS. */
  readonly resolve?: Resolve;
}

const GIB = 1024 ** 3;

export async function openEgressProxy(
  options: EgressProxyOptions,
  tuning: Partial<EgressTuning> = {},
): Promise<EgressProxy> {
  const { plugin, socketPath, maxConnections, maxBytesPerConnection = GIB } = options;
  for (const [name, value] of Object.entries({ maxConnections, maxBytesPerConnection })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`Cannot open an egress proxy with ${name} ${value}: must be 1 or more`);
    }
  }
  const allowList = new AllowList(plugin, options.grants);
  const head = `Cannot open the egress proxy of plugin "${plugin}"`;
  const details = { plugin, socketPath };
  const bytes = new TextEncoder().encode(socketPath).length;
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    const why = `the path of its socket has ${bytes} bytes, over ${MAX_SOCKET_PATH_BYTES}`;
    throw new SallyportError("bad-config", `${head}: ${why}`, {
      hint: "Choose a shorter dataDir, or a shorter folder for temporary files (TMPDIR)",
      details,
    });
  }
  let listener: Deno.UnixListener | undefined;
  try {
    listener = Deno.listen({ transport: "unix", path: socketPath });
    await Deno.chmod(socketPath, 0o600);
  } catch (cause) {
    listener?.close();
    if (listener !== undefined) await Deno.remove(socketPath).catch(() => {});
    const why = cause instanceof Error ? cause.message : cause;
    throw new SallyportError("launch-failed", `${head}: ${why}`, {
      hint: "The host needs --allow-read, --allow-write and --allow-net for the socket",
      details,
      cause,
    });
  }
  const bounds = { ...DEFAULT_TUNING, ...tuning };
  return new EgressProxy(listener, { ...options, maxBytesPerConnection }, allowList, bounds);
}

/** A proxy that listens; disposing it ends every connection and removes the socket. */
export class EgressProxy implements AsyncDisposable {
  readonly socketPath: string;
  readonly #listener: Deno.UnixListener;
  readonly #maxConnections: number;
  readonly #context: ConnectionContext;
  readonly #reports: Reports;
  readonly #pace: Pace;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #closed: Promise<void> | undefined;

  constructor(
    listener: Deno.UnixListener,
    options: EgressProxyOptions & { readonly maxBytesPerConnection: number },
    allowList: AllowList,
    tuning: EgressTuning,
  ) {
    const { maxConnections, resolve } = options;
    this.socketPath = options.socketPath;
    this.#listener = listener;
    this.#maxConnections = maxConnections;
    this.#reports = new Reports((report) => options.onConnection(report), tuning);
    this.#pace = new Pace(tuning.acceptBurst, tuning.acceptsPerSecond);
    this.#context = {
      allowList,
      resolver: new Resolver({
        resolve,
        maxLookups: tuning.maxLookups,
        maxPending: Math.max(maxConnections, tuning.maxLookups),
      }),
      maxBytes: options.maxBytesPerConnection,
      tuning,
      signal: this.#closing.signal,
    };
    this.#accepting = this.#accept();
  }

  get open(): number {
    return this.#running.size;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.#running);
    this.#reports.flush();
    try {
      await Deno.remove(this.socketPath);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // its folder may be gone already
    }
  }

  async #accept(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      let waitMs: number;
      try {
        const client = await this.#listener.accept();
        this.#pace.take(1);
        if (this.#running.size >= this.#maxConnections) await this.#turnAway(client);
        else this.#start(client);
        waitMs = this.#pace.waitMs;
      } catch {
        // closing, or no descriptor is free, which only time changes
        waitMs = 100;
      }
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  #start(client: Deno.Conn): void {
    const handler = new EgressConnectionHandler(client, this.#context);
    const running = handler.run().then((report) => this.#done(report))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #done(report: EgressConnection): void {
    // a flood of what leads nowhere is taken more slowly than work that is granted
    if (report.address === undefined) this.#pace.take(this.#context.tuning.refusalCost - 1);
    this.#reports.add(report);
  }

  async #turnAway(client: Deno.Conn): Promise<void> {
    const reason = `more than ${this.#maxConnections} connections at once`;
    try {
      await writeAll(client, refusalResponse(new Refusal(503, reason))); // fits an empty buffer
    } catch {
      // the plugin closed first
    } finally {
      closeQuietly(client);
    }
    const none = { host: "", port: 0, address: undefined, bytesSent: 0, bytesReceived: 0 };
    this.#done({ ...none, allowed: false, reason, durationMs: 0, count: 1 });
  }
}
