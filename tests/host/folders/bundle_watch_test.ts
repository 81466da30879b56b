import assert from "node:assert/strict";
import type { PluginHost } from "../../../src/host/host.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { type EventRecord, type HostTest, hostTest, recordEvents } from "../../helpers/host.ts";
import { until } from "../../helpers/process.ts";
import { makeBundle, makeKeys, signDir, type TestKeys } from "../../helpers/signing.ts";

const saying = (word: string) => `export default { methods: { say: () => "${word}" } };\n`;
const WATCH = { debounceMs: 60 };

/** A host with one plugin that runs, and its events. */
async function start(
  test: HostTest,
): Promise<{ host: PluginHost; events: EventRecord; dir: string; says: () => Promise<unknown> }> {
  const host = await test.open();
  const events = recordEvents(host);
  const dir = await test.bundle("sample", saying("one"));
  const plugin = await host.load(dir);
  return { host, events, dir, says: () => plugin.call("say") };
}

/** Signs a bundle so that no watch can see half of the signature. */
async function signAside(test: HostTest, dir: string, keys: TestKeys): Promise<void> {
  const aside = test.join("aside");
  await Deno.mkdir(aside);
  for (const { name } of Deno.readDirSync(dir)) {
    await Deno.copyFile(`${dir}/${name}`, `${aside}/${name}`);
  }
  await signDir(aside, keys);
  await Deno.rename(`${aside}/plugin.sig.json`, `${dir}/plugin.sig.json`);
  await Deno.remove(aside, { recursive: true });
}

const failures = ({ seen }: EventRecord) =>
  seen.flatMap((event) => event.type === "reload-failed" ? [event.error.code] : []);
const reloads = ({ seen }: EventRecord) =>
  seen.flatMap((event) => event.type === "reloaded" ? [event.version] : []);

Deno.test("a signed change of a bundle that runs is taken up, files that were only touched are not", async () => {
  await using test = await hostTest();
  const { host, events, dir, says } = await start(test);
  await using _watch = await host.watch(test.plugins, WATCH);
  await test.bundle("sample", saying("two"), { version: "1.1.0" });
  await until(async () => await says() === "two", "the new version");
  const now = new Date();
  await Deno.utime(`${dir}/main.ts`, now, new Date(now.getTime() - 5_000));
  await new Promise((resolve) => setTimeout(resolve, 300)); // that nothing happens, nothing tells
  await test.bundle("sample", saying("three"), { version: "1.2.0" });
  await until(async () => await says() === "three", "the version after it");
  assert.deepEqual([reloads(events), failures(events)], [["1.1.0", "1.2.0"], []]);
});

Deno.test("a change that is unsigned, or signed by a stranger, is refused and told once; the old one serves on", async () => {
  await using test = await hostTest();
  const { host, events, dir, says } = await start(test);
  await using _watch = await host.watch(test.plugins, WATCH);
  await Deno.writeTextFile(`${dir}/main.ts`, saying("unsigned"));
  await until(() => failures(events).length === 1, "the refusal");
  await Deno.writeTextFile(`${dir}/main.ts`, saying("unsigned")); // the same content once more
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(failures(events), ["hash-mismatch"]);
  await signAside(test, dir, await makeKeys("stranger"));
  await until(() => failures(events).length === 2, "the stranger's");
  await Deno.remove(`${dir}/plugin.sig.json`);
  await until(() => failures(events).length === 3, "the one without a signature");
  assert.deepEqual(failures(events), ["hash-mismatch", "untrusted", "untrusted"]);
  assert.equal(await says(), "one");
  await signAside(test, dir, test.keys); // the control
  await until(async () => await says() === "unsigned", "the signed one");
  assert.deepEqual([failures(events).length, reloads(events).length], [3, 1]);
});

Deno.test("what failed for a passing reason is tried again when the same content is put there again", async () => {
  await using test = await hostTest();
  const host = await test.open({
    policy: { default: { grant: { context: { gate: "read" } } } },
  });
  const events = recordEvents(host);
  let isOpen = false;
  const pass = () => {
    if (!isOpen) throw new Error("shut");
  };
  host.services.provide("gate", { pass }, { access: { pass: "read" } });
  const dir = await test.bundle("sample", saying("one"));
  const plugin = await host.load(dir);
  await using _watch = await host.watch(test.plugins, WATCH);
  const main = saying("two").replace("{", "{ init: (ctx) => ctx.get('gate').pass(),");
  const context = [{ key: "gate", access: "read" }];
  await test.bundle("sample", main, { version: "2.0.0", context });
  await until(() => failures(events).length === 1, "the failure");
  assert.deepEqual(failures(events), ["launch-failed"]);
  isOpen = true;
  await Deno.writeTextFile(`${dir}/main.ts`, main);
  await until(async () => await plugin.call("say") === "two", "the second attempt");
  assert.equal(failures(events).length, 1);
});

Deno.test("files that are copied one after the other are looked at when all are there", async () => {
  await using test = await hostTest();
  const { host, events, dir, says } = await start(test);
  await using _watch = await host.watch(test.plugins, { debounceMs: 250 });
  const next = test.join("next");
  const files: Record<string, string> = { "main.ts": saying("two") };
  for (let i = 0; i < 10; i++) files[`part${i}.ts`] = `export const part = ${i};\n`;
  await makeBundle(next, files, { name: "sample", version: "2.0.0" });
  await signDir(next, test.keys);
  for (const { name } of Deno.readDirSync(next)) {
    await Deno.copyFile(`${next}/${name}`, `${dir}/${name}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  await until(async () => await says() === "two", "the new version");
  assert.deepEqual([reloads(events), failures(events)], [["2.0.0"], []]);
});

Deno.test("a folder that is replaced as a whole is taken up, and so are an editor's ways to write", async () => {
  await using test = await hostTest();
  const { host, events, dir, says } = await start(test);
  await using _watch = await host.watch(test.plugins, WATCH);
  const next = test.join("next");
  await makeBundle(next, { "main.ts": saying("two") }, { name: "sample", version: "2.0.0" });
  await signDir(next, test.keys);
  await Deno.rename(dir, test.join("old"));
  await Deno.rename(next, dir);
  await until(async () => await says() === "two", "the folder that came in its place");
  // a copy beside it that takes the name, as editors write, in a folder that is new to the watch
  await Deno.writeTextFile(`${dir}/.main.ts.swp`, saying("three"));
  await Deno.rename(`${dir}/.main.ts.swp`, `${dir}/main.ts`);
  await signDir(dir, test.keys);
  await until(async () => await says() === "three", "the editor's");
  assert.equal(reloads(events).length, 2);
});

Deno.test("new bundles are left alone, listed or loaded, as asked", async () => {
  await using test = await hostTest();
  const { host, events } = await start(test);
  const ended = new AbortController();
  await host.watch(test.plugins, { ...WATCH, signal: ended.signal });
  await test.bundle("ignored", saying("x"));
  await test.bundle("sample", saying("two"), { version: "2.0.0" });
  await events.find("reloaded", "sample");
  assert.equal(host.plugin("ignored"), undefined);
  ended.abort();
  {
    await using _watch = await host.watch(test.plugins, { ...WATCH, added: "discover" });
    await test.bundle("listed", saying("x"));
    await until(() => host.plugin("listed")?.state === "available", "its listing");
    await Deno.writeTextFile(`${test.plugins}/listed/main.ts`, "unsigned");
    await events.find("failed").catch(() => {});
    await until(() => host.plugin("listed")?.state !== "available", "its refusal");
  }
  await using _watch = await host.watch(test.plugins, { ...WATCH, added: "load" });
  await test.bundle("loaded", saying("x"));
  await until(() => host.plugin("loaded")?.state === "active", "its load");
});

Deno.test("a plugin that failed is started anew by a change; one that was unloaded is not", async () => {
  await using test = await hostTest();
  const { host, events } = await start(test);
  await test.bundle("other", saying("one"));
  await host.load(`${test.plugins}/other`);
  const broken = `export default { methods: { die: () => Deno.exit(1) } };`;
  await test.bundle("broken", broken);
  const plugin = await host.load(`${test.plugins}/broken`);
  await assertRejectsWithCode(plugin.call("die"), "crashed");
  await host.unload("other");
  await using _watch = await host.watch(test.plugins, WATCH);
  await test.bundle("other", saying("two"), { version: "2.0.0" });
  await test.bundle("broken", saying("mended"), { version: "2.0.0" });
  await until(() => plugin.state === "active", "the mended plugin");
  await until(() => host.plugin("other")?.version === "2.0.0", "the listing of the other");
  assert.equal(host.plugin("other")?.state, "inactive");
  assert.equal(events.seen.filter(({ type }) => type === "reload-failed").length, 0);
});

Deno.test("a watch ends with its scope, its signal and the host, and refuses what it cannot use", async () => {
  await using test = await hostTest();
  const { host, events, says } = await start(test);
  {
    await using _watch = await host.watch(test.plugins, WATCH);
  }
  await test.bundle("sample", saying("two"), { version: "2.0.0" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual([await says(), reloads(events)], ["one", []]);
  await assertRejectsWithCode(host.watch(test.join("none")), "bad-config");
  await assert.rejects(host.watch(test.plugins, { debounceMs: 1 }), RangeError);
  await assert.rejects(host.watch(test.plugins, { added: "all" as "load" }), TypeError);
  for (let i = 0; i < 16; i++) await host.watch(test.plugins);
  await assertRejectsWithCode(host.watch(test.plugins), "limit-exceeded", /16/);
  await host.close(); // the sanitizer of resources sees what is left
  await assertRejectsWithCode(host.watch(test.plugins), "bad-state");
});
