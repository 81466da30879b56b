import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { makeBundle, makeKeys, signDir } from "../helpers/signing.ts";

const HELLO = "export default { methods: { hello: () => 'hello' } };\n";
const saying = (word: string) => `export default { methods: { say: () => "${word}" } };\n`;

Deno.test("discover() lists every bundle with its outcome, and starts nothing", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  await test.bundle("good", HELLO);
  await makeBundle(`${test.plugins}/unsigned`, {}, { name: "unsigned" });
  const changed = await test.bundle("changed", HELLO);
  await Deno.writeTextFile(`${changed}/main.ts`, "// changed\n");
  const broken = await test.bundle("broken", HELLO);
  await Deno.writeTextFile(`${broken}/plugin.json`, '{"name":"broken","surprise":1}');
  const expired = await makeBundle(`${test.plugins}/expired`, {}, { name: "expired" });
  const [createdAt, expiresAt] = [new Date("2020-01-01"), new Date("2020-01-02")];
  await signDir(expired, test.keys, { createdAt, expiresAt });
  await Deno.mkdir(`${test.plugins}/no-bundle`);
  await Deno.writeTextFile(`${test.plugins}/README.md`, "not a folder");
  await Deno.symlink("good", `${test.plugins}/link`);

  const found = await host.discover(test.plugins);
  assert.deepEqual(found.map(({ name, state, error }) => [name, state, error?.code]), [
    ["broken", "failed", "manifest-invalid"],
    ["changed", "failed", "hash-mismatch"],
    ["expired", "untrusted", "expired"],
    ["good", "available", undefined],
    ["unsigned", "untrusted", "untrusted"],
  ]);
  assert.ok(found.every(({ pid }) => pid === undefined));
  const good = host.plugin("good")!;
  assert.deepEqual([good.version, good.manifest?.entry], ["1.0.0", "main.ts"]);
  assert.equal(good.signers[0]?.keyId, test.keys.id);
  assert.deepEqual(host.plugins().map(({ name }) => name), found.map(({ name }) => name));
  assert.deepEqual(host.plugins({ state: ["available", "untrusted"] }).map(({ name }) => name), [
    "expired",
    "good",
    "unsigned",
  ]);
  const { available, failed, untrusted, total } = host.counts();
  assert.deepEqual([available, failed, untrusted, total], [1, 2, 2, 5]);
  await events.find("failed", "changed");
  await events.find("untrusted", "unsigned");

  const again = await host.discover(new URL(`file://${test.plugins}/`));
  assert.equal(again.length, 5);
  assert.equal(host.counts().total, 5, "a folder that is looked at twice is listed once");
  assert.equal(await (await host.loadByName("good")).call("hello"), "hello");
});

Deno.test("discover() lists a bundle that was mended since as available", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await makeBundle(`${test.plugins}/late`, { "main.ts": HELLO }, { name: "late" });
  await host.discover(test.plugins);
  assert.equal(host.plugin("late")?.state, "untrusted");
  await signDir(dir, test.keys);
  await host.discover(test.plugins);
  assert.equal(host.plugin("late")?.state, "available");
  assert.equal(host.plugin("late")?.error, undefined);
  assert.equal(host.counts().total, 1);
});

Deno.test("discover() says what is wrong with the folder itself", async () => {
  await using test = await hostTest();
  const host = await test.open();
  await assertRejectsWithCode(host.discover(test.join("none")), "bad-config", /none/);
  await Deno.writeTextFile(test.join("file"), "");
  await assertRejectsWithCode(host.discover(test.join("file")), "bad-config", /file/);
  assert.deepEqual(await host.discover(test.plugins), []);
  await test.bundle("a", HELLO);
  const signal = AbortSignal.abort();
  await assertRejectsWithCode(host.discover(test.plugins, { signal }), "cancelled");
});

Deno.test("an untrusted bundle never takes or shadows the name of a trusted one", async () => {
  await using test = await hostTest();
  const host = await test.open();
  await test.bundle("bank", saying("real"));
  for (const folder of ["a-imposter", "z-imposter"]) {
    const dir = `${test.plugins}/${folder}`;
    await makeBundle(dir, { "main.ts": saying("false") }, { name: "bank", version: "9.9.9" });
    await signDir(dir, await makeKeys());
  }
  await host.discover(test.plugins);
  assert.deepEqual(host.plugins().map(({ name, state }) => [name, state]), [
    ["bank", "untrusted"],
    ["bank", "available"],
    ["bank", "untrusted"],
  ]);
  assert.equal(host.plugin("bank")?.version, "1.0.0");
  const plugin = await host.loadByName("bank");
  assert.equal(await plugin.call("say"), "real");
  await assertRejectsWithCode(host.load(`${test.plugins}/z-imposter`), "untrusted");
  assert.equal(host.plugin("bank"), plugin);
  assert.equal(await plugin.call("say"), "real");
});

Deno.test("a second trusted bundle of a name is refused while the first is loaded", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const first = await host.load(await test.bundle("twin", saying("first")));
  const dir = `${test.plugins}/other-twin`;
  await makeBundle(dir, { "main.ts": saying("second") }, { name: "twin", version: "2.0.0" });
  await signDir(dir, test.keys);
  const error = await assertRejectsWithCode(host.load(dir), "bad-state", /"twin".*has that name/);
  assert.match(error.hint ?? "", /[Uu]nload/);
  assert.equal(await first.call("say"), "first");
  await host.unload("twin");
  const second = await host.load(dir);
  assert.equal(await second.call("say"), "second");
  assert.equal(host.plugin("twin")?.version, "2.0.0");
});

Deno.test("one folder is one plugin, however its path is written", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", HELLO);
  await host.discover(test.plugins);
  await Deno.symlink(test.plugins, test.join("alias"));
  for (
    const path of [
      `${dir}/`,
      `${test.plugins}/../plugins//sample`,
      new URL(`file://${dir}`),
      `file://${dir}`,
      `${test.join("alias")}/sample`,
    ]
  ) {
    const plugin = await host.load(path);
    assert.equal(host.counts().total, 1, String(path));
    assert.equal(plugin, host.plugin("sample"));
    await assertRejectsWithCode(host.load(dir), "bad-state", /it is loaded/);
    await host.unload("sample");
  }
});

Deno.test("a policy that names a plugin or a hook that does not exist is warned of, once", async () => {
  await using test = await hostTest();
  const hooks = ["on_request", "on_requst"];
  const host = await test.open({
    policy: {
      default: { grant: { hooks: ["on_anything"] } },
      plugins: { good: { grant: { hooks } }, "goood": {}, starred: { grant: { hooks: ["*"] } } },
    },
  });
  const main = "export default { hooks: { on_request: (data) => data } };\n";
  const good = await test.bundle("good", main, { hooks: [{ name: "on_request" }] });
  await test.bundle("starred", HELLO);
  const warnings = () => test.logger.entries.filter(({ level }) => level === "warn");
  await host.discover(test.plugins);
  await host.discover(test.plugins);
  assert.deepEqual(warnings().map(({ fields }) => fields.plugins), [["goood"]]);
  const plugin = await host.load(good);
  await plugin.reload();
  await host.loadByName("starred");
  const [, hook, ...more] = warnings();
  assert.match(hook!.message, /grants plugin "good" hooks that its manifest does not name/);
  assert.deepEqual([hook!.fields.hooks, more], [["on_requst"], []]);
});
