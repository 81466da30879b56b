import assert from "node:assert/strict";
import {
  EXECVE,
  LOCAL_PROBES,
  NETWORK_PROBES,
  OPTION_PROBES,
  type Probe,
  PROBES,
} from "./probes.ts";
import {
  bwrap,
  type Filters,
  hasSeccomp,
  isRoot,
  makeFilters,
  runDeno,
  type Start,
  unless,
} from "./sandboxed.ts";

const PROGRAM = import.meta.dirname + "/probe_program.ts";
const ERRNO = { EPERM: -1, ENOSYS: -38 };
const HERE = Deno.build.arch === "aarch64" ? 1 : 0;
const EVERY: readonly Probe[] = [
  ...PROBES,
  ...NETWORK_PROBES,
  ...LOCAL_PROBES,
  ...OPTION_PROBES,
  EXECVE,
].filter(({ numbers }) => numbers[HERE] !== undefined);

interface How extends Omit<Start, "denoDir" | "stdin"> {
  probes?: readonly Probe[];
  /** Loads a filter in the process itself. */
  filter?: string;
  noForks?: boolean;
}

/** Makes the calls in a process of its own; gives what each returned, errors as negative numbers. */
async function probe(filters: Filters, how: How): Promise<Record<string, number>> {
  const { probes = EVERY, filter, noForks, ...start } = how;
  const work = probes.map(({ name, numbers, args }) => ({ name, number: numbers[HERE], args }));
  const { stdout, stderr, code } = await runDeno([PROGRAM], {
    ...start,
    denoDir: filters.empty(),
    stdin: JSON.stringify({ probes: work, filter, noForks }),
  });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

function checkAnswers(
  answers: Record<string, number>,
  control: Record<string, number>,
  profile: "strict" | "baseline",
  options: { network: boolean; exec: boolean },
): void {
  const open = options.network || profile === "baseline";
  for (const probe of EVERY) {
    const { name } = probe;
    let expected = probe[profile];
    if (probe === EXECVE) expected = options.exec ? "allow" : "EPERM";
    if (NETWORK_PROBES.includes(probe)) expected = options.network ? "allow" : "EPERM";
    if (LOCAL_PROBES.includes(probe)) expected = open ? "allow" : "EPERM";
    if (expected !== "allow") {
      assert.equal(answers[name], ERRNO[expected], `${profile}: ${name}`);
    } else if (probe.control !== "root" && control[name]! < 0) {
      assert.equal(answers[name], control[name], `${profile}: ${name}`);
    } else if (probe.control !== "root") {
      assert.ok(answers[name]! >= 0, `${profile}: ${name} gave ${answers[name]}`);
    }
  }
}

const seccomp = unless("this machine has no seccomp filters that we make", !hasSeccomp);
const wrapped = unless("bubblewrap is not installed", !hasSeccomp || bwrap === undefined);

/** What an ordinary user's process is answered without a filter; forks are left out. */
function userControl(filters: Filters): Promise<Record<string, number>> {
  const probes = EVERY.filter(({ control }) => control !== "root" && control !== "user");
  return probe(filters, { unprivileged: true, probes });
}

Deno.test({
  name: `every refused call is answered otherwise without a filter${seccomp.suffix}`,
  ignore: seccomp.ignore,
  async fn() {
    using filters = makeFilters();
    const control = await userControl(filters);
    const forks = EVERY.filter(({ control }) => control === "user");
    Object.assign(
      control,
      await probe(filters, { unprivileged: true, probes: forks, noForks: true }),
    );
    const refusals = new Set<string>();
    for (const { name, control: where, strict, numbers } of EVERY) {
      if (where === "root" || where === "none" || strict === "allow") continue;
      assert.notEqual(control[name], ERRNO[strict], `${name} is refused without a filter`);
      refusals.add(`${numbers[HERE]}`);
    }
    assert.ok(refusals.size > 60, `only ${refusals.size} calls`);
  },
});

Deno.test({
  name: "what root alone may call is answered otherwise without a filter" +
    (isRoot ? "" : " (only root can show what root could do)"),
  ignore: seccomp.ignore || !isRoot,
  async fn() {
    using filters = makeFilters();
    const probes = EVERY.filter(({ control }) => control === "root");
    const answers = await probe(filters, { probes });
    for (const { name } of probes) {
      assert.notEqual(answers[name], ERRNO.EPERM, `${name} is refused without a filter`);
    }
  },
});

for (const profile of ["strict", "baseline"] as const) {
  for (const network of [false, true]) {
    const what = `${profile} ${network ? "with" : "without"} a network`;
    Deno.test({
      name: `${what}, loaded by bwrap, is what the kernel answers by${wrapped.suffix}`,
      ignore: wrapped.ignore,
      async fn() {
        using filters = makeFilters();
        const options = { network, exec: true };
        const filter = filters.write({ profile, ...options });
        const control = await userControl(filters);
        for (const unprivileged of isRoot ? [false, true] : [true]) {
          const answers = await probe(filters, { bwrapFilter: filter, unprivileged });
          checkAnswers(answers, control, profile, options);
        }
      },
    });

    Deno.test({
      name: `${what}, loaded by the process, is what the kernel answers by${seccomp.suffix}`,
      ignore: seccomp.ignore,
      async fn() {
        using filters = makeFilters();
        const options = { network, exec: false };
        const filter = filters.write({ profile, ...options });
        const control = await userControl(filters);
        for (const unprivileged of isRoot ? [false, true] : [true]) {
          const answers = await probe(filters, { filter, unprivileged });
          checkAnswers(answers, control, profile, options);
        }
      },
    });
  }
}

Deno.test({
  name: `a call of another ABI ends the process at once${wrapped.suffix}`,
  ignore: wrapped.ignore || Deno.build.arch !== "x86_64",
  async fn() {
    using filters = makeFilters();
    const program = import.meta.dirname + "/kill_program.ts";
    const denoDir = filters.empty();
    for (const profile of ["strict", "baseline"] as const) {
      const bwrapFilter = filters.write({ profile, network: false, exec: true });
      for (const way of ["own", "x32", "i386"]) {
        const control = await runDeno([program, way], { denoDir });
        const filtered = await runDeno([program, way], { denoDir, bwrapFilter });
        // without a filter a kernel built without that ABI says so, or raises another signal
        assert.notEqual(control.code, 128 + 31, `${way} without a filter`);
        if (way === "own") assert.equal(filtered.code, 0, filtered.stderr);
        else assert.equal(filtered.code, 128 + 31, `${profile} ${way}: SIGSYS`);
      }
    }
  },
});
