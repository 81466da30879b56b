// The way of a call to the process that serves: started first where need be, held back while state is
// handed over, counted, and explained when it fails.
import { SallyportError } from "../../errors.ts";
import type { CallKind, PluginTelemetry } from "../../monitor/telemetry/telemetry.ts";
import type { CallSpan } from "../../monitor/telemetry/tracing.ts";
import type { RequestOptions } from "../../rpc/calls/options.ts";
import { CallGate, type HeldCalls, tooManyHeld } from "./call_gate.ts";
import { kindOf, reasonFor, startSpan, traced } from "./call_spans.ts";
import type { Denials } from "./denials.ts";
import type { PluginProcess } from "../process/plugin_process.ts";
import type { CallCounters } from "./call_counters.ts";
import { isTrustRefusal, revokedError } from "./trust_refusal.ts";
import type { ActiveProcess } from "./active_process.ts";

/** What calls need of their plugin. */
export interface CallOwner {
  /** Its name. */
  readonly name: string;
  /** What serves now; `undefined` where nothing does. */
  readonly serving: ActiveProcess | undefined;
  /** Starts it where it waits for its first use; throws where nothing serves. */
  wakeForCall(): Promise<void>;
  /** Waits until the plugin has taken note of the end of its process. */
  settled(process: PluginProcess): Promise<void>;
  /** Says why a process was killed, if the host did it at once. */
  refusalOf(process: PluginProcess): SallyportError | undefined;
  /** Is told of a call that took longer than the plugin's limit. */
  overdue(process: PluginProcess, error: SallyportError): void;
}

/** Sends the calls of one plugin. */
export class CallRouter {
  #owner: CallOwner;
  #tally: CallCounters;
  #denials: Denials;
  #telemetry: PluginTelemetry;
  #hold: CallGate | undefined;
  /** How long each new call waits, in milliseconds; for a plugin that is throttled. */
  delayMs = 0;

  /** Begins with no call held. */
  constructor(
    owner: CallOwner,
    tally: CallCounters,
    denials: Denials,
    telemetry: PluginTelemetry,
  ) {
    this.#owner = owner;
    this.#tally = tally;
    this.#denials = denials;
    this.#telemetry = telemetry;
  }

  /**
   * Holds new calls back from now on, until they are let go.
   */
  hold(): HeldCalls {
    const full = new AbortController();
    const hold = this.#hold = new CallGate(() => full.abort(tooManyHeld(this.#owner.name)));
    const release = () => {
      if (this.#hold === hold) this.#hold = undefined;
      hold.release();
    };
    return { release, full: full.signal };
  }

  /** Sends a request to the process that serves. */
  request(method: string, params: unknown, options?: RequestOptions): Promise<unknown> {
    const serving = this.delayMs > 0 ? undefined : this.#ready();
    const answer = serving === undefined
      ? this.#requestLater(method, params, options)
      : this.#send(serving, method, params, options);
    return this.#telemetry.isOn ? this.#measured(kindOf(method), answer) : answer;
  }

  async #measured(kind: CallKind, answer: Promise<unknown>): Promise<unknown> {
    const ended = this.#clock(kind);
    try {
      const value = await answer;
      ended();
      return value;
    } catch (thrown) {
      ended({ thrown });
      throw thrown;
    }
  }

  /** Returns what measures the time from now on; only its first call counts. */
  #clock(kind: CallKind): (error?: { readonly thrown: unknown }) => void {
    if (!this.#telemetry.isOn) return () => {};
    const began = performance.now();
    let over = false;
    return (error) => {
      if (!over) this.#telemetry.called(this.#owner.name, kind, performance.now() - began, error);
      over = true;
    };
  }

  async #requestLater(
    method: string,
    params: unknown,
    options?: RequestOptions,
  ): Promise<unknown> {
    const since = Date.now();
    if (this.delayMs > 0) await pause(this.delayMs, options?.signal);
    let serving = this.#ready();
    while (serving === undefined) {
      options = await this.#enter(options);
      serving = this.#ready();
    }
    return await this.#send(serving, method, params, options, since);
  }

  /** Nothing waits from the choice of a process to here, so that it cannot be another one's turn meanwhile. */
  #send(
    serving: ActiveProcess,
    method: string,
    params: unknown,
    options: RequestOptions | undefined,
    since?: number,
  ): Promise<unknown> {
    const span = startSpan(serving, kindOf(method), params, options, since);
    this.#tally.calls++;
    serving.begin();
    // no async function: this is where every call passes
    return serving.process.request(method, params, traced(options, span)).then((value) => {
      serving.end();
      span.end();
      return value;
    }, (error) => this.#fail(serving, span, error, options?.signal));
  }

  async #fail(
    serving: ActiveProcess,
    span: CallSpan,
    error: unknown,
    signal: AbortSignal | undefined,
  ): Promise<never> {
    this.#tally.failures++;
    try {
      const explained = await this.#explain(serving.process, error, signal);
      span.end(reasonFor(explained, signal));
      throw explained;
    } finally {
      serving.end();
      span.end();
    }
  }

  /** Streams from the process that serves when the first item is asked for. */
  async *stream(
    method: string,
    params: unknown,
    options?: RequestOptions,
  ): AsyncGenerator<unknown> {
    const ended = this.#clock("stream");
    let span: CallSpan | undefined;
    let serving: ActiveProcess | undefined;
    try {
      const since = this.#waits() ? Date.now() : undefined;
      if (this.delayMs > 0) await pause(this.delayMs, options?.signal);
      serving = this.#ready();
      while (serving === undefined) {
        options = await this.#enter(options);
        serving = this.#ready();
      }
      span = startSpan(serving, "stream", params, options, since);
      this.#tally.calls++;
      yield* serving.process.stream(method, params, traced(options, span));
    } catch (error) {
      if (span === undefined) {
        ended({ thrown: error });
        throw error; // it was not sent
      }
      this.#tally.failures++;
      const explained = await this.#explain(serving!.process, error, options?.signal);
      ended({ thrown: explained });
      span.end(reasonFor(explained, options?.signal));
      throw explained;
    } finally {
      ended();
      span?.end();
    }
  }

  /** Runs a hook; a version that does not handle it any more leaves the data as it is. */
  async hook(hook: string, data: unknown, options?: RequestOptions): Promise<unknown> {
    while (this.#ready() === undefined) options = await this.#enter(options);
    const { prepared } = this.#ready()!;
    // a run that began with an older version's handlers may come here
    if (!prepared.permissions.hooks.includes(hook)) return {};
    return await this.request("hook/run", { hook, data }, options);
  }

  /** Whether a process serves and nothing is held back: a call would be sent at once. */
  get isReady(): boolean {
    return !this.#waits();
  }

  #waits(): boolean {
    return this.delayMs > 0 || this.#ready() === undefined;
  }

  #ready(): ActiveProcess | undefined {
    return this.#hold === undefined ? this.#owner.serving : undefined;
  }

  /** Waits for whatever keeps calls from going through. */
  async #enter(options: RequestOptions | undefined): Promise<RequestOptions | undefined> {
    if (this.#hold !== undefined) return await this.#hold.wait(options);
    await this.#owner.wakeForCall();
    return options;
  }

  async #explain(
    process: PluginProcess,
    error: unknown,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    if (!(error instanceof SallyportError)) return error;
    const { name } = this.#owner;
    const refusal = this.#owner.refusalOf(process);
    if (refusal !== undefined && !signal?.aborted) {
      return isTrustRefusal(refusal) ? revokedError(name, refusal) : refusal;
    }
    if (error.code === "timeout") this.#owner.overdue(process, error);
    if (error.code === "crashed" || error.code === "protocol-violation" || process.hasExited) {
      // who sees the call fail finds the plugin failed, too, and may load it again at once; and the
      // end of the process tells more than the broken frame that led to it
      const end = await process.ended;
      await this.#owner.settled(process);
      return end.error ?? error;
    }
    return error.code === "plugin-error" ? this.#denials.explain(error) : error;
  }
}

/** Waits; a caller that gives up is told by the call itself. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}
