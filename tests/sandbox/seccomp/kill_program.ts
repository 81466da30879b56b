/**
 * Makes one call by another way than 64-bit programs do, and prints what it returned: `x32` by a
 * number of that ABI, `i386` by the interrupt of 32-bit programs, `own` as usual. For x86_64.
 */
const libc = Deno.dlopen("libc.so.6", {
  syscall: { parameters: ["i64", "i64", "i64"], result: "i64" },
  mmap: { parameters: ["u64", "u64", "i32", "i32", "i32", "i64"], result: "u64" },
  memmove: { parameters: ["u64", "buffer", "usize"], result: "void" },
});
const [way] = Deno.args;
let said: unknown;
if (way === "i386") {
  // mov eax, 20 (getpid); int 0x80; ret
  const code = new Uint8Array([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]);
  const page = libc.symbols.mmap(0n, 4096n, 7, 0x22, -1, 0n);
  libc.symbols.memmove(page, code, BigInt(code.length));
  said = new Deno.UnsafeFnPointer(
    Deno.UnsafePointer.create<{ parameters: []; result: "i32" }>(page)!,
    { parameters: [], result: "i32" },
  ).call();
} else {
  const getpid = 39n + (way === "x32" ? 0x40000000n : 0n);
  said = Number(libc.symbols.syscall(getpid, 0n, 0n));
}
say(said);

function say(value: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
}
