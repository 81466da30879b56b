import assert from "node:assert/strict";
import { encodeHex } from "@std/encoding/hex";
import { AuditLog } from "../../../src/audit/write/audit_log.ts";
import { generateKeyPair } from "../../../src/crypto/ed25519.ts";
import { encodePublicKeyPem } from "../../../src/crypto/pem.ts";
import { until } from "../../helpers/process.ts";
import { scratch } from "../bundles.ts";
import {
  command,
  document,
  done,
  failed,
  inProcess,
  type Outcome,
  sallyport,
} from "../sallyport.ts";

const HASH = "ab".repeat(64);

/** Writes a log with what a hostile plugin may have said, into the audit folder of a data folder. */
async function writeSample(data: string): Promise<{ keyId: string; hex: string }> {
  let minute = 0;
  const now = () => new Date(Date.UTC(2027, 0, 31, 12, minute++));
  await using log = await AuditLog.open(`${data}/audit`, { now });
  await log.checkpoint(); // the first line is on the disk, which takes a minute
  const plugin = "word-count";
  log.append({ type: "loaded", plugin, version: "1.0.0", bundleHash: HASH, pid: 7 });
  for (let n = 0; n < 5; n++) log.append({ type: "denied", plugin, n });
  log.append({
    type: "violation",
    plugin: "evil",
    message: "\u001b[2J\u001b]0;owned\u0007\u202eback\u009b31m\nLine 2",
    "key\u001b[31m": ["\u0000"],
  });
  log.append({ type: "unloaded", plugin, reason: "asked" });
  return { keyId: log.keyId, hex: encodeHex(log.publicKey) };
}

/** Changes a file of the first chain. */
async function edit(data: string, change: (text: string) => string): Promise<void> {
  const path = `${data}/audit/1/000001.jsonl`;
  await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
}

/** A command that found something wrong: exit code 1, and its findings on stdout. */
function found(outcome: Outcome): string {
  assert.equal(outcome.code, 1, outcome.stderr);
  assert.equal(outcome.stderr, "");
  return outcome.stdout;
}

Deno.test("audit verify says what it checked, and what no check can find", async () => {
  await using dir = await scratch();
  const { keyId, hex } = await writeSample(dir.path);
  const text = done(await sallyport(["audit", "verify", dir.path]));
  assert.match(text, /Chain 1 {2}lines 1 to 10/);
  assert.match(text, /signed +up to line 10/);
  assert.match(text, new RegExp(`key +${keyId}, the one beside the log`));
  assert.match(text, /Nothing is wrong in 10 lines/);
  assert.match(text, /What this cannot find:\n {2}- What follows the last signed line/);
  assert.match(text, /Whoever has the signing key/);
  assert.match(text, /compare the key id/);
  // the audit folder itself, and the key from elsewhere: in hex or as a file
  for (const key of [hex, `${dir.path}/audit/key.pub`]) {
    const pinned = done(await inProcess(["audit", "verify", `${dir.path}/audit/`, "--key", key]));
    assert.match(pinned, new RegExp(`key +${keyId}\n`));
    assert.doesNotMatch(pinned, /compare the key id/);
  }
  const report = document(await inProcess(["audit", "verify", dir.path, "--json"]));
  assert.deepEqual([report.ok, report.keyId, report.problems], [true, keyId, []]);
  assert.equal(report.chains[0].signedSeq, 10);
});

Deno.test("audit verify exits with 1 and says where a line was edited, removed or cut off", async () => {
  const cases: [RegExp, (text: string) => string][] = [
    [/edited: Line 2 of 000001\.jsonl/, (text) => text.replace('"pid":7', '"pid":8')],
    [
      /removed: Before line 5 of 000001\.jsonl: line 5 is missing/,
      (text) => text.split(/(?<=\n)/).toSpliced(4, 1).join(""),
    ],
    [
      /truncated: At the end of 000001\.jsonl: lines 9 to 10 are missing/,
      (text) => text.split(/(?<=\n)/).slice(0, 8).join(""),
    ],
    [/torn: Line 11 of 000001\.jsonl/, (text) => `${text}{"seq":11`],
  ];
  for (const [pattern, change] of cases) {
    await using dir = await scratch();
    await writeSample(dir.path);
    await edit(dir.path, change);
    const text = found(await inProcess(["audit", "verify", dir.path]));
    assert.match(text, /\n1 problem:\n/);
    assert.match(text, pattern);
    const report = JSON.parse(found(await inProcess(["audit", "verify", dir.path, "--json"])));
    assert.equal(report.ok, false);
    assert.equal(report.problems.length, 1);
  }
  await using dir = await scratch();
  await writeSample(dir.path);
  await Deno.remove(`${dir.path}/audit/1/head.json`);
  const outcome = await sallyport(["audit", "verify", dir.path], { env: {} }); // the exit code of the process
  assert.match(found(outcome), /head-missing: head\.json is missing/);
});

Deno.test("audit verify and show tell apart what a killed host left unsigned", async () => {
  await using dir = await scratch();
  await writeSample(dir.path);
  // the state after a kill: the head and the lines of a run that has not ended, and one that anybody added
  const chain = `${dir.path}/audit/1`;
  {
    await using log = await AuditLog.open(`${dir.path}/audit`);
    log.append({ type: "loaded", plugin: "honest" });
    await Deno.copyFile(`${chain}/head.json`, `${dir.path}/head`);
    await Deno.copyFile(`${chain}/000001.jsonl`, `${dir.path}/lines`);
  }
  await Deno.rename(`${dir.path}/head`, `${chain}/head.json`);
  await Deno.rename(`${dir.path}/lines`, `${chain}/000001.jsonl`);
  const before = done(await inProcess(["audit", "verify", dir.path]));
  assert.match(before, /unsigned +1 line at the end\n +open +a host writes to it, or was killed/);
  await (await AuditLog.open(`${dir.path}/audit`))[Symbol.asyncDispose]();
  const after = done(await inProcess(["audit", "verify", dir.path]));
  assert.match(after, /note: Lines 12 to 12 were left unsigned .* taken over by line 13/);
  const text = done(await inProcess(["audit", "show", dir.path]));
  assert.match(text, /#1 loaded {6}UNSIGNED honest\n.* started .*takenOver=\{"from":12,"lines":1/);
  assert.equal(text.match(/UNSIGNED/g)!.length, 1);
  const { entries } = document(await inProcess(["audit", "show", dir.path, "--json"]));
  assert.deepEqual(
    entries.filter(({ unsigned }: { unsigned?: boolean }) => unsigned)
      .map(({ seq, plugin }: { seq: number; plugin: string }) => [seq, plugin]),
    [[12, "honest"]],
  );
});

Deno.test("audit verify --key finds a log that was written anew with another key", async () => {
  await using dir = await scratch();
  await writeSample(dir.path);
  const { publicKey } = await generateKeyPair();
  const path = `${dir.path}/mine.pub`;
  await Deno.writeTextFile(path, encodePublicKeyPem(publicKey));
  const text = found(await inProcess(["audit", "verify", dir.path, "--key", path]));
  assert.match(text, /key-replaced: key\.pub is another key than the given one/);
  assert.match(text, /bad-signature: head\.json was not signed by the log's key/);
});

Deno.test("audit commands refuse what is no audit log, and wrong usage", async () => {
  await using dir = await scratch();
  for (const verb of ["verify", "show"]) {
    const { message } = failed(await inProcess(["audit", verb, dir.path, "--json"]), "bad-config");
    assert.match(message, /Cannot read audit log ".*": there is none/);
    failed(await inProcess(["audit", verb, `${dir.path}/nowhere`, "--json"]), "bad-config");
    failed(await inProcess(["audit", verb, "--json"]), "usage", 2);
  }
  await writeSample(dir.path);
  failed(
    await inProcess(["audit", "verify", dir.path, "--key", "nowhere.pub", "--json"]),
    "bad-config",
  );
  for (
    const wrong of [["--since", "yesterday"], ["--limit", "0"], ["--limit", "many"], [
      "--until",
      "1",
    ]]
  ) {
    failed(await inProcess(["audit", "show", dir.path, ...wrong, "--json"]), "usage", 2);
  }
  failed(await inProcess(["audit", "shw", dir.path, "--json"]), "usage", 2);
});

Deno.test("audit show escapes what a terminal would act on", async () => {
  await using dir = await scratch();
  await writeSample(dir.path);
  await edit(dir.path, (text) => `${text}\u001b[2Jnot a line\u202e\n`);
  const text = done(await sallyport(["audit", "show", dir.path]));
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  const lines = text.trimEnd().split("\n");
  assert.equal(lines.length, 11);
  assert.equal(
    lines[1],
    `2027-01-31T12:03:00.000Z #1 loaded      word-count 1.0.0 bundleHash=${
      HASH.slice(0, 16)
    }… pid=7`,
  );
  assert.ok(
    lines.some((line) =>
      line.includes(String.raw`message="\u001b[2J\u001b]0;owned\u0007\u202eback`)
    ),
  );
  assert.match(lines.at(-1)!, /unreadable +UNSIGNED text="\\u001b\[2Jnot a line\\u202e"/);
  const json = done(await inProcess(["audit", "show", dir.path, "--json"]));
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(json.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u202e]/);
});

Deno.test("audit show chooses entries by plugin, type and time, and shows the latest", async () => {
  await using dir = await scratch();
  await writeSample(dir.path);
  const show = async (...options: string[]) =>
    document(await inProcess(["audit", "show", dir.path, "--json", ...options]));
  const types = async (...options: string[]) =>
    (await show(...options)).entries.map(({ type }: { type: string }) => type);
  assert.deepEqual(await types("--plugin", "evil"), ["violation"]);
  assert.deepEqual(await types("--type", "loaded", "--type", "unloaded"), ["loaded", "unloaded"]);
  assert.equal((await types("--type", "denied", "--since", "2027-01-31T12:06:00Z")).length, 3);
  assert.equal((await types("--type", "denied", "--until", "2027-01-31T12:06:00Z")).length, 2);
  assert.deepEqual(await types("--since", "2028-01-01"), []);
  const { omitted, entries } = await show("--type", "denied", "--limit", "2");
  assert.equal(omitted, 3);
  assert.deepEqual(entries.map(({ n }: { n: number }) => n), [3, 4]);
  assert.deepEqual(entries[0].plugin, "word-count");
  assert.equal(entries[0].line, entries[0].seq);
  const text = done(
    await inProcess(["audit", "show", dir.path, "--type", "denied", "--limit", "2"]),
  );
  assert.match(text, /^\(3 earlier: see --limit\)\n/);
  assert.equal(
    done(await inProcess(["audit", "show", dir.path, "--plugin", "none"])),
    "No entries\n",
  );
  assert.match(
    done(await inProcess(["audit", "show", dir.path, "--type", "bogus", "--type", "\x1b[2J"])),
    /^No entries of type bogus or \\u001b\[2J; there are: (?:[a-z]+, )*denied, (?:[a-z]+, )*[a-z]+\n$/,
  );
});

Deno.test("audit show --follow prints what a host writes meanwhile, and ends with Ctrl-C", async () => {
  await using dir = await scratch();
  await using log = await AuditLog.open(`${dir.path}/audit`);
  log.append({ type: "denied", plugin: "p", n: 0 });
  const args = ["audit", "show", dir.path, "--follow", "--type", "denied", "--json"];
  const child = command(args).spawn();
  let text = "";
  const reading = (async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) text += chunk;
  })();
  const numbers = () => text.split("\n").slice(0, -1).map((line) => JSON.parse(line).n);
  await until(() => numbers().includes(0), "the entry that was there");
  for (let n = 1; n <= 3; n++) log.append({ type: "denied", plugin: "p", n });
  await until(() => numbers().includes(3), "the new entries");
  assert.deepEqual(numbers(), [0, 1, 2, 3]);
  child.kill("SIGINT");
  const [{ code }] = await Promise.all([child.status, reading]);
  await child.stderr.cancel();
  assert.equal(code, 0);
});
