/**
 * How calls are timed: the same code for the floor, for plugins and for peers, which partly run under
 * Node and so need plain JavaScript.
 *
 * @module
 */

/**
 * Gives one quantile: 0.5 is the median.
 *
 * @param {readonly number[]} values At least one.
 * @param {number} share From 0 to 1.
 * @returns {number} The value that this share of the values lies below.
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (found === undefined) throw new RangeError("Cannot give a quantile: there are no values");
  return found;
}

/**
 * Gives the times of calls, one after the other.
 *
 * @param {() => Promise<unknown>} call Makes one call.
 * @param {number} count How many.
 * @returns {Promise<{ p50: number, p99: number }>} In microseconds.
 */
export async function roundTrips(call, count) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await call();
    times.push((performance.now() - began) * 1_000);
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/**
 * Gives calls a second, with so many in flight at once.
 *
 * @param {() => Promise<unknown>} call Makes one call.
 * @param {number} windows How many windows.
 * @param {number} [size] Calls in a window: all are made at once, and all are awaited.
 * @returns {Promise<number>} Calls a second.
 */
export async function throughput(call, windows, size = 1_000) {
  const began = performance.now();
  for (let i = 0; i < windows; i++) {
    await Promise.all(Array.from({ length: size }, () => call()));
  }
  return size * windows / (performance.now() - began) * 1_000;
}

/**
 * Gives how long something takes.
 *
 * @param {() => unknown} act What to time.
 * @returns {Promise<number>} Milliseconds.
 */
export async function timeMs(act) {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

/**
 * Makes the bytes that are echoed: no byte like the next, so that nothing can be left out unseen.
 *
 * @param {number} size In bytes.
 * @returns {Uint8Array} The bytes.
 */
export function makeBytes(size) {
  const bytes = new Uint8Array(size);
  const pattern = Uint8Array.from({ length: 4_093 }, (_, index) => index * 31 & 255);
  for (let at = 0; at < size; at += pattern.length) {
    bytes.set(pattern.subarray(0, Math.min(pattern.length, size - at)), at);
  }
  return bytes;
}

/**
 * Checks what an echo gave back, at places all over it.
 *
 * @param {unknown} echoed What came back.
 * @param {number} size How many bytes were sent.
 * @throws {Error} when it is not what was sent.
 */
export function checkBytes(echoed, size) {
  const whole = echoed instanceof Uint8Array && echoed.length === size;
  for (let at = 0; whole && at < size; at += 65_521) {
    if (echoed[at] !== (at % 4_093) * 31 % 256) throw new Error(`byte ${at} is not what was sent`);
  }
  if (!whole) throw new Error(`the echo is not ${size} bytes`);
}
