// The errors of a plugin that could not be loaded, or is not there to be called.
import { SallyportError } from "../../errors.ts";
import { ownError } from "../../io/system_error.ts";
import type { EventInput } from "../events/events.ts";
import type { PluginState } from "../events/plugin_state.ts";
import { isTrustRefusal } from "../calls/trust_refusal.ts";

/** Makes whatever a load ended with an error of ours. */
export function loadFailure(
  plugin: string,
  error: unknown,
  options: { verb?: string; signal?: AbortSignal } = {},
): SallyportError {
  const { verb = "load", signal } = options;
  const action = `${verb} plugin "${plugin}"`;
  const own = ownError(error, action, { code: "launch-failed", signal });
  if (own instanceof SallyportError) return own;
  return new SallyportError("launch-failed", `Cannot ${action}: ${own.message}`, { cause: own });
}

/** Tells where a plugin is when it could not be loaded. */
export function stateAfter(error: SallyportError): PluginState {
  if (isTrustRefusal(error)) return "untrusted";
  return error.details.state === "quarantined" ? "quarantined" : "failed";
}

/** Returns the events that tell of a load that failed. */
export function failureEvents(
  { name, path }: { readonly name: string; readonly path: string },
  error: SallyportError,
): EventInput[] {
  if (isTrustRefusal(error)) return [{ type: "untrusted", plugin: name, path, error }];
  const failed: EventInput = { type: "failed", plugin: name, path, error };
  return error.code === "permission-denied"
    ? [{ type: "denied", plugin: name, error }, failed]
    : [failed];
}

/** Tells a caller that a plugin does not run. */
export function notRunningError(
  plugin: string,
  state: PluginState,
  cause: SallyportError | undefined,
): SallyportError {
  const why = cause === undefined ? "" : ` (${cause.message})`;
  return new SallyportError("bad-state", `Cannot call plugin "${plugin}": it is ${state}${why}`, {
    hint: state === "untrusted"
      ? "Untrusted plugins are never started"
      : "Load it first, or reload it after a failure",
    details: { plugin, state },
    cause,
  });
}

/** Returns the error that a load is to end with: why the host ended it, where it did. */
export function reasonOrFailure(signal: AbortSignal, failure: unknown): unknown {
  return signal.reason instanceof SallyportError ? signal.reason : failure;
}
