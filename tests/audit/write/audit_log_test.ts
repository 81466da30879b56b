import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { keyId } from "../../../src/crypto/ed25519.ts";
import { AuditLog } from "../../../src/audit/write/audit_log.ts";
import { SallyportError } from "../../../src/errors.ts";
import { verifyAuditLog } from "../../../src/audit/verify/verify_log.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { recordingLogger } from "../../helpers/host.ts";
import { threadTimeMs, until } from "../../helpers/process.ts";
import { tempDir } from "../../helpers/signing.ts";
import { brief, placesOf, problemsOf, snapshot, UNBOUND, writeLog } from "../kit.ts";

async function typesOf(dir: string, chain = 1): Promise<string[]> {
  return placesOf(await snapshot(dir), chain).map(({ type }) => type);
}

// deno-lint-ignore no-explicit-any
async function linesWith(dir: string, type: string, chain = 1): Promise<any[]> {
  return placesOf(await snapshot(dir), chain).filter((place) => place.type === type)
    .map(({ text }) => JSON.parse(text));
}

Deno.test("append() writes a whole line at once, which carries the hash of the one before", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  await using log = await AuditLog.open(dir, { now: () => new Date("2027-01-31T12:00:00Z") });
  log.append({ type: "loaded", plugin: "word-count", version: "1.2.3", bundleHash: "ab", pid: 7 });
  const places = placesOf(await snapshot(dir)); // before anything was waited for
  assert.deepEqual(places.map(({ type }) => type), ["started", "loaded"]);
  const { prev, ...entry } = JSON.parse(places[1]!.text);
  assert.deepEqual(entry, {
    seq: 2,
    time: "2027-01-31T12:00:00.000Z",
    type: "loaded",
    plugin: "word-count",
    version: "1.2.3",
    bundleHash: "ab",
    pid: 7,
  });
  const before = places[0]!.text.trimEnd();
  assert.equal(prev, createHash("sha3-512").update(before).digest("hex"));
  assert.equal(log.keyId, keyId(log.publicKey));
  await log[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
  log.append({ type: "denied" }); // after the end: neither an error nor a line
  assert.deepEqual(await typesOf(dir), ["started", "loaded", "stopped"]);
  const [chain] = (await verifyAuditLog(dir)).chains;
  assert.deepEqual([chain!.signedSeq, chain!.closed, chain!.notes], [3, true, []]);
});

Deno.test("open() keeps the key and the log to their owner", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const logger = recordingLogger();
  await writeLog(dir, 1, { logger });
  const modes = async (path: string) =>
    ((await Deno.stat(`${dir}/${path}`)).mode! & 0o777).toString(8);
  assert.equal(await modes("."), "700");
  assert.equal(await modes("1"), "700");
  assert.equal(await modes("key.pem"), "600");
  assert.equal(await modes("1/000001.jsonl"), "600");
  assert.equal(logger.entries.length, 0);
  await Deno.chmod(`${dir}/key.pem`, 0o644);
  await writeLog(dir, 1, { logger });
  assert.match(logger.entries[0]!.message, /Others than the owner can read the key/);
});

Deno.test("checkpoints come every 256 lines, and no line in between is lost", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  await using log = await AuditLog.open(dir, UNBOUND);
  for (let n = 0; n < 2_000; n++) {
    log.append({ type: "denied", n });
    if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1)); // the host does other things
  }
  await log.checkpoint();
  await log.checkpoint();
  const numbers = (await linesWith(dir, "denied")).map(({ n }) => n);
  assert.deepEqual(numbers, Array.from({ length: 2_000 }, (_, n) => n));
  const checkpoints = await linesWith(dir, "checkpoint");
  assert.ok(checkpoints.length >= 3, `${checkpoints.length} checkpoints`);
  const [chain] = (await verifyAuditLog(dir)).chains;
  assert.equal(chain!.signedSeq, chain!.toSeq);
  assert.equal(chain!.checkpoints, checkpoints.length + 1); // and the start
  assert.deepEqual(brief(await problemsOf(dir)), []);
});

Deno.test("files rotate at their bound, and the chain goes on across them and across runs", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  for (let run = 0; run < 3; run++) await writeLog(dir, 30, { maxFileBytes: 4_096 });
  const files = [...await snapshot(dir)].filter(([path]) => path.endsWith(".jsonl"));
  assert.ok(files.length > 5);
  for (const [path, bytes] of files) assert.ok(bytes.length <= 4_096, `${path}: ${bytes.length}`);
  const report = await verifyAuditLog(dir);
  assert.deepEqual(brief(report.problems), []);
  assert.deepEqual(report.chains.map(({ fromSeq }) => fromSeq), [1]);
  assert.deepEqual(
    (await linesWith(dir, "started")).map(({ continues }) => continues !== undefined),
    [
      false,
      true,
      true,
    ],
  );
});

Deno.test("keepFiles removes older files, records that first, and only that record makes it legal", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  await writeLog(dir, 80, { maxFileBytes: 4_096 });
  const whole = (await verifyAuditLog(dir)).chains[0]!;
  assert.equal(whole.retainedFrom, undefined);
  await writeLog(dir, 40, { maxFileBytes: 4_096, keepFiles: 3 });
  const report = await verifyAuditLog(dir);
  assert.deepEqual(brief(report.problems), []);
  const [chain] = report.chains;
  assert.ok(chain!.files.length <= 4, chain!.files.join()); // one more until the next rotation
  assert.equal(chain!.fromSeq, chain!.retainedFrom);
  // one file more goes without a record
  await Deno.remove(`${dir}/1/${chain!.files[0]}`);
  const found = brief(await problemsOf(dir));
  assert.equal(found.length, 1);
  assert.match(found[0]!, new RegExp(`^removed ${chain!.files[1]} line 1 #${chain!.fromSeq}$`));
});

Deno.test("two hosts on one folder write a chain each; a third takes the chain that is free", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const logs = await Promise.all([1, 2, 3].map(() => AuditLog.open(dir)));
  assert.deepEqual(logs.map(({ chain }) => chain).sort(), [1, 2, 3]);
  assert.equal(new Set(logs.map(({ keyId }) => keyId)).size, 1);
  logs.forEach((log, n) => log.append({ type: "loaded", plugin: `p${n}` }));
  await logs.find(({ chain }) => chain === 2)![Symbol.asyncDispose]();
  await using again = await AuditLog.open(dir);
  assert.equal(again.chain, 2);
  for (const log of logs) await log[Symbol.asyncDispose]();
  const report = await verifyAuditLog(dir);
  assert.deepEqual(brief(report.problems), []);
  assert.equal(new Set(report.chains.map(({ id }) => id)).size, 3);
});

Deno.test("open() cuts off a torn last line, and records what it was", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  for (const torn of ["{", '{"seq":9,"time":"2027', "\0\0\0\0", "x".repeat(60_000)]) {
    await writeLog(dir, 3);
    const file = `${dir}/1/000001.jsonl`;
    await Deno.writeTextFile(file, torn, { append: true });
    assert.deepEqual((await problemsOf(dir)).map(({ kind }) => kind), ["torn"]);
    await writeLog(dir, 1);
    assert.deepEqual(brief(await problemsOf(dir)), []);
    const { torn: recorded } = (await linesWith(dir, "started")).at(-1);
    assert.equal(recorded.file, "000001.jsonl");
    assert.equal(recorded.bytes, torn.length);
    assert.equal(recorded.hash, createHash("sha3-512").update(torn).digest("hex"));
    assert.equal(recorded.text.slice(0, 4_096), torn.slice(0, 4_096));
  }
});

Deno.test("open() never writes to a chain that was cut or edited: the proof would be gone", async () => {
  const damages: Record<string, (dir: string) => Promise<void>> = {
    "a cut tail": async (dir) => await Deno.truncate(`${dir}/000001.jsonl`, 700),
    "a removed file": async (dir) => await Deno.remove(`${dir}/000001.jsonl`),
    "a removed head": async (dir) => await Deno.remove(`${dir}/head.json`),
    "an edited head": async (dir) => {
      const text = await Deno.readTextFile(`${dir}/head.json`);
      await Deno.writeTextFile(`${dir}/head.json`, text.replace(/"seq":\d+/, '"seq":2'));
    },
    "a line that was added": async (dir) =>
      await Deno.writeTextFile(`${dir}/000001.jsonl`, "{}\n", { append: true }),
  };
  for (const [what, damage] of Object.entries(damages)) {
    await using temp = await tempDir();
    const dir = temp.join("audit");
    await writeLog(dir, 3);
    await damage(`${dir}/1`);
    const before = brief(await problemsOf(dir));
    assert.ok(before.length > 0, what);
    const files = await snapshot(`${dir}/1`);
    const logger = recordingLogger();
    {
      await using log = await AuditLog.open(dir, { logger });
      assert.equal(log.chain, 2, what);
    }
    assert.deepEqual(await snapshot(`${dir}/1`), files, what);
    assert.deepEqual(brief(await problemsOf(dir)).slice(0, before.length), before, what);
    const [started] = await linesWith(dir, "started", 2);
    assert.equal(started.damaged[0].chain, 1, what);
    assert.match(logger.entries[0]!.message, /tampered with/);
  }
});

Deno.test("open() refuses a folder whose key is missing, damaged or another", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  await writeLog(dir, 1);
  const other = temp.join("other");
  await writeLog(other, 1);
  const pem = await Deno.readTextFile(`${dir}/key.pem`);
  await Deno.copyFile(`${other}/key.pem`, `${dir}/key.pem`);
  await assertRejectsWithCode(
    AuditLog.open(dir),
    "bad-config",
    /key\.pub is not the key of key\.pem/,
  );
  await Deno.remove(`${dir}/key.pem`);
  await assertRejectsWithCode(AuditLog.open(dir), "bad-config", /its key is missing/);
  await Deno.writeTextFile(`${dir}/key.pem`, pem.slice(0, 60), { mode: 0o600 });
  const error = await assertRejectsWithCode(AuditLog.open(dir), "bad-config");
  assert.ok(!error.message.includes(pem.slice(30, 60)), "never a part of the key");
  await Deno.writeTextFile(`${dir}/key.pem`, pem);
  await Deno.remove(`${dir}/key.pub`);
  await writeLog(dir, 1); // a public key can be made again
  assert.deepEqual(brief(await problemsOf(dir)), []);
  await assertRejectsWithCode(
    AuditLog.open("/proc/nowhere"),
    "bad-config",
    /Cannot open audit log/,
  );
});

Deno.test("open() refuses options out of range", async () => {
  for (
    const options of [
      { maxFileBytes: 4_095 },
      { maxFileBytes: NaN },
      { maxFileBytes: 2 ** 31 },
      { keepFiles: 1 },
      { keepFiles: 2.5 },
      { maxLinesPerSecond: 0 },
    ]
  ) {
    await assert.rejects(AuditLog.open("/nowhere", options), RangeError);
  }
});

Deno.test("open() removes a chain that a killed host had not finished making", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  await Deno.mkdir(`${dir}/new-1234`, { recursive: true });
  await Deno.writeTextFile(`${dir}/new-1234/head.json.new`, "{");
  await writeLog(dir, 1);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort(), [
    "1",
    "key.pem",
    "key.pub",
  ]);
});

Deno.test("append() takes whatever it is given, without an error and in one bounded line", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const hostile: Record<string, unknown>[] = [
    { type: "denied", text: "x".repeat(10_000_000) },
    { type: "denied", text: "\u0000\u001b[2J\u202e".repeat(100_000) },
    { type: "denied", text: "\n\n{}\n", lone: "\ud800" },
    { type: "denied", list: Array.from({ length: 1_000_000 }, (_, n) => n) },
    {
      type: "denied",
      ...Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n])),
    },
    { type: "denied", deep: JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`) },
    { type: "denied", cycle },
    { type: "denied", big: 10n ** 500n, symbol: Symbol("s"), fn() {}, nan: NaN, undef: undefined },
    {
      type: "denied",
      get trap() {
        throw new Error("trap");
      },
    },
    new Proxy({ type: "denied" }, {
      ownKeys() {
        throw new Error("trap");
      },
    }),
    { type: "denied", seq: 1, time: "never", prev: "x", signature: "y", ["__proto__x"]: 1 },
    JSON.parse('{"type":"denied","__proto__":{"a":1},"b":{"__proto__":1}}'),
    { type: "checkpoint", chain: "x" },
    { type: "retention", first: "000009.jsonl", firstSeq: 9, before: "0" },
    { type: "Not A Type\n" },
    { type: 7 },
    { type: "denied", plugin: { toString: () => "p" } },
    {
      type: "denied",
      bytes: new Uint8Array(1_000_000),
      at: new Date(NaN),
      map: new Map([[{}, 1]]),
    },
    { type: "failed", error: new SallyportError("untrusted", "no", { details: { keys: ["a"] } }) },
  ];
  {
    await using log = await AuditLog.open(dir);
    for (const entry of hostile) log.append(entry as never);
    log.append(undefined as never);
    log.append(null as never);
  }
  assert.deepEqual(brief(await problemsOf(dir)), []);
  const places = placesOf(await snapshot(dir));
  for (const { text } of places) assert.ok(text.length <= 65_536, `${text.length}`);
  assert.equal(places.filter(({ type }) => type === "denied").length, hostile.length - 5);
  assert.equal(places.filter(({ type }) => type === "other").length, 4);
  const [failed] = await linesWith(dir, "failed");
  assert.deepEqual(failed.error, { code: "untrusted", message: "no", details: { keys: ["a"] } });
  const [first] = await linesWith(dir, "denied");
  assert.match(first.text, /^x{4096}…\[9995904 more\]$/);
});

Deno.test("a flood of one kind is counted, costs next to nothing, and leaves other kinds alone", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  await using log = await AuditLog.open(dir);
  const began = threadTimeMs();
  for (let n = 0; n < 100_000; n++) {
    log.append({ type: "denied", plugin: "hostile", message: "it may not", n });
    if (n === 50_000) log.append({ type: "violation", plugin: "hostile" });
    if (n === 60_000) log.append({ type: "denied", plugin: "honest" });
  }
  const took = threadTimeMs() - began;
  assert.ok(took < 2_500, `${took} ms`); // 30 to 100 ms where nothing else runs
  await until(async () => (await linesWith(dir, "suppressed")).length > 0, "the count");
  await log[Symbol.asyncDispose]();
  const written = await linesWith(dir, "denied");
  const counted = (await linesWith(dir, "suppressed")).reduce((sum, { count }) => sum + count, 0);
  assert.equal(written.length + counted, 100_001);
  assert.ok(written.length < 1_000, `${written.length} lines`);
  assert.equal(written.filter(({ plugin }) => plugin === "honest").length, 1);
  assert.equal((await linesWith(dir, "violation")).length, 1);
  const [begun] = await linesWith(dir, "suppressing");
  assert.deepEqual([begun.of, begun.plugin], ["denied", "hostile"]);
  const report = await verifyAuditLog(dir);
  assert.equal(report.chains[0]!.notWritten, counted);
  assert.deepEqual(brief(report.problems), []);
});

Deno.test("append() at a rate that no disk takes rotates and keeps every line", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  {
    await using log = await AuditLog.open(dir, { ...UNBOUND, maxFileBytes: 4_096 });
    for (let n = 0; n < 1_500; n++) {
      log.append({ type: "denied", n });
      if (n % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  const report = await verifyAuditLog(dir);
  assert.deepEqual(brief(report.problems), []);
  assert.ok(report.chains[0]!.files.length > 60);
  assert.equal((await linesWith(dir, "denied")).length, 1_500);
});

Deno.test("verifyAuditLog() finds nothing wrong in a log that two hosts write and rotate", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const options = { ...UNBOUND, maxFileBytes: 8_192, keepFiles: 4 };
  await using log = await AuditLog.open(dir, options);
  await using other = await AuditLog.open(dir, options);
  let running = true;
  const writing = (async () => {
    for (let n = 0; running; n++) {
      log.append({ type: "denied", n, text: "x".repeat(n % 500) });
      other.append({ type: "denied", n });
      if (n % 20 === 0) await Promise.all([log.checkpoint(), other.checkpoint()]);
      if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  for (let files = 0; files < 20;) {
    const { problems, chains } = await verifyAuditLog(dir);
    assert.deepEqual(brief(problems), []);
    files = parseInt(chains[0]!.files.at(-1)!);
  }
  running = false;
  await writing;
});
