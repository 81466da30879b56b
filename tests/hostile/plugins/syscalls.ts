/** The kernel's own interface, for code that has every permission. */

const X86_64: Record<string, number> = {
  pause: 34,
  socket: 41,
  connect: 42,
  fork: 57,
  kill: 62,
  ptrace: 101,
  setuid: 105,
  setgid: 106,
  setsid: 112,
  setgroups: 116,
  personality: 135,
  setpriority: 141,
  pivot_root: 155,
  prctl: 157,
  chroot: 161,
  mount: 165,
  umount2: 166,
  sethostname: 170,
  clock_settime: 227,
  clock_gettime: 228,
  exit_group: 231,
  keyctl: 250,
  mknodat: 259,
  unshare: 272,
  perf_event_open: 298,
  prlimit64: 302,
  process_vm_readv: 310,
  seccomp: 317,
  bpf: 321,
  userfaultfd: 323,
  io_uring_setup: 425,
  open_tree: 428,
};

const AARCH64: Record<string, number> = {
  mknodat: 33,
  umount2: 39,
  mount: 40,
  pivot_root: 41,
  chroot: 51,
  personality: 92,
  exit_group: 94,
  unshare: 97,
  clock_settime: 112,
  clock_gettime: 113,
  ptrace: 117,
  kill: 129,
  setpriority: 140,
  setgid: 144,
  setuid: 146,
  setsid: 157,
  setgroups: 159,
  sethostname: 161,
  prctl: 167,
  socket: 198,
  connect: 203,
  keyctl: 219,
  perf_event_open: 241,
  prlimit64: 261,
  process_vm_readv: 270,
  seccomp: 277,
  bpf: 280,
  userfaultfd: 282,
  io_uring_setup: 425,
  open_tree: 428,
};

const SIGCHLD = 17n;

/** A call that the kernel refused. */
export class Syscall extends Error {
  /** The kernel's number for the reason. */
  readonly errno: number;

  /** Says which call, and why. */
  constructor(name: string, errno: number) {
    super(`${name} failed with ${errno}`);
    this.errno = errno;
  }
}

type Raw = (...args: bigint[]) => bigint;
let raw: Raw;
let errno: () => number;

/** Opens the C library, and loads a filter for system calls as the bootstrap would. */
export function openLibrary(filter?: readonly number[]): void {
  const library = Deno.dlopen("libc.so.6", {
    syscall: { parameters: Array(7).fill("i64"), result: "i64" },
    __errno_location: { parameters: [], result: "pointer" },
  });
  const { syscall, __errno_location } = library.symbols;
  raw = syscall as unknown as Raw;
  errno = () => new Deno.UnsafePointerView(__errno_location() as Deno.PointerObject).getInt32();
  if (filter === undefined) return;
  const code = new Uint8Array(filter);
  const program = new BigUint64Array([BigInt(code.length / 8), addressOf(code)]);
  call("prctl", 38, 1, 0, 0, 0);
  call("seccomp", 1, 1, new Uint8Array(program.buffer));
  kept.push(code, program);
}

/** Memory that a call may still look at. */
const kept: unknown[] = [];

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** Makes a system call; texts and bytes are passed by their address. */
export function call(
  name: string,
  ...args: readonly (number | bigint | string | Uint8Array<ArrayBuffer>)[]
): number {
  const numbers = Deno.build.arch === "aarch64" ? AARCH64 : X86_64;
  const held: Uint8Array[] = [];
  const values = args.map((each) => {
    if (typeof each === "number") return BigInt(each);
    if (typeof each === "bigint") return each;
    const bytes = typeof each === "string" ? new TextEncoder().encode(`${each}\0`) : each;
    held.push(bytes);
    return addressOf(bytes);
  });
  while (values.length < 6) values.push(0n);
  const number = numbers[name];
  // what one architecture lacks is another call there
  const result = number !== undefined
    ? raw(BigInt(number), ...values)
    : name === "fork"
    ? raw(220n, SIGCHLD, 0n, 0n, 0n, 0n, 0n)
    : name === "pause"
    ? raw(73n, 0n, 0n, 0n, 0n, 0n, 0n)
    : -1n;
  if (result < 0n) throw new Syscall(name, errno());
  void held;
  return Number(result);
}

/** Fails where a condition does not hold. */
export function must(condition: boolean): void {
  if (!condition) throw new Error("it is not so");
}

/** Makes a `struct sockaddr_un` of a name that is in no file system. */
export function abstractAddress(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(`\0\0\0${name}`);
  bytes[0] = 1;
  return bytes;
}
