// An assembler for classic BPF, the language of seccomp filters.
//
// A program only ever jumps forward. The offsets of its conditional jumps have eight bits; where a
// label is further away the assembler goes through an unconditional jump, whose offset has 32.

/** The operations that seccomp filters need; named as in the kernel's `linux/bpf_common.h`. */
export const BPF = Object.freeze({
  /** Loads a 32-bit word of the call's data. */
  LOAD: 0x20,
  /** Masks what was loaded. */
  AND: 0x54,
  /** Jumps always. */
  JUMP: 0x05,
  /** Jumps by whether what was loaded equals the operand. */
  IF_EQUAL: 0x15,
  /** Jumps by whether what was loaded is at least the operand, both unsigned. */
  IF_AT_LEAST: 0x35,
  /** Ends the program with the operand as its result. */
  RETURN: 0x06,
});

/** The most instructions that the kernel takes (`BPF_MAXINSNS`). */
export const MAX_INSTRUCTIONS = 4096;

/** The size of one instruction, in bytes: `struct sock_filter`. */
export const INSTRUCTION_BYTES = 8;

const MAX_OFFSET = 255;

/** Names a place in a program that jumps go to. */
export class Label {
  /** The index of the instruction that it stands before; `undefined` until it is placed. */
  item: number | undefined;
}

interface Item {
  readonly code: number;
  readonly operand: number;
  readonly yes?: Label;
  readonly no?: Label;
  /** Whether the way to a label needs a jump of its own. */
  yesFar?: boolean;
  noFar?: boolean;
}

/** Collects instructions and turns them into a program. */
export class Assembler {
  readonly #items: Item[] = [];

  /** Adds an instruction that does not jump. */
  add(code: number, operand: number): void {
    this.#items.push({ code, operand });
  }

  /** Adds a jump to a label that is placed later. */
  jump(to: Label): void {
    this.#items.push({ code: BPF.JUMP, operand: 0, yes: to });
  }

  /** Adds a comparison with two ways on; a way that is left out goes to the next instruction. */
  branch(code: number, operand: number, ways: { yes?: Label; no?: Label }): void {
    this.#items.push({ code, operand, ...ways });
  }

  /** Places a label before the next instruction. */
  place(label: Label): void {
    if (label.item !== undefined) throw new Error("Cannot place a label twice");
    label.item = this.#items.length;
  }

  /**
   * Turns what was added into a program.
   *
   * @throws {RangeError} When the program is longer than the kernel takes, or a jump goes backwards
   * or out of it.
   */
  assemble(): Uint8Array<ArrayBuffer> {
    const starts = this.#layOut();
    const length = starts[this.#items.length]!;
    if (length > MAX_INSTRUCTIONS) {
      throw new RangeError(
        `Cannot assemble a filter of ${length} instructions: ${MAX_INSTRUCTIONS} are the most`,
      );
    }
    const bytes = new Uint8Array(length * INSTRUCTION_BYTES);
    const view = new DataView(bytes.buffer);
    const write = (at: number, code: number, yes: number, no: number, operand: number) => {
      view.setUint16(at * INSTRUCTION_BYTES, code, true);
      view.setUint8(at * INSTRUCTION_BYTES + 2, yes);
      view.setUint8(at * INSTRUCTION_BYTES + 3, no);
      view.setUint32(at * INSTRUCTION_BYTES + 4, operand, true);
    };
    for (const [index, item] of this.#items.entries()) {
      const at = starts[index]!;
      if (item.code === BPF.JUMP) {
        write(at, BPF.JUMP, 0, 0, distance(starts, at, item.yes!));
        continue;
      }
      // far ways go through jumps right behind the comparison: first that of "yes", then that of "no"
      let next = starts[index + 1]! - at - 1;
      const wayOf = (label: Label | undefined, far: boolean | undefined): number => {
        if (label === undefined) return starts[index + 1]! - at - 1;
        if (!far) return distance(starts, at, label);
        write(at + next, BPF.JUMP, 0, 0, distance(starts, at + next, label));
        return --next;
      };
      const no = wayOf(item.no, item.noFar);
      const yes = wayOf(item.yes, item.yesFar);
      write(at, item.code, yes, no, item.operand);
    }
    return bytes;
  }

  /** Finds where each item starts; what is found too far stays so, and hence this ends. */
  #layOut(): number[] {
    for (;;) {
      const starts = [0];
      for (const [index, item] of this.#items.entries()) {
        starts.push(
          starts[index]! + 1 + Number(item.yesFar ?? false) + Number(item.noFar ?? false),
        );
      }
      let changed = false;
      for (const [index, item] of this.#items.entries()) {
        if (item.code === BPF.JUMP) continue;
        const isFar = (label: Label | undefined) =>
          label !== undefined && distance(starts, starts[index]!, label) > MAX_OFFSET;
        if (!item.yesFar && isFar(item.yes)) item.yesFar = changed = true;
        if (!item.noFar && isFar(item.no)) item.noFar = changed = true;
      }
      if (!changed) return starts;
    }
  }
}

/** How many instructions lie between one and a label. */
function distance(starts: readonly number[], from: number, label: Label): number {
  const { item } = label;
  // the item behind the last one is the end of the program, where nothing is
  if (item === undefined || item >= starts.length - 1) {
    throw new RangeError("Cannot assemble a jump out of the program");
  }
  const length = starts[item]! - from - 1;
  if (length < 0) throw new RangeError("Cannot assemble a jump backwards");
  return length;
}
