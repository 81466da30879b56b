// The one way in which code of the application is called that nobody waits for: what it throws or
// rejects with is logged with its own stack, and costs that call at most.
import { readThrown } from "./errors.ts";

/** Takes reports of what failed; a guarded logger, so that reporting cannot fail in turn. */
export interface FailureLog {
  /** Takes a report. */
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Counts what failed in one way, so that a flood of failures is no flood of reports. */
interface Kind {
  tokens: number;
  at: number;
  unreported: number;
}

const BURST = 20;
const PER_SECOND = 1;
const MAX_KINDS = 256;
const MAX_STACK = 3_900;

type AddOrRemove = (
  type: string,
  listener: EventListenerOrEventListenerObject | null,
  options?: boolean | AddEventListenerOptions,
) => void;

const kindsOf = new WeakMap<FailureLog, Map<string, Kind>>();

/** Calls a callback of the application. */
export function runCallback(log: FailureLog, what: string, act: () => unknown): void {
  try {
    const returned = act();
    if (typeof returned !== "object" || returned === null) return;
    // any thenable: its rejection would end the process
    Promise.resolve(returned).then(undefined, (error) => logFailure(log, what, error));
  } catch (error) {
    logFailure(log, what, error);
  }
}

/**
 * Logs what code of the application threw: 20 reports of one kind at once, then one a second, with the
 * number of those left out.
 */
export function logFailure(
  log: FailureLog,
  what: string,
  error: unknown,
  fields: Record<string, unknown> = {},
): void {
  const kind = kindOf(log, what);
  const now = performance.now();
  kind.tokens = Math.min(BURST, kind.tokens + (now - kind.at) / 1_000 * PER_SECOND);
  kind.at = now;
  if (kind.tokens < 1) {
    kind.unreported++;
    return;
  }
  kind.tokens--;
  const { name, message, stack } = readThrown(error);
  const more = kind.unreported === 0 ? {} : { unreported: kind.unreported };
  kind.unreported = 0;
  try {
    log.error(`${what} failed: ${name}: ${message}`, {
      ...fields,
      ...more,
      ...(stack === "" ? {} : { stack: stack.slice(0, MAX_STACK) }),
    });
  } catch {
    // a log that fails while it takes a report has nowhere left to say so
  }
}

/** Guards the listeners of a signal before the application is given it. */
export function guardSignal(log: FailureLog, what: string, signal: AbortSignal): AbortSignal {
  const guarded = new WeakMap<EventListenerOrEventListenerObject, EventListener>();
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const guard = (listener: EventListenerOrEventListenerObject): EventListener => {
    let own = guarded.get(listener);
    if (own === undefined) {
      own = (event) =>
        runCallback(
          log,
          what,
          () =>
            typeof listener === "function"
              ? listener.call(signal, event)
              : listener.handleEvent(event),
        );
      guarded.set(listener, own);
    }
    return own;
  };
  const through = (method: AddOrRemove): AddOrRemove => (type, listener, options) =>
    method.call(signal, type, listener && guard(listener), options);
  Object.defineProperties(signal, {
    addEventListener: { value: through(addEventListener), configurable: true },
    removeEventListener: { value: through(removeEventListener), configurable: true },
  });
  return signal;
}

/**
 * Aborts a signal that the application was given: what a listener throws that was not added to the signal
 * itself, as one of `AbortSignal.any()`, would end the process.
 */
export function abortGuarded(
  log: FailureLog,
  what: string,
  controller: AbortController,
  reason?: unknown,
): void {
  const caught = (event: ErrorEvent) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    logFailure(log, what, event.error);
  };
  // the runtime reports what a listener throws here before abort() returns
  addEventListener("error", caught);
  try {
    controller.abort(reason);
  } finally {
    removeEventListener("error", caught);
  }
}

function kindOf(log: FailureLog, what: string): Kind {
  let kinds = kindsOf.get(log);
  if (kinds === undefined) kindsOf.set(log, kinds = new Map());
  let kind = kinds.get(what);
  if (kind === undefined) {
    const [oldest] = kinds.keys();
    if (kinds.size >= MAX_KINDS) kinds.delete(oldest!);
    kinds.set(what, kind = { tokens: BURST, at: performance.now(), unreported: 0 });
  }
  return kind;
}

/**
 * Checks a signal that the application passed, before anything is begun that it could not end.
 *
 * @throws {TypeError} When it is no `AbortSignal`.
 */
export function checkSignal(signal: AbortSignal | undefined, action: string): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(`Cannot ${action}: signal must be an AbortSignal`);
}

/**
 * Checks a callback that the application passed.
 *
 * @throws {TypeError} When it is no function.
 */
export function checkCallback(callback: unknown, action: string, name: string): void {
  if (callback === undefined || typeof callback === "function") return;
  throw new TypeError(`Cannot ${action}: ${name} must be a function`);
}
