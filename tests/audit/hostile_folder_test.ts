import assert from "node:assert/strict";
import { AuditLog } from "../../src/audit/write/audit_log.ts";
import { readAuditLog } from "../../src/audit/verify/read_log.ts";
import { verifyAuditLog } from "../../src/audit/verify/verify_log.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { recordingLogger } from "../helpers/host.ts";
import { tempDir } from "../helpers/signing.ts";
import { problemsOf, snapshot, writeLog } from "./kit.ts";

const unix = { ignore: Deno.build.os === "windows" }; // it has neither FIFOs nor modes

async function fifo(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert.ok(success);
}

const kindsOf = async (dir: string) =>
  [...new Set((await problemsOf(dir)).map(({ kind }) => kind))].sort().join(" ");

/** A host that writes, an act, and what it says then. */
async function whileWriting(
  act: (dir: string) => Promise<unknown>,
): Promise<{ told: string[]; kinds: string; recorded: unknown[]; numbers: unknown[] }> {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const logger = recordingLogger();
  {
    await using log = await AuditLog.open(dir, { logger });
    log.append({ type: "denied", n: 1 });
    await log.checkpoint();
    assert.equal(logger.entries.length, 0, "the control: nothing is told without the act");
    await act(dir);
    await log.checkpoint();
    log.append({ type: "denied", n: 2 });
    await log.checkpoint();
  }
  const records = await Array.fromAsync(readAuditLog(dir));
  return {
    told: logger.entries.map(({ message, fields }) =>
      `${message}: ${fields.problem ?? fields.reason}`
    ),
    kinds: await kindsOf(dir),
    recorded: records.filter(({ type }) => type === "damaged").map(({ fields }) => fields.file),
    numbers: records.filter(({ type }) => type === "denied").map(({ fields }) => fields.n),
  };
}

Deno.test("a host notices that its file is gone, says so, and goes on in the next", async () => {
  const { told, kinds, recorded, numbers } = await whileWriting((dir) =>
    Deno.remove(`${dir}/1/000001.jsonl`)
  );
  assert.deepEqual(told, [
    "A file of the audit log was removed or changed while it is written: is not there any more",
  ]);
  assert.deepEqual(recorded, ["000001.jsonl"]);
  assert.deepEqual(numbers, [2]);
  assert.equal(kinds, "removed");
});

Deno.test("a host notices a file in the place of its own, and bytes that it has not written", async () => {
  const replaced = await whileWriting(async (dir) => {
    const path = `${dir}/1/000001.jsonl`;
    await Deno.copyFile(path, `${dir}/copy`);
    await Deno.rename(`${dir}/copy`, path);
  });
  assert.match(replaced.told.join(), /is another file than the one that is written$/);
  assert.deepEqual(replaced.numbers, [1, 2]);
  const added = await whileWriting((dir) =>
    Deno.writeTextFile(`${dir}/1/000001.jsonl`, "{}\n", { append: true })
  );
  assert.match(added.told.join(), /instead of \d+: another has written there$/);
  assert.equal(added.kinds, "edited");
  assert.deepEqual(added.numbers, [1, 2]);
});

Deno.test("a host makes its lock again where that was removed, before another host takes its chain", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const logger = recordingLogger();
  await using log = await AuditLog.open(dir, { logger });
  await Deno.remove(`${dir}/1/lock`);
  await log.checkpoint();
  assert.deepEqual(logger.entries.map(({ fields }) => fields.problem), [
    "was removed, and is made again",
  ]);
  await using other = await AuditLog.open(dir);
  assert.equal(other.chain, 2);
  // the control: before anybody looks, it is taken, and both say so
  await Deno.remove(`${dir}/1/lock`);
  await using third = await AuditLog.open(dir);
  assert.equal(third.chain, 1);
  await log.checkpoint();
  assert.match(String(logger.entries[1]!.fields.problem), /another host writes to the same chain/);
  assert.notEqual(await kindsOf(dir), "");
});

Deno.test("a host notices that another chain was removed or put back to what it was", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const logger = recordingLogger();
  await using log = await AuditLog.open(dir, { logger });
  await using other = await AuditLog.open(dir);
  await log.checkpoint();
  log.append({ type: "denied" });
  await log.checkpoint();
  const head = await Deno.readFile(`${dir}/2/head.json`);
  other.append({ type: "denied" });
  await other.checkpoint();
  log.append({ type: "denied" });
  await log.checkpoint();
  assert.equal(logger.entries.length, 0, "the control: it grows");
  await Deno.writeFile(`${dir}/2/head.json`, head);
  await log.checkpoint();
  await Deno.rename(`${dir}/2`, temp.join("elsewhere"));
  await log.checkpoint();
  assert.deepEqual(logger.entries.map(({ fields }) => fields.file), ["chain 2", "chain 2"]);
  assert.equal(await kindsOf(dir), "chain-missing");
});

Deno.test({
  ...unix,
  name: "a host says that its folder is gone, and keeps working",
  async fn() {
    await using temp = await tempDir();
    const dir = temp.join("audit");
    const logger = recordingLogger();
    await using log = await AuditLog.open(dir, { logger });
    await log.checkpoint(); // nothing is under way any more
    await Deno.rename(dir, temp.join("elsewhere"));
    log.append({ type: "denied" });
    await log.checkpoint();
    assert.match(logger.entries[0]!.message, /Cannot find the files of the audit log/);
  },
});

Deno.test({
  ...unix,
  name: "what lies where head.json is made is neither followed nor waited for",
  async fn() {
    await using temp = await tempDir();
    await Deno.writeTextFile(temp.join("precious"), "keep me");
    const linked = await whileWriting((dir) =>
      Deno.symlink(temp.join("precious"), `${dir}/1/head.json.new`)
    );
    const waiting = await whileWriting((dir) => fifo(`${dir}/1/head.json.new`));
    for (const { told, kinds } of [linked, waiting]) assert.deepEqual([told, kinds], [[], ""]);
    assert.equal(await Deno.readTextFile(temp.join("precious")), "keep me");
  },
});

Deno.test("a file that lies where the next one would begin is told, and the log goes on", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const logger = recordingLogger();
  {
    await using log = await AuditLog.open(dir, { logger, maxFileBytes: 4_096 });
    await Deno.writeTextFile(`${dir}/1/000002.jsonl`, "");
    for (let n = 0; n < 30; n++) log.append({ type: "denied", n, text: "x".repeat(100) });
    await log.checkpoint();
  }
  assert.deepEqual(logger.entries.map(({ fields }) => fields.problem), [
    "is there, and this host has not made it",
  ]);
  assert.equal(await kindsOf(dir), "");
  const [chain] = (await verifyAuditLog(dir)).chains;
  assert.match(chain!.notes.join(), /000002\.jsonl is there, and this host has not made it/);
  const denied = await Array.fromAsync(readAuditLog(dir, { types: ["denied"] }));
  assert.equal(denied.length, 30);
});

Deno.test({
  ...unix,
  name: "open() refuses a folder that others may write to, and takes one that they may read",
  async fn() {
    await using temp = await tempDir();
    const dir = temp.join("audit");
    await Deno.mkdir(dir);
    await Deno.chmod(dir, 0o755);
    await writeLog(dir, 1);
    for (const mode of [0o777, 0o1777, 0o775]) {
      await Deno.chmod(dir, mode);
      const shown = new RegExp(
        `others than its owner may write to the folder \\(mode ${(mode & 0o777).toString(8)}\\)`,
      );
      const error = await assertRejectsWithCode(AuditLog.open(dir), "bad-config", shown);
      assert.match(error.hint!, /chmod go-w/);
    }
  },
});

Deno.test({
  ...unix,
  name: "open() neither waits for a FIFO nor follows a link, wherever one lies",
  async fn() {
    const places: Record<string, "refused" | "left alone"> = {
      "key.pem": "refused",
      "key.pub": "refused",
      "1": "left alone",
      "1/lock": "left alone",
      "1/head.json": "left alone",
      "1/000001.jsonl": "left alone",
      "1/000002.jsonl": "left alone",
    };
    for (const [path, expected] of Object.entries(places)) {
      for (const what of ["FIFO", "link"]) {
        await using temp = await tempDir();
        const dir = temp.join("audit");
        await writeLog(dir, 1);
        await Deno.rename(`${dir}/${path}`, temp.join("moved")).catch(() => {});
        if (what === "FIFO") await fifo(`${dir}/${path}`);
        else await Deno.symlink(temp.join("moved"), `${dir}/${path}`);
        const opening = AuditLog.open(dir);
        if (expected === "refused") {
          await assertRejectsWithCode(opening, "bad-config", /is a link or no plain file/);
          continue;
        }
        await using log = await opening;
        assert.equal(log.chain, 2, `${what} in place of ${path}`);
        assert.notEqual(await kindsOf(dir), "", `${what} in place of ${path}`);
      }
    }
  },
});

Deno.test({
  ...unix,
  name: "open() does not write to a chain whose folder others may write to",
  async fn() {
    await using temp = await tempDir();
    const dir = temp.join("audit");
    await writeLog(dir, 1);
    await Deno.chmod(`${dir}/1`, 0o777);
    await using log = await AuditLog.open(dir);
    assert.equal(log.chain, 2);
    const { notes } = await verifyAuditLog(dir);
    assert.match(notes.join(), /Others than its owner may write to .*\/audit\/1 \(mode 777\)/);
  },
});

Deno.test("a log of the format before is told, left as it is, and another chain begun", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  await writeLog(dir, 1);
  await Deno.writeTextFile(`${dir}/1/head.json`, '{"schema":1,"chain":"x"}\n');
  const before = await snapshot(`${dir}/1`);
  const logger = recordingLogger();
  {
    await using log = await AuditLog.open(dir, { logger });
    assert.equal(log.chain, 2);
  }
  assert.match(logger.entries[0]!.message, /of an older format and is left alone/);
  assert.deepEqual(await snapshot(`${dir}/1`), before);
  const { ok, problems } = await verifyAuditLog(dir);
  assert.deepEqual([ok, problems.map(({ kind }) => kind)], [false, ["old-format"]]);
});
