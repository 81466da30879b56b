import assert from "node:assert/strict";
import { AuditLog } from "../../../src/audit/write/audit_log.ts";
import type { AuditRecord } from "../../../src/audit/chain/entry.ts";
import { type AuditQuery, readAuditLog } from "../../../src/audit/verify/read_log.ts";
import { tempDir } from "../../helpers/signing.ts";
import { UNBOUND } from "../kit.ts";

function read(dir: string, query: AuditQuery = {}): Promise<AuditRecord[]> {
  return Array.fromAsync(readAuditLog(dir, query));
}

/** A clock that a test sets. */
function clock(): { now: () => Date; set(time: string): void } {
  let time = "2027-01-01T00:00:00Z";
  return { now: () => new Date(time), set: (next) => time = next };
}

Deno.test("readAuditLog() gives the entries of all chains in the order of their times", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const time = clock();
  await using one = await AuditLog.open(dir, { ...UNBOUND, now: time.now, maxFileBytes: 4_096 });
  await using two = await AuditLog.open(dir, { ...UNBOUND, now: time.now });
  for (let n = 0; n < 50; n++) {
    time.set(`2027-01-02T00:00:${String(n).padStart(2, "0")}Z`);
    (n % 3 === 0 ? two : one).append({ type: "denied", plugin: `p${n % 2}`, n });
  }
  const entries = await read(dir, { types: ["denied"] });
  assert.deepEqual(entries.map(({ fields }) => fields.n), Array.from({ length: 50 }, (_, n) => n));
  assert.deepEqual(new Set(entries.map(({ chain }) => chain)), new Set([1, 2]));
  assert.ok(new Set(entries.map(({ file }) => file)).size > 1);
  const [first] = entries;
  assert.deepEqual(first!.fields, { plugin: "p0", n: 0 });
  assert.equal(first!.line, 2);
  // chosen
  const chosen = await read(dir, {
    plugin: "p1",
    types: ["denied", "loaded"],
    since: new Date("2027-01-02T00:00:05Z"),
    until: new Date("2027-01-02T00:00:09Z"),
  });
  assert.deepEqual(chosen.map(({ fields }) => fields.n), [5, 7]);
  assert.deepEqual(await read(dir, { plugin: "nobody" }), []);
});

Deno.test("readAuditLog() follows what is written, into new files and new chains", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const stop = new AbortController();
  await using one = await AuditLog.open(dir, { ...UNBOUND, maxFileBytes: 4_096 });
  one.append({ type: "denied", n: 0 });
  const entries = readAuditLog(dir, { types: ["denied"], follow: true, signal: stop.signal });
  const next = async () => (await entries.next()).value?.fields.n;
  assert.equal(await next(), 0);
  for (let n = 1; n <= 30; n++) one.append({ type: "denied", n });
  for (let n = 1; n <= 30; n++) assert.equal(await next(), n);
  await using two = await AuditLog.open(dir);
  two.append({ type: "denied", n: 31 });
  assert.equal(await next(), 31);
  const last = entries.next();
  stop.abort();
  assert.deepEqual(await last, { done: true, value: undefined });
});

Deno.test("readAuditLog() says which lines cannot be read, and waits for the end of the last", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  {
    await using log = await AuditLog.open(dir);
    log.append({ type: "loaded", plugin: "p" });
  }
  const path = `${dir}/1/000001.jsonl`;
  await Deno.writeTextFile(path, 'not json \u001b[2J\n{"half":', { append: true });
  const entries = await read(dir);
  const { type, seq, fields, line } = entries.at(-1)!;
  assert.deepEqual({ type, seq, line }, { type: "unreadable", seq: 0, line: 4 });
  assert.deepEqual(fields, { text: "not json \u001b[2J" });
});
