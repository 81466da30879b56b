/** A `Uint8Array` that owns an `ArrayBuffer`, as the real package names it. */
export type Uint8Array_ = ReturnType<Uint8Array["slice"]>;

/** Gives the bytes of what the encoders accept. */
export function toBytes(data: string | Uint8Array | ArrayBuffer): Uint8Array {
  if (typeof data === "string") return new TextEncoder().encode(data);
  return data instanceof Uint8Array ? data : new Uint8Array(data);
}

/** Throws the error of the real package for the first UTF-8 byte outside an alphabet. */
export function refuseForeign(bytes: Uint8Array, foreign: RegExp, what: "hex" | "base64"): void {
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    if (foreign.test(character)) {
      throw new TypeError(`Cannot decode input as ${what}: Invalid character (${character})`);
    }
  }
}
