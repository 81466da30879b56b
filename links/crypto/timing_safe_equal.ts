/**
 * Stands in for `@std/crypto/timing-safe-equal`.
 *
 * @module
 */

function toBytes(value: ArrayBufferView | ArrayBufferLike): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

/**
 * Compares two buffers in a time that does not depend on where they differ.
 *
 * @param a The one buffer.
 * @param b The other one, of the same length.
 * @returns Whether all bytes are equal.
 * @throws {TypeError} When the lengths differ.
 */
export function timingSafeEqual(
  a: ArrayBufferView | ArrayBufferLike,
  b: ArrayBufferView | ArrayBufferLike,
): boolean {
  if (a.byteLength !== b.byteLength) {
    throw new TypeError(
      `Cannot compare buffers of different byte lengths (${a.byteLength} vs ${b.byteLength})`,
    );
  }
  const [one, other] = [toBytes(a), toBytes(b)];
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= one[index]! ^ other[index]!;
  return difference === 0;
}
