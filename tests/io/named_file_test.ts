import assert from "node:assert/strict";
import { readNamedFile, UnreadableFile } from "../../src/io/named_file.ts";
import { tempDir } from "../helpers/signing.ts";

const windows = Deno.build.os === "windows";

async function reasonOf(path: string, maxBytes = 100): Promise<string> {
  const error = await readNamedFile(path, maxBytes).then(() => undefined, (error) => error);
  assert.ok(error instanceof UnreadableFile, `${path}: ${error}`);
  return `${error.reason}: ${error.message}`;
}

/** Reads a file in another process, which may have pipes of a shell's. */
async function inShell(script: string): Promise<string> {
  const code = `import { readNamedFile } from "${new URL(
    "../../src/io/named_file.ts",
    import.meta.url,
  )}";
    let turns = 0;
    const timer = setInterval(() => {
      if (++turns === 4) Deno.writeTextFileSync(import.meta.filename + ".turned", "");
    }, 5);
    const text = await readNamedFile(Deno.args[0], 100).then(
      (bytes) => new TextDecoder().decode(bytes),
      (error) => error.message,
    );
    clearInterval(timer);
    console.log(JSON.stringify([text, turns > 3]));`;
  const run = `"${Deno.execPath()}" run -A --no-lock --config "${
    new URL("../../deno.json", import.meta.url).pathname
  }" "$CODE"`;
  await using dir = await tempDir();
  const file = dir.join("read.ts");
  await Deno.writeTextFile(file, code);
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script.replaceAll("READ", run)],
    env: { CODE: file },
    stdin: "null",
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("readNamedFile() reads a file through a link, up to its limit and not a byte more", async () => {
  await using dir = await tempDir();
  const file = dir.join("file");
  for (const size of [0, 1, 99, 100]) {
    await Deno.writeFile(file, new Uint8Array(size).fill(7));
    assert.deepEqual(await readNamedFile(file, 100), new Uint8Array(size).fill(7));
  }
  await Deno.writeFile(file, new Uint8Array(101));
  assert.equal(await reasonOf(file), "too-large: it is larger than 100 bytes");
  if (windows) return;
  await Deno.symlink(file, dir.join("link"));
  assert.equal((await readNamedFile(dir.join("link"), 101)).length, 101);
  const large = new Uint8Array(3_000_000).map((_, at) => at);
  await Deno.writeFile(file, large);
  assert.deepEqual(await readNamedFile(file, 3_000_000), large);
});

Deno.test({
  name: "readNamedFile() refuses what is no file with the reason, and waits for nobody",
  ignore: windows,
  async fn() {
    await using dir = await tempDir();
    const pipe = dir.join("pipe");
    assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
    await Deno.symlink(pipe, dir.join("link"));
    using _listener = Deno.listen({ transport: "unix", path: dir.join("socket") });
    assert.equal(await reasonOf(pipe), "special: it is not a regular file");
    assert.equal(await reasonOf(dir.join("link")), "special: it is not a regular file");
    assert.equal(await reasonOf(dir.join("socket")), "special: it is not a regular file");
    assert.equal(await reasonOf("/dev/zero"), "special: it is not a regular file");
    assert.equal(await reasonOf(dir.path), "special: it is a folder");
    assert.equal(await reasonOf(dir.join("none")), "missing: it does not exist");
    assert.equal(
      await reasonOf(`${dir.join("socket")}/x`),
      "missing: a part of its path is not a folder",
    );
  },
});

Deno.test({
  name: "readNamedFile() reads a pipe of the shell to its end while the process goes on",
  ignore: windows,
  async fn() {
    // the rest comes when the process has gone on
    const turned = 'for n in {1..600}; do [ -e "$CODE.turned" ] && break; sleep 0.1; done';
    assert.equal(
      await inShell(`READ <(echo one; ${turned}; printf two)`),
      '["one\\ntwo",true]',
    );
    assert.match(await inShell("printf x | READ /dev/stdin"), /^\["x",/);
    assert.match(await inShell("READ <(yes)"), /it is larger than 100 bytes/);
    assert.match(await inShell("READ /dev/stdin"), /^\["",/);
  },
});
