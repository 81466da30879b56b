import assert from "node:assert/strict";
import type { SallyportError } from "../../../src/errors.ts";
import {
  checkTrustListContent,
  createTrustListContent,
  encodeTrustListContent,
  isListExpired,
  MAX_TRUST_LIST_BYTES,
  parseTrustListContent,
} from "../../../src/trust/list/list.ts";
import type { TrustListContent } from "../../../src/trust/list/content.ts";
import {
  acceptBundle,
  addKey,
  addPlugin,
  addPublisher,
  findKey,
  liftRevocation,
  removeKey,
  removePlugin,
  removePublisher,
  revokeKey,
  revokePlugin,
  setExpiry,
  setKeyWindow,
  setMinimum,
  setOnlyListed,
  setThreshold,
} from "../../../src/trust/list/changes.ts";
import { describeChange, diffRoots, diffTrustLists } from "../../../src/trust/list/diff.ts";
import { pluginsNamed } from "../../../src/trust/list/plugins.ts";
import { TRUST_LIST_LIMITS } from "../../../src/trust/list/schema.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { makeKeys } from "../../helpers/signing.ts";
import { at, makeList, NOW, withKeys } from "../list_kit.ts";

const [alice, bob] = [await makeKeys(), await makeKeys()];
const HASH = "ab".repeat(64);
const reason = "lost";

/** A list with something in every field. */
function fullList(): TrustListContent {
  return makeList(
    withKeys({ alice, bob }),
    (list) => setKeyWindow(list, "alice", { notBefore: at(-1), notAfter: at(1) }),
    (list) => revokeKey(list, "bob", { reason, from: NOW }),
    (list) => addPublisher(list, { namespace: "acme-*", keys: ["alice", bob.id], threshold: 2 }),
    (list) =>
      addPlugin(list, {
        name: "acme-a",
        version: "1.0.0",
        hash: HASH,
        keys: [alice.hex],
        threshold: 1,
        note: "reviewed",
        expiresAt: at(9),
        asks: { net: ["example.com:443"], 10: "x", 2: "y" },
      }),
    (list) => revokePlugin(list, { hash: HASH }, { reason, from: NOW }),
    (list) => revokePlugin(list, { name: "old", versions: "<1.0.0" }, { reason, from: NOW }),
    (list) => setMinimum(list, "acme-a", "1.0.0"),
    (list) => acceptBundle(list, { name: "acme-a", version: "1.0.0", hash: HASH }, { at: NOW }),
  );
}

function refuse(value: unknown, pattern: RegExp): SallyportError {
  return assertThrowsWithCode(() => checkTrustListContent(value, "f.list"), "bad-config", pattern);
}

function refuseText(text: string, pattern: RegExp): SallyportError {
  const bytes = new TextEncoder().encode(text);
  const parse = () => parseTrustListContent(bytes, "f.list").plugins;
  return assertThrowsWithCode(parse, "bad-config", pattern);
}

Deno.test("a list survives encoding and parsing", () => {
  const list = fullList();
  assert.deepEqual(parseTrustListContent(encodeTrustListContent(list)), list);
  assert.notEqual(makeList().id, makeList().id);
  assert.notEqual(makeList().secret, makeList().secret);
});

Deno.test("checkTrustListContent() names all mistakes at once, unknown fields included", () => {
  const list = fullList();
  const error = refuse({
    ...list,
    surprise: 1,
    revision: 0,
    expiresAt: "tomorrow",
    keys: [{ ...list.keys[0], publicKey: "AB", colour: "red" }, { name: "" }],
    plugins: [{ ...list.plugins[0], version: "1", hash: undefined }],
    revocations: [{ hash: HASH, name: "x", from: "now", reason: "" }, { name: "x" }],
    minimumVersions: { Upper: "1.0.0", ok: "one" },
  }, /^Cannot use trust list "f\.list": \d+ mistakes: /);
  const paths = (error.details.issues as { path: string }[]).map(({ path }) => path);
  assert.deepEqual(
    new Set(paths),
    new Set([
      "surprise",
      "revision",
      "expiresAt",
      "keys[0].publicKey",
      "keys[0].colour",
      "keys[1].name",
      "keys[1].publicKey",
      "plugins[0].version",
      "plugins[0].hash",
      "revocations[0].name",
      "revocations[0].from",
      "revocations[0].reason",
      "revocations[1].versions",
      "revocations[1].from",
      "revocations[1].reason",
      "minimumVersions.Upper",
      "minimumVersions.ok",
    ]),
  );
});

Deno.test("parseTrustListContent() takes the one spelling that lists are written in", () => {
  const list = fullList();
  const text = new TextDecoder().decode(encodeTrustListContent(list));
  const [head, line] = text.split("\n") as [string, string];
  assert.ok(parseTrustListContent(new TextEncoder().encode(text)).plugins);
  refuseText(`${head.replace('"revision":1', '"revision": 1')}\n`, /is not spelled as trust lists/);
  refuseText(`${head}\n${line}\n\n`, /plugins\[1\]: is not spelled/);
  refuseText(`${head}\n${line.replace(",", ", ")}\n`, /plugins\[0\]: is not spelled/);
  refuseText(`${head}\n${line},${line}\n`, /plugins\[0\]: is not spelled/);
  refuseText(`\ufeff${text}`, /byte order mark/);
  refuseText(text.replace('"revision":1', '"revision":1,"revision":2'), /the key "revision" twice/);
  refuseText(text.replace('"id":', '"__proto__":{},"id":'), /__proto__: unknown field/);
  refuseText(text.replace('"net":[', '"__proto__":{},"net":['), /nor have a __proto__/);
  for (const extra of ['"\\u0061":1,"a":2', '"net":[]']) {
    refuseText(text.replace('"net":[', `${extra},"net":[`), /plugins\[0\]: is not spelled/);
  }
  refuseText(`${JSON.stringify(list)}\n`, /plugins: must be one line each/);
  refuseText(text.slice(0, -1), /is cut off/);
  refuseText(head, /is cut off/);
  refuseText(`${head.slice(0, -1)}\n`, /is not JSON/);
  refuseText("\n", /is not JSON/);
  refuseText(`${"[".repeat(1_000)}${"]".repeat(1_000)}\n`, /must be an object|nested deeper/);
  refuseText(`${"[".repeat(500_000)}\n`, /is not JSON|nested deeper/);
  const deep = JSON.parse("[".repeat(100) + "]".repeat(100));
  const [plugin] = list.plugins;
  refuse({ ...list, plugins: [{ ...plugin, asks: { deep } }] }, /asks: must not be nested deeper/);
  for (const value of [null, [], 1, "x", true]) {
    refuse(value, /must be an object/);
    refuseText(`${JSON.stringify(value)}\n`, /must be an object/);
  }
  const bytes = new TextEncoder().encode(text);
  bytes[bytes.indexOf(0x61)] = 0xff;
  assertThrowsWithCode(() => parseTrustListContent(bytes), "bad-config", /is not UTF-8/);
});

Deno.test("pluginsNamed() finds entries by name as a look at all of them would", () => {
  const entry = (name: string, version: string, note = "x") => ({
    name,
    version,
    hash: HASH,
    note,
  });
  const trick = '\\n{"name":"a","version":"9.0.0"';
  const plugins = [
    entry("a", "1.0.0"),
    { ...entry("b", "1.0.0", trick), asks: { x: { name: "a", version: "9.0.0" } } },
    entry("aa", "1.0.0"),
    entry("a", "2.0.0", '{"name":"a",'),
    entry("c", "1.0.0"),
    entry("a", "3.0.0"),
  ];
  const list = checkTrustListContent({ ...makeList(), plugins });
  const read = parseTrustListContent(encodeTrustListContent(list));
  for (const name of ["a", "b", "aa", "c", "d", "", "A"]) {
    const expected = plugins.filter((plugin) => plugin.name === name);
    assert.deepEqual(pluginsNamed(read, name), expected, "by lines");
    assert.deepEqual(pluginsNamed(list, name), expected, "by all");
  }
  assert.deepEqual(read.plugins, plugins);
  assert.equal(read.plugins, read.plugins, "parsed once");
  assert.deepEqual({ ...read }, list);
  assert.equal(pluginsNamed({ ...read, plugins: [] }, "a").length, 0, "a changed copy is its own");
});

/** A list as its file has it, with these lines for plugins. */
function withLines(...lines: string[]): Uint8Array {
  const head = JSON.stringify({ ...makeList(withKeys({ alice })), plugins: undefined });
  return new TextEncoder().encode([head, ...lines, ""].join("\n"));
}

Deno.test("a line that is found under no name is refused before anything of the list is used", () => {
  const rest = { version: "1.0.0", hash: HASH };
  const good = JSON.stringify({ name: "b", ...rest });
  assert.equal(parseTrustListContent(withLines(good, good.replace("b", "a"))).plugins.length, 2);
  for (
    const line of [
      JSON.stringify({ ...rest, name: "a" }),
      JSON.stringify({ 1: 1, name: "a", ...rest }),
      JSON.stringify({ name: "A", ...rest }),
      '{"name":"\\u0061","version":"1.0.0"}',
      '{ "name":"a","version":"1.0.0"}',
      '{"name":"a"}',
      "",
    ]
  ) {
    const parse = () => parseTrustListContent(withLines(good, line));
    assertThrowsWithCode(parse, "bad-config", /plugins\[1\]: is not spelled/);
  }
  const twice = `{"name":"a","name":"b","version":"1.0.0","hash":"${HASH}"}`;
  const list = parseTrustListContent(withLines(twice));
  assertThrowsWithCode(() => pluginsNamed(list, "a"), "bad-config", /is not spelled/);
  assertThrowsWithCode(() => list.plugins, "bad-config", /plugins\[0\]: is not spelled/);
  const many = Array.from(
    { length: TRUST_LIST_LIMITS.plugins + 1 },
    (_, index) => good.replace("b", `b${index}`),
  );
  const parse = () => parseTrustListContent(withLines(...many));
  assertThrowsWithCode(parse, "bad-config", /at most 20000/);
});

Deno.test("pluginsNamed() and plugins refuse the same: what is there twice, what names no key", () => {
  const line = (fields: object) => JSON.stringify({ name: "a", version: "1.0.0", ...fields });
  const other = JSON.stringify({ name: "b", version: "1.0.0", hash: HASH });
  for (
    const [lines, pattern] of [
      [[line({ hash: HASH }), line({ hash: "0".repeat(128) })], /"a 1\.0\.0" is there twice/],
      [[line({ hash: HASH, keys: ["0".repeat(16)] })], /is no key of the list/],
      [[line({ hash: HASH, keys: [alice.id], threshold: 2 })], /must be at most 1/],
    ] as const
  ) {
    const list = parseTrustListContent(withLines(other, ...lines));
    assertThrowsWithCode(() => pluginsNamed(list, "a"), "bad-config", pattern);
    assertThrowsWithCode(() => list.plugins, "bad-config", pattern);
    assert.equal(pluginsNamed(list, "b").length, 1, "a verdict about another plugin");
  }
});

Deno.test("pluginsNamed() refuses a bad entry of that name, and only then", () => {
  const good = JSON.stringify({ name: "a", version: "1.0.0", hash: HASH });
  const bad = JSON.stringify({ name: "b", version: "1", hash: HASH, colour: "red" });
  const odd = '{"name":"c",}';
  const list = parseTrustListContent(withLines(good, bad, odd));
  assert.equal(pluginsNamed(list, "a").length, 1);
  assertThrowsWithCode(
    () => pluginsNamed(list, "b"),
    "bad-config",
    /2 mistakes: plugins of b\[0\]\.version/,
  );
  assertThrowsWithCode(
    () => pluginsNamed(list, "c"),
    "bad-config",
    /plugins of c\[0\]: is not spelled/,
  );
  assertThrowsWithCode(() => list.plugins, "bad-config", /plugins\[2\]: is not spelled/);
});

Deno.test("parseTrustListContent() refuses what is too much of anything", () => {
  const list = makeList(withKeys({ alice }));
  const [key] = list.keys;
  const big = new Uint8Array(MAX_TRUST_LIST_BYTES + 1);
  assertThrowsWithCode(() => parseTrustListContent(big), "bad-config", /is larger than 33554432/);
  const many = <T>(count: number, make: (index: number) => T) =>
    Array.from({ length: count }, (_, i) => make(i));
  refuse(
    { ...list, keys: many(TRUST_LIST_LIMITS.keys + 1, () => key) },
    /keys: must have at most 1000/,
  );
  const plugin = (i: number) => ({ name: "a", version: `1.0.${i}`, hash: HASH });
  const most = { ...list, plugins: many(TRUST_LIST_LIMITS.plugins, plugin) };
  assert.equal(parseTrustListContent(encodeTrustListContent(most)).plugins.length, 20_000);
  refuse({ ...list, plugins: many(20_001, plugin) }, /plugins: must have at most 20000/);
  refuse({ ...list, keys: [{ ...key, name: "x".repeat(101) }] }, /keys\[0\]\.name/);
  const noted = { ...plugin(0), note: "x".repeat(1_001) };
  refuse({ ...list, plugins: [noted] }, /plugins\[0\]\.note: must be one line of 0 to 1000/);
  const error = refuse({ ...list, plugins: many(500, () => ({ bad: 1 })) }, /100 mistakes or more/);
  assert.equal((error.details.issues as unknown[]).length, 100);
});

Deno.test("checkTrustListContent() refuses what cannot all be true", () => {
  const list = fullList();
  const [key, other] = list.keys;
  const [plugin] = list.plugins;
  const [publisher] = list.publishers;
  const unknown = "0".repeat(16);
  const cases: [Partial<TrustListContent>, RegExp][] = [
    [{ keys: [key!, other!, { ...key!, name: "alias" }] }, /keys\[2\]\.publicKey: .* twice/],
    [{ keys: [key!, { ...other!, name: "alice" }] }, /keys\[1\]\.name: "alice" is there twice/],
    [{ keys: [{ ...key!, notAfter: key!.notBefore }, other!] }, /must be later than notBefore/],
    [
      { plugins: [plugin!, { ...plugin!, hash: "0".repeat(128) }] },
      /plugins\[1\]\.version: .* twice/,
    ],
    [
      { plugins: [{ ...plugin!, keys: [unknown] }] },
      /plugins\[0\]\.keys\[0\]: is no key of the list/,
    ],
    [{ plugins: [{ ...plugin!, keys: [] }] }, /plugins\[0\]\.keys: must not be empty/],
    [{ plugins: [{ ...plugin!, threshold: 2 }] }, /plugins\[0\]\.threshold: must be at most 1/],
    [{ publishers: [publisher!, publisher!] }, /publishers\[1\]\.namespace: .* twice/],
    [{ publishers: [{ ...publisher!, keys: [alice.id, alice.id] }] }, /keys\[1\]: .* twice/],
    [{ publishers: [{ ...publisher!, namespace: "a*b" }] }, /publishers\[0\]\.namespace/],
    [{ threshold: 0 }, /threshold: must be a whole number from 1 to 64/],
    [{ expiresAt: "+012345-01-01T00:00:00.000Z" }, /expiresAt: must be a time/],
    [{ schema: 2 as 1 }, /schema: must be 1/],
  ];
  for (const [fields, pattern] of cases) refuse({ ...list, ...fields }, pattern);
});

Deno.test("no error quotes the secret of a list", () => {
  const error = refuse({ ...makeList(), secret: "c2VjcmV0" }, /secret: must be 32 bytes in base64/);
  assert.ok(!JSON.stringify(error).includes("c2VjcmV0"));
});

Deno.test("isListExpired() is true from the very moment on", () => {
  const list = createTrustListContent({ now: NOW, expiresAt: at(10) });
  assert.equal(isListExpired(list, at(9)), false);
  assert.equal(isListExpired(list, at(10)), true);
});

Deno.test("changes give a new list and leave the old one and its revision", () => {
  const list = makeList();
  const before = JSON.stringify(list);
  const changed = addKey(list, { name: "alice", publicKey: alice.hex });
  assert.equal(JSON.stringify(list), before);
  assert.deepEqual(changed, { ...list, keys: [{ name: "alice", publicKey: alice.hex }] });
});

Deno.test("findKey() finds a key by name, id, hex and PEM", async () => {
  const list = makeList(withKeys({ alice, bob }));
  const { encodePublicKeyPem } = await import("../../../src/crypto/pem.ts");
  const pem = encodePublicKeyPem(alice.publicKey.raw);
  for (const key of ["alice", alice.id, alice.hex, alice.hex.toUpperCase(), pem]) {
    assert.equal(findKey(list, key).id, alice.id);
  }
  const stranger = (await makeKeys()).hex;
  for (const key of ["carol", "", "0".repeat(16), stranger]) {
    assertThrowsWithCode(() => findKey(list, key), "bad-config", /it has "alice", "bob"/);
  }
  assertThrowsWithCode(() => findKey(makeList(), "x"), "bad-config", /it has no keys/);
});

Deno.test("changes refuse what is there already and what is not", async () => {
  const list = fullList();
  const carol = await makeKeys();
  const keys = ["alice"];
  const plugin = { name: "acme-a", version: "1.0.0", hash: HASH };
  const cases: [() => unknown, RegExp][] = [
    [
      () => addKey(list, { name: "c", publicKey: alice.hex }),
      /its key is there already as "alice"/,
    ],
    [() => addKey(list, { name: "c", publicKey: bob.hex }), /already as "bob", and revoked/],
    [() => addKey(list, { name: "bob", publicKey: carol.hex }), /another key has this name/],
    [() => addKey(list, { name: alice.id, publicKey: carol.hex }), /its name looks like a key/],
    [() => addKey(list, { name: "c", publicKey: "abc" }), /Cannot trust public key "c"/],
    [() => addKey(list, { name: "a\nb", publicKey: carol.hex }), /does not look like/],
    [() => removeKey(list, "carol"), /Cannot find key "carol"/],
    [() => removeKey(list, "alice"), /the list names it for "acme-\*"/],
    [() => revokeKey(list, "bob", { reason, from: NOW }), /it is revoked from/],
    [() => revokeKey(list, "alice", { reason: "" }), /revoked\.reason/],
    [() => setKeyWindow(list, "alice", { notBefore: at(1), notAfter: at(1) }), /later than/],
    [() => addPublisher(list, { namespace: "acme-*", keys }), /it is there already/],
    [() => addPublisher(list, { namespace: "x", keys: ["carol"] }), /Cannot find key "carol"/],
    [() => addPublisher(list, { namespace: "x", keys, threshold: 2 }), /must be at most 1/],
    [() => removePublisher(list, "acme"), /the list has none of this name/],
    [() => addPlugin(list, plugin), /version "1\.0\.0" is there already$/],
    [() => addPlugin(list, { ...plugin, hash: "0".repeat(128) }), /already, with another hash/],
    [() => addPlugin(list, { ...plugin, version: "2.0.0", hash: "0" }), /plugins\[1\]\.hash/],
    [() => removePlugin(list, { name: "acme" }), /has no such plugin/],
    [() => removePlugin(list, { name: "acme-a", version: "2.0.0" }), /has no version "2\.0\.0"/],
    [() => revokePlugin(list, { hash: HASH }, { reason, from: NOW }), /it is revoked from/],
    [() => revokePlugin(list, { name: "a", versions: "??" }, { reason }), /no range of versions/],
    [() => liftRevocation(list, { name: "old" }), /there is none/],
    [() => setMinimum(list, "b", undefined), /there is none/],
    [() => setMinimum(list, "b", "1"), /minimumVersions\.b: must be a version/],
    [() => setMinimum(list, "__proto__", "1.0.0"), /bad name|__proto__/],
    [() => setThreshold(list, 65), /threshold/],
  ];
  for (const [act, pattern] of cases) assertThrowsWithCode(act, "bad-config", pattern);
  assert.throws(() => setExpiry(list, new Date(NaN)), RangeError);
  assert.throws(() => revokeKey(list, "alice", { reason, from: new Date(NaN) }), RangeError);
});

Deno.test("changes do what they say, and their opposites undo them", () => {
  const list = makeList(withKeys({ alice, bob }));
  const plugin = { name: "a", version: "1.0.0", hash: HASH };
  const there = addPlugin(list, plugin);
  assert.deepEqual(removePlugin(there, plugin), list);
  assert.deepEqual(
    removePlugin(addPlugin(there, { ...plugin, version: "2.0.0" }), { name: "a" }),
    list,
  );
  const noted = addPlugin(there, { ...plugin, note: "x" }, { replace: true });
  assert.deepEqual(noted.plugins, [{ ...plugin, note: "x" }]);
  const bound = addPublisher(list, { namespace: "a", keys: ["alice"] });
  assert.deepEqual(removePublisher(bound, "a"), list);
  const both = addPublisher(bound, { namespace: "a", keys: ["bob"] }, { replace: true });
  assert.deepEqual(both.publishers, [{ namespace: "a", keys: [bob.id] }]);
  assert.deepEqual(setMinimum(setMinimum(list, "a", "1.0.0"), "a", undefined), list);
  const revoked = revokePlugin(list, { name: "a" }, { reason, from: NOW });
  assert.deepEqual(revoked.revocations, [{
    name: "a",
    versions: "*",
    from: NOW.toISOString(),
    reason,
  }]);
  assert.deepEqual(liftRevocation(revoked, { name: "a" }), list);
  const earlier = revokePlugin(revoked, { name: "a" }, { reason: "worse", from: at(-1) });
  assert.equal(earlier.revocations.length, 1);
  assert.equal(earlier.revocations[0]!.reason, "worse");
  const accepted = acceptBundle(list, plugin, { at: NOW });
  assert.equal(acceptBundle(accepted, plugin), accepted);
  assert.equal(removeKey(list, alice.id).keys.length, 1);
  assert.equal(setOnlyListed(list, true).onlyListed, true);
  assert.deepEqual(setKeyWindow(setKeyWindow(list, "bob", { notAfter: NOW }), "bob", {}), list);
});

Deno.test("diffTrustLists() names every difference, and never the secret", () => {
  const [before, after] = [makeList(withKeys({ alice })), fullList()];
  assert.deepEqual(diffTrustLists(after, after), []);
  const changes = diffTrustLists(before, {
    ...after,
    threshold: 2,
    onlyListed: true,
    expiresAt: at(5).toISOString(),
  });
  const lines = changes.map(describeChange);
  const subjects = new Set(changes.map(({ subject }) => subject));
  assert.equal(subjects.size, 9);
  assert.ok(!JSON.stringify(changes).includes(after.secret));
  assert.ok(
    lines.some((line) => line.startsWith('~ key "alice": notBefore none → "2030-')),
    lines.join("\n"),
  );
  assert.ok(lines.includes("~ threshold: 1 → 2"));
  assert.ok(lines.includes("~ only-listed: false → true"));
  assert.ok(lines.includes('+ minimum "acme-a": "1.0.0"'));
  assert.ok(
    lines.some((line) => line.startsWith('+ plugin "acme-a 1.0.0": hash "abababababababab…"')),
  );
  assert.ok(lines.some((line) => /^\+ revocation "abababababababab…"/.test(line)));
  const back = diffTrustLists(after, before).map(describeChange);
  assert.ok(back.includes('- key "bob"'));
  for (const line of [...lines, ...back]) assert.ok(!/[\r\n]/.test(line));
  const root = { version: 1, keys: [alice.hex], threshold: 1 };
  assert.equal(diffRoots(undefined, root)[0]?.kind, "added");
  assert.deepEqual(diffRoots(root, { ...root }), []);
  assert.match(
    describeChange(diffRoots(root, { version: 2, keys: [bob.hex], threshold: 1 })[0]!),
    /^~ root: version 1 → 2, keys \[/,
  );
});
