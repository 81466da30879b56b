/** Runs classic BPF the way the kernel does, with the kernel's checks of a program before it. */

/** What a filter sees of a call: `struct seccomp_data`. */
export interface Call {
  number: number;
  audit: number;
  args?: readonly (number | bigint)[];
}

/** One decoded instruction. */
export interface Instruction {
  code: number;
  yes: number;
  no: number;
  operand: number;
}

/** Decodes a program. */
export function decode(program: Uint8Array): Instruction[] {
  if (program.length % 8 !== 0) {
    throw new Error(`${program.length} bytes are no whole instructions`);
  }
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  return Array.from({ length: program.length / 8 }, (_, index) => ({
    code: view.getUint16(index * 8, true),
    yes: view.getUint8(index * 8 + 2),
    no: view.getUint8(index * 8 + 3),
    operand: view.getUint32(index * 8 + 4, true),
  }));
}

const LOAD = 0x20;
const AND = 0x54;
const JUMP = 0x05;
const RETURN = 0x06;
const COMPARE: Record<number, (a: number, operand: number) => boolean> = {
  0x15: (a, operand) => a === operand,
  0x25: (a, operand) => a > operand,
  0x35: (a, operand) => a >= operand,
  0x45: (a, operand) => (a & operand) !== 0,
};

/** Makes the kernel's checks: known instructions, aligned loads, no jump out, an end that returns. */
export function check(program: Uint8Array): Instruction[] {
  const code = decode(program);
  if (code.length === 0 || code.length > 4096) throw new Error(`${code.length} instructions`);
  for (const [index, { code: op, yes, no, operand }] of code.entries()) {
    const after = code.length - index - 1;
    const fine = op === LOAD
      ? operand % 4 === 0 && operand < 64
      : op === AND || op === RETURN
      ? true
      : op === JUMP
      ? operand < after
      : op in COMPARE && yes < after && no < after;
    if (!fine) throw new Error(`instruction ${index} is invalid: ${JSON.stringify(code[index])}`);
  }
  if (code.at(-1)!.code !== RETURN) throw new Error("the program does not end in a return");
  return code;
}

/** Runs a program over one call; gives its result and how many instructions that took. */
export function run(code: readonly Instruction[], call: Call): { result: number; steps: number } {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.audit, true);
  for (const [index, value] of (call.args ?? []).entries()) {
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, BigInt(value)), true);
  }
  let a = 0;
  let steps = 0;
  for (let at = 0;; at++) {
    const { code: op, yes, no, operand } = code[at]!;
    steps++;
    if (op === LOAD) a = data.getUint32(operand, true);
    else if (op === AND) a = (a & operand) >>> 0;
    else if (op === JUMP) at += operand;
    else if (op === RETURN) return { result: operand, steps };
    else at += COMPARE[op]!(a, operand) ? yes : no;
  }
}

/** Says in words what a filter answered. */
export function verdict(result: number): string {
  if (result === 0x7fff0000) return "allow";
  if (result === 0x80000000) return "kill";
  if (result >>> 16 === 5) return ({ 1: "EPERM", 38: "ENOSYS" })[result & 0xffff] ?? "?";
  return `0x${result.toString(16)}`;
}
