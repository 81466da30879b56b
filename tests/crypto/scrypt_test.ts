import assert from "node:assert/strict";
import { deriveWithScrypt, findCostProblem } from "../../src/crypto/scrypt.ts";
import { hex } from "./vectors.ts";

const SALT = new TextEncoder().encode("SodiumChloride");

Deno.test("deriveWithScrypt() gives the first 32 bytes of RFC 7914, section 12", async () => {
  assert.deepEqual(
    await deriveWithScrypt("pleaseletmein", SALT, { logN: 14, r: 8, p: 1 }),
    new Uint8Array(hex("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2")),
  );
});

Deno.test("deriveWithScrypt() takes each part of the cost into account", async () => {
  const keys = new Set<string>();
  for (const cost of [{ logN: 10, r: 8, p: 1 }, { logN: 11, r: 8, p: 1 }]) {
    for (const each of [cost, { ...cost, r: 4 }, { ...cost, p: 2 }]) {
      keys.add((await deriveWithScrypt("passphrase", SALT, each)).toHex());
    }
  }
  assert.equal(keys.size, 6);
});

Deno.test("deriveWithScrypt() does not care how an accent is composed", async () => {
  const cost = { logN: 10, r: 8, p: 1 };
  const composed = await deriveWithScrypt("caf\u00e9", SALT, cost);
  assert.deepEqual(await deriveWithScrypt("cafe\u0301", SALT, cost), composed);
  assert.notDeepEqual(await deriveWithScrypt("cafe", SALT, cost), composed);
});

Deno.test("deriveWithScrypt() leaves the event loop free", async () => {
  let done = false;
  let turns = 0;
  const derived = deriveWithScrypt("passphrase", SALT, { logN: 16, r: 8, p: 1 })
    .finally(() => done = true);
  while (!done) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    turns++;
  }
  await derived;
  assert.ok(turns > 5, `the event loop came round only ${turns} times`);
});

Deno.test("findCostProblem() accepts what memory and time allow", () => {
  for (const cost of [[10, 1, 1], [17, 8, 1], [19, 8, 4], [20, 4, 1], [18, 16, 4]] as const) {
    const [logN, r, p] = cost;
    assert.equal(findCostProblem({ logN, r, p }), undefined, String(cost));
  }
  for (
    const [logN, r, p, problem] of [
      [9, 8, 1, /log2 N of scrypt is 9/],
      [21, 1, 1, /log2 N of scrypt is 21/],
      [255, 8, 1, /log2 N of scrypt is 255/],
      [17.5, 8, 1, /log2 N/],
      [NaN, 8, 1, /log2 N/],
      [17, 0, 1, /r of scrypt is 0/],
      [17, 17, 1, /r of scrypt is 17/],
      [17, 8, 0, /p of scrypt is 0/],
      [17, 8, 5, /p of scrypt is 5/],
      [20, 8, 1, /would need 1024 MiB of memory, more than 512 MiB/],
      [20, 16, 4, /would need 2048 MiB/],
    ] as const
  ) {
    assert.match(findCostProblem({ logN, r, p }) ?? "", problem);
  }
});

Deno.test("deriveWithScrypt() refuses a passphrase or a cost out of range", async () => {
  const cost = { logN: 10, r: 8, p: 1 };
  const derive = (passphrase: string, of = cost) => deriveWithScrypt(passphrase, SALT, of);
  await assert.rejects(derive(""), /^RangeError: Passphrase must not be empty$/);
  await assert.rejects(derive("x".repeat(4_097)), RangeError);
  await assert.rejects(derive("x\ud800"), /^RangeError: Passphrase must be well-formed Unicode$/);
  await assert.rejects(derive(7 as unknown as string), TypeError);
  await assert.rejects(derive("passphrase", { ...cost, logN: 30 }), RangeError);
  assert.equal((await derive("x".repeat(4_096))).length, 32);
});
