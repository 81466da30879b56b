import assert from "node:assert/strict";
import { sha3_512Hex } from "../src/crypto/digest.ts";
import { expectDenied, expectRefusal } from "../scripts/demo/stage.ts";
import { Terminal, Unexpected } from "../scripts/demo/terminal.ts";
import { SallyportError } from "../src/errors.ts";
import { processesNaming } from "./helpers/process.ts";
import { tempDir } from "./helpers/signing.ts";

const PROJECT = new URL("../", import.meta.url);

/** What the demo reads, and what it would be tempted to write to. */
const WATCHED = ["plugins/", "scripts/", "docs/", "README.md", "deno.json"];

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the demo of a checkout with a temporary folder of its own, its output piped. */
async function runDemo(project: URL | string, temporary: string): Promise<Run> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "demo"],
    cwd: project,
    env: { TMPDIR: temporary, TEMP: temporary, TMP: temporary },
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Hashes files by path; a folder ends in a slash. */
async function fingerprint(project: URL, paths: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const pending = [...paths];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (!path.endsWith("/")) {
      found.set(path, sha3_512Hex(await Deno.readFile(new URL(path, project))));
      continue;
    }
    for await (const entry of Deno.readDir(new URL(path, project))) {
      pending.push(`${path}${entry.name}${entry.isDirectory ? "/" : ""}`);
    }
  }
  return found;
}

async function namesIn(dir: URL): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map((entry) => entry.name).sort();
}

Deno.test("the demo shows every allowed and every refused step, piped as plain text", async () => {
  await using temporary = await tempDir();
  const { code, stdout, stderr } = await runDemo(PROJECT, temporary.path);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.equal(stderr, "");

  assert.ok(!stdout.includes("\x1b"), "no escape sequences where nobody sees a terminal");
  const wide = stdout.split("\n").filter((line) => line.length > 100 && !line.includes("/"));
  assert.deepEqual(wide, []);

  for (
    const outcome of [
      /word-count +1\.0\.0 +[0-9a-f]{40}…/,
      /Found 5 plugins; none is started by that/,
      /notes +\d+ +\d+ ms +add, get, list, search, remove, on_document/,
      /doc-stats +\d+ +\d+ ms +on_document/,
      /word-count +\d+ +\d+ ms +count, lines, words$/m,
      /README\.md +[\d,]+ +[\d,]+ +[\d,]+ +[\d,]+ /,
      /docs\/[a-z-]+\.md +[\d,]+ /,
      /streamed 20 lines of README\.md and left the loop/,
      /"sign march" finds "Renew the signing key"/,
      /DROP TABLE notes; --" is one more note: 3 in all/,
      /doc-stats \(200\) -> notes \(300\)/,
      /docs\/[a-z-]+\.md +[\d,]+ +note \d+ +document, (?:long|short), md/,
      /127\.0\.0\.1:\d+\/here +ok/,
      /127\.0\.0\.1:\d+\/gone +broken +status 410/,
      /127\.0\.0\.1:\d+\/ +denied +no permission to reach 127\.0\.0\.1:\d+/,
      /\/away +denied +by a redirect: no permission to reach/,
      /0 reached 127\.0\.0\.1:\d+/,
      /✗ one bit of a file is changed after signing: hash-mismatch/,
      /✗ a key that the host does not know has signed: untrusted/,
      /✗ a plugin asks for hosts that the policy does not grant: permission-denied/,
      /\["example\.com:443", "www\.example\.com:443"\]/,
      /✗ a module imports a file outside its bundle: launch-failed/,
      /✗ it reads a file outside its bundle: NotCapable, by Deno/,
      /✗ it connects to a host: NotCapable, by Deno/,
      /✗ it starts a program: NotCapable, by Deno/,
      /✗ it reads the environment: NotCapable, by Deno/,
      /✗ it uses a service that its manifest does not declare: service-denied/,
      /link-check +1 +0 +[\d,]+ +[\d,]+ /,
      /nosy: only to read its own bundle/,
      /word-count: only to read its own bundle/,
      /database \(readwrite\) +asked for, granted by plugins\.notes\.grant\.context/,
      /5 plugin processes \([\d, ]+\) have ended; no child is left/,
      /Everything went as it has to, in [\d.]+ seconds/,
    ]
  ) assert.match(stdout, outcome);
  assert.doesNotMatch(stdout, /^ *!/m);
});

Deno.test("the demo leaves nothing behind and changes nothing in the checkout", async () => {
  await using temporary = await tempDir();
  const before = await fingerprint(PROJECT, WATCHED);
  const names = await namesIn(PROJECT);
  const { code, stdout } = await runDemo(PROJECT, temporary.path);
  assert.equal(code, 0, stdout);
  assert.deepEqual(await namesIn(PROJECT), names);
  assert.deepEqual(await fingerprint(PROJECT, WATCHED), before);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(temporary.path)), []);
  assert.deepEqual(processesNaming(temporary.path), []);
});

Deno.test("the demo exits with 1 when something is allowed that must be refused, and cleans up", async () => {
  await using dir = await tempDir();
  const copy = dir.join("checkout");
  await copyProject(copy);
  const nosy = `${copy}/scripts/demo/nosy/main.ts`;
  const source = await Deno.readTextFile(nosy);
  const tame = source.replace("return Deno.readTextFile(path);", "return Promise.resolve(path);");
  assert.notEqual(tame, source);
  await Deno.writeTextFile(nosy, tame);
  const temporary = dir.join("tmp");
  await Deno.mkdir(temporary);

  const { code, stdout } = await runDemo(copy, temporary);
  assert.equal(code, 1, stdout);
  assert.match(
    stdout,
    /! it reads a file outside its bundle: it was allowed, "plugin-error" was expected/,
  );
  assert.doesNotMatch(stdout, /Everything went as it has to/);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(temporary)), []);
  assert.deepEqual(processesNaming(dir.path), []);
});

/** Copies what running the demo takes. */
async function copyProject(to: string): Promise<void> {
  const roots = [
    "mod.ts",
    "testing.ts",
    "cli.ts",
    "dist/",
    "deno.json",
    "deno.lock",
    "src/",
    "links/",
    "plugins/",
    "scripts/",
  ];
  for (const path of (await fingerprint(PROJECT, [...roots, "docs/", "README.md"])).keys()) {
    await Deno.mkdir(`${to}/${path}`.replace(/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(new URL(path, PROJECT), `${to}/${path}`);
  }
}

function recorder(options: { colour?: boolean; width?: number } = {}) {
  const lines: string[] = [];
  const { colour = false, width = 80 } = options;
  return {
    lines,
    terminal: new Terminal({ write: (line) => void lines.push(line), colour, width }),
  };
}

Deno.test("expectRefusal() prints a refusal, and throws on any other outcome", async () => {
  const { lines, terminal } = recorder();
  const error = new SallyportError("untrusted", "Cannot load it", { hint: "Trust it" });
  const reject = () => Promise.reject(error);
  assert.equal(await expectRefusal(terminal, "a try", "untrusted", reject), error);
  assert.deepEqual(lines, ["  ✗ a try: untrusted", "    Cannot load it", "    hint: Trust it"]);
  await assert.rejects(expectRefusal(terminal, "a try", "expired", reject), Unexpected);
  const allow = () => Promise.resolve();
  await assert.rejects(expectRefusal(terminal, "a try", "expired", allow), /it was allowed/);
});

Deno.test("expectDenied() takes only a denial by Deno for one", async () => {
  const { lines, terminal } = recorder();
  const failing = (name: string) => () =>
    Promise.reject(new SallyportError("plugin-error", "No", { details: { name } }));
  await expectDenied(terminal, "a try", failing("NotCapable"));
  assert.equal(lines[0], "  ✗ a try: NotCapable, by Deno");
  await assert.rejects(expectDenied(terminal, "a try", failing("NotFound")), /which is no denial/);
});

Deno.test("Terminal wraps under its mark, aligns numbers and colours only when told to", () => {
  const plain = recorder({ width: 24 });
  plain.terminal.chapter("Title");
  plain.terminal.done("a sentence that is too long for a line");
  plain.terminal.table(["name", "count"], [["a", 1_234], ["long name", 5]]);
  assert.deepEqual(plain.lines, [
    "",
    "1. Title",
    "  ✓ a sentence that is",
    "    too long for a line",
    "    name       count",
    "    a          1,234",
    "    long name      5",
  ]);
  const coloured = recorder({ width: 24, colour: true });
  coloured.terminal.refused("what was tried", "untrusted");
  const text = coloured.lines.join("\n");
  assert.ok(text.includes("\x1b[33m✗\x1b[39m"), text);
  // deno-lint-ignore no-control-regex -- the colour codes are what is looked for
  assert.equal(text.replace(/\x1b\[\d+m/g, ""), "  ✗ what was tried:\n    untrusted");
});
