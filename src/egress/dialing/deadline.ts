// Work that must end in time, whether or not it can be stopped.

/** Waits for work until a deadline or an abort; drops what it resolves with later. */
export function within<T>(
  ms: number,
  signal: AbortSignal,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
  drop: (result: T) => void = () => {},
): Promise<T> {
  const controller = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let open = true;
  const settle = (act: () => void): void => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    act();
  };
  const stop = (reason: unknown): void =>
    settle(() => {
      reject(reason);
      controller.abort(reason);
    });
  const onAbort = (): void => stop(signal.reason);
  const timer = setTimeout(() => stop(late()), ms);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) {
    onAbort();
    return promise;
  }
  work(controller.signal).then(
    (value) => open ? settle(() => resolve(value)) : drop(value),
    (error) => settle(() => reject(error)),
  );
  return promise;
}
