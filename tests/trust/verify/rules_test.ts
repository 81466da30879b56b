import assert from "node:assert/strict";
import fc from "fast-check";
import { readBundle } from "../../../src/bundle/reading/reading.ts";
import { SallyportError, type SallyportErrorCode } from "../../../src/errors.ts";
import type { TrustListContent } from "../../../src/trust/list/content.ts";
import {
  addKey,
  addPlugin,
  addPublisher,
  liftRevocation,
  removeKey,
  revokeKey,
  revokePlugin,
  setExpiry,
  setKeyWindow,
  setMinimum,
  setOnlyListed,
  setThreshold,
} from "../../../src/trust/list/changes.ts";
import { toListKey } from "../../../src/trust/list/list_keys.ts";
import { countSigners, findPublisher } from "../../../src/trust/verify/rules.ts";
import { judgeAgain } from "../../../src/trust/verify/verify.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { makeKeys, type TestKeys } from "../../helpers/signing.ts";
import { at, makeList, NOW, type SignedBundle, signedBundle, withKeys } from "../list_kit.ts";

const [alice, bob, carol] = [await makeKeys(), await makeKeys(), await makeKeys()];
const trusting = makeList(withKeys({ alice, bob, carol }));
const HASHES = Array.from({ length: 8 }, (_, index) => String(index).repeat(128));

/** Asserts a refusal that names the plugin and what to do. */
async function refused(
  bundle: SignedBundle,
  list: TrustListContent,
  code: SallyportErrorCode,
  pattern: RegExp,
  options: Parameters<SignedBundle["verify"]>[1] = {},
): Promise<SallyportError> {
  const error = await assertRejectsWithCode(bundle.verify(list, options), code, pattern);
  assert.match(error.message, /^Cannot load plugin "[a-z-]+": /);
  assert.ok(error.hint);
  return error;
}

async function signers(
  bundle: SignedBundle,
  list: TrustListContent,
  options: Parameters<SignedBundle["verify"]>[1] = {},
): Promise<(string | undefined)[]> {
  return (await bundle.verify(list, options)).signers.map(({ name }) => name);
}

Deno.test("verifyBundle() with a list names the keys that signed and count", async () => {
  await using bundle = await signedBundle([alice, bob]);
  const list = revokeKey(trusting, "bob", { reason: "lost", from: NOW });
  assert.deepEqual(await signers(bundle, trusting), ["alice", "bob"]);
  assert.deepEqual(await signers(bundle, list), ["alice"]);
});

Deno.test("verifyBundle() refuses what no key of the list signed", async () => {
  await using bundle = await signedBundle([carol]);
  await refused(bundle, removeKey(trusting, "carol"), "untrusted", /no trusted key signed it/);
  await refused(bundle, makeList(), "untrusted", /no key is trusted/);
});

Deno.test("verifyBundle() refuses a bad signature under the id of a listed key, even a revoked one", async () => {
  await using bundle = await signedBundle([alice, bob]);
  const path = `${bundle.dir}/plugin.sig.json`;
  const envelope = JSON.parse(await Deno.readTextFile(path));
  envelope.signatures[1].sig = envelope.signatures[0].sig;
  await Deno.writeTextFile(path, JSON.stringify(envelope));
  await refused(bundle, trusting, "signature-invalid", /"bob"/);
  const revoked = revokeKey(trusting, "bob", { reason: "lost", from: NOW });
  await refused(bundle, revoked, "signature-invalid", /"bob"/);
  assert.ok(await signers(bundle, removeKey(trusting, "bob")), "to whom Bob is a stranger");
});

Deno.test("an expired list loads nothing, from the very moment on", async () => {
  await using bundle = await signedBundle([alice]);
  const list = setExpiry(trusting, at(1_000));
  assert.ok(await bundle.verify(list, { now: at(999) }));
  const error = await refused(bundle, list, "expired", /the trust list expired at/, {
    now: at(1_000),
  });
  assert.equal(error.details.subject, "list");
});

Deno.test("a threshold counts distinct keys", async () => {
  await using one = await signedBundle([alice]);
  await using two = await signedBundle([alice, bob]);
  const list = setThreshold(trusting, 2);
  const error = await refused(one, list, "untrusted", /only 1 of 2 keys that must sign it did/);
  assert.deepEqual(error.details.counted, [alice.id]);
  assert.deepEqual(await signers(two, list), ["alice", "bob"]);
});

Deno.test("a threshold counts one key once, though it signed twice or has two names", async () => {
  await using bundle = await signedBundle([alice]);
  const list = setThreshold(trusting, 2);
  const path = `${bundle.dir}/plugin.sig.json`;
  const envelope = JSON.parse(await Deno.readTextFile(path));
  const [signature] = envelope.signatures;
  await Deno.writeTextFile(
    path,
    JSON.stringify({ ...envelope, signatures: [signature, signature] }),
  );
  await assertRejectsWithCode(bundle.verify(list), "signature-invalid", /two signatures of key/);
  // under another id the second one is a stranger's
  const renamed = { ...signature, keyid: "0".repeat(16) };
  await Deno.writeTextFile(path, JSON.stringify({ ...envelope, signatures: [signature, renamed] }));
  await refused(bundle, list, "untrusted", /only 1 of 2/);
  // such a list cannot be read; were there one all the same, the key would count once
  const [key] = list.keys;
  const doubled = { ...list, keys: [key!, { ...key!, name: "alias" }] };
  await refused(bundle, doubled, "untrusted", /only 1 of 2/);
});

Deno.test("keys that share an id count as the different keys that they are", () => {
  const bundle = { name: "sample", version: "1.0.0", hash: "0".repeat(128) };
  const list = setThreshold(trusting, 2);
  const [first, second] = list.keys.map(toListKey);
  const collided = { ...second!, id: first!.id };
  const times = { now: NOW, loadedAt: NOW };
  assert.equal(countSigners(list, bundle, [first!, collided], times).length, 2);
  assert.throws(() => countSigners(list, bundle, [first!, { ...first!, name: "x" }], times));
});

Deno.test("a threshold comes from the entry, else the publisher, else the list", async () => {
  await using one = await signedBundle([alice], { name: "acme-a" });
  const entry = { name: "acme-a", version: "1.0.0", hash: one.hash };
  const keys = ["alice", "bob"];
  const list = setThreshold(trusting, 2);
  await refused(one, list, "untrusted", /1 of 2/);
  const ofPublisher = addPublisher(list, { namespace: "acme-*", keys, threshold: 1 });
  assert.ok(await one.verify(ofPublisher));
  const ofEntry = addPlugin(ofPublisher, { ...entry, threshold: 2 });
  await refused(one, ofEntry, "untrusted", /1 of 2/);
  assert.ok(await one.verify(addPlugin(ofPublisher, { ...entry, threshold: 1 })));
  assert.ok(await one.verify(addPlugin(ofPublisher, entry)), "the publisher's holds");
  const without = addPublisher(list, { namespace: "acme-*", keys });
  await refused(one, without, "untrusted", /1 of 2/);
});

Deno.test("a key counts within its window only, borders included and excluded", async () => {
  await using bundle = await signedBundle([alice]);
  const list = setKeyWindow(trusting, "alice", { notBefore: at(0), notAfter: at(1_000) });
  const early = await refused(bundle, list, "expired", /"alice"\) counts only from/, {
    now: at(-1),
  });
  assert.equal(early.details.subject, "key");
  assert.ok(await bundle.verify(list, { now: at(0) }));
  assert.ok(await bundle.verify(list, { now: at(999) }));
  await refused(bundle, list, "expired", /"alice"\) counts only before/, { now: at(1_000) });
});

Deno.test("a revoked key counts for nothing from its date on, old bundles included", async () => {
  await using bundle = await signedBundle([alice]);
  const list = revokeKey(trusting, "alice", { reason: "laptop stolen", from: at(1_000) });
  assert.ok(await bundle.verify(list, { now: at(999) }));
  const error = await refused(bundle, list, "revoked", /"alice"\) was revoked .*: laptop stolen$/, {
    now: at(1_000),
  });
  assert.equal(error.details.subject, "key");
  const longAgo = revokeKey(trusting, "alice", { reason: "x", from: new Date(0) });
  await refused(bundle, longAgo, "revoked", /"alice"/);
  await using both = await signedBundle([alice, bob]);
  assert.deepEqual(await signers(both, longAgo), ["bob"], "Bob's counts on");
});

Deno.test("a bundle revoked by its hash does not load, whatever lists it", async () => {
  await using bundle = await signedBundle([alice]);
  const { hash } = bundle;
  const listed = addPlugin(trusting, { name: "sample", version: "1.0.0", hash });
  const list = revokePlugin(listed, { hash }, { reason: "steals data", from: at(1_000) });
  assert.ok(await bundle.verify(list, { now: at(999) }));
  const error = await refused(
    bundle,
    list,
    "revoked",
    /hash ".{16}…" was revoked .*: steals data/,
    {
      now: at(1_000),
    },
  );
  assert.equal(error.details.subject, "bundle");
  assert.ok(await bundle.verify(liftRevocation(list, { hash }), { now: at(1_000) }));
  const other = revokePlugin(listed, { hash: "0".repeat(128) }, { reason: "x", from: NOW });
  assert.ok(await bundle.verify(other));
});

Deno.test("versions revoked by a range do not load, pre-releases included", async () => {
  const cases: [string, string, boolean][] = [
    ["1.4.1", "<1.4.2", true],
    ["1.4.2", "<1.4.2", false],
    ["1.4.2-rc.1", "<1.4.2", true],
    ["1.0.0-rc.1", "1.x", true],
    ["2.0.0", "1.x", false],
    ["1.0.0+build.7", "1.0.0", true],
    ["1.0.0", "*", true],
    ["0.0.1-alpha", "*", true],
    ["3.1.0", ">=1.0.0 <2.0.0 || >=3.0.0", true],
    ["2.5.0", ">=1.0.0 <2.0.0 || >=3.0.0", false],
    ["1.0.0", "0.9.0 - 1.1.0", true],
  ];
  for (const [version, versions, hit] of cases) {
    await using bundle = await signedBundle([alice], { version });
    const list = revokePlugin(trusting, { name: "sample", versions }, { reason: "x", from: NOW });
    if (hit) await refused(bundle, list, "revoked", /version ".*" \(in ".*"\) was revoked/);
    else assert.ok(await bundle.verify(list), `${version} is not in ${versions}`);
    const other = revokePlugin(trusting, { name: "samples", versions }, { reason: "x", from: NOW });
    assert.ok(await bundle.verify(other));
  }
});

Deno.test("a namespace binds names to keys, and keys to names", async () => {
  await using acme = await signedBundle([alice], { name: "acme-a" });
  await using stolen = await signedBundle([bob], { name: "acme-a" });
  await using outside = await signedBundle([alice], { name: "other" });
  await using free = await signedBundle([bob], { name: "other" });
  for (const bundle of [acme, stolen, outside, free]) assert.ok(await bundle.verify(trusting));
  const list = addPublisher(trusting, { namespace: "acme-*", keys: ["alice"] });
  assert.ok(await acme.verify(list));
  assert.ok(await free.verify(list));
  await refused(stolen, list, "untrusted", /"bob"\) may not sign for "acme-\*"/);
  await refused(outside, list, "untrusted", /"alice"\) may sign only for "acme-\*"/);
});

Deno.test("the most exact namespace wins", async () => {
  await using core = await signedBundle([alice], { name: "acme-core-x" });
  await using exact = await signedBundle([bob], { name: "acme-core-x" });
  const wide = addPublisher(trusting, { namespace: "acme-*", keys: ["alice"] });
  assert.ok(await core.verify(wide));
  const narrow = addPublisher(wide, { namespace: "acme-core-*", keys: ["carol"] });
  await refused(core, narrow, "untrusted", /may not sign for "acme-core-\*"/);
  const whole = addPublisher(narrow, { namespace: "acme-core-x", keys: ["bob"] });
  assert.ok(await exact.verify(whole));
  const all = addPublisher(trusting, { namespace: "*", keys: ["carol"] });
  await refused(core, all, "untrusted", /may not sign for "\*"/);
  assert.equal(findPublisher(all, "acme-x")?.namespace, "*");
  assert.equal(findPublisher(wide, "acme")?.namespace, undefined);
});

Deno.test("an entry narrows the keys further, and never widens them", async () => {
  await using byAlice = await signedBundle([alice], { name: "acme-a" });
  const entry = { name: "acme-a", version: "1.0.0", hash: byAlice.hash };
  const list = addPublisher(trusting, { namespace: "acme-*", keys: ["alice", "bob"] });
  assert.ok(await byAlice.verify(addPlugin(list, { ...entry, keys: ["alice"] })));
  await refused(
    byAlice,
    addPlugin(list, { ...entry, keys: ["bob"] }),
    "untrusted",
    /"alice"\) is not among the keys/,
  );
  await using byCarol = await signedBundle([carol], { name: "acme-a" });
  const widened = addPlugin(list, { ...entry, hash: byCarol.hash, keys: ["carol"] });
  await refused(byCarol, widened, "untrusted", /"carol"\) may not sign for "acme-\*"/);
});

Deno.test("a listed name is held to its entries, another one only when only listed plugins load", async () => {
  await using bundle = await signedBundle([alice]);
  const entry = { name: "sample", version: "1.0.0", hash: bundle.hash };
  assert.ok(await bundle.verify(addPlugin(trusting, entry)));
  const elsewhere = addPlugin(trusting, { ...entry, name: "samples" });
  assert.ok(await bundle.verify(elsewhere));
  await refused(bundle, setOnlyListed(elsewhere, true), "untrusted", /only listed plugins load/);
  assert.ok(await bundle.verify(setOnlyListed(addPlugin(trusting, entry), true)));
  const version = addPlugin(trusting, { ...entry, version: "1.0.1" });
  await refused(
    bundle,
    version,
    "untrusted",
    /version "1\.0\.0" is not in the trust list, only "1\.0\.1"/,
  );
  const hash = addPlugin(trusting, { ...entry, hash: "0".repeat(128) });
  await refused(
    bundle,
    hash,
    "untrusted",
    /its hash is ".{16}…", but "0000000000000000…" is listed/,
  );
});

Deno.test("an entry expires, from the very moment on", async () => {
  await using bundle = await signedBundle([alice]);
  const entry = { name: "sample", version: "1.0.0", hash: bundle.hash, expiresAt: at(1_000) };
  const list = addPlugin(trusting, entry);
  assert.ok(await bundle.verify(list, { now: at(999) }));
  const error = await refused(bundle, list, "expired", /its entry in the trust list expired/, {
    now: at(1_000),
  });
  assert.equal(error.details.subject, "plugin");
});

Deno.test("a version below the minimum is a rollback, by precedence and not as text", async () => {
  await using bundle = await signedBundle([alice], { version: "1.10.0-rc.1" });
  for (const minimum of ["1.9.0", "1.10.0-rc.1", "1.10.0-beta"]) {
    assert.ok(await bundle.verify(setMinimum(trusting, "sample", minimum)));
  }
  for (const minimum of ["1.10.0", "1.10.0-rc.2", "2.0.0"]) {
    const list = setMinimum(trusting, "sample", minimum);
    const error = await refused(bundle, list, "rollback", /is below the minimum version/, {
      allowRollback: true,
    });
    assert.equal(error.details.subject, "minimum");
  }
  assert.ok(await bundle.verify(setMinimum(trusting, "samples", "9.0.0")));
});

Deno.test("a version below the highest that was run is a rollback, unless it is allowed", async () => {
  await using bundle = await signedBundle([alice], { version: "1.9.0" });
  const ran = (...versions: string[]) => (name: string) =>
    name === "sample" ? versions.map((version) => ({ version, hash: "ab".repeat(64) })) : [];
  const highest = { ran: ran("1.10.0") };
  const error = await refused(bundle, trusting, "rollback", /below version "1\.10\.0"/, {
    ...highest,
  });
  assert.equal(error.details.subject, "highest");
  await refused(bundle, trusting, "rollback", /1\.10/, { ...highest, allowRollback: ["samples"] });
  assert.ok(await bundle.verify(trusting, { ...highest, allowRollback: true }));
  assert.ok(await bundle.verify(trusting, { ...highest, allowRollback: ["sample"] }));
  for (const version of ["1.9.0", "1.8.9", "1.9.0-rc.1"]) {
    assert.ok(await bundle.verify(trusting, { ran: ran(version) }));
  }
});

Deno.test("a version that is revoked today holds no lower one back, by range or by hash", async () => {
  await using bundle = await signedBundle([alice], { version: "1.3.0" });
  const [poisoned, real] = [
    { version: "999.0.0", hash: "e".repeat(128) },
    { version: "1.2.0", hash: "a".repeat(128) },
  ];
  const ran = () => [poisoned, real];
  const reason = "signed by a thief";
  await refused(bundle, trusting, "rollback", /below version "999\.0\.0"/, { ran });
  for (const target of [{ name: "sample", versions: ">=900.0.0" }, { hash: poisoned.hash }]) {
    const list = revokePlugin(trusting, target, { reason, from: at(1_000) });
    await refused(bundle, list, "rollback", /999/, { ran });
    const later = { now: at(1_000) };
    assert.ok(await bundle.verify(list, { ran, ...later }));
    assert.ok(await bundle.verify(list, { ran: () => [poisoned], ...later }));
    const lifted = liftRevocation(list, target);
    await refused(bundle, lifted, "rollback", /999/, { ran, ...later });
    const minimum = setMinimum(list, "sample", "1.3.1");
    await refused(bundle, minimum, "rollback", /minimum/, { ran, ...later });
    await using old = await signedBundle([alice], { version: "1.1.0" });
    await refused(old, list, "rollback", /below version "1\.2\.0"/, { ran, ...later });
  }
  const other = revokePlugin(trusting, { name: "samples" }, { reason, from: NOW });
  await refused(bundle, other, "rollback", /999/, { ran });
});

Deno.test("when every version that is remembered is revoked, and there may be more, the highest holds", async () => {
  await using bundle = await signedBundle([alice], { version: "1.0.0" });
  const versions = (count: number) =>
    Array.from(
      { length: count },
      (_, index) => ({ version: `9.0.${9 - index}`, hash: HASHES[index]! }),
    );
  const list = revokePlugin(trusting, { name: "sample", versions: "9.x" }, {
    reason: "x",
    from: NOW,
  });
  assert.ok(await bundle.verify(list, { ran: () => versions(7) }));
  await refused(bundle, list, "rollback", /below version "9\.0\.9"/, { ran: () => versions(8) });
});

Deno.test("judgeAgain() ends what was revoked since, not what time has ended", async () => {
  await using bundle = await signedBundle([alice]);
  const windowed = setKeyWindow(setExpiry(trusting, at(1_000)), "alice", { notAfter: at(1_000) });
  const entry = { name: "sample", version: "1.0.0", hash: bundle.hash, expiresAt: at(1_000) };
  const list = addPlugin(windowed, entry);
  const plugin = await bundle.verify(list);
  const later = { now: at(2_000) };
  await judgeAgain(plugin, list, later); // nothing but time has passed
  await judgeAgain(plugin, trusting, later);
  const reason = "x";
  const cases: [TrustListContent, SallyportErrorCode][] = [
    [revokeKey(list, "alice", { reason, from: at(1_500) }), "revoked"],
    [revokePlugin(list, { hash: bundle.hash }, { reason, from: NOW }), "revoked"],
    [revokePlugin(list, { name: "sample" }, { reason, from: NOW }), "revoked"],
    [removeKey(trusting, "alice"), "untrusted"],
    [setThreshold(list, 2), "untrusted"],
    [addPublisher(trusting, { namespace: "sample", keys: ["bob"] }), "untrusted"],
    [setOnlyListed(trusting, true), "untrusted"],
    [setMinimum(trusting, "sample", "1.0.1"), "rollback"],
    [setKeyWindow(trusting, "alice", { notAfter: at(-1) }), "expired"],
    [addPlugin(trusting, { ...entry, expiresAt: at(-1) }), "expired"],
  ];
  for (const [changed, code] of cases) {
    await assertRejectsWithCode(judgeAgain(plugin, changed, later), code);
  }
  const future = revokeKey(list, "alice", { reason, from: at(2_001) });
  await judgeAgain(plugin, future, later);
});

Deno.test("the list's rules hold on top of those for statement and files", async () => {
  await using bundle = await signedBundle([alice]);
  await Deno.writeTextFile(`${bundle.dir}/main.ts`, "changed");
  await refused(bundle, trusting, "hash-mismatch", /"main\.ts"/);
  await Deno.remove(`${bundle.dir}/plugin.sig.json`);
  await refused(bundle, trusting, "untrusted", /it is not signed/);
  assert.ok(await readBundle(bundle.dir));
});

Deno.test("one more valid signature never turns a yes into a no", () => {
  const people: TestKeys[] = [alice, bob, carol];
  const subset = fc.subarray([0, 1, 2]);
  const nonEmpty = fc.subarray([0, 1, 2], { minLength: 1 });
  const setting = fc.record({
    threshold: fc.integer({ min: 1, max: 3 }),
    bound: fc.option(nonEmpty, { nil: undefined }),
    elsewhere: fc.option(nonEmpty, { nil: undefined }),
    named: fc.option(nonEmpty, { nil: undefined }),
    revoked: subset,
    lapsed: subset,
  });
  const bundle = { name: "acme-a", version: "1.0.0", hash: "0".repeat(128) };
  const times = { now: NOW, loadedAt: NOW };
  fc.assert(fc.property(setting, subset, fc.nat(2), (rules, signed, more) => {
    const names = (indexes: number[]) => indexes.map((index) => people[index]!.hex);
    let list = setThreshold(trusting, rules.threshold);
    if (rules.bound) list = addPublisher(list, { namespace: "acme-*", keys: names(rules.bound) });
    if (rules.elsewhere) {
      list = addPublisher(list, { namespace: "x", keys: names(rules.elsewhere) });
    }
    if (rules.named) list = addPlugin(list, { ...bundle, keys: names(rules.named) });
    for (const key of names(rules.revoked)) list = revokeKey(list, key, { reason: "x", from: NOW });
    for (const key of names(rules.lapsed)) list = setKeyWindow(list, key, { notAfter: NOW });
    const keys = list.keys.map(toListKey);
    const judge = (indexes: number[]): number => {
      try {
        return countSigners(list, bundle, indexes.map((index) => keys[index]!), times).length;
      } catch (error) {
        assert.ok(error instanceof SallyportError);
        return 0;
      }
    };
    const before = judge(signed);
    assert.ok(judge([...signed, more]) >= before, "more of them count, or as many");
    assert.ok(before === 0 || before >= rules.threshold);
    const out = new Set([...rules.revoked, ...rules.lapsed]);
    const usable = signed.filter((index) => !out.has(index));
    assert.ok(before <= usable.length, "revoked and lapsed ones never count");
  }));
});

Deno.test("addKey() refuses keys under which anyone could sign", async () => {
  const lowOrder = "01" + "00".repeat(31);
  await assertRejectsWithCode(
    () => addKey(trusting, { name: "x", publicKey: lowOrder }),
    "bad-config",
    /low order/,
  );
});
