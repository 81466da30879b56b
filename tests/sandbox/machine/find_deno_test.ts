import assert from "node:assert/strict";
import { checkOwnDeno, DENO_VARIABLE, findDeno } from "../../../src/sandbox/machine/find_deno.ts";
import { OLDEST_DENO } from "../../../src/version.ts";
import { assertRejectsWithCode, assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { tempDir } from "../../helpers/signing.ts";
import { writeProgram } from "../../helpers/process.ts";

const OWN = { path: Deno.execPath(), version: Deno.version.deno };

/** Writes a program that stands where a deno is looked for. */
async function program(dir: { join(name: string): string }, script: string): Promise<string> {
  const path = dir.join("deno");
  await writeProgram(path, script);
  return path;
}

const onUnix = { ignore: Deno.build.os === "windows" };

Deno.test("findDeno() is the very runtime that runs the host, where nothing else is named", async () => {
  if (Deno.env.get(DENO_VARIABLE) === undefined) assert.deepEqual(await findDeno(), OWN);
});

Deno.test("findDeno() follows a script to the executable behind it", onUnix, async () => {
  await using dir = await tempDir();
  const named = await program(dir, `exec ${OWN.path} "$@"`);
  assert.deepEqual(await findDeno(named), OWN);
});

Deno.test("findDeno() refuses an executable that is too old, with what to do", onUnix, async () => {
  await using dir = await tempDir();
  const named = await program(dir, `echo '["2.8.3","/opt/deno-2.8.3"]'`);
  const error = await assertRejectsWithCode(
    () => findDeno(named),
    "bad-config",
    /^Cannot use "\/opt\/deno-2\.8\.3": Sallyport needs Deno \S+ or later, this is 2\.8\.3$/,
  );
  assert.match(error.hint ?? "", /^Run `\/opt\/deno-2\.8\.3 upgrade`/);
  assert.deepEqual(error.details, {
    denoPath: "/opt/deno-2.8.3",
    deno: "2.8.3",
    needs: OLDEST_DENO,
  });
});

for (
  const [what, script, reason] of [
    ["fails", "echo no such option >&2; exit 1", /: no such option$/],
    ["does not answer as deno does", "echo hello", /: it does not answer as deno does$/],
    [
      "answers with a relative path",
      `echo '["2.9.6","deno"]'`,
      /: it does not answer as deno does$/,
    ],
    ["answers with more", `yes '["2.9.6","/deno"]' | head -c 1000000`, /: it does not answer/],
  ] as const
) {
  Deno.test(`findDeno() refuses a program that ${what}`, onUnix, async () => {
    await using dir = await tempDir();
    const named = await program(dir, script);
    const error = await assertRejectsWithCode(() => findDeno(named), "bad-config", reason);
    assert.match(error.message, /^Cannot use ".*" as deno: /);
    assert.match(error.hint ?? "", /denoPath.*SALLYPORT_DENO/);
  });
}

Deno.test("findDeno() refuses what is not there, and names where the path is given", async () => {
  const error = await assertRejectsWithCode(
    () => findDeno("/no/such/deno"),
    "bad-config",
    /^Cannot use ".*deno" as deno: /,
  );
  assert.match(error.hint ?? "", /denoPath.*SALLYPORT_DENO/);
});

Deno.test("checkOwnDeno() refuses the host's own runtime where that is too old", () => {
  checkOwnDeno();
  const error = assertThrowsWithCode(
    () => checkOwnDeno("2.8.3"),
    "bad-config",
    /^Cannot open the host: Sallyport needs Deno \S+ or later, this is 2\.8\.3$/,
  );
  assert.equal(error.hint, "Run `deno upgrade`");
});
