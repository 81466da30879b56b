/** Sets the clock of this process forward or back while it is in use; timers stay as they are. */
export function shiftClock(ms: number): Disposable {
  const real = globalThis.Date;
  globalThis.Date = class extends real {
    constructor(...args: unknown[]) {
      if (args.length === 0) super(real.now() + ms);
      else super(...args as [string]);
    }
    static override now(): number {
      return real.now() + ms;
    }
  } as DateConstructor;
  return {
    [Symbol.dispose]() {
      globalThis.Date = real;
    },
  };
}
