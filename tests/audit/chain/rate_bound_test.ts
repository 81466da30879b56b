import assert from "node:assert/strict";
import { RateBound } from "../../../src/audit/chain/rate_bound.ts";

Deno.test("admit() writes 200 lines of a kind within a second, then counts until the second is over", () => {
  const rate = new RateBound();
  const admitted = Array.from(
    { length: 1_000 },
    (_, n) => rate.admit("denied", "p", n / 10, n === 700 ? "the one" : "as always"),
  );
  assert.equal(admitted.filter((admission) => admission === "write").length, 200);
  assert.equal(admitted.filter((admission) => admission === "begin").length, 1);
  assert.deepEqual(rate.end(999), []);
  assert.equal(rate.suppressing, true);
  assert.equal(rate.admit("denied", "other", 999), "write");
  assert.equal(rate.admit("loaded", "p", 999), "write");
  const among = [{ text: "as always", count: 799 }, { text: "the one", count: 1 }];
  assert.deepEqual(rate.end(1_000), [{ of: "denied", plugin: "p", count: 800, forMs: 980, among }]);
  assert.equal(rate.suppressing, false);
  assert.equal(rate.admit("denied", "p", 1_000), "write");
});

Deno.test("admit() bounds what a kind takes in an hour, and lets it write again when there is room", () => {
  const rate = new RateBound({ maxBytesPerHour: 3_600_000 });
  let now = 0;
  let bytes = 0;
  const flood = (seconds: number) => {
    for (const end = now + seconds * 1_000; now < end; now += 10) {
      if (rate.admit("denied", "p", now) === "write") {
        rate.spend("denied", "p", 1_000);
        bytes += 1_000;
      }
      rate.end(now);
    }
  };
  flood(600);
  // what was there at once, and a sixth of an hour
  assert.ok(bytes > 3_600_000 && bytes <= 4_210_000, `${bytes}`);
  flood(3_600);
  assert.ok(bytes <= 7_810_000, `${bytes}`);
  now += 3_600_000;
  rate.end(now);
  assert.equal(rate.admit("denied", "p", now), "write");
});

Deno.test("admit() keeps names without end within one bound and bounded memory", () => {
  const rate = new RateBound();
  let written = 0;
  for (let n = 0; n < 20_000; n++) {
    if (rate.admit("denied", `p${n}`, n / 1_000) === "write") written++;
    rate.spend("denied", `p${n}`, 300);
  }
  assert.equal(written, 4_096 + 200);
  const [ended] = rate.end(30, true);
  assert.deepEqual([ended!.of, ended!.plugin, ended!.count], ["(many)", undefined, 20_000 - 4_296]);
  // idle kinds are forgotten: their room is free again
  assert.equal(rate.admit("denied", "new", 10_000_000), "write");
});
