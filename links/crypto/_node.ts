import type * as Crypto from "node:crypto";

let crypto: typeof Crypto | undefined;

/** Returns `node:crypto`, loaded when it is first used. */
export function nodeCrypto(): typeof Crypto {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: "node:crypto"): typeof Crypto };
  };
  return crypto ??= process.getBuiltinModule("node:crypto");
}
