import assert from "node:assert/strict";
import { findSetpriv, type IsolationMode } from "../../src/sandbox/machine/choose.ts";
import { escapeText } from "../../src/errors.ts";
import { openLaunchers } from "../../src/sandbox/launchers.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const OPTIONS = { executable: Deno.execPath(), scratchDir: await Deno.makeTempDir() };
addEventListener("unload", () => Deno.removeSync(OPTIONS.scratchDir, { recursive: true }));

Deno.test("openLaunchers() gives the plain launcher where it is asked for", async () => {
  for (const isolation of ["plain", { mode: "plain" }] as const) {
    await using launchers = await openLaunchers({ ...OPTIONS, isolation });
    assert.equal(launchers.strongest.name, "plain");
    assert.equal(await launchers.select(), launchers.strongest);
    assert.equal(await launchers.select("plain"), launchers.strongest);
    assert.equal(launchers.require, false);
    const { diesWithHost } = launchers.strongest.report();
    assert.equal(diesWithHost, findSetpriv() === undefined ? "stdin" : "kernel");
  }
});

sandboxTest("openLaunchers() takes the strongest that works", ["bwrap", "unshare"], async () => {
  await using launchers = await openLaunchers(OPTIONS);
  assert.equal(launchers.strongest.name, "bwrap");
  for (const mode of ["auto", "bwrap"] as const) {
    assert.equal(await launchers.select(mode), launchers.strongest);
  }
  assert.equal((await launchers.select("unshare")).name, "unshare");
  assert.equal((await launchers.select("plain")).name, "plain", "a policy may name less");
  const { missing } = launchers.strongest.report();
  assert.ok(!missing.some((sentence) => /bwrap|unshare/.test(sentence)), missing.join("; "));
});

sandboxTest("openLaunchers() with `require` gives nothing less", ["bwrap", "unshare"], async () => {
  await using known = await openLaunchers(OPTIONS);
  const isolation = { require: true };
  if ((await known.cgroups).manager === undefined) {
    await assertRejectsWithCode(
      openLaunchers({ ...OPTIONS, isolation }),
      "bad-config",
      /cgroup|cap/,
    );
    return;
  }
  await using launchers = await openLaunchers({ ...OPTIONS, isolation });
  assert.equal(launchers.require, true);
  assert.equal(launchers.strongest.name, "bwrap");
  const error = await assertRejectsWithCode(launchers.select("plain"), "bad-config", /required/);
  assert.match(error.hint ?? "", / doctor" for the remedy/);
});

Deno.test("openLaunchers() fails rather than degrades", async () => {
  const error = await assertRejectsWithCode(
    openLaunchers({ ...OPTIONS, isolation: { mode: "plain", require: true } }),
    "bad-config",
    /operating-system sandbox that is required/,
  );
  assert.match(error.hint ?? "", /plain/);
  for (const mode of ["bwrap", "unshare"] as const) {
    // the path of a runtime that is none: whatever the reason, it is said
    const executable = "/nonexistent/deno";
    const refused = await assertRejectsWithCode(
      openLaunchers({ ...OPTIONS, executable, isolation: mode }),
      "bad-config",
      new RegExp(`Cannot isolate plugins with "${mode}": .+`),
    );
    assert.match(refused.hint ?? "", / doctor" for the remedy/);
    assert.equal(escapeText(refused.message), refused.message);
  }
});

Deno.test("openLaunchers() says what kept the stronger ones from working", async () => {
  await using launchers = await openLaunchers({ ...OPTIONS, executable: "/nonexistent/deno" });
  assert.equal(launchers.strongest.name, "plain");
  const { missing } = launchers.strongest.report();
  for (const name of ["bwrap", "unshare"]) {
    assert.ok(missing.some((sentence) => sentence.startsWith(`no ${name}: `)), missing.join("\n"));
  }
});

Deno.test("openLaunchers() refuses what it does not know", async () => {
  const isolation = "docker" as IsolationMode;
  await assertRejectsWithCode(
    openLaunchers({ ...OPTIONS, isolation }),
    "bad-config",
    /unknown mode/,
  );
  await using launchers = await openLaunchers({ ...OPTIONS, isolation: "plain" });
  await assertRejectsWithCode(launchers.select(isolation), "bad-config", /unknown mode/);
});

Deno.test("a host that may only run deno gets the plain launcher, and is told what it takes", async () => {
  const module = new URL("../../src/sandbox/launchers.ts", import.meta.url).href;
  const script = `import { openLaunchers } from "${module}";
await using launchers = await openLaunchers({ executable: Deno.execPath(), scratchDir: "/nonexistent" });
console.log(JSON.stringify(launchers.strongest.report()));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-config", "--no-lock", `--allow-run=${Deno.execPath()}`],
      `data:text/javascript,${encodeURIComponent(script)}`,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(text.startsWith("{"), new TextDecoder().decode(stderr));
  const report = JSON.parse(text);
  assert.equal(report.launcher, "plain");
  if (Deno.build.os !== "linux") return;
  for (const name of ["bwrap", "unshare"]) {
    const sentence = report.missing.find((line: string) => line.startsWith(`no ${name}: `));
    assert.match(
      sentence,
      /the host may not run a shell, which takes --allow-run=\/usr\/bin\/bash/,
    );
  }
});
