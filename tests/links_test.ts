// What this project calls of the @std packages behaves as in the real ones: the same names, results and
// errors. The cases hold for the real packages too; in a checkout they run against the stand-ins.
import { crypto as stdCrypto } from "@std/crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import {
  decodeBase64,
  decodeBase64Url,
  decodeHex,
  encodeBase64,
  encodeBase64Url,
  encodeHex,
} from "@std/encoding";
import {
  BaseHandler,
  getLevelByName,
  getLevelName,
  type LevelName,
  Logger,
  LogLevels,
  type LogRecord,
} from "@std/log";
import { compare, format, parse, type SemVer } from "@std/semver";
import semver from "npm:semver@7.8.6";
import fc from "fast-check";
import assert from "node:assert/strict";

const ABC = "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e" +
  "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0";

Deno.test("crypto.subtle.digestSync() takes bytes, views, buffers and chunks", async () => {
  const abc = new TextEncoder().encode("abc");
  const view = new DataView(new TextEncoder().encode("-abc-").buffer, 1, 3);
  const chunks = [abc.subarray(0, 1), new Uint8Array(), abc.subarray(1)];
  for (const data of [abc, abc.buffer, view, chunks]) {
    const digest = stdCrypto.subtle.digestSync("SHA3-512", data);
    assert.ok(digest instanceof ArrayBuffer);
    assert.equal(encodeHex(digest), ABC);
    assert.equal(encodeHex(await stdCrypto.subtle.digest("SHA3-512", data)), ABC);
  }
  async function* stream() {
    yield* chunks;
  }
  assert.equal(encodeHex(await stdCrypto.subtle.digest("SHA3-512", stream())), ABC);
  const sized = { name: "SHA3-512", length: 64 } as const;
  assert.equal(encodeHex(stdCrypto.subtle.digestSync(sized, abc)), ABC);
  assert.equal(encodeHex(stdCrypto.subtle.digestSync("sha3-512" as "SHA3-512", abc)), ABC);
  assert.deepEqual(
    stdCrypto.subtle.digestSync("SHA-256", abc),
    await crypto.subtle.digest("SHA-256", abc),
  );
});

Deno.test("crypto.subtle.digestSync() throws a TypeError or RangeError for misuse", () => {
  const digest = (algorithm: unknown, data: unknown) => () =>
    stdCrypto.subtle.digestSync(algorithm as "SHA-1", data as Uint8Array<ArrayBuffer>);
  const bytes = new Uint8Array(1);
  assert.throws(digest("NO-SUCH", bytes), { name: "TypeError", message: "unsupported algorithm" });
  assert.throws(digest("SHA3-512", 5), /TypeError: data must be a BufferSource/);
  assert.throws(digest("SHA3-512", [5]), /TypeError: Cannot digest the data/);
  assert.throws(digest("SHA3-512", "text"), /TypeError: Cannot digest the data/);
  assert.throws(digest({ name: "SHA3-512", length: -1 }, bytes), RangeError);
  digest("SHA3-512", bytes)();
});

Deno.test("crypto passes the rest of WebCrypto through", async () => {
  assert.match(stdCrypto.randomUUID(), /^[0-9a-f-]{36}$/);
  assert.equal(stdCrypto.getRandomValues(new Uint8Array(4)).length, 4);
  const key = await stdCrypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const { privateKey, publicKey } = key as CryptoKeyPair;
  const message = new Uint8Array(3);
  const signature = await stdCrypto.subtle.sign("Ed25519", privateKey, message);
  assert.equal(await stdCrypto.subtle.verify("Ed25519", publicKey, signature, message), true);
});

Deno.test("timingSafeEqual() compares equal lengths and throws for others", () => {
  const bytes = new Uint8Array([0, 1, 2, 3, 0]);
  assert.equal(timingSafeEqual(bytes.subarray(1, 4), new Uint8Array([1, 2, 3])), true);
  assert.equal(timingSafeEqual(bytes.subarray(1, 4), new Uint8Array([1, 2, 4])), false);
  assert.equal(timingSafeEqual(new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2])), true);
  assert.throws(() => timingSafeEqual(new Uint8Array(1), new Uint8Array(2)), {
    name: "TypeError",
    message: "Cannot compare buffers of different byte lengths (1 vs 2)",
  });
});

Deno.test("encodings come back as they were", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (random) => {
    const bytes = new Uint8Array(random);
    assert.deepEqual(decodeHex(encodeHex(bytes)), bytes);
    assert.deepEqual(decodeHex(encodeHex(bytes).toUpperCase()), bytes);
    assert.deepEqual(decodeBase64(encodeBase64(bytes)), bytes);
    assert.deepEqual(decodeBase64(encodeBase64(bytes).replaceAll("=", "")), bytes);
    assert.deepEqual(decodeBase64Url(encodeBase64Url(bytes)), bytes);
    assert.doesNotMatch(encodeBase64Url(bytes), /[+/=]/);
  }));
  assert.equal(encodeHex("é"), "c3a9");
  assert.equal(encodeBase64(new Uint8Array([255, 239]).buffer), "/+8=");
  assert.equal(encodeBase64Url(new Uint8Array([255, 239])), "_-8");
});

Deno.test("decodeHex() names what it cannot decode", () => {
  const odd = "Cannot decode input as hex: Length (3) must be divisible by 2";
  assert.throws(() => decodeHex("abc"), { name: "RangeError", message: odd });
  const character = "Cannot decode input as hex: Invalid character (g)";
  assert.throws(() => decodeHex("ab0g"), {
    name: "TypeError",
    message: character,
  });
  assert.throws(() => decodeHex("0 "), TypeError);
  assert.throws(() => decodeHex("0x12"), TypeError);
  assert.deepEqual(decodeHex("0aF0"), new Uint8Array([10, 240]));
});

Deno.test("decodeBase64() is lax with padding and spare bits, strict with characters", () => {
  for (const text of ["QQ==", "QQ=", "QQ", "QR=="]) {
    assert.deepEqual(decodeBase64(text), new Uint8Array([65]), text);
  }
  assert.deepEqual(decodeBase64("QUJD="), new Uint8Array([65, 66, 67]));
  for (const text of ["Q Q=", "QUI\n", "-_-_", "Q=Q=", "Q===", "éé", "=QUI"]) {
    assert.throws(() => decodeBase64(text), TypeError, text);
  }
  assert.throws(() => decodeBase64("QUI*"), {
    name: "TypeError",
    message: "Cannot decode input as base64: Invalid character (*)",
  });
  assert.throws(() => decodeBase64("QUJDR"), {
    name: "RangeError",
    message: "Cannot decode input as base64: Length (5), excluding padding, must not have a " +
      "remainder of 1 when divided by 4",
  });
  assert.throws(() => decodeBase64Url("+/+/"), TypeError);
});

/** The package carries no types. */
const npm = semver as unknown as {
  parse(text: string): Required<SemVer> | null;
  compare(one: string, other: string): number;
};

Deno.test("parse() and format() are each other's inverse for versions", () => {
  const version: SemVer = parse("1.2.3-rc.1.x+b.02");
  assert.deepEqual(version, {
    ...{ major: 1, minor: 2, patch: 3 },
    ...{ prerelease: ["rc", 1, "x"], build: ["b", "02"] },
  });
  assert.equal(format(version), "1.2.3-rc.1.x+b.02");
  assert.equal(format({ major: 1, minor: 0, patch: 0 }), "1.0.0");
  assert.equal(format(parse(" v1.2.3 ")), "1.2.3");
  const wrong = ["", "1", "1.2", "01.2.3", "1.2.3-", "1.2.3-01", "=1.2.3", "1.2.3 x", "latest"];
  for (const text of wrong) {
    assert.throws(() => parse(text), {
      name: "TypeError",
      message: `Cannot parse version: ${text}`,
    });
  }
  assert.throws(() => parse("1.9007199254740992.0"), /: invalid minor version/);
  assert.throws(() => parse(`1.0.0-${"a".repeat(300)}`), /version length is too long/);
  assert.throws(() => parse(5 as unknown as string), /version must be a string: received number/);
});

Deno.test("compare() orders as semver.org's example does, and ignores build metadata", () => {
  const order = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    .map((each) => parse(`1.0.0-${each}`));
  order.push(parse("1.0.0"), parse("1.0.1"), parse("1.1.0"), parse("2.0.0"), parse("10.0.0"));
  for (const [left, a] of order.entries()) {
    for (const [right, b] of order.entries()) {
      assert.equal(compare(a, b), Math.sign(left - right));
    }
  }
  assert.equal(compare(parse("1.0.0+a"), parse("1.0.0+b")), 0);
  const notANumber = { major: NaN, minor: 0, patch: 0 };
  assert.throws(() => compare(notANumber, parse("1.0.0")), /Cannot compare against non-numbers/);
});

Deno.test("parse() and compare() agree with npm's semver on whatever is written", () => {
  const identifier = fc.constantFrom("0", "1", "01", "10", "a", "-", "a1", "1a", "rc", "");
  const suffix = fc.array(identifier, { minLength: 1, maxLength: 3 }).map((all) => all.join("."));
  const number = fc.constantFrom("0", "1", "2", "10", "01", "9007199254740991", "9007199254740992");
  const plain = fc.constantFrom("0", "1", "2", "10");
  const version = fc.tuple(
    fc.constantFrom("", "", "", "", "v", "=", " "),
    fc.oneof(fc.tuple(plain, plain, plain), fc.array(number, { minLength: 2, maxLength: 4 })),
    fc.option(suffix, { freq: 2 }),
    fc.option(suffix, { freq: 1 }),
  ).map(([before, numbers, prerelease, build]) =>
    before + numbers.join(".") + (prerelease === null ? "" : `-${prerelease}`) +
    (build === null ? "" : `+${build}`)
  );
  const read = (text: string) => {
    try {
      return parse(text);
    } catch {
      return undefined;
    }
  };
  let compared = 0;
  fc.assert(
    fc.property(version, version, (one, other) => {
      const [ours, others] = [read(one), read(other)];
      for (const [text, found] of [[one, ours], [other, others]] as const) {
        const theirs = npm.parse(text);
        assert.deepEqual(
          found && { ...found },
          theirs === null ? undefined : {
            ...{ major: theirs.major, minor: theirs.minor, patch: theirs.patch },
            ...{ prerelease: [...theirs.prerelease], build: [...theirs.build] },
          },
          text,
        );
      }
      if (ours === undefined || others === undefined) return;
      compared++;
      assert.equal(compare(ours, others), npm.compare(one, other), `${one} and ${other}`);
    }),
    { numRuns: 5_000 },
  );
  assert.ok(compared > 50, `${compared} were compared`);
});

class Lines extends BaseHandler {
  readonly lines: string[] = [];

  override log(line: string): void {
    this.lines.push(line);
  }
}

Deno.test("Logger passes records from its level upward to its handlers", () => {
  const records: LogRecord[] = [];
  const handler = new Lines("WARN", {
    formatter: (record) => {
      records.push(record);
      return `${record.loggerName} ${record.levelName} ${record.level} ${record.msg}`;
    },
  });
  const logger = new Logger("app", "INFO", { handlers: [handler] });
  assert.equal(logger.debug("unseen"), "unseen");
  assert.equal(logger.info("below the handler's level"), "below the handler's level");
  logger.warn("careful", { n: 1 }, 2);
  logger.error(() => "lazy");
  logger.critical({ a: "b" });
  assert.deepEqual(handler.lines, [
    "app WARN 30 careful",
    "app ERROR 40 lazy",
    'app CRITICAL 50 {"a":"b"}',
  ]);
  assert.deepEqual(records[0]!.args, [{ n: 1 }, 2]);
  assert.ok(Math.abs(Date.now() - records[0]!.datetime.getTime()) < 10_000);
  assert.equal(logger.loggerName, "app");
  logger.levelName = "ERROR";
  assert.equal(logger.level, LogLevels.ERROR);
  logger.warn("unseen");
  handler.levelName = "CRITICAL";
  assert.equal(handler.level, LogLevels.CRITICAL);
  logger.error("unseen");
  assert.equal(handler.lines.length, 3);
});

Deno.test("BaseHandler formats level and message when it is told nothing else", () => {
  const handler = new Lines("NOTSET");
  new Logger("app", "NOTSET", { handlers: [handler] }).debug("hello");
  assert.deepEqual(handler.lines, ["DEBUG hello"]);
});

Deno.test("levels have the names and numbers of the real package", () => {
  const levels = { NOTSET: 0, DEBUG: 10, INFO: 20, WARN: 30, ERROR: 40, CRITICAL: 50 };
  assert.deepEqual({ ...LogLevels }, levels);
  for (const [name, level] of Object.entries(LogLevels)) {
    assert.equal(getLevelByName(name as LevelName), level);
    assert.equal(getLevelName(level), name);
  }
  assert.throws(() => new Logger("app", "LOUD" as LevelName), /no level named LOUD/);
});
