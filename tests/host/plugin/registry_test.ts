import assert from "node:assert/strict";
import { PluginRegistry, type RegistryEntry } from "../../../src/host/plugin/registry.ts";
import { PLUGIN_STATES, type PluginState } from "../../../src/host/events/plugin_state.ts";

function entry(name: string, state: PluginState, path = `/plugins/${name}`): RegistryEntry {
  return { name, state, path };
}

Deno.test("PluginRegistry lists by name and then path, and selects by state", () => {
  const registry = new PluginRegistry();
  registry.add(entry("zeta", "active"));
  registry.add(entry("alpha", "available"));
  registry.addRefused(entry("alpha", "untrusted", "/plugins/other"));
  const names = registry.query().map(({ name, path }) => `${name} ${path}`);
  assert.deepEqual(names, ["alpha /plugins/alpha", "alpha /plugins/other", "zeta /plugins/zeta"]);
  assert.deepEqual(registry.query({ state: "active" }).map(({ name }) => name), ["zeta"]);
  const either = registry.query({ state: ["untrusted", "available"] });
  assert.deepEqual(either.map(({ state }) => state), ["available", "untrusted"]);
  assert.deepEqual(registry.query({ state: [] }), []);
});

Deno.test("PluginRegistry counts every state, those without plugins too", () => {
  const registry = new PluginRegistry();
  registry.add(entry("a", "active"));
  registry.add(entry("b", "active"));
  registry.addRefused(entry("c", "failed"));
  const counts = registry.counts();
  assert.deepEqual(Object.keys(counts).sort(), [...PLUGIN_STATES, "total"].sort());
  assert.deepEqual({ ...counts, total: 0, active: 0, failed: 0 }, {
    available: 0,
    untrusted: 0,
    starting: 0,
    active: 0,
    draining: 0,
    inactive: 0,
    failed: 0,
    quarantined: 0,
    total: 0,
  });
  assert.deepEqual([counts.total, counts.active, counts.failed], [3, 2, 1]);
});

Deno.test("PluginRegistry never lets a refused bundle take a verified one's name", () => {
  const registry = new PluginRegistry();
  const imposter = entry("bank", "untrusted", "/plugins/a-imposter");
  const real = entry("bank", "active", "/plugins/bank");
  registry.addRefused(imposter);
  assert.equal(registry.get("bank"), imposter);
  assert.equal(registry.getVerified("bank"), undefined);
  registry.add(real);
  assert.equal(registry.get("bank"), real);
  registry.addRefused(entry("bank", "untrusted", "/plugins/z-imposter"));
  assert.equal(registry.get("bank"), real);
  assert.equal(registry.getVerified("bank"), real);
});

Deno.test("PluginRegistry keeps one outcome a path", () => {
  const registry = new PluginRegistry();
  registry.addRefused(entry("x", "failed", "/plugins/x"));
  registry.addRefused(entry("x", "untrusted", "/plugins/x"));
  assert.deepEqual(registry.query().map(({ state }) => state), ["untrusted"]);
  registry.add(entry("x", "available", "/plugins/x"));
  assert.deepEqual(registry.query().map(({ state }) => state), ["available"]);
});
