import assert from "node:assert/strict";
import { PluginHost } from "../../../src/host/host.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { document, done, failed, inProcess } from "../sallyport.ts";
import { atTerminal } from "../terminal.ts";
import { trustKit } from "./kit.ts";

const PASSPHRASE = "five words of my own";

Deno.test("trust rotate seals the list with another key, and the old one opens it no more", async () => {
  await using kit = await trustKit();
  const { id } = await kit.ok("show");
  const next = `${kit.path}/next.key`;
  const outcome = await kit.trust("rotate", "--new-key-file", next);
  assert.equal(document(outcome).secretChanged, true);
  assert.match(outcome.stderr, /^warning: .*trust\.list\.previous still opens with the old secret/);
  failed(await kit.trust("show"), "bad-config");
  const show = ["trust", "show", kit.file, "--key-file", next, "--json"];
  assert.equal(document(await inProcess(show)).id, id);
});

Deno.test("trust rotate asks for the new passphrase at a terminal, twice", async () => {
  await using kit = await trustKit();
  const line = `${PASSPHRASE}\n`;
  const rotated = await atTerminal(["trust", "rotate", kit.file, ...kit.secret], line, line);
  assert.match(done(rotated), /with the new passphrase/);
  done(await atTerminal(["trust", "list", kit.file], line));
});

Deno.test("trust rotate refuses a key file that is there, and leaves no new one after a failure", async () => {
  await using kit = await trustKit();
  const before = await Deno.readFile(kit.file);
  failed(await kit.trust("rotate", "--new-key-file", kit.secret[1]!), "bad-state");
  await Deno.writeTextFile(`${kit.path}/short`, "short\n", { mode: 0o600 });
  failed(await kit.trust("rotate", "--new-passphrase-file", `${kit.path}/short`), "bad-config");
  assert.match(failed(await kit.trust("rotate"), "usage", 2).hint, /--new-passphrase-file/);
  const both = ["--new-key-file", `${kit.path}/k`, "--root", "x"];
  failed(await kit.trust("rotate", ...both), "usage", 2);
  failed(await kit.trust("rotate", "--root-threshold", "2"), "usage", 2);
  const dry = await kit.ok("rotate", "--new-key-file", `${kit.path}/k`, "--dry-run");
  assert.equal(dry.dryRun, true);
  await assert.rejects(Deno.lstat(`${kit.path}/k`), Deno.errors.NotFound);
  assert.deepEqual(await Deno.readFile(kit.file), before);
});

Deno.test("a list with roots is changed by enough of its root keys only", async () => {
  await using kit = await trustKit();
  const [a, b, stranger] = [await kit.key("a"), await kit.key("b"), await kit.key("stranger")];
  const roots = ["--root", a.pub, "--root", b.hex, "--root-threshold", "2"];
  const keys = ["--root-key", a.key, "--root-key", b.key];
  failed(await kit.trust("init", "--force", ...roots), "bad-config");
  const made = await kit.ok("init", "--force", ...roots, ...keys);
  assert.deepEqual(made.root, { keys: [a.hex, b.hex], threshold: 2 });
  const add = ["add", "--key", stranger.pub] as const;
  assert.match(failed(await kit.trust(...add), "usage", 2).hint, /--root-key FILE for 2 keys/);
  const one = await kit.trust(...add, "--root-key", a.key, "--root-key", stranger.key);
  assert.match(failed(one, "bad-config").message, /2 of its root keys, got 1/);
  assert.equal((await kit.ok(...add, ...keys)).revision, 2);
  const { root: { hash, ...root } } = await kit.ok("show");
  assert.deepEqual(root, { version: 1, keyIds: [a.id, b.id], threshold: 2 });
  assert.match(hash, /^[0-9a-f]{128}$/);
});

Deno.test("a new root takes effect only when the old threshold and the new one signed it", async () => {
  await using kit = await trustKit();
  const [a, b] = [await kit.key("a"), await kit.key("b")];
  const first = await kit.ok("rotate", "--root", a.pub, "--root-key", a.key);
  assert.equal(first.changes[0].subject, "root");
  const rotate = (...keys: string[]) =>
    kit.trust("rotate", "--root", b.pub, ...keys.flatMap((key) => ["--root-key", key]));
  assert.match(failed(await rotate(), "usage", 2).hint, /--root-key/);
  assert.match(failed(await rotate(a.key), "signature-invalid").hint, /--root-key/);
  failed(await rotate(b.key), "signature-invalid");
  document(await rotate(a.key, b.key));
  const { root: { hash: _hash, ...root }, revision } = await kit.ok("show");
  assert.deepEqual([root, revision], [{ version: 2, keyIds: [b.id], threshold: 1 }, 3]);
  failed(await kit.trust("set", "--threshold", "2", "--root-key", a.key), "bad-config");
  await kit.ok("set", "--threshold", "2", "--root-key", b.key);
});

Deno.test("trust show prints what a host pins a root by", async () => {
  await using kit = await trustKit();
  const [a, b] = [await kit.key("a"), await kit.key("b")];
  await kit.ok("rotate", "--root", a.pub, "--root-key", a.key);
  const { root: { version, hash } } = await kit.ok("show");
  const text = done(await inProcess(["trust", "show", kit.file, ...kit.secret]));
  assert.deepEqual([/root +version (\d+)/.exec(text)?.[1], /root hash +(\S+)/.exec(text)?.[1]], [
    String(version),
    hash,
  ]);
  const open = async (pinnedRoot: { version: number; hash: string }) => {
    const trustList = { file: kit.file, keyFile: kit.secret[1]!, pinnedRoot };
    await using _host = await PluginHost.open({ trustList, isolation: "plain" });
  };
  await open({ version, hash });
  await assertRejectsWithCode(open({ version, hash: "0".repeat(128) }), "signature-invalid");
  await kit.ok("rotate", "--root", b.pub, "--root-key", a.key, "--root-key", b.key);
  await open({ version, hash }); // it leads on from there
  const next = (await kit.ok("show")).root;
  assert.equal(next.version, 2);
  await open({ version: next.version, hash: next.hash });
});

Deno.test("a root key for a list without a root is wrong usage", async () => {
  await using kit = await trustKit();
  const { key } = await kit.key("a");
  failed(await kit.trust("set", "--threshold", "2", "--root-key", key), "usage", 2);
});
