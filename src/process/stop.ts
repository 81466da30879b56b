// The stop ladder: ask, end the input, SIGTERM, SIGKILL, each step bounded by the host's clock.
import type { Child, ExitStatus } from "./child.ts";

/** Names the step of the ladder at which a process ended. */
export type StopStep = "exited" | "shutdown" | "stdin" | "SIGTERM" | "SIGKILL";

/** Options of {@linkcode stopChild}. */
export interface StopOptions {
  /** Asks the process to finish; its failure or silence is the next step's business. */
  shutdown?: () => Promise<unknown>;
  /** Ends the process's input. */
  endInput?: () => void | Promise<void>;
  /**
   * How long the process has to answer `shutdown`, in milliseconds.
   *
   * @default {2000}
   */
  shutdownMs?: number;
  /**
   * How long it has to exit after the end of its input, and again after SIGTERM, in milliseconds.
   *
   * @default {1000}
   */
  graceMs?: number;
}

/** Waits for a promise, but no longer than the given time. */
export async function settledWithin(
  promise: Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true, () => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Stops a process and waits for its exit; bounded whatever the process does. */
export async function stopChild(
  child: Child,
  options: StopOptions = {},
): Promise<ExitStatus & { step: StopStep }> {
  const { shutdownMs = 2_000, graceMs = 1_000 } = options;
  const end = async (step: StopStep) => {
    const status = await child.exited;
    await child.stderr.release();
    return { ...status, step };
  };
  if (child.status !== undefined) return await end("exited");
  if (options.shutdown !== undefined && shutdownMs > 0) {
    await settledWithin(Promise.race([Promise.try(options.shutdown), child.exited]), shutdownMs);
    if (child.status !== undefined) return await end("shutdown");
  }
  if (options.endInput !== undefined) {
    // closing a pipe whose reader is stuck may itself wait: the exit alone decides
    Promise.try(options.endInput).catch(() => {});
    if (await settledWithin(child.exited, graceMs)) return await end("stdin");
  }
  child.kill("SIGTERM");
  if (await settledWithin(child.exited, graceMs)) return await end("SIGTERM");
  child.kill("SIGKILL");
  return await end("SIGKILL");
}
