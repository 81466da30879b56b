/** The number of `seccomp` by architecture, as `Deno.build.arch` names it. */
const SECCOMP: Readonly<Record<string, number>> = { x86_64: 317, aarch64: 277 };
const SET_MODE_FILTER = 1;
const TSYNC = 1;
const SET_NO_NEW_PRIVS = 38;
const INSTRUCTION_BYTES = 8;

/**
 * Loads a filter into all threads of this process, those that are there and those to come, and gives
 * up the permission to call native code.
 *
 * The permission is given up in any case, also when there is nothing to load or loading fails. The
 * library is opened, used and closed in here: nothing that could still call it is left for plugin
 * code to find. `--allow-ffi=` with the one path of the library is enough.
 *
 * @throws {Error} When the filter is not in force for every thread afterwards: it is for none.
 */
export function installSeccomp(filter: Uint8Array, arch: string, library = "libc.so.6"): void {
  try {
    if (filter.length > 0) load(filter, arch, library);
  } finally {
    Deno.permissions.revokeSync({ name: "ffi" });
  }
}

function load(filter: Uint8Array, arch: string, library: string): void {
  const number = SECCOMP[arch];
  if (number === undefined || arch !== Deno.build.arch) {
    throw new Error(`Cannot load a seccomp filter for "${arch}" on "${Deno.build.arch}"`);
  }
  const libc = Deno.dlopen(library, {
    // memmove returns its first argument: the address of a buffer without the right to make pointers
    memmove: { parameters: ["buffer", "buffer", "usize"], result: "u64" },
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
    syscall: { parameters: ["i64", "u64", "u64", "buffer"], result: "i64" },
  });
  try {
    const { memmove, prctl, syscall } = libc.symbols;
    // of the calling thread only; with TSYNC the kernel sets it on the others
    if (prctl(SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0) {
      throw new Error("Cannot load a seccomp filter: the kernel refuses no-new-privileges");
    }
    // memory of its own, which the garbage collector does not move
    const code = new Uint8Array(new ArrayBuffer(filter.length));
    code.set(filter);
    const program = new BigUint64Array([
      BigInt(filter.length / INSTRUCTION_BYTES),
      memmove(code, code, 0n),
    ]);
    // TSYNC loads into all threads or none; it returns the id of a thread that kept it from that
    const result = syscall(BigInt(number), BigInt(SET_MODE_FILTER), BigInt(TSYNC), program);
    if (result !== 0n) {
      throw new Error(
        result < 0n
          ? "Cannot load the seccomp filter: the kernel refuses it"
          : `Cannot load the seccomp filter: thread ${result} has a filter of its own`,
      );
    }
  } finally {
    libc.close();
  }
}
