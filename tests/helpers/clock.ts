/** Sets the clock of this process forward or back while it is in use; timers stay as they are. */
export function shiftClock(ms: number): Disposable {
  const real = globalThis.Date;
  const now = () => real.now() + ms;
  globalThis.Date = new Proxy(real, {
    construct: (target, args) =>
      args.length === 0 ? new real(now()) : Reflect.construct(target, args),
    get: (target, name) => name === "now" ? now : Reflect.get(target, name),
  });
  return {
    [Symbol.dispose]() {
      globalThis.Date = real;
    },
  };
}
