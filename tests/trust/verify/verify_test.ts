import assert from "node:assert/strict";
import {
  encodeEnvelope,
  type Envelope,
  pae,
  parseEnvelope,
} from "../../../src/bundle/reading/envelope.ts";
import { type BundleContents, readBundle } from "../../../src/bundle/reading/reading.ts";
import { BundleStore } from "../../../src/bundle/store/store.ts";
import {
  encodeStatement,
  parseStatement,
  type Statement,
} from "../../../src/bundle/reading/statement.ts";
import { sha3_512Hex } from "../../../src/crypto/digest.ts";
import { sign } from "../../../src/crypto/ed25519.ts";
import type { SallyportError, SallyportErrorCode } from "../../../src/errors.ts";
import { VerifiedPlugin, verifyBundle } from "../../../src/trust/verify/verify.ts";
import type { TrustedPlugin } from "../../../src/trust/verify/anchors.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import {
  makeBundle,
  makeKeys,
  signDir,
  type TempDir,
  tempDir,
  type TestKeys,
} from "../../helpers/signing.ts";

interface Case extends AsyncDisposable {
  readonly temp: TempDir;
  readonly dir: string;
  readonly alice: TestKeys;
  readonly mallory: TestKeys;
  /** Reads and verifies against Alice's key. */
  verify(plugins?: TrustedPlugin[]): Promise<VerifiedPlugin>;
  /** Asserts that it is refused, with a message that names the plugin and a hint. */
  refused(code: SallyportErrorCode, pattern: RegExp): Promise<SallyportError>;
  /** Changes the envelope on disk. */
  edit(change: (envelope: Envelope) => Envelope | Promise<Envelope>): Promise<void>;
}

/** Makes a signed bundle that verifies; each test then spoils one thing. */
async function signed(): Promise<Case> {
  const temp = await tempDir();
  const dir = await makeBundle(temp.join("bundle"), { "lib/a.ts": "1", "data.txt": "two" });
  const [alice, mallory] = [await makeKeys("alice"), await makeKeys("mallory")];
  await signDir(dir, alice);
  const verify: Case["verify"] = async (plugins) =>
    await verifyBundle(await readBundle(dir), { keys: [alice.publicKey], plugins });
  assert.equal((await verify()).manifest.name, "sample");
  return {
    temp,
    dir,
    alice,
    mallory,
    verify,
    async refused(code, pattern) {
      const error = await assertRejectsWithCode(verify(), code, pattern);
      assert.ok(error.message.startsWith('Cannot load plugin "sample": '), error.message);
      assert.ok(error.hint && error.details.plugin === "sample");
      return error;
    },
    async edit(change) {
      const path = `${dir}/plugin.sig.json`;
      const envelope = parseEnvelope(await Deno.readFile(path));
      await Deno.writeTextFile(path, encodeEnvelope(await change(envelope)));
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

/** Signs a statement that differs from the true one, as a careless or hostile key holder could. */
function resign(keys: TestKeys, change: (statement: Statement) => unknown) {
  return async (envelope: Envelope): Promise<Envelope> => {
    const changed = change(parseStatement(envelope.payload));
    const payload = new TextEncoder().encode(JSON.stringify(changed));
    const sig = await sign(pae(envelope.payloadType, payload), keys.seed);
    return { ...envelope, payload, signatures: [{ keyid: keys.id, sig }] };
  };
}

Deno.test("verifyBundle() gives the bytes, the manifest, the signers and the statement", async () => {
  await using it = await signed();
  const contents = await readBundle(it.dir);
  const plugin = await it.verify();
  assert.ok(VerifiedPlugin.is(plugin));
  assert.equal(plugin.bundleHash, contents.bundleHash);
  assert.equal(plugin.root, contents.root);
  assert.deepEqual(plugin.manifest, contents.manifest);
  assert.deepEqual(plugin.signers, [{ keyId: it.alice.id, name: "alice" }]);
  assert.equal(plugin.statement.version, "1.0.0");
  assert.deepEqual(plugin.files, contents.files);
  for (const file of plugin.files) assert.equal(sha3_512Hex(file.bytes), file.sha3_512);
});

Deno.test("VerifiedPlugin cannot be made by anyone else", async () => {
  await using it = await signed();
  const plugin = await it.verify();
  const Constructor = VerifiedPlugin as unknown as new (...args: unknown[]) => VerifiedPlugin;
  for (const args of [[], [Symbol("proof"), plugin], [undefined, plugin], [plugin]]) {
    assert.throws(() => new Constructor(...args), TypeError);
  }
  assert.throws(() => new (plugin.constructor as typeof Constructor)(plugin), TypeError);
  class Sub extends Constructor {}
  assert.throws(() => new Sub(plugin), TypeError);
  const fake = Object.assign(Object.create(VerifiedPlugin.prototype), plugin);
  assert.ok(fake instanceof VerifiedPlugin);
  for (const value of [fake, { ...plugin }, structuredClone({ ...plugin }), null, 1]) {
    assert.equal(VerifiedPlugin.is(value), false);
  }
  assert.throws(() => Object.assign(plugin, { bundleHash: "x" }), TypeError);
});

Deno.test("verifyBundle() refuses a bundle that nobody signed", async () => {
  await using it = await signed();
  await Deno.remove(`${it.dir}/plugin.sig.json`);
  await it.refused("untrusted", /there is no "plugin\.sig\.json"/);
});

Deno.test("verifyBundle() refuses an envelope that is not one", async () => {
  await using it = await signed();
  for (const text of ["", "{}", "garbage", "\ufeff{}", '{"payload":"","payload":""}']) {
    await Deno.writeTextFile(`${it.dir}/plugin.sig.json`, text);
    await it.refused("signature-invalid", /envelope "plugin\.sig\.json"/);
  }
});

Deno.test("verifyBundle() refuses a signature by an unknown key, naming both sides", async () => {
  await using it = await signed();
  await Deno.remove(`${it.dir}/plugin.sig.json`);
  await signDir(it.dir, it.mallory);
  const error = await it.refused("untrusted", /no trusted key signed it/);
  assert.ok(error.message.includes(`"${it.mallory.id}"`));
  assert.ok(error.message.includes(`"${it.alice.id}" ("alice")`));
});

Deno.test("verifyBundle() refuses everything when no key is trusted", async () => {
  await using it = await signed();
  const contents = await readBundle(it.dir);
  await assertRejectsWithCode(
    verifyBundle(contents, { keys: [] }),
    "untrusted",
    /no key is trusted/,
  );
});

Deno.test("verifyBundle() rejects every flipped bit of a signature", async () => {
  await using it = await signed();
  const contents = await readBundle(it.dir);
  const envelope = parseEnvelope(contents.envelopeBytes!);
  const [{ keyid, sig }] = envelope.signatures as [Envelope["signatures"][0]];
  for (let bit = 0; bit < 512; bit++) {
    const flipped = sig.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const text = encodeEnvelope({ ...envelope, signatures: [{ keyid, sig: flipped }] });
    const changed = { ...contents, envelopeBytes: new TextEncoder().encode(text) };
    await assertRejectsWithCode(
      verifyBundle(changed, { keys: [it.alice.publicKey] }),
      "signature-invalid",
      /its signature does not match key/,
    );
  }
});

Deno.test("verifyBundle() rejects a changed payload under the old signature", async () => {
  await using it = await signed();
  await it.edit((envelope) => ({
    ...envelope,
    payload: encodeStatement({ ...parseStatement(envelope.payload), version: "6.6.6" }),
  }));
  await it.refused("signature-invalid", /does not match key ".{16}" \("alice"\)/);
});

Deno.test("verifyBundle() rejects a stranger's signature under a trusted key's id", async () => {
  await using it = await signed();
  await it.edit(async (envelope) => {
    const sig = await sign(pae(envelope.payloadType, envelope.payload), it.mallory.seed);
    return { ...envelope, signatures: [{ keyid: it.alice.id, sig }] };
  });
  await it.refused("signature-invalid", /does not match key/);
});

Deno.test("verifyBundle() rejects a signature over the payload without its type", async () => {
  await using it = await signed();
  await it.edit(async (envelope) => ({
    ...envelope,
    signatures: [{ keyid: it.alice.id, sig: await sign(envelope.payload, it.alice.seed) }],
  }));
  await it.refused("signature-invalid", /does not match key/);
  await it.edit(async (envelope) => {
    const sig = await sign(pae("application/other", envelope.payload), it.alice.seed);
    return { ...envelope, signatures: [{ keyid: it.alice.id, sig }] };
  });
  await it.refused("signature-invalid", /does not match key/);
});

Deno.test("verifyBundle() takes a trusted signature beside a stranger's, but no bad one of a trusted key", async () => {
  await using it = await signed();
  const bob = await makeKeys("bob");
  await signDir(it.dir, [it.mallory, bob]);
  const anchors = { keys: [it.alice.publicKey, bob.publicKey] };
  const plugin = await verifyBundle(await readBundle(it.dir), anchors);
  assert.deepEqual(plugin.signers.map(({ name }) => name), ["alice", "bob"]);
  // a stranger's broken signature says as little as a good one
  const breakOne = (id: string) => (envelope: Envelope): Envelope => ({
    ...envelope,
    signatures: envelope.signatures.map((one) =>
      one.keyid === id ? { ...one, sig: new Uint8Array(64) } : one
    ),
  });
  await it.edit(breakOne(it.mallory.id));
  assert.equal((await it.verify()).signers.length, 1);
  await it.edit(breakOne(bob.id));
  assert.ok(await it.verify(), "to whom Bob is a stranger");
  await assertRejectsWithCode(
    readBundle(it.dir).then((contents) => verifyBundle(contents, anchors)),
    "signature-invalid",
    /"bob"/,
  );
});

Deno.test("verifyBundle() goes by the key itself, not by the id that comes with it", async () => {
  await using it = await signed();
  const disguised = { ...it.mallory.publicKey, id: it.alice.id };
  await assertRejectsWithCode(
    readBundle(it.dir).then((contents) => verifyBundle(contents, { keys: [disguised] })),
    "untrusted",
  );
});

Deno.test("verifyBundle() refuses a statement about another name or version", async () => {
  await using it = await signed();
  await it.edit(resign(it.alice, (statement) => ({ ...statement, name: "other" })));
  await it.refused("signature-invalid", /for name "other", but its manifest says "sample"/);
  await it.edit(
    resign(it.alice, (statement) => ({ ...statement, name: "sample", version: "2.0.0" })),
  );
  await it.refused("signature-invalid", /for version "2\.0\.0", but its manifest says "1\.0\.0"/);
});

Deno.test("verifyBundle() refuses a signed payload that is no statement", async () => {
  await using it = await signed();
  await it.edit(resign(it.alice, () => ({ hello: "world" })));
  await it.refused("signature-invalid", /signed statement/);
});

Deno.test("verifyBundle() refuses a statement that reaches outside the bundle", async () => {
  await using it = await signed();
  await it.edit(resign(it.alice, (statement) => ({
    ...statement,
    files: [...statement.files, { path: "../../x", size: 0, sha3_512: "0".repeat(128) }],
  })));
  await it.refused("signature-invalid", /"\.\.\/\.\.\/x" has a "\.\." segment/);
});

Deno.test("verifyBundle() refuses an expired statement, from the very moment on", async () => {
  await using it = await signed();
  const expiresAt = new Date("2999-06-01T00:00:00.000Z");
  await signDir(it.dir, it.alice, { expiresAt });
  const contents = await readBundle(it.dir);
  const anchors = { keys: [it.alice.publicKey] };
  const before = new Date(expiresAt.getTime() - 1);
  assert.equal(
    (await verifyBundle(contents, anchors, { now: before })).statement.expiresAt,
    expiresAt.toISOString(),
  );
  const error = await assertRejectsWithCode(
    verifyBundle(contents, anchors, { now: expiresAt }),
    "expired",
    /expired at "2999-06-01T00:00:00\.000Z"/,
  );
  assert.ok(error.hint);
});

Deno.test("verifyBundle() refuses a changed file and names it", async () => {
  await using it = await signed();
  await Deno.writeTextFile(`${it.dir}/data.txt`, "TWO");
  const error = await it.refused(
    "hash-mismatch",
    /the file "data\.txt" was changed after signing: signed with SHA3-512/,
  );
  assert.equal(error.details.path, "data.txt");
  await Deno.writeTextFile(`${it.dir}/data.txt`, "three");
  await it.refused("hash-mismatch", /"data\.txt" .* signed with 3 bytes, now 5$/);
});

Deno.test("verifyBundle() says when only the line ends of a file were changed, either way", async () => {
  await using it = await signed();
  for (
    const [signedAs, now, words] of [
      ["a\nb\n", "a\r\nb\r\n", "from LF to CR LF"],
      ["a\r\nb\r\n", "a\nb\n", "from CR LF to LF"],
    ] as const
  ) {
    await Deno.writeTextFile(`${it.dir}/data.txt`, signedAs);
    await signDir(it.dir, it.alice);
    await Deno.writeTextFile(`${it.dir}/data.txt`, now);
    const error = await it.refused(
      "hash-mismatch",
      new RegExp(`"data\\.txt" was changed after signing: only its line ends, ${words}$`),
    );
    assert.match(error.hint!, /core\.autocrlf.*"sample\/\*\* -text"/);
    await Deno.writeTextFile(`${it.dir}/data.txt`, `${now}c`);
    await it.refused("hash-mismatch", /now \d+$/);
  }
});

Deno.test("verifyBundle() refuses any flipped bit in any file", async () => {
  await using it = await signed();
  const contents = await readBundle(it.dir);
  const anchors = { keys: [it.alice.publicKey] };
  for (const { path, bytes } of contents.files) {
    if (path === "plugin.json") continue; // mostly caught earlier, as no manifest any more
    for (let bit = 0; bit < Math.min(bytes.length * 8, 64); bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      await assertRejectsWithCode(verifyBundle(contents, anchors), "hash-mismatch");
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
  assert.ok(await verifyBundle(contents, anchors)); // the control: all bits are back
});

Deno.test("verifyBundle() refuses a changed manifest, its name and version unchanged", async () => {
  await using it = await signed();
  await makeBundle(it.dir, { "data.txt": "two" }, { permissions: { net: ["evil.example"] } });
  await it.refused("hash-mismatch", /"plugin\.json"/);
});

Deno.test("verifyBundle() refuses an additional file and a missing one, and names it", async () => {
  await using it = await signed();
  await Deno.writeTextFile(`${it.dir}/lib/extra.ts`, "");
  await it.refused("bundle-invalid", /the file "lib\/extra\.ts" is there but was not signed/);
  await Deno.remove(`${it.dir}/lib/extra.ts`);
  await Deno.remove(`${it.dir}/data.txt`);
  await it.refused("bundle-invalid", /the file "data\.txt" was signed but is not there/);
});

Deno.test("verifyBundle() refuses a renamed file", async () => {
  await using it = await signed();
  await Deno.rename(`${it.dir}/data.txt`, `${it.dir}/data2.txt`);
  await it.refused("bundle-invalid", /"data\.txt"/);
});

Deno.test("verifyBundle() refuses a statement whose bundle hash is not that of its files", async () => {
  await using it = await signed();
  await it.edit(resign(it.alice, (statement) => ({ ...statement, bundleHash: "0".repeat(128) })));
  await it.refused("hash-mismatch", /bundle hash "0000000000000000…"/);
});

Deno.test("verifyBundle() believes the bytes, not what the caller says about them", async () => {
  await using it = await signed();
  const honest = await readBundle(it.dir);
  const anchors = { keys: [it.alice.publicKey] };
  const files = honest.files.map((file) =>
    file.path === "main.ts"
      ? { ...file, bytes: new TextEncoder().encode("x".repeat(file.size)) }
      : file
  );
  await assertRejectsWithCode(
    verifyBundle({ ...honest, files }, anchors),
    "hash-mismatch",
    /main\.ts/,
  );
  const lie: BundleContents = {
    ...honest,
    manifest: { ...honest.manifest, permissions: { net: ["evil.example"] } },
  };
  const plugin = await verifyBundle(lie, anchors);
  assert.equal(plugin.manifest.permissions, undefined);
});

Deno.test("verifyBundle() takes only trusted plugins where there is a list of them", async () => {
  await using it = await signed();
  const { bundleHash: hash } = await it.verify();
  const entry = { name: "sample", version: "1.0.0", hash, note: "reviewed" };
  assert.ok(await it.verify([{ ...entry, version: "0.9.0" }, entry]));
  const other = "0".repeat(128);
  const cases: [TrustedPlugin[], RegExp][] = [
    [[], /not among the trusted plugins/],
    [[{ ...entry, name: "samples" }], /not among the trusted plugins/],
    [[{ ...entry, version: "1.0.1" }], /version "1\.0\.0" is not trusted, only "1\.0\.1"/],
    [[{ ...entry, hash: other }], /its hash is ".{16}…", but "0000000000000000…" is trusted/],
    [[{ ...entry, hash: other }, { ...entry, version: "1.0.1" }], /its hash is/],
  ];
  for (const [plugins, pattern] of cases) {
    const error = await assertRejectsWithCode(it.verify(plugins), "untrusted", pattern);
    assert.ok(error.hint?.includes(hash));
  }
});

Deno.test("verifyBundle() refuses trusted plugins that could never match", async () => {
  await using it = await signed();
  const { bundleHash } = await it.verify();
  for (const hash of ["", "abc", bundleHash.toUpperCase(), `${bundleHash} `]) {
    const plugins = [{ name: "sample", version: "1.0.0", hash }];
    await assertRejectsWithCode(it.verify(plugins), "bad-config", /trusted plugin "sample"/);
  }
});

Deno.test("what verifyBundle() verified is what the store holds, though the disk was swapped", async () => {
  await using it = await signed();
  const plugin = await it.verify();
  const before = await Deno.readTextFile(`${it.dir}/main.ts`);
  await Deno.writeTextFile(
    `${it.dir}/main.ts`,
    "export default { methods: { ping: () => 'evil' } };\n",
  );
  const path = await new BundleStore(it.temp.join("store")).put(plugin);
  assert.equal(await Deno.readTextFile(`${path}/main.ts`), before);
  await it.refused("hash-mismatch", /main\.ts/); // and the swapped folder does not verify
});
