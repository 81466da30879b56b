import assert from "node:assert/strict";
import {
  bwrap,
  type Filters,
  hasSeccomp,
  isRoot,
  makeFilters,
  type Outcome,
  runDeno,
  type Start,
  unless,
} from "./sandboxed.ts";

const HERE = import.meta.dirname!;
const wrapped = unless("bubblewrap is not installed", !hasSeccomp || bwrap === undefined);
const seccomp = unless("this machine has no seccomp filters that we make", !hasSeccomp);

/** Runs the workload in a fresh folder; `load` is a filter that the process loads itself. */
function work(
  filters: Filters,
  mode: "local" | "network",
  start: Partial<Start>,
  load?: string,
): Promise<Outcome> {
  const program = load === undefined ? ["workload.ts"] : ["load_first.ts", load];
  return runDeno([`${HERE}/${program[0]}`, ...program.slice(1), filters.empty(), mode], {
    ...start,
    denoDir: filters.empty(),
  });
}

function assertSame(filtered: Outcome, control: Outcome, mode: "local" | "network"): void {
  assert.equal(filtered.stdout, control.stdout, filtered.stderr);
  assert.equal(control.code, mode === "network" ? 7 : 3, control.stderr);
  assert.equal(filtered.code, control.code, filtered.stderr);
  const failed = control.stdout.split("\n").filter((line) => line.includes("Error"));
  assert.deepEqual(failed.filter((line) => !line.includes("attached databases")), []);
  assert.ok(control.stdout.split("\n").length > 20);
}

const RUNS = [
  { profile: "strict", mode: "local", everyone: true },
  { profile: "strict", mode: "network", everyone: true },
  { profile: "baseline", mode: "network", everyone: false },
] as const;

for (const { profile, mode, everyone } of RUNS) {
  const network = mode === "network";
  for (const unprivileged of isRoot && everyone ? [false, true] : [!isRoot]) {
    const what = `a ${mode} workload of ${unprivileged ? "a user" : "root"}`;
    Deno.test({
      name: `${profile} under bwrap keeps nothing from ${what}${wrapped.suffix}`,
      ignore: wrapped.ignore,
      async fn() {
        using filters = makeFilters();
        const bwrapFilter = filters.write({ profile, network, exec: true });
        const [filtered, control] = await Promise.all([
          work(filters, mode, { bwrapFilter, unprivileged }),
          work(filters, mode, { wrapped: true, unprivileged }),
        ]);
        assertSame(filtered, control, mode);
      },
    });

    Deno.test({
      name: `${profile} loaded by the process keeps nothing from ${what}${seccomp.suffix}`,
      ignore: seccomp.ignore,
      async fn() {
        using filters = makeFilters();
        const filter = filters.write({ profile, network, exec: false });
        const [filtered, control] = await Promise.all([
          work(filters, mode, { unprivileged }, filter),
          // without the permission for native code SQLite attaches nothing, filter or not
          work(filters, mode, { unprivileged }, "/dev/null"),
        ]);
        assertSame(filtered, control, mode);
      },
    });
  }
}

Deno.test({
  name: `strict without a network refuses what the network workload does${wrapped.suffix}`,
  ignore: wrapped.ignore,
  async fn() {
    using filters = makeFilters();
    const bwrapFilter = filters.write({ profile: "strict", network: false, exec: true });
    const { stdout, stderr } = await work(filters, "network", { bwrapFilter });
    for (const act of ["http", "https", "tcp", "unix"]) {
      const line = stdout.split("\n").find((line) => line.startsWith(`${act}: `));
      assert.match(line ?? stderr, /Operation not permitted|PermissionDenied/, act);
    }
  },
});

Deno.test({
  name: `strict changes no way in which a process ends${wrapped.suffix}`,
  ignore: wrapped.ignore,
  async fn() {
    using filters = makeFilters();
    const denoDir = filters.empty();
    const bwrapFilter = filters.write({ profile: "strict", network: false, exec: true });
    const endings: [script: string, code: number][] = [
      ["throw new Error('thrown')", 1],
      ["process.abort()", 128 + 6],
      ["Deno.kill(Deno.pid, 'SIGTERM')", 128 + 15],
      ["const kept = []; for (;;) kept.push(new Array(1e5).fill({}))", 128 + 5],
      ["(function f() { f() })()", 1],
      ["new Worker(`data:,throw 1`, { type: 'module' })", 1],
      ["new Deno[Deno.internal].core.ops.BrowserWindow()", 1],
      ["await new Promise(() => {})", 1],
      ["new Deno.Command('true').outputSync()", 1],
    ];
    for (const [index, [script, code]] of endings.entries()) {
      const path = `${filters.folder}/${index}.js`;
      Deno.writeTextFileSync(path, script);
      const run = (start: Partial<Start>) =>
        runDeno(["--v8-flags=--max-old-space-size=32", path], { denoDir, ...start });
      const [filtered, control] = [await run({ bwrapFilter }), await run({ wrapped: true })];
      assert.equal(filtered.code, code, `${script}: ${filtered.stderr}`);
      // a new process is what the filter is against
      assert.equal(control.code, script.includes("Command") ? 0 : code, control.stderr);
    }
  },
});
