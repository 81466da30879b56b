import { SallyportError } from "../errors.ts";
import { checkCallback, checkSignal, runCallback } from "../guard.ts";
import type { Logger } from "../log.ts";
import { cancelled, type Handler, identityOf, runHandler } from "./handler.ts";
import type {
  HookDefinition,
  HookFailure,
  HookFailurePolicy,
  HookMode,
  HookResult,
  HookRunOptions,
} from "./types.ts";

const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

type Listener = ((failure: HookFailure) => void) | undefined;

/** What a registry knows of a run before its options. */
interface HookRunSource {
  readonly name: string;
  readonly mode: HookMode;
  readonly definition: HookDefinition;
  readonly handlers: readonly Handler[];
  readonly logger: Logger;
  readonly onFailure: Listener;
}

/** One run of a hook. */
export interface HookRun extends HookRunSource {
  readonly timeoutMs: number;
  readonly policy: HookFailurePolicy;
  readonly signal: AbortSignal | undefined;
  readonly onFailed: Listener;
}

/** Checks the options of a run. */
export function beginRun(source: HookRunSource, options: HookRunOptions): HookRun {
  const { name, mode, definition } = source;
  const timeoutMs = options.timeoutMs ?? definition.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  checkTimeout(timeoutMs);
  const policy = options.onFailure ?? definition.onFailure ??
    (mode === "broadcast" ? "fail-open" : "fail-closed");
  checkPolicy(policy);
  const { signal, onFailed } = options;
  const action = `run hook "${name}"`;
  checkSignal(signal, action);
  checkCallback(onFailed, action, "onFailed");
  if (signal?.aborted) throw cancelled(name, signal);
  return { ...source, timeoutMs, policy, signal, onFailed };
}

/** Runs one handler and reports its failure, which is thrown under `fail-closed`. */
export async function attempt(
  run: HookRun,
  handler: Handler,
  data: unknown,
  reported: HookFailurePolicy = run.policy,
): Promise<HookResult> {
  const { name: hook, mode, signal, timeoutMs, logger } = run;
  try {
    const value = await runHandler(handler, data, { timeoutMs, signal, log: logger });
    return { ...identityOf(handler), status: "fulfilled", value };
  } catch (error) {
    if (!(error instanceof SallyportError) || signal?.aborted) throw error;
    const skipped = reported === "fail-open";
    const failure: HookFailure = { hook, mode, ...identityOf(handler), error, skipped };
    // a listener's own mistake must not turn a skipped handler into a failed run
    for (const name of ["onFailure", "onFailed"] as const) {
      const listener = run[name];
      if (listener === undefined) continue;
      runCallback(logger, `The ${name} of hook "${hook}"`, () => listener(failure));
    }
    if (run.policy === "fail-closed") throw error;
    return { ...identityOf(handler), status: "rejected", error };
  }
}

export function checkTimeout(timeoutMs: number): void {
  if (!(typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw new RangeError(
      `Cannot run a hook: timeoutMs must be more than 0 and at most ${MAX_TIMEOUT_MS}, ` +
        `got ${String(timeoutMs)}`,
    );
  }
}

export function checkPolicy(policy: HookFailurePolicy): void {
  if (policy !== "fail-closed" && policy !== "fail-open") {
    throw new TypeError(
      `Cannot run a hook: onFailure must be "fail-closed" or "fail-open", got "${String(policy)}"`,
    );
  }
}
