// What the next process of a plugin must pass before it takes the place of the one that serves.
import { SallyportError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { settledWithin } from "../../process/stop.ts";
import { encodeValue } from "../../rpc/wire/binary.ts";
import type { RequestOptions } from "../../rpc/calls/options.ts";
import type { PluginProcess } from "../process/plugin_process.ts";
import { record } from "../process/plugin_requests.ts";
import type { ActiveProcess } from "../calls/active_process.ts";

/** The size that a snapshot may have as JSON and bytes, whatever `messageBytes` allows: 8 MiB. */
export const MAX_STATE_BYTES: number = 8 * 1024 * 1024;

/** How long a new process may take to say that it can serve, in milliseconds. */
const HEALTH_MS = 2_000;

/** Options of {@linkcode handOver}. */
export interface StateTransferOptions {
  /** Takes note of state that is not handed over. */
  readonly logger: Logger;
  /** How long all of it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives it up. */
  readonly signal: AbortSignal;
}

/**
 * Asks a fresh process whether it can serve: its event loop turns, and its own `health` is content.
 *
 * @throws {SallyportError} `launch-failed` when it does not answer in time or says no.
 */
export async function checkHealth(
  name: string,
  process: PluginProcess,
  signal: AbortSignal,
): Promise<void> {
  try {
    await process.request("health", {}, { timeoutMs: HEALTH_MS, signal, label: '"health"' });
  } catch (cause) {
    if (signal.aborted || !(cause instanceof SallyportError)) throw cause;
    throw new SallyportError(
      "launch-failed",
      `Cannot put plugin "${name}" into service: it is not healthy: ${cause.message}`,
      {
        hint: cause.code === "timeout"
          ? "After init, the plugin must give back control within two seconds"
          : "See what its health() says",
        details: { plugin: name, stage: "health", code: cause.code },
        cause,
      },
    );
  }
}

/** Tells whether state goes from one process to the other. */
export function handsOver(from: PluginProcess, to: PluginProcess): boolean {
  return from.offers.snapshot && to.offers.snapshot;
}

/**
 * Hands the state of the serving process to the next one. The caller holds new calls back meanwhile.
 *
 * Calls under way may end first, for half of the time; what one that takes longer, or a stream,
 * changes afterwards stays behind.
 *
 * @throws {SallyportError} `limit-exceeded` when the snapshot is too large, `timeout`, or what
 * `snapshot` or `restore` failed with.
 */
export async function handOver(
  name: string,
  from: ActiveProcess,
  to: PluginProcess,
  { logger, timeoutMs, signal }: StateTransferOptions,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const options = (step: string) => ({
    signal,
    label: `"${name}.${step}"`,
    timeoutMs: Math.max(1, deadline - performance.now()),
  });
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
  await settledWithin(
    Promise.race([from.whenQuiet(), from.process.ended, aborted]),
    timeoutMs / 2,
  );
  try {
    await handOverState(name, from, to, options, logger);
  } catch (error) {
    if (signal.aborted || !(error instanceof SallyportError)) throw error;
    const { code, message, details } = error;
    const hint =
      "Reload with { withoutState: true } to put the new version into service without this state";
    throw new SallyportError(code, message, { hint, details, cause: error });
  }
}

async function handOverState(
  name: string,
  from: ActiveProcess,
  to: PluginProcess,
  options: (step: string) => RequestOptions,
  logger: Logger,
): Promise<void> {
  let state: unknown;
  try {
    const answer = await from.process.request("state/snapshot", {}, options("snapshot"));
    ({ state = null } = record(answer));
  } catch (error) {
    // a process that just died, or was ended, has no state to hand over, and none that could serve on
    const isGone = from.process.hasExited ||
      (error instanceof SallyportError && error.code === "crashed");
    if (!isGone) throw error;
    logger.warn(`Plugin "${name}" ended before it gave its state: the new process has none`);
    return;
  }
  checkSize(name, state);
  await to.request("state/restore", { state, from: from.version }, options("restore"));
}

/** Bounds what one version can make the host carry to the next. */
function checkSize(name: string, state: unknown): void {
  const { text, raw = [] } = encodeValue(state, "");
  const bytes = raw.reduce((sum, part) => sum + part.length, new TextEncoder().encode(text).length);
  if (bytes <= MAX_STATE_BYTES) return;
  throw new SallyportError(
    "limit-exceeded",
    `Cannot hand over the state of plugin "${name}": it has ${bytes} bytes, at most ${MAX_STATE_BYTES}`,
    {
      hint: "Keep what is large in $STORAGE or a service, and only hand over where it is",
      details: { plugin: name, bytes, max: MAX_STATE_BYTES },
    },
  );
}
