import assert from "node:assert/strict";
import { openSealed, SealingKey } from "../../src/crypto/sealed.ts";
import { encodeTrustListContent, parseTrustListContent } from "../../src/trust/list/list.ts";
import type { TrustListContent } from "../../src/trust/list/content.ts";
import { addKey, setMinimum, setThreshold } from "../../src/trust/list/changes.ts";
import { decodeListFile, encodeListFile, type ListFile } from "../../src/trust/list/list_file.ts";
import { TrustList } from "../../src/trust/trust_list.ts";
import {
  encodeRoot,
  type SignedRoot,
  TRUST_ROOT_PAYLOAD_TYPE,
} from "../../src/trust/root/root_chain.ts";
import { signPayload } from "../../src/trust/keys/signatures.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { makeKeys, tempDir, type TestKeys } from "../helpers/signing.ts";
import { at, makeList, NOW } from "./list_kit.ts";

const secret = { key: new Uint8Array(32).fill(7) };
const [r1, r2, r3, mallory] = [
  await makeKeys(),
  await makeKeys(),
  await makeKeys(),
  await makeKeys(),
];

/** Gives root options for keys and signers. */
function rootOf(keys: TestKeys[], threshold: number, signers: TestKeys[] = keys) {
  return { keys: keys.map(({ hex }) => hex), threshold, rootKeys: seeds(...signers) };
}

function seeds(...keys: TestKeys[]): Uint8Array[] {
  return keys.map(({ seed }) => seed);
}

/** Rewrites what is sealed in a list's file, as whoever has its secret can. */
async function tamper(file: string, change: (parts: ListFile) => ListFile | Promise<ListFile>) {
  const { plaintext, key } = await openSealed(await Deno.readFile(file), secret, "trust-list");
  const parts = await change(decodeListFile(plaintext, file));
  await Deno.writeFile(file, key.seal(encodeListFile(parts), "trust-list"));
}

function editList(parts: ListFile, change: (list: TrustListContent) => TrustListContent): ListFile {
  const list = parseTrustListContent(parts.payload);
  return { ...parts, payload: encodeTrustListContent(change(list)) };
}

Deno.test("TrustList.create() writes what open() reads, and never overwrites", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const content = makeList();
  const made = await TrustList.create(file, secret, { content });
  const opened = await TrustList.open(file, secret);
  assert.deepEqual(opened.content, content);
  assert.equal(opened.hash, made.hash);
  assert.equal(opened.revision, 1);
  assert.equal(opened.root, undefined);
  await assertRejectsWithCode(TrustList.create(file, secret, { content }), "bad-state");
  const wrong = { key: new Uint8Array(32) };
  const error = await assertRejectsWithCode(TrustList.open(file, wrong), "bad-config");
  assert.equal(error.details.reason, "wrong-key");
  await assertRejectsWithCode(TrustList.open(temp.join("none"), secret), "bad-config", /not exist/);
});

Deno.test("update() raises the revision, and writes nothing when nothing changes", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const list = await TrustList.create(file, secret, { content: makeList() });
  const next = await list.update((content) => setMinimum(content, "a", "1.0.0"), { now: at(5) });
  assert.equal(next.revision, 2);
  assert.equal(next.content.updatedAt, at(5).toISOString());
  assert.deepEqual(next.content.minimumVersions, { a: "1.0.0" });
  assert.equal(list.revision, 1, "the earlier one stays as it is");
  const bytes = await Deno.readFile(file);
  assert.equal((await next.update((content) => content)).revision, 2);
  assert.equal((await next.update((content) => setMinimum(content, "a", "1.0.0"))).revision, 2);
  assert.deepEqual(await Deno.readFile(file), bytes);
});

Deno.test("update() works on the newest revision, so that no change is lost", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const list = await TrustList.create(file, secret, { content: makeList() });
  await Promise.all(
    Array.from(
      { length: 5 },
      (_, index) => list.update((content) => setMinimum(content, `p${index}`, "1.0.0")),
    ),
  );
  const { content } = await list.refresh();
  assert.equal(content.revision, 6);
  assert.equal(Object.keys(content.minimumVersions).length, 5);
});

Deno.test("update() leaves the file when the change throws or is not valid", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const list = await TrustList.create(file, secret, { content: makeList() });
  const bytes = await Deno.readFile(file);
  await assert.rejects(
    list.update(() => {
      throw new Error("changed my mind");
    }),
    /changed my mind/,
  );
  for (
    const fields of [{ id: "0".repeat(32) }, { secret: makeList().secret }, { threshold: 0 }, {
      createdAt: at(1).toISOString(),
    }]
  ) {
    await assertRejectsWithCode(
      list.update((content) => ({ ...content, ...fields })),
      "bad-config",
    );
  }
  await assertRejectsWithCode(
    list.update((content) => setThreshold(content, 2), { rootKeys: seeds(r1) }),
    "bad-config",
    /has no root keys/,
  );
  assert.deepEqual(await Deno.readFile(file), bytes);
  assert.equal(await list.refresh(), list);
});

Deno.test("changeSecret() seals the same revision anew; refresh() then needs the new secret", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const list = await TrustList.create(file, secret, { content: makeList() });
  const fresh = { key: new Uint8Array(32).fill(9) };
  const changed = await list.changeSecret(fresh);
  assert.equal(changed.hash, list.hash);
  await assertRejectsWithCode(TrustList.open(file, secret), "bad-config");
  assert.equal((await TrustList.open(file, fresh)).revision, 1);
  const error = await assertRejectsWithCode(list.refresh(), "bad-config");
  assert.equal(error.details.reason, "other-key");
  assert.equal((await list.refresh(fresh)).hash, list.hash);
  assert.equal(await changed.refresh(), changed);
});

Deno.test("a list with a root takes a threshold of its keys for every revision", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const root = rootOf([r1, r2, r3], 2, [r1, r2]);
  const list = await TrustList.create(file, secret, { content: makeList(), root });
  assert.equal(list.root?.version, 1);
  const change = (content: TrustListContent) => setThreshold(content, 2);
  for (const rootKeys of [[], seeds(r1), seeds(r1, r1), seeds(r1, mallory)]) {
    await assertRejectsWithCode(list.update(change, { rootKeys }), "bad-config", /it takes 2 of/);
  }
  assert.equal((await list.update(change, { rootKeys: seeds(r2, r3, mallory) })).revision, 2);
  assert.equal((await TrustList.open(file, secret)).revision, 2);
});

Deno.test("a list changed with its secret alone is refused", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const list = await TrustList.create(file, secret, { content: makeList(), root: rootOf([r1], 1) });
  const honest = await Deno.readFile(file);
  const add = (content: TrustListContent): TrustListContent => ({
    ...addKey(content, { name: "mallory", publicKey: mallory.hex }),
    revision: content.revision + 1,
  });
  // an old list's signatures under a new one
  await tamper(file, (parts) => editList(parts, add));
  await assertRejectsWithCode(
    list.refresh(),
    "signature-invalid",
    /signed by 0 of the 1 root keys/,
  );
  await Deno.writeFile(file, honest);
  await tamper(file, (parts) => ({ ...parts, signatures: [] }));
  await assertRejectsWithCode(list.refresh(), "signature-invalid", /signed by 0 of the 1/);
  await Deno.writeFile(file, honest);
  await tamper(file, async (parts) => {
    const { payload } = parts;
    return { ...parts, signatures: await signPayload("application/other", payload, [r1.seed]) };
  });
  await assertRejectsWithCode(list.refresh(), "signature-invalid");
  await Deno.writeFile(file, honest);
  assert.equal(await list.refresh(), list);
});

Deno.test("a new root needs the threshold of the old keys and of the new", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const root = rootOf([r1, r2], 2);
  const list = await TrustList.create(file, secret, { content: makeList(), root });
  const bytes = await Deno.readFile(file);
  const cases: [TestKeys[], number, TestKeys[], RegExp][] = [
    [[r3], 1, [r1, r2], /version 2 is signed by 0 of the 1 keys that it takes of version 2/],
    [[r3], 1, [r3], /version 2 is signed by 0 of the 2 keys that it takes of version 1/],
    [[r3], 1, [r1, r3], /version 2 is signed by 1 of the 2 keys that it takes of version 1/],
    [[r1], 1, [r1], /signed by 1 of the 2/], // a lowered threshold is held to the old one
    [[r2, r3], 2, [r1, r2], /version 2 is signed by 1 of the 2 keys that it takes of version 2/],
  ];
  for (const [keys, threshold, signers, pattern] of cases) {
    const next = rootOf(keys, threshold, signers);
    await assertRejectsWithCode(list.rotateRoot(next), "signature-invalid", pattern);
  }
  for (const [keys, threshold] of [[[r3], 2], [[r3, r3], 1], [[], 1]] as [TestKeys[], number][]) {
    const next = rootOf(keys, threshold, [r1, r2, r3]);
    await assertRejectsWithCode(list.rotateRoot(next), "bad-config", /root/);
  }
  assert.deepEqual(await Deno.readFile(file), bytes);
  const rotated = await list.rotateRoot(rootOf([r3], 1, [r1, r2, r3]), { now: NOW });
  assert.equal(rotated.revision, 2);
  assert.equal(rotated.root?.version, 2);
  await assertRejectsWithCode(
    rotated.update((content) => setThreshold(content, 2), { rootKeys: seeds(r1, r2) }),
    "bad-config",
    /it takes 1 of its root keys, got 0/,
  );
  assert.equal(
    (await rotated.update((content) => setThreshold(content, 2), { rootKeys: seeds(r3) })).revision,
    3,
  );
});

Deno.test("a host several roots behind follows the chain; a forged one is refused", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const markDir = temp.join("marks");
  const content = makeList();
  const first = await TrustList.create(file, secret, { content, root: rootOf([r1], 1), markDir });
  assert.equal(first.mark?.root?.version, 1);
  let list = await TrustList.open(file, secret);
  for (const [from, to] of [[r1, r2], [r2, r3], [r3, r1]] as const) {
    list = await list.rotateRoot(rootOf([to], 1, [from, to]));
  }
  const honest = await Deno.readFile(file);
  const forge = async (make: (parts: ListFile) => Promise<SignedRoot[]>, signer: TestKeys) => {
    await Deno.writeFile(file, honest);
    await tamper(file, async (parts) => {
      const edited = editList(parts, (old) => ({ ...old, revision: 99 }));
      const type = "application/vnd.sallyport.trust-list+json";
      const signatures = await signPayload(type, edited.payload, [signer.seed]);
      return { ...edited, roots: await make(parts), signatures };
    });
  };
  const makeRoot = async (version: number, key: TestKeys, signers: TestKeys[], id = content.id) => {
    const payload = encodeRoot({ schema: 1, list: id, version, keys: [key.hex], threshold: 1 });
    return {
      payload,
      signatures: await signPayload(TRUST_ROOT_PAYLOAD_TYPE, payload, seeds(...signers)),
    };
  };
  const refused = (pattern: RegExp) =>
    assertRejectsWithCode(TrustList.open(file, secret, { markDir }), "signature-invalid", pattern);

  // a chain of mallory's own, one with her root in the middle, one that skips, one of another list
  await forge(async () => [await makeRoot(1, mallory, [mallory])], mallory);
  await refused(/root version 1 is another one than this host knows/);
  await forge(async ({ roots }) => [roots[0]!, await makeRoot(2, mallory, [mallory])], mallory);
  await refused(/version 2 is signed by 0 of the 1 keys that it takes of version 1/);
  await forge(async ({ roots }) => [roots[0]!, await makeRoot(3, mallory, [r1, mallory])], mallory);
  await refused(/root version 2 is followed by 3/);
  await forge(
    async ({ roots }) => [roots[0]!, await makeRoot(2, r2, [r1, r2], "0".repeat(32))],
    r2,
  );
  await refused(/is for another list/);
  await forge(({ roots }) => Promise.resolve(roots.slice(1)), r1);
  await refused(/root version 1 is followed by 2/);
  await forge(() => Promise.resolve([]), mallory);
  await refused(/it has no root keys, but this host knows its root version 1/);
  await forge(async () => [await makeRoot(1, r1, [r1], "0".repeat(32))], r1);
  await assertRejectsWithCode(
    TrustList.open(file, secret),
    "signature-invalid",
    /root keys are those of another list/,
  );

  await Deno.writeFile(file, honest);
  const opened = await TrustList.open(file, secret, { markDir });
  assert.equal(opened.root?.version, 4);
  assert.equal(opened.mark?.root?.version, 4);
  // keys of the past do not sign any more
  await forge(({ roots }) => Promise.resolve([...roots]), r3);
  await refused(/signed by 0 of the 1 root keys that it takes \(root version 4\)/);
  await forge(({ roots }) => Promise.resolve(roots.slice(0, 2)), r2);
  await assertRejectsWithCode(TrustList.open(file, secret, { markDir }), "rollback", /version 4/);
});

Deno.test("a pinned root holds a host that has no past", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const list = await TrustList.create(file, secret, { content: makeList(), root: rootOf([r1], 1) });
  const { version, hash } = list.root!;
  assert.ok(await TrustList.open(file, secret, { pinnedRoot: { version, hash } }));
  await assertRejectsWithCode(
    TrustList.open(file, secret, { pinnedRoot: { version, hash: "0".repeat(128) } }),
    "signature-invalid",
  );
  const bare = temp.join("bare.list");
  await TrustList.create(bare, secret, { content: makeList() });
  await assertRejectsWithCode(
    TrustList.open(bare, secret, { pinnedRoot: { version, hash } }),
    "signature-invalid",
    /has no root keys/,
  );
});

Deno.test("an unsigned list gets its first root by rotation", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const list = await TrustList.create(file, secret, { content: makeList() });
  await assertRejectsWithCode(list.rotateRoot(rootOf([r1], 1, [])), "bad-config");
  await assertRejectsWithCode(list.rotateRoot(rootOf([r1], 1, [r2])), "signature-invalid");
  assert.equal((await list.rotateRoot(rootOf([r1], 1))).root?.version, 1);
});

Deno.test("what is sealed must be a list with its signatures", async () => {
  await using temp = await tempDir();
  const file = temp.join("trust.list");
  const key = await SealingKey.create(secret);
  for (const text of ["", "{}", "{}\n", '{"signatures":[],"roots":[]}', "null\n{}", "x\n{}"]) {
    await Deno.writeFile(file, key.seal(new TextEncoder().encode(text), "trust-list"));
    await assertRejectsWithCode(
      TrustList.open(file, secret),
      "bad-config",
      /Cannot use trust list/,
    );
  }
  await Deno.writeFile(
    file,
    key.seal(
      encodeListFile({ payload: encodeTrustListContent(makeList()), signatures: [], roots: [] }),
      "trust-list",
    ),
  );
  assert.ok(await TrustList.open(file, secret));
});
