// Compiles a seccomp profile into the program that the kernel runs before each system call.
//
// The program first looks at the architecture: a call of any other ABI than the runtime's own kills
// the process. Then it finds the number's rule in a binary search, and tests arguments only for calls
// that have a test. The kernel runs such a program once for each number when it is loaded, and
// remembers those that pass whatever their arguments (since Linux 5.11).
import { Assembler, BPF, Label } from "./bpf.ts";
import { SECCOMP_PROFILES, type SeccompAction, type SyscallRule } from "./profiles.ts";
import { ARCHITECTURES, NEWEST_SYSCALL, type SeccompArch } from "./syscalls.ts";

export type { SeccompArch } from "./syscalls.ts";

/** Options of {@linkcode compileSeccomp}; all but `lane` must be given. */
export interface SeccompOptions {
  /** What passes: `strict` lists what does, `baseline` what does not. */
  profile: "strict" | "baseline";
  /** The architecture of the process, as `Deno.build.arch` says it. */
  arch: SeccompArch;
  /** Whether the process may reach a network: sockets over IP, and in `strict` sockets at all. */
  network: boolean;
  /**
   * Whether the process may connect a Unix stream socket, where it may not reach a network: the lane to
   * its host, which the bootstrap connects under the filter.
   *
   * @default {false}
   */
  lane?: boolean;
  /**
   * Whether `execve` passes: for a filter that is loaded before the runtime itself is executed, as
   * by `bwrap`. It can then replace the process by another program, under the same filter; a new
   * process cannot be made either way.
   */
  exec: boolean;
}

const KILL_PROCESS = 0x80000000;
const ERRNO = 0x00050000;
const RESULTS: Readonly<Record<SeccompAction, number>> = {
  allow: 0x7fff0000,
  EPERM: ERRNO | 1,
  ENOSYS: ERRNO | 38,
};

// offsets into struct seccomp_data
const NUMBER = 0;
const ARCH = 4;
const ARGUMENTS = 16;

/** From a number on, up to the next range, one rule or one plain action. */
interface Range {
  readonly from: number;
  readonly what: SyscallRule | SeccompAction;
}

/**
 * Compiles a seccomp profile.
 *
 * @throws {TypeError} When an option is missing, unknown or of the wrong kind.
 */
export function compileSeccomp(options: SeccompOptions): Uint8Array<ArrayBuffer> {
  checkOptions(options);
  const { audit, numbers, otherAbi } = ARCHITECTURES[options.arch];
  const assembler = new Assembler();
  const known = new Label();
  assembler.add(BPF.LOAD, ARCH);
  assembler.branch(BPF.IF_EQUAL, audit, { yes: known });
  assembler.add(BPF.RETURN, KILL_PROCESS);
  assembler.place(known);
  assembler.add(BPF.LOAD, NUMBER);
  if (otherAbi !== undefined) {
    const own = new Label();
    assembler.branch(BPF.IF_AT_LEAST, otherAbi, { no: own });
    assembler.add(BPF.RETURN, KILL_PROCESS);
    assembler.place(own);
  }
  const targets = new Map<SyscallRule | SeccompAction, Label>();
  search(assembler, ranges(options, numbers), targets);
  for (const [what, label] of targets) {
    assembler.place(label);
    if (typeof what === "string") assembler.add(BPF.RETURN, RESULTS[what]);
    else testArguments(assembler, what);
  }
  return assembler.assemble();
}

function checkOptions(options: SeccompOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError("Cannot compile a filter: the options must be an object");
  }
  const { profile, arch, network, exec, lane = false, ...unknown } = options;
  for (const name of Object.keys(unknown)) {
    throw new TypeError(`Cannot compile a filter: there is no option "${name}"`);
  }
  if (typeof profile !== "string" || !Object.hasOwn(SECCOMP_PROFILES, profile)) {
    throw new TypeError(`Cannot compile a filter: there is no profile "${profile}"`);
  }
  if (typeof arch !== "string" || !Object.hasOwn(ARCHITECTURES, arch)) {
    throw new TypeError(`Cannot compile a filter: there are no tables for "${arch}"`);
  }
  if ([network, exec, lane].some((value) => typeof value !== "boolean")) {
    throw new TypeError('Cannot compile a filter: "network", "exec" and "lane" must be booleans');
  }
}

/** Lays the rules that hold out over all numbers, in ascending order, equal neighbours as one. */
function ranges(options: SeccompOptions, numbers: Readonly<Record<string, number>>): Range[] {
  const { rules, others, newer } = SECCOMP_PROFILES[options.profile];
  const byNumber = new Map<number, SyscallRule | SeccompAction>();
  for (const rule of rules) {
    if (!holds(rule, options)) continue;
    for (const name of rule.syscalls) {
      const number = numbers[name];
      if (number === undefined) continue;
      if (byNumber.has(number)) throw new Error(`Two rules for system call "${name}"`);
      byNumber.set(number, rule.cases === undefined ? rule.action : rule);
    }
  }
  const found: Range[] = [];
  for (let number = 0; number <= NEWEST_SYSCALL + 1; number++) {
    const what = number > NEWEST_SYSCALL ? newer : byNumber.get(number) ?? others;
    if (found.at(-1)?.what !== what) found.push({ from: number, what });
  }
  return found;
}

function holds({ only }: SyscallRule, { network, exec, lane }: SeccompOptions): boolean {
  switch (only) {
    case "network":
      return network;
    case "no-network":
      return !network;
    case "lane":
      return lane === true && !network;
    case "exec":
      return exec;
    case "no-exec":
      return !exec;
    case undefined:
      return true;
  }
}

/** Writes the binary search for the range that a number lies in; the number is loaded. */
function search(
  assembler: Assembler,
  within: readonly Range[],
  targets: Map<SyscallRule | SeccompAction, Label>,
): void {
  const targetOf = ({ what }: Range): Label => {
    const label = targets.get(what) ?? new Label();
    targets.set(what, label);
    return label;
  };
  if (within.length === 1) return assembler.jump(targetOf(within[0]!));
  const middle = within.length >> 1;
  const [low, high] = [within.slice(0, middle), within.slice(middle)];
  const yes = high.length === 1 ? targetOf(high[0]!) : new Label();
  const no = low.length === 1 ? targetOf(low[0]!) : undefined;
  assembler.branch(BPF.IF_AT_LEAST, high[0]!.from, { yes, no });
  if (low.length > 1) search(assembler, low, targets);
  if (high.length === 1) return;
  assembler.place(yes);
  search(assembler, high, targets);
}

/** Writes the tests of a rule's arguments: the first case whose tests all pass decides. */
function testArguments(assembler: Assembler, rule: SyscallRule): void {
  for (const tests of rule.cases ?? []) {
    const failed = new Label();
    for (const { argument, mask, values } of tests) {
      const passed = new Label();
      // the lower half: the kernel takes each of these arguments as an int
      assembler.add(BPF.LOAD, ARGUMENTS + 8 * argument);
      if (mask !== undefined) assembler.add(BPF.AND, mask);
      for (const [index, value] of values.entries()) {
        const last = index === values.length - 1;
        assembler.branch(BPF.IF_EQUAL, value, { yes: passed, no: last ? failed : undefined });
      }
      assembler.place(passed);
    }
    assembler.add(BPF.RETURN, RESULTS[rule.action]);
    assembler.place(failed);
  }
  assembler.add(BPF.RETURN, RESULTS[rule.otherwise ?? rule.action]);
}
