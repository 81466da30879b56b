// What happens in a host, as typed events that any number of readers may follow.
import type { EgressConnection } from "../../egress/proxy.ts";
import type { SallyportError } from "../../errors.ts";
import type { Violation } from "../../monitor/violations/violations.ts";
import { LaggingQueue } from "../../io/lagging_queue.ts";
import type { TrustChange } from "../../trust/list/diff.ts";
import type { PluginState } from "./plugin_state.ts";

/**
 * Tells of something that happened in a host.
 *
 * @category Host
 */
export type HostEvent =
  & {
    /** When it happened, in RFC 3339. */
    readonly time: string;
  }
  & (
    | { readonly type: "state"; readonly plugin: string; from: PluginState; to: PluginState }
    | {
      readonly type: "loaded";
      readonly plugin: string;
      readonly version: string;
      readonly bundleHash: string;
      readonly pid: number;
    }
    | {
      readonly type: "unloaded";
      readonly plugin: string;
      readonly reason: string;
      /** Why the trust list no longer lets it run, where that was the reason. */
      readonly refusal?: SallyportError;
    }
    | {
      readonly type: "trust";
      /**
       * `updated`: a new revision of the trust list is in force. `expired`: nothing is loaded by it any
       * more. `unusable`: nothing either, because of `problem`; plugins run on by the last good revision.
       * `restored`: it can be used again.
       */
      readonly status: "updated" | "expired" | "unusable" | "restored";
      /** The revision in force. */
      readonly revision: number;
      /** What differs from the revision before, the first thousand. */
      readonly changes: readonly TrustChange[];
      /** Why it cannot be used. */
      readonly problem?: SallyportError;
    }
    | {
      readonly type: "reloaded";
      readonly plugin: string;
      readonly version: string;
      readonly bundleHash: string;
      readonly pid: number;
      /** The version whose place it took; `undefined` where its process ended meanwhile. */
      readonly from: string | undefined;
      /** Whether it was a return to the version before. */
      readonly rollback: boolean;
    }
    | {
      /** A reload or a rollback failed; what was there before is there still. */
      readonly type: "reload-failed";
      readonly plugin: string;
      /** The folder. */
      readonly path: string;
      /** The version that serves on, if one does. */
      readonly serving: string | undefined;
      readonly rollback: boolean;
      readonly error: SallyportError;
    }
    | { readonly type: "untrusted"; readonly plugin: string; path: string; error: SallyportError }
    | { readonly type: "failed"; readonly plugin: string; path: string; error: SallyportError }
    | { readonly type: "crashed"; readonly plugin: string; readonly error: SallyportError }
    | {
      readonly type: "violation";
      readonly plugin: string;
      readonly error: SallyportError;
      /** What was counted against it, with the figures. */
      readonly violation: Violation;
      /** What is done about it. */
      readonly action: "record" | "warn" | "throttle" | "unload" | "quarantine";
    }
    | {
      readonly type: "restarting";
      readonly plugin: string;
      /** Which restart within the policy's window it is, from 1. */
      readonly attempt: number;
      /** In how many milliseconds. */
      readonly delayMs: number;
    }
    | {
      /** It is not loaded again before an operator says so. */
      readonly type: "quarantined";
      readonly plugin: string;
      readonly reason: string;
    }
    | {
      readonly type: "released";
      readonly plugin: string;
    }
    | { readonly type: "denied"; readonly plugin: string; readonly error: SallyportError }
    | {
      readonly type: "hook-failed";
      readonly plugin: string | undefined;
      readonly hook: string;
      readonly error: SallyportError;
    }
    | {
      readonly type: "emitted";
      readonly plugin: string;
      readonly event: string;
      readonly data: unknown;
    }
    | ({ readonly type: "connection"; readonly plugin: string } & EgressConnection)
    | { readonly type: "lagged"; readonly dropped: number }
  );

/** Holds the content of an event before it is given a time. */
export type EventInput = HostEvent extends infer E ? E extends HostEvent ? Omit<E, "time"> : never
  : never;

const MAX_QUEUED = 1_024;

/** Hands every event to every reader; a slow reader loses the oldest and is told how many. */
export class EventHub {
  #readers = new Set<LaggingQueue<HostEvent>>();
  #listeners = new Set<(event: HostEvent) => void>();
  #closed = false;

  /** Publishes an event. */
  emit(event: EventInput): void {
    if (this.#readers.size === 0 && this.#listeners.size === 0) return;
    const stamped = { ...event, time: new Date().toISOString() } as HostEvent;
    for (const listener of this.#listeners) listener(stamped);
    for (const reader of this.#readers) reader.push(stamped);
  }

  /** Follows events from now on. */
  events(signal?: AbortSignal): AsyncIterableIterator<HostEvent> {
    const reader: LaggingQueue<HostEvent> = new LaggingQueue<HostEvent>({
      max: MAX_QUEUED,
      lagged: (dropped) => ({ type: "lagged", dropped, time: new Date().toISOString() }),
      onEnd: () => this.#readers.delete(reader),
      signal,
    });
    this.#readers.add(reader);
    if (this.#closed || signal?.aborted) reader.end();
    return reader;
  }

  /** Hands every event to a part of the host as it happens; unlike a reader it never misses one. */
  listen(listener: (event: HostEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** Ends every reader after what it has not yet read. */
  close(): void {
    this.#closed = true;
    for (const reader of [...this.#readers]) reader.end();
  }
}
