import type { SallyportError } from "../../errors.ts";
import type { ByteDuplex } from "../transport/duplex.ts";
import { DEFAULT_MESSAGE_LIMITS } from "../wire/limits.ts";
import type { WireError } from "../wire/message.ts";
import { SafeMap } from "../wire/safe_map.ts";
import type { Role } from "../wire/wire_error.ts";

export interface IncomingCall {
  readonly id: number;
  /** Aborts when the peer cancels the request, and when the connection ends. */
  readonly signal: AbortSignal;
  /** Whether the peer asked for a stream: the handler may then return an async iterable. */
  readonly streaming: boolean;
  readonly meta: Readonly<Record<string, unknown>>;
  /** Reports progress, where the peer asked for it; too many reports a second are left out. */
  progress(value: unknown): void;
}

export interface RequestOptions {
  /** Cancels the request: the promise rejects with `cancelled` at once. */
  signal?: AbortSignal;
  /** Milliseconds until the request fails with `timeout`; for a stream, until the next item. */
  timeoutMs?: number;
  /** Takes what the peer reports; without it the peer does not report. */
  onProgress?: (value: unknown) => void;
  /** Members for `params._meta`, such as `traceparent`. */
  meta?: Readonly<Record<string, unknown>>;
  /** What is asked, for the messages of errors; without it an error of the peer keeps its own words. */
  label?: string;
}

export interface ConnectionOptions {
  /** The bytes; the connection closes it. */
  io: ByteDuplex;
  /** Which end this is; the host's end is the strict one. */
  role: Role;
  /** Bytes of one line, and separately of the byte arrays behind it. */
  maxMessageBytes?: number;
  /** Requests in flight in each direction. More of our own wait; more of the peer's are a violation. */
  maxInFlight?: number;
  /** Requests of our own that may wait; more fail with `limit-exceeded`. */
  maxWaiting?: number;
  /** Bytes of the requests that wait; more fail with `limit-exceeded`, unless no other waits. */
  maxWaitingBytes?: number;
  /**
   * Bytes that may wait to be read by the peer, or twice `maxMessageBytes` if that is more. Results beyond
   * that become errors, `limit-exceeded`; of anything else 1 MiB more ends the connection.
   */
  maxQueuedBytes?: number;
  /**
   * Bytes that wait to be read by the peer, from which on this end sends no further request until they are
   * read; the plugin's end begins none of the host's either, and takes no further item of a stream.
   */
  highWaterBytes?: number;
  /** Requests and notifications of the peer a second; four times as many at once. More are read later. */
  maxMessagesPerSecond?: number;
  /** Notifications of the peer a second; four times as many at once. More are a violation. */
  maxNotificationsPerSecond?: number;
  /** Bytes of the peer's notifications a second; four times as many at once. More are read later. */
  maxNotifiedBytesPerSecond?: number;
  /** Milliseconds of this thread that the peer's requests and notifications may take a second; four times that at once. */
  maxHostMsPerSecond?: number;
  /** Handlers of the peer's requests under way at once, those of cancelled requests included; more requests wait. */
  maxRunning?: number;
  /** Milliseconds that the peer has to answer a request that was cancelled or timed out. */
  cancelGraceMs?: number;
  /** Milliseconds from the first byte of a message to its last. */
  lineTimeoutMs?: number;
  /** The methods that the peer may use beside those that begin with `$/`; by default the wire protocol's for its role. */
  methods?: readonly string[];
  /** Answers a request; may return a promise and, where `call.streaming` is set, an async iterable. */
  onRequest?: (method: string, params: unknown, call: IncomingCall) => unknown;
  /** Takes a notification. If it throws, the connection closes with `bad-state`. */
  onNotification?: (method: string, params: unknown) => void;
  /** Returns why the peer has ended, such as `crashed` with the exit code; it may wait for the exit, and must settle. */
  onEnd?: () => SallyportError | undefined | Promise<SallyportError | undefined>;
  /** Returns the duplex that the peer has moved to, once; `undefined` where it was offered none, a violation. */
  onLane?: () => Promise<ByteDuplex> | undefined;
  describeError?: (error: unknown) => WireError;
}

/** A request of this end that was sent and neither settled nor given up. */
export interface OpenRequest {
  readonly id: number;
  readonly method: string;
}

export interface ConnectionStats {
  readonly sent: number;
  readonly received: number;
  /** Requests and notifications that came, without stream items: what this end had not asked for. */
  readonly unasked: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Requests of this end that are neither settled nor given up. */
  readonly inFlight: number;
  /** Requests of this end that were given up and that the peer has not answered. */
  readonly unanswered: number;
  /** Requests of the peer that are not answered yet. */
  readonly serving: number;
  /** Milliseconds of work that the peer's requests and notifications took of this thread. */
  readonly hostMs: number;
  /** Milliseconds that reading was held up because they took more than their share. */
  readonly hostHeldMs: number;
}

export type ResolvedOptions =
  & Required<Omit<ConnectionOptions, "methods" | Handlers>>
  & Pick<ConnectionOptions, Handlers>
  & { accepts(method: string, kind: "request" | "notification"): boolean };

type Handlers = "onRequest" | "onNotification" | "onEnd" | "onLane" | "describeError";

/** What the wire protocol lets the peer of each role send. */
const PEER_METHODS: Record<Role, Record<string, "request" | "notification">> = {
  host: { "context/call": "request", "event/emit": "notification", "log": "notification" },
  plugin: {
    "initialize": "request",
    "shutdown": "request",
    "plugin/call": "request",
    "hook/run": "request",
    "sandbox/enter": "request",
    "health": "request",
    "state/snapshot": "request",
    "state/restore": "request",
    "memory": "request",
    "violation": "notification",
  },
};

const NUMBERS = {
  maxMessageBytes: DEFAULT_MESSAGE_LIMITS.maxMessageBytes,
  maxInFlight: 4_096,
  maxWaiting: 65_536,
  maxWaitingBytes: 256 * 1024 * 1024,
  maxQueuedBytes: 64 * 1024 * 1024,
  highWaterBytes: 32 * 1024 * 1024,
  maxMessagesPerSecond: 100_000,
  maxNotificationsPerSecond: 10_000,
  maxNotifiedBytesPerSecond: 4 * 1024 * 1024,
  maxHostMsPerSecond: 500,
  maxRunning: 256,
  cancelGraceMs: 5_000,
  lineTimeoutMs: 30_000,
};

/** The plugin's end trusts its host, and progress is limited to what a host takes. */
const PLUGIN_NUMBERS = {
  maxMessagesPerSecond: Infinity,
  maxNotificationsPerSecond: Infinity,
  maxNotifiedBytesPerSecond: Infinity,
  maxHostMsPerSecond: Infinity,
  maxRunning: 8_192,
  lineTimeoutMs: Infinity,
  maxQueuedBytes: Infinity,
  highWaterBytes: 8 * 1024 * 1024, // what is queued is memory of the plugin
};

/** Reports of progress a second that no host takes for a flood. */
export const PROGRESS_PER_SECOND: number = NUMBERS.maxNotificationsPerSecond / 2;

export function resolveOptions(options: ConnectionOptions): ResolvedOptions {
  const known = new SafeMap(Object.entries(PEER_METHODS[options.role]));
  const allowed = new SafeMap(
    (options.methods ?? [...known.keys()]).map((name) => [name, known.get(name) ?? "either"]),
  );
  let last: string | undefined;
  const resolved: ResolvedOptions = {
    ...NUMBERS,
    ...(options.role === "host" ? {} : PLUGIN_NUMBERS),
    ...options,
    accepts: (method, kind) => {
      // Nearly all messages of a connection have the same method, and comparing is cheaper than hashing
      if (method === last && kind === "request") return true;
      const expected = allowed.get(method);
      const accepted = expected === kind || expected === "either";
      if (accepted && kind === "request") last = method;
      return accepted;
    },
  };
  for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
    const value = resolved[name];
    if (typeof value !== "number" || !(value > 0)) {
      throw new RangeError(`Cannot open a connection: "${name}" must be positive: ${value}`);
    }
  }
  return resolved;
}
