import assert from "node:assert/strict";
import { scratch } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";
import { atTerminal } from "../terminal.ts";
import { trustKit } from "./kit.ts";

const PASSPHRASE = "five words of my own";

async function mode(path: string): Promise<string> {
  return ((await Deno.lstat(path)).mode! & 0o777).toString(8);
}

Deno.test("trust --help names every command, and none takes a passphrase on the command line", async () => {
  const text = done(await inProcess(["trust", "--help"]));
  for (
    const name of ["init", "add", "set", "remove", "revoke", "accept", "rotate", "list", "show"]
  ) {
    assert.match(text, new RegExp(`^ {2}${name}\\b`, "m"));
    const help = done(await inProcess(["trust", name, "--help"]));
    assert.match(help, /--trust-list <file>/);
    assert.match(help, /--passphrase-file <file>/);
    assert.ok(!/--passphrase </.test(help));
  }
});

Deno.test("trust init makes a list that its passphrase file opens, and does not overwrite it", async () => {
  await using dir = await scratch();
  const [file, pass] = [`${dir.path}/trust.list`, `${dir.path}/pass`];
  await Deno.writeTextFile(pass, `${PASSPHRASE}\n`, { mode: 0o600 });
  const init = ["trust", "init", file, "--passphrase-file", pass];
  const text = done(await sallyport([...init, "--expires", "2099-01-31"]));
  assert.match(text, /^Made trust list .*trust\.list\n/);
  assert.match(text, /\n {2}expires +2099-01-31\n/);
  assert.equal(await mode(file), "600");
  const before = await Deno.readFile(file);
  assert.match(failed(await inProcess([...init, "--json"]), "bad-state").hint, /--force/);
  assert.deepEqual(await Deno.readFile(file), before);
  const { revision, keys } = document(
    await inProcess(["trust", "list", file, "--passphrase-file", pass, "--json"]),
  );
  assert.deepEqual([revision, keys], [1, []]);
});

Deno.test("trust init asks twice at a terminal, list once, and again when mistyped", async () => {
  await using dir = await scratch();
  const file = `${dir.path}/trust.list`;
  const line = `${PASSPHRASE}\n`;
  const made = await atTerminal(["trust", "init", file], line, line);
  assert.match(done(made), /sealed with +a passphrase/);
  const shown = await atTerminal(["trust", "list", file], "mistyped\n", line);
  assert.match(done(shown), /It is empty/);
  assert.match(shown.stderr, /That is not its passphrase/);
  assert.ok(!(made.stderr + made.stdout + shown.stderr + shown.stdout).includes("words of"));
});

Deno.test("trust init --new-key-file makes 32 random bytes for its owner alone", async () => {
  await using kit = await trustKit();
  const key = `${kit.path}/list.key`;
  assert.equal(await mode(key), "600");
  const bytes = await Deno.readFile(key);
  assert.equal(bytes.length, 32);
  assert.ok(new Set(bytes).size > 8, "random");
  const again = ["trust", "init", `${kit.path}/other`, "--new-key-file", key, "--json"];
  assert.match(failed(await inProcess(again), "bad-state").message, /list\.key": it exists/);
  assert.deepEqual(await Deno.readFile(key), bytes);
  await assert.rejects(Deno.lstat(`${kit.path}/other`), Deno.errors.NotFound);
});

Deno.test("trust init --force keeps the list that was there, and leaves nothing else", async () => {
  await using kit = await trustKit();
  const before = await Deno.readFile(kit.file);
  const { id } = await kit.ok("show");
  const made = await kit.ok("init", "--force");
  assert.notEqual(made.id, id);
  assert.deepEqual(await Deno.readFile(`${kit.file}.previous`), before);
  const names = await Array.fromAsync(Deno.readDir(kit.path), ({ name }) => name);
  assert.deepEqual(names.sort(), [
    "list.key",
    "trust.list",
    "trust.list.lock",
    "trust.list.previous",
  ]);
});

Deno.test("trust init refuses what cannot be", async () => {
  await using dir = await scratch();
  const init = (...args: string[]) =>
    inProcess([
      "trust",
      "init",
      `${dir.path}/t`,
      "--new-key-file",
      `${dir.path}/k`,
      ...args,
      "--json",
    ]);
  for (const expires of ["2020-01-01", "0d", "soon", "-1d"]) {
    failed(await init("--expires", expires), "usage", 2);
  }
  failed(await init("--threshold", "0"), "usage", 2);
  failed(await init("--threshold", "999"), "usage", 2);
  failed(await init("--passphrase-file", `${dir.path}/p`), "usage", 2);
  failed(await init("--root-threshold", "2"), "usage", 2);
  failed(await inProcess(["trust", "init", "--json"]), "usage", 2);
  failed(await inProcess(["trust", "init", `${dir.path}/t`, "--json"]), "usage", 2);
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
});

Deno.test("a list that others sealed, a missing one and a damaged one have errors of their own", async () => {
  await using kit = await trustKit();
  const list = (file: string, ...args: string[]) =>
    inProcess(["trust", "list", file, ...args, "--json"]);
  assert.match(
    failed(await list(`${kit.path}/none`, ...kit.secret), "bad-config").message,
    /none": it is not there/,
  );
  await Deno.writeFile(`${kit.path}/other.key`, new Uint8Array(32), { mode: 0o600 });
  const other = await list(kit.file, "--key-file", `${kit.path}/other.key`);
  assert.match(failed(other, "bad-config").message, /trust\.list": the key (?:file )?is wrong/);
  await Deno.writeFile(`${kit.path}/short.key`, new Uint8Array(31));
  const short = await list(kit.file, "--key-file", `${kit.path}/short.key`);
  assert.match(failed(short, "bad-config").message, /31 bytes instead of 32/);
  const bytes = await Deno.readFile(kit.file);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(`${kit.path}/flipped`, bytes);
  failed(await list(`${kit.path}/flipped`, ...kit.secret), "bad-config");
  await Deno.writeFile(`${kit.path}/cut`, bytes.subarray(0, 100));
  assert.match(
    failed(await list(`${kit.path}/cut`, ...kit.secret), "bad-config").message,
    /cut short/,
  );
});

Deno.test("a secret file that others may read is warned of", async () => {
  await using kit = await trustKit();
  await Deno.chmod(kit.secret[1]!, 0o644);
  const outcome = await kit.trust("list");
  document(outcome);
  assert.match(outcome.stderr, /^warning: others may use the key file ".*list\.key" \(mode 0644\)/);
});

Deno.test("trust takes the list as --trust-list as well, but not twice", async () => {
  await using kit = await trustKit();
  const list = (...args: string[]) =>
    inProcess(["trust", "list", ...args, ...kit.secret, "--json"]);
  assert.equal(document(await list("--trust-list", kit.file)).file, kit.file);
  failed(await list("--trust-list", kit.file, "other"), "usage", 2);
  assert.match(failed(await list(), "usage", 2).hint, /first argument/);
});

Deno.test("trust list shows each part with its state, show what the list is", async () => {
  await using kit = await trustKit("--expires", "2099-01-01");
  const [a, b, c] = [await kit.key("alice"), await kit.key("bob"), await kit.key("carol")];
  await kit.ok("add", "--key", a.pub, "--not-before", "2020-01-01", "--not-after", "2021-01-01");
  await kit.ok("add", "--key", b.hex, "--name", "bob", "--not-before", "2098-01-01");
  await kit.ok("add", "--key", c.pub);
  const bundle = await kit.bundle({ permissions: { net: ["example.com:443"] } }, c.key);
  await kit.ok("add", "--plugin", bundle, "--note", "looked at");
  await kit.ok("add", "--minimum", "sample@2.0.0");
  await kit.ok("revoke", "--plugin", "other@<1.0.0", "--reason", "a hole", "--from", "2098-06-01");
  const list = await kit.ok("list");
  assert.deepEqual(
    list.keys.map(({ name, id, state }: Record<string, string>) => [name, id, state]),
    [["alice", a.id, "expired"], ["bob", b.id, "not yet"], ["carol", c.id, "valid"]],
  );
  assert.equal(list.plugins[0].state, "too old");
  assert.equal(list.revocations[0].state, "not yet");
  assert.equal(list.secret, undefined);

  const human = done(await inProcess(["trust", "list", kit.file, ...kit.secret]));
  assert.match(human, /trust\.list {2}revision 7, expires 2099-01-01\n/);
  assert.match(human, new RegExp(`\n {2}alice {2}${a.id} {2}expired {2}from 2020-01-01, until`));
  assert.match(human, /\n {2}sample {2}1\.2\.3 {2}[0-9a-f]{16}… {2}too old {2}looked at/);
  assert.match(human, /\n {2}other <1\.0\.0 {2}not yet {2}from 2098-06-01: a hole\n/);
  assert.ok(!human.includes("\u001b"));

  const { counts, root, seenByHost } = await kit.ok("show");
  assert.deepEqual([counts.keys, counts.plugins, counts.revocations, root], [3, 1, 1, null]);
  assert.equal(seenByHost, undefined);
  const about = done(await inProcess(["trust", "show", kit.file, "sample", ...kit.secret]));
  assert.match(about, /sample 1\.2\.3 asks for\n {2}net {2}example\.com:443\n/);
  assert.ok(!about.includes("alice"));
  failed(await kit.trust("show", "nobody"), "bad-config");
});

Deno.test("a list near or past its expiry is said on stderr, and can be renewed", async () => {
  await using kit = await trustKit("--expires", "10d");
  const soon = await kit.trust("list");
  document(soon);
  assert.match(soon.stderr, /^warning: the trust list expires in 10 days .*trust set .*--expires/);
  await kit.ok("set", "--expires", "365d");
  assert.equal((await kit.trust("list")).stderr, "");
});
