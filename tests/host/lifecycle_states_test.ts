// The operations of a host on its plugins, without a process.
import assert from "node:assert/strict";
import { SallyportError } from "../../src/errors.ts";
import { type LifecycleParts, PluginLifecycle } from "../../src/host/lifecycle.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { settle } from "../helpers/fake_clock.ts";
import { tempDir } from "../helpers/signing.ts";
import { FakeHost, hanging, verified } from "./plugin/fake_parts.ts";

/** A lifecycle over folders that are there, each with the bundle that a test puts into it. */
async function scene() {
  const dir = await tempDir();
  const host = new FakeHost();
  const lifecycle = new PluginLifecycle(host.parts as LifecycleParts);
  const put = async (version: string, name = "sample", fields = {}) => {
    const path = await Deno.realPath(dir.path) + `/${name}`;
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeTextFile(`${path}/plugin.json`, "{}");
    host.folders.set(path, verified(version, name, fields));
    return path;
  };
  return {
    host,
    lifecycle,
    put,
    dir: dir.path,
    started: () => host.started.map(({ verified: { manifest } }) => manifest.name),
    async [Symbol.asyncDispose]() {
      await lifecycle.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

Deno.test("PluginLifecycle loads a folder once, however many ask at once", async () => {
  await using it = await scene();
  const path = await it.put("1.0.0");
  const loads = await Promise.allSettled([1, 2, 3].map(() => it.lifecycle.load(path, {})));
  const codes = loads.map((load) => load.status === "rejected" ? load.reason.code : "loaded");
  assert.deepEqual(codes.sort(), ["bad-state", "bad-state", "loaded"]);
  assert.deepEqual(it.started(), ["sample"]);
});

Deno.test("PluginLifecycle starts dependencies first, and refuses to unload what is depended on", async () => {
  await using it = await scene();
  const dependent = { dependencies: { base: "^1.0.0" } };
  await it.put("1.2.0", "base");
  await it.put("1.0.0", "top", dependent);
  await it.lifecycle.discover(it.dir, undefined);
  await it.lifecycle.loadByName("top", {});
  assert.deepEqual(it.started(), ["base", "top"]);
  await assertRejectsWithCode(it.lifecycle.unload("base", {}), "bad-state");
  await it.lifecycle.unload("base", { cascade: true });
  const states = it.lifecycle.registry.query().map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states, ["base inactive", "top inactive"]);
});

Deno.test("PluginLifecycle reloads to what is in the folder by then", async () => {
  await using it = await scene();
  const path = await it.put("1.0.0");
  const plugin = await it.lifecycle.load(path, {});
  await it.put("2.0.0");
  await it.lifecycle.reload("sample");
  assert.equal(plugin.manifest?.version, "2.0.0");
  await assertRejectsWithCode(it.lifecycle.load(path, {}), "bad-state");
});

Deno.test("PluginLifecycle keeps what runs where the new version is refused, and tells of it", async () => {
  await using it = await scene();
  const plugin = await it.lifecycle.load(await it.put("1.0.0"), {});
  await it.put("2.0.0");
  it.host.refused.set("2.0.0", new SallyportError("untrusted", "Cannot load it"));
  await assertRejectsWithCode(it.lifecycle.reload("sample"), "untrusted");
  assert.deepEqual([plugin.state, plugin.manifest?.version], ["active", "1.0.0"]);
  assert.equal(it.host.story().at(-1), "reload-failed");
});

Deno.test("PluginLifecycle lists what is refused by its folder, and gives its name to nobody else", async () => {
  await using it = await scene();
  await it.put("1.0.0");
  it.host.refused.set("1.0.0", new SallyportError("untrusted", "Cannot load it"));
  const [refused] = await it.lifecycle.discover(it.dir, undefined);
  assert.deepEqual([refused!.name, refused!.state], ["sample", "untrusted"]);
  await assertRejectsWithCode(it.lifecycle.loadByName("sample", {}), "untrusted");
  assert.deepEqual(it.started(), []);
});

Deno.test("PluginLifecycle ends a load that hangs when the plugin is unloaded or the host closes", async () => {
  await using it = await scene();
  const path = await it.put("1.0.0");
  for (const end of [() => it.lifecycle.unload("sample", {}), () => it.lifecycle.close()]) {
    it.host.starts.push(hanging);
    const load = it.lifecycle.load(path, {});
    load.catch(() => {});
    const before = it.host.started.length;
    while (it.host.started.length === before) await settle();
    await end();
    await assertRejectsWithCode(load, "cancelled");
  }
  await assertRejectsWithCode(it.lifecycle.load(path, {}), "bad-state", /closed/);
});

Deno.test("PluginLifecycle starts a lazy plugin, and what it needs, at its first call", async () => {
  await using it = await scene();
  await it.put("1.2.0", "base");
  const path = await it.put("1.0.0", "top", { dependencies: { base: "^1.0.0" } });
  await it.lifecycle.discover(it.dir, undefined);
  const plugin = await it.lifecycle.load(path, { lazy: true });
  assert.deepEqual([plugin.isLazy, it.started()], [true, []]);
  await plugin.request("plugin/call", { method: "say" });
  assert.deepEqual(it.started(), ["base", "top"]);
});

Deno.test("PluginLifecycle takes down every plugin that is refused by now", async () => {
  await using it = await scene();
  await it.lifecycle.load(await it.put("1.0.0", "one"), {});
  await it.lifecycle.load(await it.put("2.0.0", "two"), {});
  it.host.refused.set("1.0.0", new SallyportError("revoked", "Cannot load it"));
  await it.lifecycle.enforceTrust();
  const states = it.lifecycle.registry.query().map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states, ["one untrusted", "two active"]);
});
