// Ctrl-C: turns the signals that ask a program to end into an abort.
import { EXIT_INTERRUPTED, InterruptedError } from "./failure.ts";

/** Follows the signals until it is disposed. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
  /** Waits for what cannot be aborted itself, such as a host that reads a policy from a pipe; then says what came of it. */
  race<T>(promise: Promise<T>, hint: string): Promise<T>;
}

/** Signals within this time count as one: `deno task` passes on a Ctrl-C that the terminal has sent already. */
const SAME_MS = 500;

/** Listens for SIGINT, SIGTERM and the end of the terminal; a second one ends the process at once. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  let first: number | undefined;
  const listener = () => {
    // a second signal means: do not wait; the next host removes what this one leaves
    if (first !== undefined && performance.now() - first > SAME_MS) Deno.exit(EXIT_INTERRUPTED);
    first ??= performance.now();
    controller.abort();
  };
  const names: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) Deno.addSignalListener(name, listener);
  return {
    signal: controller.signal,
    async race(promise, hint) {
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const onAbort = () => reject(new InterruptedError(hint));
      if (controller.signal.aborted) onAbort();
      controller.signal.addEventListener("abort", onAbort, { once: true });
      try {
        return await Promise.race([promise, aborted]);
      } finally {
        controller.signal.removeEventListener("abort", onAbort);
      }
    },
    [Symbol.dispose]() {
      for (const name of names) Deno.removeSignalListener(name, listener);
    },
  };
}
