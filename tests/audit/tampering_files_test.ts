import assert from "node:assert/strict";
import { generateKeyPair } from "../../src/crypto/ed25519.ts";
import { encodePrivateKeyPem, encodePublicKeyPem } from "../../src/crypto/pem.ts";
import { AuditLog } from "../../src/audit/write/audit_log.ts";
import { hashLine } from "../../src/audit/chain/line.ts";
import { verifyAuditLog } from "../../src/audit/verify/verify_log.ts";
import { tempDir } from "../helpers/signing.ts";
import {
  brief,
  linesOf,
  problemsOf,
  restore,
  sample,
  snapshot,
  withLines,
  writeLog,
} from "./kit.ts";

const encoder = new TextEncoder();

Deno.test("verifyAuditLog() finds the last file cut at every byte", async () => {
  await using log = await sample();
  const { file } = log.places.at(-1)!;
  const path = `${log.dir}/1/${file}`;
  const bytes = log.files.get(`1/${file}`)!;
  // the last lines byte by byte, what is before them line by line
  const ends = linesOf(bytes).reduce<number[]>(
    (all, line) => [...all, (all.at(-1) ?? 0) + line.length],
    [0],
  );
  const cuts = new Set([...ends.slice(0, -1)]);
  for (let cut = Math.max(0, bytes.length - 350); cut < bytes.length; cut++) cuts.add(cut);
  for (const cut of cuts) {
    await Deno.writeFile(path, bytes.subarray(0, cut));
    const found = brief(await problemsOf(log.dir));
    assert.ok(found.some((problem) => problem.startsWith("truncated")), `cut at ${cut}: ${found}`);
    const whole = ends.includes(cut);
    assert.equal(
      found.some((problem) => problem.startsWith("torn")),
      !whole,
      `cut at ${cut}: ${found}`,
    );
  }
});

Deno.test("verifyAuditLog() finds a file cut in the middle, and bytes added to its end", async () => {
  await using log = await sample();
  for (const file of new Set(log.places.map((place) => place.file))) {
    const bytes = log.files.get(`1/${file}`)!;
    for (const cut of [0, 1, 300, bytes.length - 1]) {
      await Deno.writeFile(`${log.dir}/1/${file}`, bytes.subarray(0, cut));
      assert.notDeepEqual(brief(await problemsOf(log.dir)), [], `${file} cut at ${cut}`);
    }
    for (const added of ["x", "\0".repeat(100), "{}\n", "\n"]) {
      await Deno.writeFile(
        `${log.dir}/1/${file}`,
        new Uint8Array([...bytes, ...encoder.encode(added)]),
      );
      const found = brief(await problemsOf(log.dir));
      assert.ok(found.some((problem) => problem.includes(file)), `${file} and ${added}: ${found}`);
    }
    await Deno.writeFile(`${log.dir}/1/${file}`, bytes);
  }
});

Deno.test("verifyAuditLog() finds every missing file: the first, one in the middle, the last, all", async () => {
  await using log = await sample();
  const names = [...new Set(log.places.map(({ file }) => file))];
  for (const [index, file] of names.entries()) {
    await Deno.remove(`${log.dir}/1/${file}`);
    const found = brief(await problemsOf(log.dir));
    const kind = index === names.length - 1 ? "truncated" : "removed";
    assert.ok(found.some((problem) => problem.startsWith(kind)), `${file}: ${found}`);
    await restore(log.dir, log.files);
  }
  for (const file of names) await Deno.remove(`${log.dir}/1/${file}`);
  assert.deepEqual(brief(await problemsOf(log.dir)), ["truncated 000003.jsonl #1"]);
  await restore(log.dir, log.files);
  // two files in each other's place
  for (const [one, other] of [[0, 1], [0, 2], [1, 2]] as const) {
    await Deno.writeFile(`${log.dir}/1/${names[one]}`, log.files.get(`1/${names[other]}`)!);
    await Deno.writeFile(`${log.dir}/1/${names[other]}`, log.files.get(`1/${names[one]}`)!);
    assert.notDeepEqual(brief(await problemsOf(log.dir)), []);
    await restore(log.dir, log.files);
  }
  assert.deepEqual(brief(await problemsOf(log.dir)), []);
});

Deno.test("verifyAuditLog() finds a head that was removed, edited, or taken from elsewhere", async () => {
  await using log = await sample();
  const path = `${log.dir}/1/head.json`;
  const text = await Deno.readTextFile(path);
  await Deno.remove(path);
  assert.deepEqual(brief(await problemsOf(log.dir)), ["head-missing head.json"]);
  for (let index = 0; index < text.length; index++) {
    const bytes = encoder.encode(text);
    bytes[index]! ^= 1;
    await Deno.writeFile(path, bytes);
    const found = brief(await problemsOf(log.dir));
    assert.match(found.join(), /^(head-edited|bad-signature) head\.json$/, `byte ${index}`);
  }
  for (
    const other of ["", "{}", text + text, text.slice(0, -1), "x".repeat(5_000), `\ufeff${text}`]
  ) {
    await Deno.writeTextFile(path, other);
    assert.deepEqual(brief(await problemsOf(log.dir)), ["head-edited head.json"]);
  }
  // the head of another chain, signed by the same key
  await Deno.writeTextFile(path, text);
  await using first = await AuditLog.open(log.dir);
  await using second = await AuditLog.open(log.dir);
  assert.deepEqual([first.chain, second.chain], [1, 2]);
  await second.checkpoint();
  await Deno.copyFile(`${log.dir}/2/head.json`, path);
  assert.ok((await problemsOf(log.dir)).some(({ kind }) => kind === "chain-moved"));
});

Deno.test("verifyAuditLog() finds an older head wherever a checkpoint tells of a newer one", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  const heads: string[] = [];
  const seqs: number[] = [];
  await using log = await AuditLog.open(dir);
  const take = async () => {
    heads.push(await Deno.readTextFile(`${dir}/1/head.json`));
    seqs.push(JSON.parse(heads.at(-1)!).seq);
  };
  await take();
  for (let n = 0; n < 6; n++) {
    log.append({ type: "denied", n });
    await log.checkpoint();
    await take();
  }
  await log[Symbol.asyncDispose]();
  for (const [index, head] of heads.entries()) {
    await Deno.writeTextFile(`${dir}/1/head.json`, head);
    const found = brief(await problemsOf(dir));
    assert.deepEqual(found, [`head-older head.json #${seqs[index]}`]);
  }
});

Deno.test("verifyAuditLog() finds a log written anew with another key, when it is given the key", async () => {
  await using log = await sample();
  const { publicKey: pinned } = await readKey(log.dir);
  assert.deepEqual(brief(await problemsOf(log.dir, pinned)), []);
  // a wrong key alone
  const other = await generateKeyPair();
  await Deno.writeTextFile(`${log.dir}/key.pub`, encodePublicKeyPem(other.publicKey));
  assert.ok((await problemsOf(log.dir)).some(({ kind }) => kind === "bad-signature"));
  assert.deepEqual(brief(await problemsOf(log.dir, pinned)), ["key-replaced key.pub"]);
  await Deno.writeTextFile(`${log.dir}/key.pub`, "no key");
  assert.ok((await problemsOf(log.dir)).some(({ kind }) => kind === "unreadable"));
  await Deno.remove(`${log.dir}/key.pub`);
  assert.deepEqual(brief(await problemsOf(log.dir, pinned)), ["key-missing key.pub"]);
  assert.deepEqual(brief(await problemsOf(log.dir)), ["key-missing key.pub"]);
  // the whole log anew
  await Deno.remove(log.dir, { recursive: true });
  await Deno.mkdir(log.dir);
  await Deno.writeTextFile(`${log.dir}/key.pem`, encodePrivateKeyPem(other.privateKey), {
    mode: 0o600,
  });
  await writeLog(log.dir, 5);
  const unpinned = await verifyAuditLog(log.dir);
  assert.equal(unpinned.ok, true);
  assert.equal(unpinned.pinned, false);
  assert.notEqual(unpinned.keyId, (await verifyAuditLog(log.dir, { publicKey: pinned })).keyId);
  assert.deepEqual(unpinned.chains[0]!.keyIds, [unpinned.keyId]);
  assert.match(unpinned.limits.join("\n"), /compare the key id/);
  const kinds = (await problemsOf(log.dir, pinned)).map(({ kind }) => kind);
  assert.ok(kinds.includes("key-replaced") && kinds.includes("bad-signature"), kinds.join());
});

Deno.test("verifyAuditLog() finds lines that were edited and hashed anew without the key", async () => {
  await using log = await sample();
  for (const index of [0, 3, 10, log.places.length - 3]) {
    let prev = index === 0 ? "0".repeat(128) : hashOf(log.places[index - 1]!.text);
    const found = await withLines(log, (lines) => {
      for (let at = index; at < lines.length; at++) {
        const place = lines[at]!;
        let text = place.text.replace(/"prev":"[0-9a-f]+"/, `"prev":"${prev}"`);
        if (at === index) text = text.replace(/"type":"./, '"type":"x');
        lines[at] = { ...place, text };
        prev = hashOf(text);
      }
    });
    assert.ok(found.some((problem) => /^(bad-signature|edited)/.test(problem)), found.join());
  }
  function hashOf(text: string): string {
    return hashLine(encoder.encode(text.slice(0, -1)));
  }
});

Deno.test("verifyAuditLog() finds a chain that is gone, or ends before where another saw it", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  {
    await using first = await AuditLog.open(dir);
    first.append({ type: "loaded", plugin: "a" });
    await first.checkpoint();
    const before = await snapshot(dir);
    for (let n = 0; n < 5; n++) first.append({ type: "denied", n });
    await first.checkpoint();
    await using second = await AuditLog.open(dir);
    second.append({ type: "loaded", plugin: "b" });
    await second.checkpoint();
    assert.deepEqual(brief(await problemsOf(dir)), []);
    const after = await snapshot(dir);
    // all of chain 1 as it was before: whole in itself, but chain 2 knows better
    const older = [...before].filter(([path]) => path.startsWith("1/"));
    await restore(dir, new Map(older));
    assert.deepEqual(brief(await problemsOf(dir)), ["truncated #4"]);
    await restore(dir, after);
  }
  await Deno.remove(`${dir}/1`, { recursive: true });
  assert.deepEqual(brief(await problemsOf(dir)), ["chain-missing"]);
});

Deno.test("verifyAuditLog() says what it cannot find: lines after the last signature", async () => {
  await using temp = await tempDir();
  const dir = temp.join("audit");
  await using log = await AuditLog.open(dir);
  log.append({ type: "loaded", plugin: "a" });
  await log.checkpoint();
  for (let n = 0; n < 5; n++) log.append({ type: "denied", n });
  const [chain] = (await verifyAuditLog(dir)).chains;
  assert.equal(chain!.toSeq - chain!.signedSeq, 5);
  const path = `${dir}/1/000001.jsonl`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.split(/(?<=\n)/).slice(0, -3).join(""));
  const report = await verifyAuditLog(dir);
  assert.equal(report.ok, true); // a clean cut there leaves nothing to see
  assert.match(report.limits[0]!, /follows the last signed line can be cut off/);
  await Deno.writeTextFile(path, text);
});

Deno.test("verifyAuditLog() refuses a folder without a log, and stops when it is told to", async () => {
  await using temp = await tempDir();
  await assert.rejects(verifyAuditLog(temp.path), /there is none/);
  await assert.rejects(verifyAuditLog(temp.join("nowhere")), /there is none/);
  await writeLog(temp.join("audit"), 3);
  const signal = AbortSignal.abort();
  await assert.rejects(verifyAuditLog(temp.join("audit"), { signal }), { name: "AbortError" });
});

async function readKey(dir: string): Promise<{ publicKey: Uint8Array }> {
  await using log = await AuditLog.open(dir);
  return { publicKey: log.publicKey };
}
