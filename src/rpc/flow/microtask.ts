// Captured, because plugin code shares the realm, and `queueMicrotask` itself looks up a global
const { apply } = Reflect;
const { then } = Promise.prototype;
const resolved = Promise.resolve();

/** Runs a function, which must not throw, when the current one has returned. */
export function soon(act: () => void): void {
  apply(then, resolved, [act]);
}
