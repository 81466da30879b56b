import assert from "node:assert/strict";
import { Quarantine } from "../../../src/monitor/violations/quarantine.ts";
import { createViolation } from "../../../src/monitor/violations/violations.ts";
import { scratch } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";

const NOW = new Date("2027-01-31T12:00:00Z");

async function quarantined(dataDir: string, ...names: string[]): Promise<Quarantine> {
  const quarantine = new Quarantine(dataDir);
  await Deno.mkdir(`${dataDir}/store`);
  for (const name of names) {
    await quarantine.add({
      name,
      version: "1.2.3",
      bundleHash: "ab".repeat(64),
      reason: "it crashed 6 times within 300000 ms of running",
      violations: [createViolation({
        kind: "memory",
        code: "limit-exceeded",
        message: "it used too much \u001b[31mmemory",
        severity: "high",
      }, NOW)],
    }, NOW);
  }
  return quarantine;
}

Deno.test("quarantine list shows which plugins, since when and why", async () => {
  await using dir = await scratch();
  await quarantined(dir.path, "loud", "greedy");
  const text = done(await sallyport(["quarantine", "list", dir.path]));
  assert.equal(
    text,
    ["greedy", "loud"].map((name) =>
      [
        `${name} 1.2.3`,
        "  since   2027-01-31T12:00Z",
        "  reason  it crashed 6 times within 300000 ms of running",
        "  bundle  abababababababab…",
        "  last    1 violation, the last at 2027-01-31T12:00Z: " +
        "memory, high: it used too much \\u001b[31mmemory",
        "",
      ].join("\n")
    ).join("\n"),
  );
  const { plugins } = document(await inProcess(["quarantine", "list", dir.path, "--json"]));
  assert.deepEqual(plugins.map(({ name }: { name: string }) => name), ["greedy", "loud"]);
  assert.equal(plugins[0].violations[0].kind, "memory");
  assert.equal(plugins[0].file, `${dir.path}/quarantine/greedy.json`);
});

Deno.test("quarantine list names a file that cannot be read", async () => {
  await using dir = await scratch();
  const { dir: folder } = await quarantined(dir.path, "greedy");
  await Deno.writeTextFile(`${folder}/greedy.json`, "{");
  const text = done(await inProcess(["quarantine", "list", dir.path]));
  assert.match(text, /^greedy\n {2}file +.*greedy\.json\n {2}problem +cannot be read: /);
  const { plugins } = document(await inProcess(["quarantine", "list", dir.path, "--json"]));
  assert.ok(plugins[0].problem);
});

Deno.test("quarantine list says that there is none, in a data folder that never had one", async () => {
  await using dir = await scratch();
  await quarantined(dir.path);
  assert.equal(
    done(await inProcess(["quarantine", "list", `${dir.path}/`])),
    "No plugin is in quarantine\n",
  );
  const { plugins } = document(await inProcess(["quarantine", "list", dir.path, "--json"]));
  assert.deepEqual(plugins, []);
});

Deno.test("quarantine lift lets the named plugins out and no others", async () => {
  await using dir = await scratch();
  const quarantine = await quarantined(dir.path, "greedy", "loud", "slow");
  const text = done(await inProcess(["quarantine", "lift", dir.path, "greedy", "loud", "greedy"]));
  assert.equal(text, "lifted greedy\nlifted loud\n");
  assert.deepEqual((await quarantine.list()).map(({ name }) => name), ["slow"]);
  const { lifted } = document(
    await inProcess(["quarantine", "lift", dir.path, "slow", "--json"]),
  );
  assert.equal(lifted[0].reason, "it crashed 6 times within 300000 ms of running");
  assert.deepEqual(await quarantine.list(), []);
});

Deno.test("quarantine lift lets out a plugin whose file cannot be read", async () => {
  await using dir = await scratch();
  const quarantine = await quarantined(dir.path, "greedy");
  await Deno.writeTextFile(`${quarantine.dir}/greedy.json`, "");
  done(await inProcess(["quarantine", "lift", dir.path, "greedy"]));
  await quarantine.check("greedy");
});

Deno.test("quarantine lift of a plugin that is not in it fails and lifts nothing", async () => {
  await using dir = await scratch();
  const quarantine = await quarantined(dir.path, "greedy");
  const error = failed(
    await inProcess(["quarantine", "lift", dir.path, "greedy", "gredy", "--json"]),
    "bad-state",
  );
  assert.match(error.message, /"gredy": it is not in quarantine, nothing was lifted/);
  assert.deepEqual((await quarantine.list()).map(({ name }) => name), ["greedy"]);
});

Deno.test("quarantine refuses what is no data folder and what is no name", async () => {
  await using dir = await scratch();
  failed(await inProcess(["quarantine", "list", dir.path, "--json"]), "bad-config");
  failed(await inProcess(["quarantine", "list", `${dir.path}/gone`, "--json"]), "bad-config");
  failed(await inProcess(["quarantine", "lift", dir.path, "greedy", "--json"]), "bad-config");
  failed(await inProcess(["quarantine", "lift", dir.path, "../x", "--json"]), "usage", 2);
  failed(await inProcess(["quarantine", "lift", dir.path, "--json"]), "usage", 2);
});
