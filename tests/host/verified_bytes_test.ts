import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { processesNaming } from "../helpers/process.ts";
import { makeBundle, makeKeys, signDir } from "../helpers/signing.ts";

const saying = (word: string) => `export default { methods: { say: () => "${word}" } };\n`;

/** Lists the copies in a host's store. */
async function copies(dataDir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(`${dataDir}/store`)))
    .map(({ name }) => `${dataDir}/store/${name}`);
}

Deno.test("the verified code runs though the file was swapped between verification and start", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", saying("verified"));
  const plugin = await host.load(dir, { lazy: true });
  assert.deepEqual([plugin.state, plugin.pid], ["available", undefined]);
  await Deno.writeTextFile(`${dir}/main.ts`, saying("swapped"));
  assert.equal(await plugin.call("say"), "verified");
  assert.equal(plugin.state, "active");
  // the change is found out where the folder is read again, and the running plugin serves on
  await assertRejectsWithCode(host.reload("sample"), "hash-mismatch", /main\.ts/);
  assert.equal(await plugin.call("say"), "verified");
});

Deno.test("a copy in the store that was tampered with never runs", async () => {
  const tamper: Record<string, (copy: string) => Promise<void>> = {
    async "changes the entry"(copy) {
      await Deno.chmod(`${copy}/main.ts`, 0o644);
      await Deno.writeTextFile(`${copy}/main.ts`, saying("tampered"));
      await Deno.chmod(`${copy}/main.ts`, 0o444);
    },
    async "replaces the entry by a link"(copy) {
      await Deno.chmod(copy, 0o755);
      await Deno.remove(`${copy}/main.ts`);
      await Deno.writeTextFile(`${copy}/../../evil.ts`, saying("tampered"));
      await Deno.symlink(`${copy}/../../evil.ts`, `${copy}/main.ts`);
      await Deno.chmod(copy, 0o555);
    },
    async "replaces the whole copy"(copy) {
      await Deno.chmod(copy, 0o755); // moving a folder writes to it
      await Deno.rename(copy, `${copy}/../../moved`);
      await Deno.mkdir(copy);
      await Deno.writeTextFile(`${copy}/main.ts`, saying("tampered"));
    },
    async "adds a config file"(copy) {
      await Deno.chmod(copy, 0o755);
      await Deno.writeTextFile(`${copy}/deno.json`, '{"imports":{}}');
      await Deno.chmod(copy, 0o555);
    },
    async "removes it"(copy) {
      await Deno.chmod(copy, 0o755);
      await Deno.remove(copy, { recursive: true });
    },
  };
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", saying("verified"));
  for (const [what, change] of Object.entries(tamper)) {
    const plugin = await host.load(dir, { lazy: true });
    const [copy] = await copies(test.dataDir);
    await change(copy!);
    assert.equal(await plugin.call("say"), "verified", what);
    const names = (await Array.fromAsync(Deno.readDir(copy!))).map(({ name }) => name).sort();
    assert.deepEqual(names, ["main.ts", "plugin.json"], what);
    assert.ok((await Deno.lstat(`${copy}/main.ts`)).isFile);
    await plugin.unload();
  }
});

Deno.test("the copies in the store are read-only and hold no envelope", async () => {
  await using test = await hostTest();
  const host = await test.open();
  await host.load(await test.bundle("sample", saying("a"), {}, { "lib/deep/b.ts": "export {};" }));
  const [copy] = await copies(test.dataDir);
  const mode = async (path: string) => (await Deno.lstat(`${copy}/${path}`)).mode! & 0o777;
  assert.equal(await mode("."), 0o555);
  assert.equal(await mode("lib/deep"), 0o555);
  assert.equal(await mode("main.ts"), 0o444);
  assert.equal(await mode("lib/deep/b.ts"), 0o444);
  await assert.rejects(Deno.lstat(`${copy}/plugin.sig.json`), Deno.errors.NotFound);
});

Deno.test("a bundle that was changed between discover() and loadByName() is refused", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", saying("verified"));
  await host.discover(test.plugins);
  assert.equal(host.plugin("sample")?.state, "available");
  await Deno.writeTextFile(`${dir}/main.ts`, saying("changed"));
  const error = await assertRejectsWithCode(host.loadByName("sample"), "hash-mismatch", /main\.ts/);
  assert.ok(error.hint);
  assert.deepEqual(host.plugins({ state: "active" }), []);
  assert.deepEqual(processesNaming(test.dataDir), []);
});

Deno.test("a bundle that turned out to be changed is not listed as available any more", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", saying("verified"));
  await host.discover(test.plugins);
  await Deno.writeTextFile(`${dir}/main.ts`, saying("changed"));
  await assertRejectsWithCode(host.loadByName("sample"), "hash-mismatch");
  assert.equal(host.plugin("sample")?.state, "failed");
  assert.equal(host.plugin("sample")?.error?.code, "hash-mismatch");
  assert.equal(host.counts().total, 1, "one folder is listed twice");
});

Deno.test("an untrusted plugin is listed, and nothing of it ever runs", async () => {
  await using test = await hostTest();
  await Deno.mkdir(test.join("granted"));
  const marker = test.join("granted", "marker");
  const write = [test.join("granted")];
  const host = await test.open({ policy: { default: { grant: { write } } } });
  const events = recordEvents(host);
  const main = `Deno.writeTextFileSync(${JSON.stringify(marker)}, "was here");
    export default { methods: { a: () => 1 } };`;
  const bundle = async (name: string) =>
    await makeBundle(`${test.plugins}/${name}`, { "main.ts": main }, {
      name,
      permissions: { write },
    });
  await bundle("unsigned");
  await signDir(await bundle("stranger"), await makeKeys());

  const found = await host.discover(test.plugins);
  assert.deepEqual(found.map(({ name, state }) => [name, state]), [
    ["stranger", "untrusted"],
    ["unsigned", "untrusted"],
  ]);
  for (const plugin of found) {
    assert.equal(plugin.error?.code, "untrusted");
    assert.match(plugin.error!.message, new RegExp(`"${plugin.name}"`));
    await assertRejectsWithCode(host.load(plugin.path), "untrusted");
    await assertRejectsWithCode(host.load(plugin.path, { lazy: true }), "untrusted");
    await assertRejectsWithCode(host.loadByName(plugin.name), "untrusted");
    await assertRejectsWithCode(host.reload(plugin.name), "untrusted");
    await assertRejectsWithCode(plugin.call("a"), "bad-state", /untrusted/);
  }
  assert.equal(host.counts().untrusted, 2);
  assert.deepEqual(processesNaming(test.dataDir), []);
  assert.throws(() => Deno.statSync(marker), Deno.errors.NotFound);
  assert.deepEqual(await copies(test.dataDir), []);
  assert.ok(!events.seen.some(({ type }) => type === "loaded"));
  assert.ok(events.seen.filter(({ type }) => type === "untrusted").length >= 2);

  // control: the same module, signed by a key that is trusted, does run
  await signDir(`${test.plugins}/unsigned`, test.keys);
  await host.load(`${test.plugins}/unsigned`);
  assert.equal(Deno.readTextFileSync(marker), "was here");
});

Deno.test("with trustedPlugins, only the very bundles that are listed load", async () => {
  await using test = await hostTest();
  const dir = await test.bundle("sample", saying("listed"));
  await test.bundle("other", saying("not listed"));
  const hash = await signDir(dir, test.keys);
  const host = await test.open({
    trustedPlugins: [{ name: "sample", version: "1.0.0", hash, note: "reviewed" }],
  });
  const found = await host.discover(test.plugins);
  assert.deepEqual(found.map(({ name, state }) => [name, state]), [
    ["other", "untrusted"],
    ["sample", "available"],
  ]);
  assert.equal(await (await host.load(dir)).call("say"), "listed");
  await host.unload("sample");
  await Deno.writeTextFile(`${dir}/main.ts`, saying("another release"));
  await signDir(dir, test.keys);
  await assertRejectsWithCode(host.load(dir), "untrusted");
});
