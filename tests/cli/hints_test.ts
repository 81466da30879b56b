import assert from "node:assert/strict";
import { scratch, signedBundle, writePolicy } from "./bundles.ts";
import { failed, inProcess, type Outcome, sallyport } from "./sallyport.ts";

const ignore = Deno.build.os === "windows"; // the commands are a POSIX shell's

/** Runs a command as it was printed, in a shell that knows no `sallyport`. */
async function asPrinted(line: string, cwd: string): Promise<Outcome> {
  const bin = Deno.execPath().replace(/[^/]+$/, "");
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", line],
    cwd,
    env: { PATH: `${bin}:/usr/bin:/bin`, NO_COLOR: "1", INIT_CWD: "" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Finds the command in a hint: it is what stands quoted, or at the end. */
function commandIn(text: string): string {
  const command = /"(deno run [^"]*)"|(deno run .*)$/m.exec(text);
  assert.ok(command, `no command in: ${text}`);
  return command[1] ?? command[2]!;
}

Deno.test({
  name: "a command that a hint prints works as it is printed",
  ignore,
  async fn() {
    await using dir = await scratch();
    const { dir: bundle, pub } = await signedBundle(dir.path);
    const data = `${dir.path}/my data`;
    await Deno.mkdir(`${data}/quarantine`, { recursive: true });
    const list = `${dir.path}/a list`;
    const secret = ["--key-file", `${dir.path}/list key`];
    const printed: [args: string[], replace?: Record<string, string>, expected?: number][] = [
      [["run", bundle]],
      [["nonsense"]],
      [["trust", "init", list, "--new-key-file", secret[1]!], { PUB: `'${pub}'` }],
      [["trust", "set", list, ...secret, "--expires", "300d", "--root-key", "x"], {
        PUB: `'${pub}'`,
      }, 2],
      [["trust", "show", list, "nobody", ...secret]],
      [["quarantine", "lift", data, "absent"]],
      [["quarantine", "lift", data, "No Name"]],
      [["new", "greeter", "--dir", `${dir.path}/plugins`], { "keys/NAME.key": `'${pub}'` }, 1],
    ];
    for (const [args, replace = {}, expected = 0] of printed) {
      const { code, stdout, stderr } = await sallyport(args, {
        cwd: dir.path,
        env: { INIT_CWD: "", PATH: "/usr/bin:/bin" },
      });
      let line = commandIn(code === 0 ? stdout : stderr);
      for (const [name, value] of Object.entries(replace)) line = line.replace(name, value);
      const outcome = await asPrinted(line, dir.path);
      assert.equal(outcome.code, expected, `${line}\n${outcome.stdout}${outcome.stderr}`);
    }
    // it is there already, which the command says
    const both = ["run", bundle, "--call", "x", "--key", pub, "--trust-list", list, ...secret];
    const added = await asPrinted(
      commandIn((await sallyport(both, { cwd: dir.path })).stderr),
      dir.path,
    );
    assert.match(added.stderr, /its key is there already/);
    // a list about to expire is warned of, with the command that renews it
    const soon = ["trust", "set", list, "--expires", "3d", ...secret];
    assert.equal((await inProcess(soon)).code, 0);
    const { stderr } = await sallyport(["trust", "list", list, ...secret], { cwd: dir.path });
    const renewed = await asPrinted(commandIn(stderr), dir.path);
    assert.equal(renewed.code, 0, renewed.stderr);
    assert.equal((await sallyport(["trust", "list", list, ...secret])).stderr, "");
  },
});

Deno.test("the lines of policy that a refusal prints grant what was refused", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path, {
    permissions: { net: ["example.com"], sys: ["hostname"] },
    hooks: [{ name: "on_x" }],
  });
  const verify = ["verify", bundle, "--key", pub, "--isolation", "plain", "--json"];
  const { hint, details } = failed(await inProcess(verify), "permission-denied");
  const lines = /policy: (.*?) – or/.exec(hint)![1]!;
  const policy = await writePolicy(dir.path, JSON.parse(`{${lines}}`));
  const outcome = await inProcess([...verify, "--policy", policy]);
  assert.equal(outcome.code, 0, outcome.stdout);
  assert.equal(details.plugin, "sample");
});

Deno.test("--json says the version, help and facts of failures as JSON", async () => {
  const version = JSON.parse((await inProcess(["--version", "--json"])).stdout);
  assert.deepEqual(Object.keys(version), ["version", "deno"]);
  assert.equal(version.deno, Deno.version.deno);
  const { help } = JSON.parse((await inProcess(["sign", "--help", "--json"])).stdout);
  assert.match(help, /^Usage: sallyport sign/);
  const { details } = failed(await inProcess(["hash", "/nonexistent", "--json"]), "bundle-invalid");
  assert.deepEqual(details, { dir: "/nonexistent" });
  assert.deepEqual(failed(await inProcess(["nonsense", "--json"]), "usage", 2).details, {});
});
