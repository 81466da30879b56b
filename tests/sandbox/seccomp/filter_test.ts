import assert from "node:assert/strict";
import { compileSeccomp, type SeccompOptions } from "../../../src/sandbox/seccomp/filter.ts";
import { SECCOMP_PROFILES } from "../../../src/sandbox/seccomp/profiles.ts";
import { ARCHITECTURES, names } from "../../../src/sandbox/seccomp/syscalls.ts";
import { check, run, verdict } from "./interpreter.ts";
import { EXECVE, LOCAL_PROBES, NETWORK_PROBES, OPTION_PROBES, PROBES } from "./probes.ts";

const AUDIT = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const;
const ARCHS = ["x86_64", "aarch64"] as const;
const ALL: SeccompOptions[] = ARCHS.flatMap((arch) =>
  (["strict", "baseline"] as const).flatMap((profile) =>
    [false, true].flatMap((network) =>
      [false, true].map((exec) => ({ arch, profile, network, exec }))
    )
  )
);

function label({ arch, profile, network, exec }: SeccompOptions): string {
  return `${arch} ${profile}${network ? " network" : ""}${exec ? " exec" : ""}`;
}

/** Compiles a filter into a function that says what it does with a call. */
function filter(options: SeccompOptions, audit = AUDIT[options.arch]) {
  const code = check(compileSeccomp(options));
  return (number: number, args: readonly number[] = []) =>
    verdict(run(code, { number, audit, args }).result);
}

Deno.test("compileSeccomp() makes programs that the kernel would take, and short ones", () => {
  for (const options of ALL) {
    const code = check(compileSeccomp(options));
    assert.ok(code.length < 350, `${label(options)}: ${code.length} instructions`);
    let most = 0;
    for (let number = 0; number < 1000; number++) {
      most = Math.max(most, run(code, { number, audit: AUDIT[options.arch] }).steps);
    }
    assert.ok(most < 50, `${label(options)}: ${most} instructions for one call`);
    for (const common of options.arch === "x86_64" ? [0, 1, 202, 232] : [63, 64, 98, 22]) {
      const { result, steps } = run(code, { number: common, audit: AUDIT[options.arch] });
      assert.equal(verdict(result), "allow");
      assert.ok(steps <= 13, `${label(options)}: ${steps} instructions for call ${common}`);
    }
  }
});

for (const [index, arch] of ARCHS.entries()) {
  Deno.test(`compileSeccomp() refuses and allows what it should on ${arch}`, () => {
    for (const options of ALL.filter((options) => options.arch === arch)) {
      const ask = filter(options);
      const expect = (probes: typeof PROBES, expected?: string) => {
        for (const { name, numbers, args, ...answers } of probes) {
          const number = numbers[index];
          if (number === undefined) continue;
          const wanted = expected ?? answers[options.profile];
          assert.equal(ask(number, args), wanted, `${label(options)}: ${name}`);
        }
      };
      const strict = options.profile === "strict";
      expect(PROBES);
      expect([EXECVE], options.exec ? "allow" : "EPERM");
      expect(NETWORK_PROBES, options.network ? "allow" : "EPERM");
      expect(LOCAL_PROBES, options.network || !strict ? "allow" : "EPERM");
      expect(OPTION_PROBES);
    }
  });

  Deno.test(`compileSeccomp() kills for a call of another ABI than ${arch}`, () => {
    for (const options of ALL.filter((options) => options.arch === arch)) {
      for (const audit of [0, 0x40000003, 0x40000028, AUDIT[ARCHS[1 - index]!]]) {
        const ask = filter(options, audit as typeof AUDIT.x86_64);
        for (const number of [0, 1, 39, 172, 999]) assert.equal(ask(number), "kill");
      }
    }
  });
}

Deno.test("compileSeccomp() kills for x32 numbers, and knows none on aarch64", () => {
  for (const options of ALL) {
    const ask = filter(options);
    for (const number of [0x40000000, 0x40000027, 0x7fffffff, 0xffffffff]) {
      assert.equal(ask(number), options.arch === "x86_64" ? "kill" : "ENOSYS", label(options));
    }
  }
});

Deno.test("strict refuses whatever baseline refuses", () => {
  const values = [0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 16, 17, 22, 29, 31, 36, 38, 40, 41, 47, 53, 59];
  const flags = [0x10000, 0x3d0f00, 0x11, 0x10010000, 0x40010000, 0x5412, 0x541c, 0x5423, 0x541b];
  for (const baseline of ALL.filter(({ profile }) => profile === "baseline")) {
    const [strict, loose] = [filter({ ...baseline, profile: "strict" }), filter(baseline)];
    for (let number = 0; number < 600; number++) {
      for (const a of [...values, ...flags]) {
        for (const b of [0, 1, 2, 3, 5, 0x5412, 0x541c, 0x5423]) {
          if (loose(number, [a, b]) === "allow") continue;
          assert.notEqual(strict(number, [a, b]), "allow", `call ${number} ${a} ${b}`);
        }
      }
    }
  }
});

Deno.test("exec and network open what they name and nothing else", () => {
  for (const options of ALL.filter(({ network, exec }) => !network && !exec)) {
    const { numbers } = ARCHITECTURES[options.arch];
    const opened = (more: Partial<SeccompOptions>) => {
      const [closed, open] = [filter(options), filter({ ...options, ...more })];
      return Object.keys(numbers).filter((name) =>
        [[1, 1, 0], [2, 1, 6], [10, 2, 17], [3, 1, 2]].some((args) =>
          closed(numbers[name]!, args) !== open(numbers[name]!, args)
        )
      ).sort();
    };
    assert.deepEqual(opened({ exec: true }), ["execve"]);
    assert.deepEqual(
      opened({ network: true }),
      options.profile === "baseline" ? ["socket"] : [
        ...["accept", "accept4", "bind", "connect", "listen", "recvmmsg", "recvmsg"],
        ...["sendmmsg", "sendmsg", "setsockopt", "socket"],
      ],
    );
  }
});

Deno.test("the calls that strict lets pass are those and no more", () => {
  const numbers = ARCHITECTURES.x86_64.numbers;
  const passing = (options: Partial<SeccompOptions>) => {
    const ask = filter({
      arch: "x86_64",
      profile: "strict",
      network: false,
      exec: false,
      ...options,
    });
    return Array.from({ length: 600 }, (_, number) => number).filter((number) =>
      ask(number) === "allow"
    );
  };
  const named = new Set(Object.values(numbers));
  for (const number of passing({ network: true, exec: true })) assert.ok(named.has(number));
  // a pin: whoever changes the list says so here
  assert.deepEqual([passing({}).length, passing({ network: true }).length], [189, 198]);
});

Deno.test("compileSeccomp() refuses options that are none", () => {
  const good = { profile: "strict", arch: "x86_64", network: false, exec: false };
  for (
    const bad of [
      { ...good, profile: "off" },
      { ...good, profile: "toString" },
      { ...good, arch: "riscv64" },
      { ...good, arch: "__proto__" },
      { ...good, network: "yes" },
      { ...good, exec: undefined },
      { ...good, sockets: true },
      { profile: "strict", arch: "x86_64", network: false },
      null,
      undefined,
      "strict",
    ]
  ) assert.throws(() => compileSeccomp(bad as never), TypeError, JSON.stringify(bad));
});

Deno.test("every rule names known calls, once a set of options, and bounded arguments", () => {
  assert.throws(() => names("read wriet"), /"wriet"/);
  for (const { rules } of Object.values(SECCOMP_PROFILES)) {
    for (const { cases, otherwise } of rules) {
      assert.equal(cases === undefined, otherwise === undefined);
      for (const { argument, values } of cases?.flat() ?? []) {
        assert.ok(argument >= 0 && argument <= 5 && values.length > 0);
        for (const value of values) assert.ok(value >= 0 && value <= 0xffffffff);
      }
    }
  }
});
