// Holds processes for a moment, so that what they do cannot be undone while it is looked at.

/** Stops processes, and lets them go on when the result is disposed of. */
export function holdProcesses(pids: readonly number[]): Disposable {
  signal(pids, "SIGSTOP");
  return { [Symbol.dispose]: () => signal(pids, "SIGCONT") };
}

function signal(pids: readonly number[], name: Deno.Signal): void {
  for (const pid of pids) {
    try {
      Deno.kill(pid, name);
    } catch {
      // it has ended, or is not this host's to stop
    }
  }
}
