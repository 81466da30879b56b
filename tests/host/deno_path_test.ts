// Which deno plugins run under. `deno compile` cannot be run here: it downloads its runtime. What it makes is
// faked by a host that says what such a program says of itself: tests/fixtures/hosts/compiled.ts.
import assert from "node:assert/strict";
import { DENO_VARIABLE } from "../../src/sandbox/machine/find_deno.ts";
import { OLDEST_DENO } from "../../src/version.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { startHost } from "../helpers/host_program.ts";
import { writeProgram } from "../helpers/process.ts";

const onUnix = { ignore: Deno.build.os === "windows" };
const GRANT = {
  read: ["$STORAGE"],
  write: ["$STORAGE"],
  context: { config: "read", kv: "readwrite", database: "readwrite", clock: "read" },
};

async function script(test: HostTest, text: string): Promise<string> {
  const folder = test.join("bin");
  await Deno.mkdir(folder);
  await writeProgram(`${folder}/deno`, text);
  return `${folder}/deno`;
}

/** Runs a host of `tests/fixtures/hosts` with the plugin that uses every feature. */
async function features(
  test: HostTest,
  program: "features" | "compiled",
  env: Record<string, string>,
  options: Record<string, unknown> = {},
  // deno-lint-ignore no-explicit-any -- what the program prints
): Promise<any> {
  const bundle = await test.fixture("features", {
    storage: { quotaBytes: 1_000_000 },
    permissions: { read: ["$STORAGE"], write: ["$STORAGE"] },
    context: Object.entries(GRANT.context).map(([key, access]) => ({ key, access })),
  });
  const settings = JSON.stringify({
    dataDir: test.dataDir,
    keys: [test.keys.hex],
    policy: { default: { grant: GRANT } },
    config: { features: { colour: "red" } },
    ...options,
  });
  await using host = startHost(program, [settings, bundle], ["-A"], env);
  return JSON.parse(await host.line());
}

Deno.test(
  "a compiled host (faked) takes deno from PATH, and isolates as any other",
  onUnix,
  async () => {
    await using test = await hostTest();
    const named = await script(test, `exec ${Deno.execPath()} "$@"`);
    const PATH = `${named.replace(/\/deno$/, "")}:/usr/bin:/bin:/usr/sbin:/sbin`;
    const without = { [DENO_VARIABLE]: "" };
    const control = await features(test, "features", without);
    const outcome = await features(test, "compiled", { ...without, PATH });
    assert.deepEqual([control.load, control.database], ["active", [{ n: 7 }]]);
    assert.deepEqual([outcome.load, outcome.database], ["active", [{ n: 7 }]]);
    assert.equal(outcome.sandbox.launcher, control.sandbox.launcher);
    assert.deepEqual(outcome.sandbox.missing, control.sandbox.missing);
  },
);

Deno.test("a compiled host (faked) without a deno says what to ship", onUnix, async () => {
  await using test = await hostTest();
  await Deno.mkdir(test.join("empty"));
  const env = { [DENO_VARIABLE]: "", PATH: test.join("empty") };
  const { open } = await features(test, "compiled", env);
  assert.equal(open.code, "bad-config");
  assert.match(open.message, /^Cannot use "deno" as deno: /);
  assert.match(open.hint, /denoPath.*SALLYPORT_DENO/);
});

Deno.test(
  "denoPath and SALLYPORT_DENO name the deno of plugins and databases, denoPath first",
  onUnix,
  async () => {
    await using test = await hostTest();
    const old = await script(test, `echo '["2.8.3","/opt/deno"]'`);
    const byVariable = await features(test, "features", { [DENO_VARIABLE]: old });
    assert.equal(
      byVariable.open.message,
      `Cannot use "/opt/deno": Sallyport needs Deno ${OLDEST_DENO} or later, this is 2.8.3`,
    );
    const env = { [DENO_VARIABLE]: old };
    const byOption = await features(test, "compiled", env, { denoPath: Deno.execPath() });
    assert.deepEqual([byOption.load, byOption.database], ["active", [{ n: 7 }]]);
  },
);

Deno.test("PluginHost.open() refuses a denoPath that is none", async () => {
  await using test = await hostTest();
  for (const denoPath of ["", "a\0b", 1 as unknown as string]) {
    await assert.rejects(() => test.open({ denoPath }), TypeError);
  }
  await assertRejectsWithCode(() => test.open({ denoPath: "/no/such/deno" }), "bad-config");
});

Deno.test("a deno of a newer line than was tested is taken, with a warning", onUnix, async () => {
  await using test = await hostTest();
  const denoPath = await script(test, `echo '["2.999.0","${Deno.execPath()}"]'`);
  const host = await test.open({ denoPath });
  assert.equal((await host.load(await test.fixture("echo"))).state, "active");
  const { level } = await test.logger.find(({ message }) =>
    /^Deno 2\.999\.0 is newer/.test(message)
  );
  assert.equal(level, "warn");
});
