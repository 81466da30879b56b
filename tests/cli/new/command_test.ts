import assert from "node:assert/strict";
import { parseManifest } from "../../../src/bundle/manifest/manifest.ts";
import { scratch } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";

const REPO = new URL("../../../", import.meta.url);

/** Makes a folder that maps the package as a project does, to this checkout. */
async function project(dir: string): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", REPO)));
  const absolute = (target: string) =>
    target.startsWith("./") ? new URL(target, REPO).href : target;
  await Deno.writeTextFile(
    `${dir}/deno.json`,
    JSON.stringify({
      imports: Object.fromEntries(
        Object.entries(config.imports as Record<string, string>)
          .map(([name, target]) => [name, absolute(target)]),
      ),
      links: (config.workspace as string[]).map((link) => new URL(link, REPO).pathname),
      compilerOptions: config.compilerOptions,
    }),
  );
}

async function deno(args: string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, text);
  return text;
}

Deno.test("new makes a plugin that type-checks, loads, and whose test passes", async () => {
  await using dir = await scratch();
  await project(dir.path);
  const text = done(await sallyport(["new", "my-plugin"], { cwd: dir.path }));
  assert.match(text, /^Made plugin my-plugin\n/);
  assert.match(text, /1\. {2}deno test -A plugins\/my-plugin_test\.ts\n/);
  const bundle = `${dir.path}/plugins/my-plugin`;
  assert.deepEqual([...Deno.readDirSync(bundle)].map(({ name }) => name).sort(), [
    ".gitattributes",
    "main.ts",
    "plugin.json",
  ]);
  const manifest = parseManifest(await Deno.readFile(`${bundle}/plugin.json`));
  assert.equal(manifest.name, "my-plugin");

  const tested = await deno(
    ["test", "-A", "--no-lock", "plugins/my-plugin_test.ts"],
    dir.path,
  );
  assert.match(tested, /2 passed \| 0 failed/);
  for (const width of ["80", "100"]) {
    await deno(["fmt", "--check", "--line-width", width, "plugins"], dir.path);
  }
  await deno(["lint", "plugins"], dir.path);

  done(await inProcess(["keygen", "author", "--dir", dir.path]));
  done(await inProcess(["sign", bundle, "--key", `${dir.path}/author.key`]));
  const run = ["run", bundle, "--key", `${dir.path}/author.pub`, "--json"];
  assert.deepEqual(
    document(await sallyport([...run, "--call", "greet", "--params", '{"name":"Ada"}'])),
    { result: "Hello, Ada!" },
  );
  assert.deepEqual(
    document(
      await sallyport([...run, "--call", "countdown", "--params", '{"from":2}', "--stream"]),
    ),
    { result: [2, 1] },
  );
});

Deno.test("new adds a deno.json only where there is no configuration", async () => {
  await using dir = await scratch();
  const made = document(await sallyport(["new", "one", "--json"], { cwd: dir.path }));
  assert.deepEqual(made.files, [
    "plugins/one/plugin.json",
    "plugins/one/main.ts",
    "plugins/one/.gitattributes",
    "plugins/one_test.ts",
    "deno.json",
  ]);
  const config = JSON.parse(await Deno.readTextFile(`${dir.path}/deno.json`));
  assert.match(config.imports["@sallyport/host"], /^jsr:@sallyport\/host@\^\d/);
  // as of a checkout: what it says next works as printed
  assert.deepEqual(config.links, [REPO.pathname.replace(/\/$/, "")]);
  const tested = await deno(["test", "-A", "--no-check", "plugins/one_test.ts"], dir.path);
  assert.match(tested, /2 passed \| 0 failed/);
  const second = document(await sallyport(["new", "two", "--json"], { cwd: dir.path }));
  assert.equal(second.files.length, 4);

  await Deno.writeTextFile(`${dir.path}/deno.json`, "{}");
  const third = document(await sallyport(["new", "three", "--json"], { cwd: dir.path }));
  assert.equal(
    third.next[0],
    `add ${JSON.stringify(config).slice(1, -1)} to ${await Deno.realPath(dir.path)}/deno.json`,
  );
  assert.equal(await Deno.readTextFile(`${dir.path}/deno.json`), "{}");
});

Deno.test("new --dir elsewhere keeps to that folder", async () => {
  await using dir = await scratch();
  await Deno.mkdir(`${dir.path}/here`);
  const args = ["new", "far", "--dir", "../there", "--json"];
  const made = document(await sallyport(args, { cwd: `${dir.path}/here` }));
  assert.equal(made.dir, "../there/far");
  assert.ok(made.files.includes("../there/deno.json"));
  assert.deepEqual([...Deno.readDirSync(`${dir.path}/here`)], []);
});

Deno.test("new never overwrites, and removes what it made before it found out", async () => {
  await using dir = await scratch();
  await Deno.mkdir(`${dir.path}/one`);
  const args = (name: string) => ["new", name, "--dir", dir.path, "--json"];
  const error = failed(await sallyport(args("one")), "bad-state");
  assert.match(error.message, /one": it exists/);
  assert.deepEqual([...Deno.readDirSync(`${dir.path}/one`)], []);

  await Deno.writeTextFile(`${dir.path}/two_test.ts`, "mine");
  assert.match(failed(await inProcess(args("two")), "bad-state").message, /two_test\.ts/);
  assert.equal(await Deno.readTextFile(`${dir.path}/two_test.ts`), "mine");
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["one", "two_test.ts"]);
});

for (const name of ["Upper", "1st", "a/b", "..", "a b", "x".repeat(65)]) {
  Deno.test(`new refuses the name ${JSON.stringify(name)}`, async () => {
    await using dir = await scratch();
    failed(await inProcess(["new", name, "--dir", dir.path, "--json"]), "usage", 2);
    assert.deepEqual([...Deno.readDirSync(dir.path)], []);
  });
}

Deno.test({
  name: "what new makes keeps its bytes in Git, and a verdict says when Git changed line ends",
  ignore: !await new Deno.Command("git", { args: ["--version"] }).output()
    .then(({ success }) => success, () => false),
  async fn() {
    await using dir = await scratch();
    const repo = `${dir.path}/repo`;
    const git = async (...args: string[]) => {
      const identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
      const { success, stderr } = await new Deno.Command("git", {
        args: [...identity, "-c", "core.autocrlf=true", ...args],
        env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
      }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
    };
    const pub = `${dir.path}/author.pub`;
    const verify = (bundle: string) =>
      inProcess(["verify", bundle, "--key", pub, "--isolation", "plain", "--json"]);
    done(await inProcess(["keygen", "author", "--dir", dir.path]));
    for (const name of ["kept", "changed"]) {
      done(await inProcess(["new", name, "--dir", repo]));
      // the control: without the file that `new` writes
      if (name === "changed") await Deno.remove(`${repo}/${name}/.gitattributes`);
      done(await inProcess(["sign", `${repo}/${name}`, "--key", `${dir.path}/author.key`]));
    }
    await git("init", "-q", repo);
    await git("-C", repo, "add", ".");
    await git("-C", repo, "commit", "-q", "-m", "plugins");
    const clone = `${dir.path}/clone`;
    await git("clone", "-q", repo, clone);
    done(await verify(`${clone}/kept`));
    const { message, hint, details } = failed(await verify(`${clone}/changed`), "hash-mismatch");
    assert.match(
      message,
      /"main\.ts" was changed after signing: only its line ends, from LF to CR LF$/,
    );
    assert.equal(details.reason, "line-ends");
    // what the hint says
    const [line] = /changed\/\*\* -text/.exec(hint)!;
    await Deno.writeTextFile(`${clone}/.gitattributes`, `${line}\n`);
    await Deno.remove(`${clone}/changed`, { recursive: true });
    await git("-C", clone, "checkout", "-q", "--", "changed");
    done(await verify(`${clone}/changed`));
  },
});
