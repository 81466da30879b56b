import assert from "node:assert/strict";
import fc from "fast-check";
import { Assembler, BPF, Label, MAX_INSTRUCTIONS } from "../../../src/sandbox/seccomp/bpf.ts";
import { check, decode, run } from "./interpreter.ts";

Deno.test("Assembler writes struct sock_filter in little endian", () => {
  const assembler = new Assembler();
  const equal = new Label();
  assembler.add(BPF.LOAD, 4);
  assembler.branch(BPF.IF_EQUAL, 0xc000003e, { yes: equal });
  assembler.add(BPF.RETURN, 1);
  assembler.place(equal);
  assembler.add(BPF.RETURN, 0x7fff0000);
  assert.deepEqual(
    [...assembler.assemble()],
    [
      ...[0x20, 0, 0, 0, 4, 0, 0, 0],
      ...[0x15, 0, 1, 0, 0x3e, 0, 0, 0xc0],
      ...[0x06, 0, 0, 0, 1, 0, 0, 0],
      ...[0x06, 0, 0, 0, 0, 0, 0xff, 0x7f],
    ],
  );
});

Deno.test("Assembler reaches labels that are further away than eight bits tell", () => {
  for (const gap of [0, 1, 253, 254, 255, 256, 257, 600]) {
    for (const ways of ["yes", "no", "both"]) {
      const assembler = new Assembler();
      const [yes, no] = [new Label(), new Label()];
      assembler.add(BPF.LOAD, 0);
      assembler.branch(BPF.IF_EQUAL, 7, {
        yes: ways === "no" ? undefined : yes,
        no: ways === "yes" ? undefined : no,
      });
      for (let i = 0; i < gap; i++) assembler.add(BPF.RETURN, 100);
      assembler.place(yes);
      assembler.add(BPF.RETURN, 1);
      assembler.place(no);
      assembler.add(BPF.RETURN, 2);
      const code = check(assembler.assemble());
      const [same, other] = [7, 8].map((number) => run(code, { number, audit: 0 }).result);
      const next = gap === 0 ? 1 : 100;
      assert.equal(same, ways === "no" ? next : 1, `${gap} ${ways}`);
      assert.equal(other, ways === "yes" ? next : 2, `${gap} ${ways}`);
      assert.ok(code.length <= 4 + gap + 2);
    }
  }
});

Deno.test("Assembler keeps every chain of branches right, however long", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(900), { minLength: 1, maxLength: 900 }),
      fc.integer({ min: 1, max: 40 }),
      (values, ends) => {
        // value → the end that its first occurrence leads to
        const assembler = new Assembler();
        const labels = Array.from({ length: ends }, () => new Label());
        assembler.add(BPF.LOAD, 0);
        for (const [index, value] of values.entries()) {
          assembler.branch(BPF.IF_EQUAL, value, { yes: labels[index % ends] });
        }
        assembler.add(BPF.RETURN, 0xffff);
        for (const [index, label] of labels.entries()) {
          assembler.place(label);
          assembler.add(BPF.RETURN, index);
        }
        const code = check(assembler.assemble());
        for (const number of [...values, 901]) {
          const first = values.indexOf(number);
          const expected = first === -1 ? 0xffff : first % ends;
          assert.equal(run(code, { number, audit: 0 }).result, expected);
        }
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("Assembler jumps over what lies between", () => {
  const assembler = new Assembler();
  const end = new Label();
  assembler.jump(end);
  for (let i = 0; i < 1000; i++) assembler.add(BPF.RETURN, 1);
  assembler.place(end);
  assembler.add(BPF.RETURN, 2);
  assert.equal(run(check(assembler.assemble()), { number: 0, audit: 0 }).result, 2);
});

Deno.test("Assembler refuses what the kernel would not run", () => {
  const long = new Assembler();
  for (let i = 0; i < MAX_INSTRUCTIONS; i++) long.add(BPF.RETURN, 0);
  assert.equal(decode(long.assemble()).length, MAX_INSTRUCTIONS);
  long.add(BPF.RETURN, 0);
  assert.throws(() => long.assemble(), RangeError);

  const backwards = new Assembler();
  const before = new Label();
  backwards.place(before);
  backwards.add(BPF.LOAD, 0);
  backwards.jump(before);
  backwards.add(BPF.RETURN, 0);
  assert.throws(() => backwards.assemble(), /backwards/);

  for (const placed of [false, true]) {
    const out = new Assembler();
    const nowhere = new Label();
    out.branch(BPF.IF_EQUAL, 1, { yes: nowhere });
    out.add(BPF.RETURN, 0);
    if (placed) out.place(nowhere);
    assert.throws(() => out.assemble(), /out of the program/);
  }
  const twice = new Label();
  const assembler = new Assembler();
  assembler.place(twice);
  assert.throws(() => assembler.place(twice), /twice/);
});
