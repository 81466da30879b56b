import assert from "node:assert/strict";
import { Quarantine, type QuarantineRecord } from "../../../src/monitor/violations/quarantine.ts";
import { createViolation } from "../../../src/monitor/violations/violations.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";

const NOW = new Date("2027-01-31T12:00:00Z");

const VIOLATIONS = Array.from({ length: 12 }, (_, index) =>
  createViolation({
    kind: "memory",
    code: "limit-exceeded",
    message: `number ${index}`,
    measured: index,
    limit: 1.5,
    unit: "bytes",
    severity: "high",
  }, NOW));

const GREEDY: Omit<QuarantineRecord, "since"> = {
  name: "greedy",
  version: "1.2.3",
  bundleHash: "ab".repeat(64),
  reason: "it crashed 6 times within 300000 ms of running",
  violations: VIOLATIONS,
};

async function dataDir(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "sallyport-quarantine-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function filesIn(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).sort();
}

Deno.test("Quarantine is empty without a folder, and makes none by looking", async () => {
  await using dir = await dataDir();
  const quarantine = new Quarantine(dir.path);
  assert.equal(await quarantine.find("greedy"), undefined);
  assert.deepEqual(await quarantine.list(), []);
  assert.equal(await quarantine.lift("greedy"), undefined);
  await quarantine.check("greedy");
  assert.deepEqual(await filesIn(dir.path), []);
});

Deno.test("Quarantine keeps a plugin in across hosts, with its last ten violations", async () => {
  await using dir = await dataDir();
  const added = await new Quarantine(dir.path).add(GREEDY, NOW);
  const again = new Quarantine(dir.path);
  const entry = await again.find("greedy");
  assert.deepEqual(entry?.record, added);
  assert.deepEqual(entry?.record, {
    ...GREEDY,
    since: NOW.toISOString(),
    violations: VIOLATIONS.slice(2),
  });
  const error = await assertRejectsWithCode(
    again.check("greedy"),
    "bad-state",
    /^Cannot load plugin "greedy": it is in quarantine since 2027-01-31T12:00:00.000Z: it crashed 6/,
  );
  assert.ok(error.hint?.includes(` quarantine lift ${dir.path} greedy`), error.hint);
  assert.equal(error.details.state, "quarantined");
  assert.equal(error.details.bundleHash, GREEDY.bundleHash);
  await again.check("modest");
});

Deno.test("Quarantine leaves one private file a plugin", async () => {
  await using dir = await dataDir();
  const quarantine = new Quarantine(dir.path);
  await quarantine.add(GREEDY, NOW);
  await quarantine.add({ ...GREEDY, reason: "again" }, NOW);
  assert.deepEqual(await filesIn(quarantine.dir), ["greedy.json"]);
  if (Deno.build.os !== "windows") {
    assert.equal((await Deno.stat(`${quarantine.dir}/greedy.json`)).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(quarantine.dir)).mode! & 0o777, 0o700);
  }
  assert.equal((await quarantine.find("greedy"))?.record?.reason, "again");
});

Deno.test("Quarantine.lift() lets one plugin out, also for a host that is running", async () => {
  await using dir = await dataDir();
  const host = new Quarantine(dir.path);
  await host.add(GREEDY, NOW);
  await host.add({ ...GREEDY, name: "loud" }, NOW);
  assert.deepEqual((await host.list()).map(({ name }) => name), ["greedy", "loud"]);
  const lifted = await new Quarantine(dir.path).lift("greedy");
  assert.equal(lifted?.record?.version, "1.2.3");
  await host.check("greedy");
  await assertRejectsWithCode(host.check("loud"), "bad-state");
  assert.equal(await host.lift("greedy"), undefined);
});

const DAMAGES: Record<string, (path: string) => Promise<void>> = {
  "an empty file": (path) => Deno.writeTextFile(path, ""),
  "half a file": async (path) => Deno.truncate(path, (await Deno.stat(path)).size / 2),
  "an unknown field": (path) =>
    edit(path, (record) => {
      record.lifted = true;
    }),
  "another schema": (path) =>
    edit(path, (record) => {
      record.schema = 2;
    }),
  "another plugin's record": (path) =>
    edit(path, (record) => {
      record.name = "other";
    }),
  "a repeated key": async (path) =>
    Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("{", '{"schema": 1,')),
  "too many bytes": (path) => Deno.writeTextFile(path, " ".repeat(300_000)),
  "a folder": async (path) => {
    await Deno.remove(path);
    await Deno.mkdir(path);
  },
  "a link to nothing": async (path) => {
    await Deno.remove(path);
    await Deno.symlink(`${path}.gone`, path);
  },
};

async function edit(
  path: string,
  change: (record: Record<string, unknown>) => void,
): Promise<void> {
  const record = JSON.parse(await Deno.readTextFile(path));
  change(record);
  await Deno.writeTextFile(path, JSON.stringify(record));
}

for (const [what, damage] of Object.entries(DAMAGES)) {
  Deno.test(`Quarantine stays in force with ${what}, and can be lifted`, async () => {
    await using dir = await dataDir();
    const quarantine = new Quarantine(dir.path);
    await quarantine.add(GREEDY, NOW);
    await damage(`${quarantine.dir}/greedy.json`);
    const [entry, ...others] = await quarantine.list();
    assert.deepEqual(others, []);
    assert.equal(entry?.record, undefined);
    assert.ok(entry?.problem);
    const error = await assertRejectsWithCode(
      quarantine.check("greedy"),
      "bad-state",
      /it is in quarantine, and the file that says why cannot be read: /,
    );
    assert.match(error.hint!, /quarantine lift/);
    assert.equal((await quarantine.lift("greedy"))?.problem, entry.problem);
    await quarantine.check("greedy");
  });
}

Deno.test("Quarantine stays in force where its folder is no folder", async () => {
  await using dir = await dataDir();
  const quarantine = new Quarantine(dir.path);
  await Deno.writeTextFile(quarantine.dir, "");
  await assertRejectsWithCode(quarantine.check("greedy"), "bad-state");
  await assertRejectsWithCode(quarantine.list(), "bad-config", /Cannot list the quarantine/);
});

Deno.test("Quarantine.add() that cannot write tells so and holds for this host", async () => {
  await using dir = await dataDir();
  const quarantine = new Quarantine(dir.path);
  await Deno.mkdir(`${quarantine.dir}/greedy.json/inside`, { recursive: true });
  await assertRejectsWithCode(
    quarantine.add(GREEDY, NOW),
    "bad-config",
    /^Cannot put plugin "greedy" into quarantine: /,
  );
  assert.deepEqual(await filesIn(quarantine.dir), ["greedy.json"], "no temporary file is left");
  await Deno.remove(`${quarantine.dir}/greedy.json`, { recursive: true });
  await assertRejectsWithCode(quarantine.check("greedy"), "bad-state", /it crashed 6 times/);
  assert.deepEqual((await quarantine.list()).map(({ name }) => name), ["greedy"]);
  assert.equal((await quarantine.lift("greedy"))?.record?.version, "1.2.3");
  await quarantine.check("greedy");
});

Deno.test("Quarantine.add() removes what killed hosts have left, and nothing younger", async () => {
  await using dir = await dataDir();
  const quarantine = new Quarantine(dir.path);
  await Deno.mkdir(quarantine.dir);
  const old = `${quarantine.dir}/.${crypto.randomUUID()}.tmp`;
  const young = `.${crypto.randomUUID()}.tmp`;
  await Deno.writeTextFile(old, "");
  await Deno.writeTextFile(`${quarantine.dir}/${young}`, "");
  const now = new Date();
  await Deno.utime(old, now, new Date(now.getTime() - 3_600_000));
  await quarantine.add(GREEDY, now);
  assert.deepEqual(await filesIn(quarantine.dir), [young, "greedy.json"]);
});

Deno.test("Quarantine: two hosts that write at once leave one whole record", async () => {
  await using dir = await dataDir();
  const hosts = [new Quarantine(dir.path), new Quarantine(dir.path)];
  await Promise.all(
    Array.from(
      { length: 40 },
      (_, index) => hosts[index % 2]!.add({ ...GREEDY, reason: `reason ${index}` }, NOW),
    ),
  );
  assert.match((await hosts[0]!.find("greedy"))?.record?.reason ?? "", /^reason \d+$/);
  assert.deepEqual(await filesIn(hosts[0]!.dir), ["greedy.json"]);
});

Deno.test("Quarantine refuses a name that would lead out of its folder", async () => {
  await using dir = await dataDir();
  const quarantine = new Quarantine(dir.path);
  for (const name of ["../greedy", "a/b", "", ".", "Greedy", "a\0"]) {
    await assert.rejects(quarantine.find(name), RangeError);
    await assert.rejects(quarantine.lift(name), RangeError);
    await assert.rejects(quarantine.add({ ...GREEDY, name }), RangeError);
  }
});

Deno.test("Quarantine makes a hostile reason safe to show", async () => {
  await using dir = await dataDir();
  const quarantine = new Quarantine(dir.path);
  await quarantine.add({ ...GREEDY, reason: `\u001b]0;x\u0007${"y".repeat(9_000)}` }, NOW);
  const error = await assertRejectsWithCode(quarantine.check("greedy"), "bad-state", /\\u001b/);
  assert.ok(!error.message.includes("\u001b"));
  assert.ok(error.message.length < 2_000);
});

Deno.test("Quarantine keeps everything in where a link in its place leads nowhere", async () => {
  await using dir = await dataDir();
  const quarantine = new Quarantine(dir.path);
  await quarantine.add(GREEDY, NOW);
  await Deno.rename(quarantine.dir, `${dir.path}/moved`);
  await Deno.symlink(`${dir.path}/gone`, quarantine.dir);
  const again = new Quarantine(dir.path);
  await assertRejectsWithCode(
    again.check("greedy"),
    "bad-state",
    /a link on its way leads nowhere/,
  );
  await assertRejectsWithCode(again.list(), "bad-config", /leads nowhere/);
  // controls: a link that leads there is as good as the folder, and no folder at all is none
  await Deno.remove(quarantine.dir);
  await Deno.symlink(`${dir.path}/moved`, quarantine.dir);
  assert.equal((await again.find("greedy"))?.record?.version, "1.2.3");
  await again.check("other");
  await Deno.remove(quarantine.dir);
  await again.check("greedy");
});
