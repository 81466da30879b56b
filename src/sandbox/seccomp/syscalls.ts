// The system calls of each architecture that filters are made for.
import { AARCH64 } from "./syscalls_aarch64.ts";
import { X86_64 } from "./syscalls_x86_64.ts";

/** Names an architecture as `Deno.build.arch` does. */
export type SeccompArch = "x86_64" | "aarch64";

/** Holds what a filter must know of an architecture. */
export interface ArchFacts {
  /** Its `AUDIT_ARCH_…` constant, which the kernel puts next to each number. */
  readonly audit: number;
  /** The numbers of its calls, by name. */
  readonly numbers: Readonly<Record<string, number>>;
  /** From where on numbers are of another ABI, where there is one under the same audit constant. */
  readonly otherAbi: number | undefined;
}

/** The architectures. */
export const ARCHITECTURES: Readonly<Record<SeccompArch, ArchFacts>> = Object.freeze({
  // numbers from 0x40000000 on are x32: the same calls with other numbers and argument sizes
  x86_64: { audit: 0xc000003e, numbers: X86_64, otherAbi: 0x40000000 },
  aarch64: { audit: 0xc00000b7, numbers: AARCH64, otherAbi: undefined },
});

/**
 * The newest call that the profiles were made with: `file_setattr`, Linux 6.17. New calls have the
 * same number everywhere, always the next one.
 */
export const NEWEST_SYSCALL = 469;

/**
 * Splits lists of names.
 *
 * @throws {Error} When no architecture has a call of that name.
 */
export function names(...lists: string[]): readonly string[] {
  const all = lists.flatMap((list) => list.split(" "));
  for (const name of all) {
    if (!Object.hasOwn(X86_64, name) && !Object.hasOwn(AARCH64, name)) {
      throw new Error(`Cannot filter system call "${name}": no architecture has it`);
    }
  }
  return all;
}
