// One connection of a plugin, from its first byte to its report.
import type { AllowList } from "./dialing/allow_list.ts";
import { allowedAddresses, dial } from "./dialing/dial.ts";
import { type Ends, forwardRequest, splice } from "./http/forward.ts";
import { parseRequestHead } from "./http/http_head.ts";
import { Meter } from "./http/meter.ts";
import { Refusal, refusalResponse } from "./http/refusal.ts";
import type { EgressConnection } from "./reports.ts";
import type { Resolver } from "./dialing/resolver.ts";
import { closeQuietly, ConnReader, endWriting, writeAll } from "./http/streams.ts";
import { parseTarget, type Target } from "./http/target.ts";
import type { EgressTuning } from "./tuning.ts";

export interface ConnectionContext {
  readonly allowList: AllowList;
  readonly resolver: Resolver;
  readonly maxBytes: number;
  readonly tuning: EgressTuning;
  readonly signal: AbortSignal;
}

const ESTABLISHED = new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\n");
const MAX_LINGER_BYTES = 256 * 1024;

export class EgressConnectionHandler {
  readonly #client: Deno.Conn;
  readonly #context: ConnectionContext;
  readonly #reader: ConnReader;
  readonly #meter: Meter;
  readonly #started: number = performance.now();
  readonly #ended = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #remote: Deno.Conn | undefined;
  #target: Target | undefined;
  #address: string | undefined;
  #allowed = false;
  #answered = false;

  constructor(client: Deno.Conn, context: ConnectionContext) {
    this.#client = client;
    this.#context = context;
    this.#reader = new ConnReader(client);
    this.#meter = new Meter(context.maxBytes);
  }

  /** Serves the connection to its end; never throws. */
  async run(): Promise<EgressConnection> {
    const { signal } = this.#context;
    const onAbort = (): void => this.#ended.abort(new Refusal(503, "the proxy was closed"));
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    const { promise: cut, reject } = Promise.withResolvers<never>();
    cut.catch(() => {}); // raced below
    this.#ended.signal.addEventListener("abort", () => reject(this.#ended.signal.reason));
    const work = this.#serve();
    let reason: string | undefined;
    try {
      await Promise.race([work, cut]);
    } catch (error) {
      reason = error instanceof Refusal ? error.reason : brokenReason(error);
      if (error instanceof Refusal && error.status === 403) this.#allowed = false;
      if (error instanceof Refusal && !this.#answered && !signal.aborted) await this.#answer(error);
    }
    clearTimeout(this.#timer);
    signal.removeEventListener("abort", onAbort);
    this.#ended.abort(); // ends what still waits
    closeQuietly(this.#client);
    closeQuietly(this.#remote);
    await work.catch(() => {}); // what ended it is known; the sockets are closed, so it settles
    closeQuietly(this.#remote);
    return this.#report(reason);
  }

  async #serve(): Promise<void> {
    const { tuning, allowList } = this.#context;
    this.#within(tuning.headMs, () => new Refusal(408, "the request did not come in time"));
    const bytes = await this.#reader.head(400);
    if (bytes === null) throw new Refusal(400, "the connection ended without a request");
    const head = parseRequestHead(bytes);
    const target = parseTarget(head);
    clearTimeout(this.#timer);
    this.#target = target;
    const { host, port } = target;
    if (!allowList.covers(target.scope)) {
      throw new Refusal(403, `"${host}:${port}" is not granted`);
    }
    const dialContext = { ...this.#context, dialMs: tuning.dialMs, signal: this.#ended.signal };
    this.#allowed = true; // as long as its addresses are
    const addresses = await allowedAddresses(target, dialContext);
    const remote = await dial(addresses, port, dialContext, (address) => this.#address = address);
    this.#remote = remote;
    this.#ended.signal.throwIfAborted(); // nothing starts that the end would not stop
    remote.setNoDelay(true);
    this.#meter.touch();
    this.#watchIdle();
    const ends: Ends = {
      client: this.#client,
      reader: this.#reader,
      remote,
      meter: this.#meter,
      lingerMs: tuning.lingerMs,
      onAnswer: () => this.#answered = true,
    };
    if (target.path !== undefined) return await forwardRequest(ends, head, target);
    this.#answered = true;
    await writeAll(this.#client, ESTABLISHED);
    await splice(ends);
  }

  /** Ends the connection unless the next step comes in time. */
  #within(ms: number, late: () => Refusal): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ended.abort(late()), ms);
  }

  #watchIdle(): void {
    const { idleMs } = this.#context.tuning;
    const left = idleMs - this.#meter.idleMs;
    if (left <= 0) {
      return this.#ended.abort(new Refusal(504, "no byte moved for too long"));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#watchIdle(), Math.ceil(left));
  }

  /** Says why there is no answer, and reads on a little, so that it arrives. */
  async #answer(refusal: Refusal): Promise<void> {
    clearTimeout(this.#timer);
    const timer = setTimeout(() => closeQuietly(this.#client), this.#context.tuning.lingerMs);
    const onAbort = (): void => closeQuietly(this.#client);
    this.#context.signal.addEventListener("abort", onAbort);
    try {
      await writeAll(this.#client, refusalResponse(refusal));
      await endWriting(this.#client);
      if (this.#ended.signal.aborted || this.#remote !== undefined) return; // the other direction reads
      for (let ignored = 0; ignored < MAX_LINGER_BYTES;) {
        const bytes = await this.#reader.read();
        if (bytes === null) return;
        ignored += bytes.length;
      }
    } catch {
      // the plugin did not wait for it
    } finally {
      clearTimeout(timer);
      this.#context.signal.removeEventListener("abort", onAbort);
    }
  }

  #report(reason: string | undefined): EgressConnection {
    return {
      host: this.#target?.host ?? "",
      port: this.#target?.port ?? 0,
      address: this.#address,
      allowed: this.#allowed,
      reason,
      bytesSent: this.#meter.sent,
      bytesReceived: this.#meter.received,
      durationMs: performance.now() - this.#started,
      count: 1,
    };
  }
}

function brokenReason(error: unknown): string {
  return `the connection broke: ${error instanceof Error ? error.name : "unknown error"}`;
}
