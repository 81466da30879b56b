// The errors that tell how a plugin's process ended, or why it did not start.
import { escapeText, SallyportError } from "../../errors.ts";
import type { Limits } from "../../bundle/manifest/limits.ts";
import type { ExitStatus } from "../../process/child.ts";
import type { Uncaught } from "./plugin_requests.ts";
import type { LaunchOutcome } from "../../sandbox/launch/launcher.ts";

/** Tells a pending call that the host unloaded the plugin. */
export function unloadedError(name: string): SallyportError {
  return new SallyportError("cancelled", `Plugin "${name}" was unloaded`, {
    details: { plugin: name },
  });
}

function describeExit(status: ExitStatus): string {
  const signal = signalOf(status);
  return signal === undefined ? `exit code ${status.code}` : `signal ${signal}`;
}

/** Tells that the host ended the process, and for which breach of the protocol. */
export function violationError(
  name: string,
  violation: SallyportError,
  status: ExitStatus,
  stderrTail: string,
): SallyportError {
  return new SallyportError(violation.code, `Plugin "${name}" was ended: ${violation.message}`, {
    details: { ...violation.details, ...exitDetails(name, status, stderrTail) },
    hint: violation.hint,
    cause: violation,
  });
}

/**
 * Tells why a process ended by itself: for a limit of the kernel or the runtime where that is known,
 * else as a mere crash.
 */
export function endError(
  name: string,
  status: ExitStatus,
  outcome: LaunchOutcome,
  limits: Limits,
  stderrTail: string,
  uncaught?: Uncaught,
): SallyportError {
  const details = exitDetails(name, status, stderrTail);
  const exceeded = (
    limit: string,
    value: number | undefined,
    what: string,
    hint: string,
    measured?: number,
  ) =>
    new SallyportError("limit-exceeded", `Plugin "${name}" was ended: it ${what}`, {
      details: { ...details, limit, value, measured, peakMemoryBytes: outcome.peakMemoryBytes },
      hint,
    });
  const memoryHint =
    "Let it hold less at a time, or raise limits.memoryBytes in the manifest and the policy";
  const { oomKills, memoryLimitBytes, peakMemoryBytes } = outcome;
  // a whole machine that is out of memory kills, too, and that is not the plugin's limit
  const atLimit = memoryLimitBytes === undefined || peakMemoryBytes === undefined ||
    peakMemoryBytes > memoryLimitBytes * 0.9;
  if (oomKills > 0 && atLimit) {
    const cap = memoryLimitBytes === undefined ? "" : ` of ${memoryLimitBytes} bytes`;
    return exceeded(
      "memoryBytes",
      memoryLimitBytes,
      `used more memory than its limit${cap}`,
      memoryHint,
    );
  }
  const signal = signalOf(status);
  if (HEAP_SIGNALS.has(signal ?? "") && HEAP_EXHAUSTED.test(stderrTail)) {
    const { memoryBytes } = limits;
    return exceeded(
      "memoryBytes",
      memoryBytes,
      `filled its V8 heap of ${memoryBytes} bytes`,
      memoryHint,
    );
  }
  // the runtime gives up when it cannot have a thread
  if (outcome.refusedTasks > 0 && status.code !== 0 && THREAD_REFUSED.test(stderrTail)) {
    const { threads } = limits;
    return exceeded(
      "threads",
      threads,
      `wanted more than its ${threads} threads`,
      "Let it start fewer workers, or raise limits.threads in the manifest and the policy",
      threads, // it had all of them
    );
  }
  if (status.code !== 0 && DESCRIPTOR_REFUSED.test(stderrTail)) {
    const { fileDescriptors } = limits;
    return exceeded(
      "fileDescriptors",
      fileDescriptors,
      `wanted more than its ${fileDescriptors} file descriptors`,
      "Let it close what it opens, or raise limits.fileDescriptors in the manifest and the policy",
      fileDescriptors,
    );
  }
  if (signal === "SIGXFSZ") {
    return exceeded(
      "storageBytes",
      limits.storageBytes,
      `wrote a file larger than its limit of ${limits.storageBytes} bytes`,
      "Let it write smaller files, or raise limits.storageBytes in the manifest and the policy",
    );
  }
  if (signal === "SIGSYS") {
    return new SallyportError(
      "permission-denied",
      `Plugin "${name}" was ended: it made a system call of a foreign kind`,
      { details, hint: "No module needs that: look at what the plugin tried to do" },
    );
  }
  const exit = describeExit(status);
  if (uncaught !== undefined) {
    const { message, stack } = uncaught;
    return new SallyportError("crashed", `Plugin "${name}" crashed: ${exit}: ${message}`, {
      details: { ...details, uncaught: message, stack },
      hint: "Catch it where it is thrown: in a timer, or a promise that nobody waits for",
    });
  }
  return new SallyportError("crashed", `Plugin "${name}" crashed: ${exit}`, {
    details,
    hint: stderrTail === ""
      ? "It wrote nothing to stderr"
      : `It last wrote: ${lastLine(stderrTail)}`,
  });
}

const HEAP_SIGNALS = new Set(["SIGTRAP", "SIGABRT", "SIGILL", "SIGSEGV"]);
const THREAD_REFUSED =
  /unable to create worker threads|failed to spawn thread|Resource temporarily unavailable/;
const DESCRIPTOR_REFUSED = /panicked at [^]{0,300}Too many open files/;
const HEAP_EXHAUSTED = /JavaScript heap out of memory|Fatal JavaScript out of memory/;
/** Signals by which a process ends, by number, the same on every Linux that Deno runs on. */
const SIGNALS: Readonly<Record<number, string>> = {
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

/** Names the signal that ended a process; a launcher passes it on as 128 and its number. */
export function signalOf({ code, signal }: ExitStatus): string | undefined {
  return signal ?? SIGNALS[code - 128];
}

function exitDetails(name: string, status: ExitStatus, stderrTail: string) {
  return { plugin: name, exitCode: status.code, signal: status.signal, stderrTail };
}

function lastLine(text: string): string {
  return escapeText(text.slice(text.lastIndexOf("\n") + 1), 200);
}

/** Names how far a start has come; what comes after the import is the plugin's own word. */
export type StartPhase = "process" | "import" | "init";

const LATE: Readonly<Record<StartPhase, readonly [what: string, remedy: string]>> = {
  process: ["its process did not come up", "See what keeps the machine busy"],
  import: ["its module was not imported", "Let its modules do less while they are imported"],
  init: ["its init did not end", "Let init do less, and the rest when it is called"],
};

/** What to do where nothing but the plugin's own error tells of it. */
const FAILED: Partial<Record<StartPhase, string>> = {
  import: "Its author must correct its modules: they may import files of the bundle, " +
    '"node:" modules and "@sallyport/host/plugin"',
  init: "Its author must correct its init",
};

/** Tells why a plugin could not be started. */
export function startError(
  name: string,
  cause: unknown,
  status: ExitStatus | undefined,
  stderrTail: string,
  { phase, timeoutMs, uncaught }: {
    readonly phase: StartPhase;
    readonly timeoutMs: number;
    readonly uncaught?: Uncaught;
  },
): SallyportError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof SallyportError ? cause.code : undefined;
  const isLate = status === undefined && code === "timeout";
  const details = {
    ...(cause instanceof SallyportError ? cause.details : {}),
    plugin: name,
    stderrTail,
    ...(status === undefined ? {} : exitDetails(name, status, stderrTail)),
    ...(isLate ? { phase, timeoutMs } : {}),
    ...(uncaught === undefined ? {} : { uncaught: uncaught.message, stack: uncaught.stack }),
  };
  const [late, remedy] = LATE[phase];
  const hint = stderrTail !== ""
    ? `It last wrote: ${lastLine(stderrTail)}`
    : isLate
    ? `${remedy}, or raise startTimeoutMs`
    : code === "plugin-error" && status === undefined
    ? FAILED[phase]
    : undefined;
  if (code === "protocol-violation" || code === "cancelled") {
    return new SallyportError(code, `Cannot start plugin "${name}": ${message}`, {
      details,
      cause,
      hint,
    });
  }
  const reason = status !== undefined
    ? `the process ended with ${describeExit(status)} before it was ready${
      uncaught === undefined ? "" : `: ${uncaught.message}`
    }`
    : code === "timeout"
    ? `${late} within ${timeoutMs} ms`
    : message;
  return new SallyportError("launch-failed", `Cannot start plugin "${name}": ${reason}`, {
    details,
    cause,
    hint,
  });
}
