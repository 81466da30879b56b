import assert from "node:assert/strict";
import { command, done, failed, inProcess, sallyport } from "./sallyport.ts";
import { scratch, writeBundle } from "./bundles.ts";
import { OLDEST_DENO, VERSION } from "../../src/version.ts";

const AS_PROCESS = { env: {} };
const COMMANDS = ["keygen", "hash", "sign", "verify", "inspect", "run", "new", "doctor", "top"];

Deno.test("--help lists every command on stdout", async () => {
  const text = done(await sallyport(["--help"], AS_PROCESS));
  for (const name of COMMANDS) assert.match(text, new RegExp(`^ {2}${name}\\b`, "m"));
});

for (const name of COMMANDS) {
  Deno.test(`${name} --help says what it takes`, async () => {
    const text = done(await inProcess([name, "--help"]));
    assert.match(text, new RegExp(`^Usage: .*${name}|^Usage: DIR`));
    assert.match(text, /--json/);
  });
}

Deno.test("--version prints the version", async () => {
  assert.equal(done(await sallyport(["--version"])), `${VERSION}\n`);
});

Deno.test("no command prints the help on stderr and exits 2", async () => {
  const outcome = await sallyport([], AS_PROCESS);
  assert.equal(outcome.code, 2);
  assert.equal(outcome.stdout, "");
  assert.match(outcome.stderr, /^Usage: sallyport/);
  const json = await inProcess(["--json"]);
  failed(json, "usage", 2);
  assert.equal(json.stderr, "");
});

Deno.test("an unknown command suggests the nearest", async () => {
  const outcome = await sallyport(["verfy", "x"], AS_PROCESS);
  assert.equal(outcome.code, 2);
  assert.equal(outcome.stdout, "");
  assert.equal(
    outcome.stderr,
    'error: Unknown command "verfy"\n  code: usage\n  hint: Did you mean verify?\n',
  );
  assert.match(failed(await sallyport(["sing", "--json"]), "usage", 2).hint, /sign/);
});

Deno.test("an unknown option suggests the nearest", async () => {
  const error = failed(await inProcess(["verify", "x", "--polcy", "p", "--json"]), "usage", 2);
  assert.match(error.message, /--polcy/);
  assert.match(error.hint, /--policy/);
});

Deno.test("a missing or superfluous argument is wrong usage", async () => {
  assert.match(failed(await inProcess(["hash", "--json"]), "usage", 2).message, /dir/);
  failed(await inProcess(["hash", "a", "b", "--json"]), "usage", 2);
  const error = failed(await inProcess(["verify", "a", "--isolation", "vm", "--json"]), "usage", 2);
  assert.match(error.message, /vm/);
  assert.match(error.message, /auto, bwrap, unshare, plain/);
});

Deno.test("text from the command line cannot act on the terminal", async () => {
  const { stderr } = await sallyport(["\u001b[31mred"]);
  assert.ok(!stderr.includes("\u001b"));
});

Deno.test("--json may stand before the command", async () => {
  failed(await inProcess(["--json", "hash", "/nonexistent"]), "bundle-invalid");
});

Deno.test("a reader that goes away is no failure", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const child = command(["hash", bundle]).spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  assert.equal((await child.status).code, 0, stderr);
  assert.equal(stderr, "");
});

Deno.test("a missing permission is reported with the flag that grants it", async () => {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-lock", main, "keygen", "x", "--dir", "/x", "--json"],
    stdin: "null",
  }).output();
  assert.equal(code, 1);
  const { error } = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(error.code, "bad-config");
  assert.match(error.message, /--allow-write/);
});

Deno.test("a Deno that is too old is refused in one line, before anything else is loaded", async () => {
  const real = Deno.version;
  Object.defineProperty(Deno, "version", { value: { ...real, deno: "2.4.4" }, configurable: true });
  try {
    const outcome = await inProcess(["doctor"]);
    assert.deepEqual(outcome, {
      code: 1,
      stdout: "",
      stderr:
        `error: Sallyport needs Deno ${OLDEST_DENO} or later, this is 2.4.4; run \`deno upgrade\`\n`,
    });
    failed(await inProcess(["--json", "--version"]), "bad-config");
  } finally {
    Object.defineProperty(Deno, "version", { value: real, configurable: true });
  }
  done(await inProcess(["--version"]));
  // what it imports is linked before a line of it runs; types are not
  const imported = async (name: string) =>
    (await Deno.readTextFile(new URL(`../../src/${name}`, import.meta.url)))
      .match(/^(?:import|export)\b(?! type\b)[^;]*?\bfrom\s+"[^"]+"/gm) ?? [];
  assert.deepEqual(await imported("cli/main.ts"), ['import { denoProblem } from "../version.ts"']);
  assert.deepEqual(await imported("version.ts"), []);
});
