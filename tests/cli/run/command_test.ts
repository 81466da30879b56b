import assert from "node:assert/strict";
import { type Scratch, scratch, type SignedBundle, signedBundle, writeBundle } from "../bundles.ts";
import { command, document, done, failed, sallyport } from "../sallyport.ts";

async function sample(): Promise<{ bundle: SignedBundle; dir: Scratch } & AsyncDisposable> {
  const dir = await scratch();
  try {
    return {
      dir,
      bundle: await signedBundle(dir.path),
      [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
    };
  } catch (error) {
    await dir[Symbol.asyncDispose]();
    throw error;
  }
}

function runArgs({ dir, pub }: SignedBundle, method: string, ...rest: string[]): string[] {
  return ["run", dir, "--key", pub, "--call", method, ...rest];
}

const TEXT = '{"text":"to be\\nor not"}';

Deno.test("run prints the result of a call, and nothing else", async () => {
  await using at = await sample();
  const outcome = await sallyport(runArgs(at.bundle, "count", "--params", TEXT));
  assert.equal(done(outcome), '{\n  "words": 4\n}\n');
  assert.equal(outcome.stderr, "");
  const json = await sallyport(runArgs(at.bundle, "count", "--params", TEXT, "--json"));
  assert.deepEqual(document(json), { result: { words: 4 } });
  assert.deepEqual(document(await sallyport(runArgs(at.bundle, "nothing", "--json"))), {
    result: null,
  });
});

Deno.test("run takes parameters from a file and from stdin", async () => {
  await using at = await sample();
  const file = `${at.dir.path}/params.json`;
  const text = "word ".repeat(100_000);
  await Deno.writeTextFile(file, JSON.stringify({ text }));
  const args = (params: string) => runArgs(at.bundle, "count", "--params", params, "--json");
  assert.deepEqual(document(await sallyport(args(`@${file}`))), { result: { words: 100_000 } });
  const stdin = await sallyport(args("-"), { stdin: JSON.stringify({ text }) });
  assert.deepEqual(document(stdin), { result: { words: 100_000 } });
});

Deno.test("run refuses malformed and oversized parameters", async () => {
  await using at = await sample();
  const args = (params: string) => runArgs(at.bundle, "count", "--params", params, "--json");
  failed(await sallyport(args("{text}")), "usage", 2);
  failed(await sallyport(args(`@${at.dir.path}/none`)), "bad-config");
  failed(await sallyport(args("-"), { stdin: "{text}" }), "bad-config");
  await Deno.writeFile(`${at.dir.path}/large`, new Uint8Array(16 * 1024 * 1024 + 1));
  const error = failed(await sallyport(args(`@${at.dir.path}/large`)), "bad-config");
  assert.match(error.message, /larger than 16777216 bytes/);
});

Deno.test("run --stream prints one item a line, and an array with --json", async () => {
  await using at = await sample();
  const args = runArgs(at.bundle, "lines", "--params", TEXT, "--stream");
  assert.equal(done(await sallyport(args)), '{"line":"to be"}\n{"line":"or not"}\n');
  assert.deepEqual(document(await sallyport([...args, "--json"])), {
    result: [{ line: "to be" }, { line: "or not" }],
  });
});

Deno.test("run says when --stream is needed, and when it is not", async () => {
  await using at = await sample();
  const needed = failed(
    await sallyport(runArgs(at.bundle, "lines", "--params", TEXT, "--json")),
    "plugin-error",
  );
  assert.equal(needed.hint, "Pass --stream");
  const superfluous = failed(
    await sallyport(runArgs(at.bundle, "count", "--params", TEXT, "--stream", "--json")),
    "plugin-error",
  );
  assert.equal(superfluous.hint, "Leave out --stream");
});

Deno.test("run shows the plugin's log and stderr on stderr under its name", async () => {
  await using at = await sample();
  const log = await sallyport(runArgs(at.bundle, "chatty", "--json"));
  assert.deepEqual(document(log), { result: "done" });
  assert.match(log.stderr, /^\[sample\] said by console\n$/);
  const stderr = await sallyport(runArgs(at.bundle, "stderr", "--json"));
  assert.deepEqual(document(stderr), { result: "done" });
  assert.match(stderr.stderr, /^\[sample\] said to \\u001b\[31mstderr/);
  assert.ok(!stderr.stderr.includes("\u001b"));
});

Deno.test("run escapes what a terminal would act on in results, and keeps them JSON", async () => {
  await using at = await sample();
  const text = done(await sallyport(runArgs(at.bundle, "odd")));
  assert.equal(text, '"a\\u202eb\\u009bc"\n');
  assert.equal(JSON.parse(text), "a\u202eb\u009bc");
  const bytes = await sallyport(runArgs(at.bundle, "bytes", "--json"));
  assert.deepEqual(document(bytes), { result: { $base64: "AQID" } });
});

Deno.test("run reports a failure of the plugin by code, message and hint", async () => {
  await using at = await sample();
  const human = await sallyport(runArgs(at.bundle, "fails"));
  assert.equal(human.code, 1);
  assert.equal(human.stdout, "");
  assert.match(human.stderr, /error: .*out of luck\n {2}code: plugin-error\n {2}hint: .+\n$/);
  failed(await sallyport(runArgs(at.bundle, "fails", "--json")), "plugin-error");
  const missing = failed(
    await sallyport(runArgs(at.bundle, "missing", "--json")),
    "method-not-found",
  );
  assert.match(missing.hint, /^Its methods are ".*"fails"/);
  const crash = failed(await sallyport(runArgs(at.bundle, "crashes", "--json")), "crashed");
  assert.match(crash.message, /exit code 7/);
});

Deno.test({
  name: "a disk that is full where stdout goes is said, and is no mistake of the program",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const script = `"$0" run -A --no-lock "$1" --help > /dev/full`;
    const main = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", script, Deno.execPath(), main],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(code, 1);
    assert.match(text, /^error: Cannot write the output: No space left.*\n {2}code: bad-config\n/);
  },
});

Deno.test("run --timeout ends a call that takes too long", async () => {
  await using at = await sample();
  const args = runArgs(at.bundle, "hangs", "--timeout", "200", "--json");
  failed(await sallyport(args), "timeout");
  failed(await sallyport(runArgs(at.bundle, "hangs", "--timeout", "0", "--json")), "usage", 2);
  failed(await sallyport(runArgs(at.bundle, "hangs", "--timeout", "soon", "--json")), "usage", 2);
});

Deno.test("run refuses an untrusted plugin, and without a method", async () => {
  await using at = await sample();
  failed(await sallyport(["run", at.bundle.dir, "--call", "count", "--json"]), "untrusted");
  failed(await sallyport(["run", at.bundle.dir, "--key", at.bundle.pub, "--json"]), "usage", 2);
});

Deno.test("run finds what the plugin depends on beside it, if that is trusted", async () => {
  await using dir = await scratch();
  const { dir: bundle, key, pub } = await signedBundle(dir.path, {
    dependencies: { base: "^1.0.0" },
  });
  const args = ["run", bundle, "--key", pub, "--call", "nothing", "--json"];
  assert.match(failed(await sallyport(args), "bad-state").message, /"base"/);
  const base = await writeBundle(dir.path, { name: "base" });
  assert.match(failed(await sallyport(args), "bad-state").message, /"base"/);
  done(await sallyport(["sign", base, "--key", key]));
  document(await sallyport(args));
});

Deno.test("run leaves nothing behind, and keeps --data-dir", async () => {
  await using at = await sample();
  const temporary = `${at.dir.path}/tmp`;
  await Deno.mkdir(temporary);
  const env = { TMPDIR: temporary };
  done(await sallyport(runArgs(at.bundle, "nothing"), { env }));
  assert.deepEqual([...Deno.readDirSync(temporary)], []);
  const data = `${at.dir.path}/data`;
  done(await sallyport(runArgs(at.bundle, "nothing", "--data-dir", data), { env }));
  assert.deepEqual([...Deno.readDirSync(temporary)], []);
  assert.equal([...Deno.readDirSync(`${data}/store`)].length, 1);
});

for (const [signal, json] of [["SIGINT", false], ["SIGTERM", true], ["SIGHUP", false]] as const) {
  Deno.test(`run closes the host on ${signal} and exits 130${json ? " (--json)" : ""}`, async () => {
    await using at = await sample();
    const temporary = `${at.dir.path}/tmp`;
    await Deno.mkdir(temporary);
    const args = runArgs(at.bundle, "hangs", ...(json ? ["--json"] : []));
    const child = command(args, { env: { TMPDIR: temporary } }).spawn();
    const stdout = new Response(child.stdout).text();
    // it says when the call has begun
    let stderr = "";
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      const waiting = !stderr.includes("hanging");
      stderr += chunk;
      if (waiting && stderr.includes("hanging")) child.kill(signal);
    }
    assert.equal((await child.status).code, 130, stderr);
    assert.deepEqual([...Deno.readDirSync(temporary)], []);
    if (json) assert.equal(JSON.parse(await stdout).error.code, "cancelled");
    else {
      assert.equal(await stdout, "");
      assert.match(stderr, /error: Interrupted\n {2}code: cancelled\n/);
    }
  });
}

Deno.test("run ends an endless stream when its reader goes away", async () => {
  await using at = await sample();
  const temporary = `${at.dir.path}/tmp`;
  await Deno.mkdir(temporary);
  const args = runArgs(at.bundle, "endless", "--stream");
  const child = command(args, { env: { TMPDIR: temporary } }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /^0\n/);
  await reader.cancel();
  const stderr = await new Response(child.stderr).text();
  assert.equal((await child.status).code, 0, stderr);
  assert.equal(stderr, "");
  assert.deepEqual([...Deno.readDirSync(temporary)], []);
});
