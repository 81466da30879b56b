import assert from "node:assert/strict";
import { sha3_512 } from "../../src/crypto/digest.ts";
import {
  isSealed,
  MAX_SEALED_BYTES,
  openSealed,
  SealingKey,
  type SealSecret,
} from "../../src/crypto/sealed.ts";
import { parseSealedHeader } from "../../src/crypto/sealed_header.ts";
import { assertRejectsWithCode, assertThrowsWithCode } from "../helpers/assert_code.ts";

const HEADER = 112;
const LIST = new TextEncoder().encode('{"schema":1,"revision":7,"keys":[],"plugins":[]}\n');
const KEY_FILE: SealSecret = { key: new Uint8Array(32).fill(7) };
const PASSPHRASE: SealSecret = { passphrase: "correct horse battery staple" };
/** The lowest cost that is read, so that a test can derive hundreds of keys. */
const CHEAP = { logN: 10 };

/** Seals the small list. */
async function seal(secret: SealSecret): Promise<Uint8Array> {
  return (await SealingKey.create(secret, CHEAP)).seal(LIST, "trust-list");
}

/** Gives the bytes with a changed header whose checksum is right, as an attacker would write them. */
function forge(bytes: Uint8Array, change: (header: Uint8Array) => void): Uint8Array {
  const forged = bytes.slice();
  change(forged.subarray(0, HEADER));
  forged.set(sha3_512(forged.subarray(0, 96)).subarray(0, 16), 96);
  return forged;
}

async function reasonOf(bytes: Uint8Array, secret: SealSecret = KEY_FILE): Promise<unknown> {
  const error = await assertRejectsWithCode(openSealed(bytes, secret, "trust-list"), "bad-config");
  assert.match(error.message, /^Cannot open trust list: /);
  assert.ok(error.hint);
  return error.details.reason;
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

/** What a flipped bit is called, by its place: no bit of the header is taken for a wrong secret. */
function flippedReason(at: number): string {
  return at < 8 ? "not-sealed" : at === 8 ? "version" : "damaged";
}

Deno.test("openSealed() gives back what was sealed, with a passphrase or a key file", async () => {
  for (const secret of [KEY_FILE, PASSPHRASE]) {
    const bytes = await seal(secret);
    assert.equal(bytes.length, HEADER + LIST.length + 16);
    assert.equal(isSealed(bytes), true);
    const { plaintext, key } = await openSealed(bytes, secret, "trust-list");
    assert.deepEqual(plaintext, LIST);
    assert.equal(key.matches(bytes, "trust-list"), true);
    const rewritten = key.seal(LIST.subarray(1), "trust-list");
    assert.deepEqual(key.open(rewritten, "trust-list"), LIST.subarray(1));
    const again = await openSealed(rewritten, secret, "trust-list");
    assert.deepEqual(again.plaintext, LIST.subarray(1));
  }
});

Deno.test("openSealed() gives back an empty plaintext and a large one", async () => {
  const key = await SealingKey.create(KEY_FILE);
  const large = new Uint8Array(3_000_000).map((_, index) => index * 31 >> 3);
  for (const plaintext of [new Uint8Array(0), large]) {
    const bytes = key.seal(plaintext, "private-key");
    assert.deepEqual((await openSealed(bytes, KEY_FILE, "private-key")).plaintext, plaintext);
  }
});

Deno.test("seal() writes the header as documented", async () => {
  const byPassphrase = await seal(PASSPHRASE);
  const byKeyFile = await seal(KEY_FILE);
  assert.equal(new TextDecoder().decode(byKeyFile.subarray(0, 8)), "SALLYPRT");
  assert.deepEqual([...byPassphrase.subarray(8, 16)], [1, 1, 1, 10, 8, 1, 0, 0]);
  assert.deepEqual([...byKeyFile.subarray(8, 16)], [1, 1, 0, 0, 0, 0, 0, 0]);
  assert.equal(new DataView(byKeyFile.buffer).getBigUint64(72), BigInt(LIST.length + 16));
  assert.deepEqual(byKeyFile.subarray(96, 112), sha3_512(byKeyFile.subarray(0, 96)).slice(0, 16));
});

Deno.test("create() derives with N = 2^17, r = 8 and p = 1 unless told otherwise", async () => {
  const bytes = (await SealingKey.create(PASSPHRASE)).seal(LIST, "trust-list");
  assert.deepEqual([...bytes.subarray(10, 14)], [1, 17, 8, 1]);
});

Deno.test("seal() draws a nonce for each write, and create() a salt for each key", async () => {
  const key = await SealingKey.create(KEY_FILE);
  const nonces = new Set<string>();
  const ciphertexts = new Set<string>();
  for (let write = 0; write < 500; write++) {
    const bytes = key.seal(LIST, "trust-list");
    nonces.add(bytes.subarray(48, 72).toHex());
    ciphertexts.add(bytes.subarray(HEADER).toHex());
  }
  assert.equal(nonces.size, 500);
  assert.equal(ciphertexts.size, 500);
  const [one, other] = [await seal(KEY_FILE), await seal(KEY_FILE)];
  assert.notDeepEqual(one.subarray(16, 48), other.subarray(16, 48));
});

Deno.test("openSealed() refuses every flipped bit of a small list, each by its reason", async () => {
  const bytes = await seal(KEY_FILE);
  const { key } = await openSealed(bytes, KEY_FILE, "trust-list");
  const counts: Record<string, number> = {};
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = flip(bytes, bit);
    const reason = await reasonOf(flipped);
    assert.equal(reason, flippedReason(bit >> 3), `bit ${bit}`);
    counts[reason as string] = (counts[reason as string] ?? 0) + 1;
    const held = assertThrowsWithCode(() => key.open(flipped, "trust-list"), "bad-config");
    assert.equal(held.details.reason, reason, `bit ${bit}, with a key that is kept`);
  }
  assert.deepEqual(counts, { "not-sealed": 64, version: 8, damaged: (bytes.length - 9) * 8 });
});

Deno.test("openSealed() refuses every byte that is any other of the 255 values", async () => {
  const bytes = await seal(KEY_FILE);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    for (let value = 0; value < 256; value++) {
      if (value === bytes[at]) continue;
      changed[at] = value;
      assert.equal(await reasonOf(changed), flippedReason(at), `byte ${at} as ${value}`);
      refused++;
    }
  }
  assert.equal(refused, bytes.length * 255);
});

Deno.test("openSealed() refuses every flipped byte of a list sealed with a passphrase", async () => {
  const bytes = await seal(PASSPHRASE);
  for (let at = 0; at < bytes.length; at++) {
    const reason = await reasonOf(flip(bytes, at * 8 + at % 8), PASSPHRASE);
    assert.equal(reason, flippedReason(at), `byte ${at}`);
  }
});

Deno.test("openSealed() refuses every truncation of a small list as cut short", async () => {
  for (const secret of [KEY_FILE, PASSPHRASE]) {
    const bytes = await seal(secret);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(await reasonOf(bytes.subarray(0, length), secret), "truncated", `${length}`);
    }
    assert.equal(await reasonOf(new Uint8Array([...bytes, 0]), secret), "trailing");
    assert.equal(await reasonOf(new Uint8Array([...bytes, ...bytes]), secret), "trailing");
  }
});

Deno.test("openSealed() refuses every flipped bit of the header with its checksum made right", async () => {
  // the checksum is for clear errors only: an attacker can compute it
  const bytes = await seal(KEY_FILE);
  const reasons: Record<string, Set<unknown>> = {};
  const place = (at: number) =>
    at === 9
      ? "purpose"
      : at < 14
      ? "derivation"
      : at < 16
      ? "zero"
      : at < 48
      ? "salt"
      : at < 72
      ? "nonce"
      : at < 80
      ? "length"
      : "check";
  for (let bit = 9 * 8; bit < 96 * 8; bit++) {
    const reason = await reasonOf(forge(bytes, (header) => header.set(flip(header, bit))));
    (reasons[place(bit >> 3)] ??= new Set()).add(reason);
  }
  assert.deepEqual(reasons, {
    purpose: new Set(["purpose"]),
    derivation: new Set(["damaged"]),
    zero: new Set(["damaged"]),
    salt: new Set(["wrong-key"]),
    nonce: new Set(["damaged"]),
    length: new Set(["truncated", "trailing", "damaged"]),
    check: new Set(["wrong-key"]),
  });
  assert.deepEqual(
    (await openSealed(forge(bytes, () => {}), KEY_FILE, "trust-list")).plaintext,
    LIST,
  );
});

Deno.test("openSealed() says that the passphrase or the key is wrong, and of which kind it must be", async () => {
  const byPassphrase = await seal(PASSPHRASE);
  const byKeyFile = await seal(KEY_FILE);
  const otherKey = { key: new Uint8Array(32).fill(8) };
  const cases: [Uint8Array, SealSecret, string, RegExp][] = [
    [byPassphrase, { passphrase: "correct horse" }, "wrong-passphrase", /passphrase is wrong/],
    [byPassphrase, KEY_FILE, "wrong-key", /a passphrase opens it, not a key file/],
    [byKeyFile, otherKey, "wrong-key", /the key is wrong/],
    [byKeyFile, PASSPHRASE, "wrong-passphrase", /a key file opens it, not a passphrase/],
  ];
  for (const [bytes, secret, reason, message] of cases) {
    const opening = openSealed(bytes, secret, "trust-list");
    const error = await assertRejectsWithCode(opening, "bad-config", message);
    assert.equal(error.details.reason, reason);
    const said = `${JSON.stringify(error)} ${error.stack}`;
    assert.ok(!said.includes("correct horse") && !said.includes("0707"), said);
  }
});

Deno.test("openSealed() refuses older and newer format versions by number", async () => {
  const bytes = await seal(KEY_FILE);
  for (
    const [version, message] of [[0, /version 0, older than/], [
      2,
      /version 2, newer than/,
    ]] as const
  ) {
    const forged = forge(bytes, (header) => header[8] = version);
    const error = await assertRejectsWithCode(
      openSealed(forged, KEY_FILE, "trust-list"),
      "bad-config",
      message,
    );
    assert.equal(error.details.reason, "version");
  }
});

Deno.test("openSealed() takes no private key for a trust list, nor the other way round", async () => {
  const key = await SealingKey.create(KEY_FILE);
  const list = key.seal(LIST, "trust-list");
  const other = assertThrowsWithCode(() => key.open(list, "private-key"), "bad-config");
  assert.equal(other.message, "Cannot read private key: it holds a trust list");
  assert.equal(other.details.reason, "purpose");
  assert.equal(await reasonOf(key.seal(LIST, "private-key")), "purpose");
  // and with the byte changed, the tag does not match
  const forged = forge(list, (header) => header[9] = 2);
  const error = assertThrowsWithCode(() => key.open(forged, "private-key"), "bad-config");
  assert.equal(error.details.reason, "damaged");
});

Deno.test("a cost that is too high is refused before any work is done", async () => {
  const bytes = await seal(PASSPHRASE);
  const costs: [number, number, number, RegExp][] = [
    [255, 8, 1, /log2 N of scrypt is 255, not from 10 to 20/],
    [21, 8, 1, /log2 N of scrypt is 21/],
    [9, 8, 1, /log2 N of scrypt is 9/],
    [20, 16, 4, /would need 2048 MiB of memory, more than 512 MiB/],
    [17, 255, 1, /r of scrypt is 255/],
    [17, 0, 1, /r of scrypt is 0/],
    [17, 8, 255, /p of scrypt is 255/],
  ];
  for (const [logN, r, p, message] of costs) {
    const forged = forge(bytes, (header) => header.set([logN, r, p], 11));
    // at once, not in a promise: nothing was handed to a thread
    const error = assertThrowsWithCode(
      () => parseSealedHeader(forged, "trust-list"),
      "bad-config",
      message,
    );
    assert.equal(error.details.reason, "damaged");
    await assertRejectsWithCode(
      openSealed(forged, PASSPHRASE, "trust-list"),
      "bad-config",
      message,
    );
  }
});

Deno.test("open() refuses what another key sealed, and matches() tells", async () => {
  const bytes = await seal(KEY_FILE);
  const other = await SealingKey.create(KEY_FILE); // the same key file, another salt
  assert.equal(other.matches(bytes, "trust-list"), false);
  const error = assertThrowsWithCode(() => other.open(bytes, "trust-list"), "bad-config");
  assert.equal(error.details.reason, "other-key");
  assert.match(error.message, /sealed with another key than before/);
  const key = await SealingKey.forSealed(bytes, KEY_FILE, "trust-list");
  assert.deepEqual(key.open(bytes, "trust-list"), LIST);
});

Deno.test("openSealed() says what is no sealed file at all", async () => {
  for (const text of ["{}", "-----BEGIN PRIVATE KEY-----", "SALLYPORT", "x"]) {
    const bytes = new TextEncoder().encode(text);
    assert.equal(isSealed(bytes), false);
    assert.equal(await reasonOf(bytes), "not-sealed");
  }
  assert.equal(await reasonOf(new Uint8Array(4_096)), "not-sealed");
});

Deno.test("SealingKey refuses secrets, costs and plaintexts out of range", async () => {
  const create = (secret: unknown, options = {}) =>
    SealingKey.create(secret as SealSecret, options);
  await assert.rejects(create({ key: new Uint8Array(31) }), RangeError);
  await assert.rejects(create({ key: "x".repeat(32) }), TypeError);
  await assert.rejects(create({ passphrase: "" }), RangeError);
  await assert.rejects(create({}), TypeError);
  await assert.rejects(create({ ...KEY_FILE, ...PASSPHRASE }), TypeError);
  for (const logN of [9, 20, 21, 17.5]) {
    await assert.rejects(create(PASSPHRASE, { logN }), /^RangeError: Option "logN"/);
  }
  const key = await SealingKey.create(KEY_FILE);
  assert.throws(() => key.seal(new Uint8Array(MAX_SEALED_BYTES - 127), "trust-list"), RangeError);
  assert.throws(() => key.seal("list" as unknown as Uint8Array, "trust-list"), TypeError);
  assert.throws(() => key.open("list" as unknown as Uint8Array, "trust-list"), TypeError);
});

Deno.test("a SealingKey shows nothing of itself when it is printed or written as JSON", async () => {
  const key = await SealingKey.create(KEY_FILE);
  assert.equal(JSON.stringify(key), "{}");
  assert.equal(Deno.inspect(key), "SealingKey {}");
});
