import { parse } from "@std/semver";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  canCover,
  isInRange,
  isVersionRange,
  revocationCovers,
} from "../../../src/bundle/manifest/version_range.ts";

interface Verdicts {
  readonly range: string;
  /** What a dependency on the range accepts and refuses. */
  readonly needs?: { readonly in: readonly string[]; readonly out: readonly string[] };
  /** What a revocation of the range covers and leaves alone. */
  readonly revokes?: { readonly in: readonly string[]; readonly out: readonly string[] };
}

const ranges: readonly Verdicts[] = JSON.parse(
  Deno.readTextFileSync(new URL("version_ranges.json", import.meta.url)),
);

Deno.test("ranges of versions mean what the verdicts say, pre-releases included", () => {
  for (const { range, needs, revokes } of ranges) {
    assert.equal(isVersionRange(range), true, range);
    for (const one of needs?.in ?? []) assert.equal(isInRange(one, range), true, `${one} ${range}`);
    for (const one of needs?.out ?? []) {
      assert.equal(isInRange(one, range), false, `${one} ${range}`);
    }
    for (const one of revokes?.in ?? []) {
      assert.equal(revocationCovers(range, one), true, `${one} revoked by ${range}`);
      assert.equal(canCover(range), true, range);
    }
    for (const one of revokes?.out ?? []) {
      assert.equal(revocationCovers(range, one), false, `${one} revoked by ${range}`);
    }
  }
});

Deno.test("what readers of ranges disagree about, or nobody can mean, is no range", () => {
  const wrong = [
    "> = 1",
    "=> 1",
    "==1",
    "0.x.1",
    "^0.x.1",
    "x.1",
    "^0.1+b",
    "1.x+b",
    "1.x-rc",
    ">*",
    "^*",
    "* - 2",
    "12345678901234567890.0.0",
    "<1.2.12345678901234567890",
    ">1.0.0-12345678901234567890",
    "",
    " ",
    "1.x ||",
    "|| 1",
    "1 ||| 2",
    "latest",
    "1.2.3 foo",
    ">",
    "1..2",
    "1.2.3.4",
    "01.2",
    "1.02.x",
    "1 - 2 - 3",
    ">=1 - 2",
    "1.2.3-",
    "1.2.3-01",
    "1,2",
    "1.2.3<2",
    "!=1",
    "１.2",
    "1\u0000",
    "1".repeat(257),
  ];
  for (const range of wrong) {
    assert.equal(isVersionRange(range), false, range);
    assert.equal(isInRange("1.0.0", range), false, range);
    assert.equal(revocationCovers(range, "9.9.9"), true, `fails closed: ${range}`);
  }
  assert.equal(isInRange("no version", "*"), false);
  assert.equal(revocationCovers("<1.0.0", "no version"), true, "fails closed");
});

Deno.test("canCover() tells when an alternative holds no version at all", () => {
  for (
    const range of ["1.4.5 1.4.6", ">2 <1", ">=2.0.0 <2.0.0-0", "1.x 2.x", "<0.0.0-0", "1 || >2 <2"]
  ) {
    assert.equal(canCover(range), false, range);
  }
  for (
    const range of ["*", "1.4.5", ">1.2.3 <1.2.4", ">1.2.3-rc.1 <1.2.3-rc.1.1", "1.4.2 - 1.4.9"]
  ) {
    assert.equal(canCover(range), true, range);
  }
});

Deno.test("canCover() agrees with a search among versions near the bounds", () => {
  const part = fc.integer({ min: 0, max: 2 });
  const pre = fc.constantFrom("", "-0", "-0.0", "-rc", "-rc.0");
  const version = fc.tuple(part, part, part, pre)
    .map(([major, minor, patch, pre]) => `${major}.${minor}.${patch}${pre}`);
  const comparison = fc.tuple(fc.constantFrom("<", "<=", ">", ">=", "", "^", "~"), version)
    .map((both) => both.join(""));
  const all = [0, 1, 2, 3].flatMap((a) =>
    [0, 1, 2, 3].flatMap((b) =>
      [0, 1, 2, 3].flatMap((c) =>
        ["", "-0", "-0.0", "-0.0.0", "-rc", "-rc.0", "-rc.0.0"].map((pre) => `${a}.${b}.${c}${pre}`)
      )
    )
  );
  fc.assert(fc.property(fc.array(comparison, { minLength: 1, maxLength: 3 }), (parts) => {
    const range = parts.join(" ");
    assert.equal(canCover(range), all.some((one) => revocationCovers(range, one)), range);
  }));
  assert.ok(parse(all[1]!));
});
