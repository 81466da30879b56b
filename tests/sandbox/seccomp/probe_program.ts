/**
 * Makes raw system calls and prints what each returned; run with all permissions, with or without a
 * filter. Reads from standard input: `{"probes": [{"name", "number", "args"}], "filter"?, "noForks"?}`,
 * where `filter` is a file to load first and `noForks` leaves the process no other process.
 */
import { installSeccomp } from "../../../src/plugin/seccomp_install.ts";

interface Work {
  probes: { name: string; number: number; args: number[] }[];
  filter?: string;
  noForks?: boolean;
}

const libc = Deno.dlopen("libc.so.6", {
  syscall: { parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], result: "i64" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "u64" },
  memmove: { parameters: ["buffer", "u64", "usize"], result: "u64" },
});
const { syscall, setrlimit, __errno_location, memmove } = libc.symbols;
const errno = new Int32Array(1);

const work: Work = JSON.parse(await new Response(Deno.stdin.readable).text());
if (work.noForks && setrlimit(6, new BigUint64Array([0n, 0n])) !== 0) throw new Error("setrlimit");
// gives up the permission, but what was opened before it can still call
if (work.filter !== undefined) installSeccomp(Deno.readFileSync(work.filter), Deno.build.arch);
const answers: Record<string, number> = {};
for (const { name, number, args } of work.probes) {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
  const result = syscall(
    BigInt(number),
    BigInt(a),
    BigInt(b),
    BigInt(c),
    BigInt(d),
    BigInt(e),
    BigInt(f),
  );
  memmove(errno, __errno_location(), 4n);
  answers[name] = result === -1n ? -errno[0]! : Number(result);
}
say(answers);
Deno.exit(0);

function say(value: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
}
