// Reports of connections at a bounded rate: nothing is left out, but what a flood repeats is added up.
import { Pace } from "./pace.ts";
import type { EgressTuning } from "./tuning.ts";

/**
 * Says what became of a connection, or of several alike.
 *
 * @category Monitoring
 */
export interface EgressConnection {
  /** The host that was asked for, in normal form; empty where the request did not say. */
  readonly host: string;
  /** The port that was asked for; 0 where the request did not say. */
  readonly port: number;
  /** The address that was dialled; `undefined` when none was. */
  readonly address: string | undefined;
  /** Whether grants and addresses allowed it. */
  readonly allowed: boolean;
  /** Why it was refused, or what ended it other than its two ends. */
  readonly reason: string | undefined;
  /** Bytes passed on to the host, heads included. */
  readonly bytesSent: number;
  /** Bytes passed on to the plugin, heads included. */
  readonly bytesReceived: number;
  /** From accepting it to its end, in milliseconds; the longest of several. */
  readonly durationMs: number;
  /** How many connections this stands for: more than 1 only when they came too fast to report each. */
  readonly count: number;
}

/** How many kinds of connections are combined apart from each other. */
const MAX_KINDS = 16;

export class Reports {
  readonly #emit: (report: EgressConnection) => void;
  readonly #pace: Pace;
  readonly #windowMs: number;
  readonly #combined = new Map<string, EgressConnection>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(emit: (report: EgressConnection) => void, tuning: EgressTuning) {
    this.#emit = emit;
    this.#pace = new Pace(tuning.reportBurst, tuning.reportsPerSecond);
    this.#windowMs = tuning.reportWindowMs;
  }

  /** Reports a connection, now or with others alike within the window. */
  add(report: EgressConnection): void {
    if (this.#pace.waitMs === 0) {
      this.#pace.take(1);
      return this.#send(report);
    }
    const { host, port, address, allowed, reason } = report;
    let key = JSON.stringify([host, port, address, allowed, reason]);
    let next = report;
    if (!this.#combined.has(key) && this.#combined.size >= MAX_KINDS) {
      key = `other ${allowed}`;
      const why = "other connections that came too fast to report each";
      next = { ...report, host: "", port: 0, address: undefined, reason: why };
    }
    const before = this.#combined.get(key);
    this.#combined.set(key, before === undefined ? next : sum(before, next));
    this.#timer ??= setTimeout(() => this.flush(), this.#windowMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const reports = [...this.#combined.values()];
    this.#combined.clear();
    for (const report of reports) this.#send(report);
  }

  #send(report: EgressConnection): void {
    try {
      this.#emit(Object.freeze(report));
    } catch {
      // what the listener throws must end no connection
    }
  }
}

function sum(a: EgressConnection, b: EgressConnection): EgressConnection {
  return {
    ...a,
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    durationMs: Math.max(a.durationMs, b.durationMs),
    count: a.count + b.count,
  };
}
