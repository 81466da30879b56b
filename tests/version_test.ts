import assert from "node:assert/strict";
import {
  compareDeno,
  denoProblem,
  NEWEST_TESTED_DENO,
  OLDEST_DENO,
  untestedDeno,
} from "../src/version.ts";

Deno.test("denoProblem() refuses what is older than the oldest, and what is no version", () => {
  for (const old of ["1.46.3", "2.0.6", "2.8.3", "2.9.0", "2.9.3", "2.9.4-rc.1", "", "x", "2.9"]) {
    assert.equal(denoProblem(old), `needs Deno ${OLDEST_DENO} or later, this is ${old}`);
  }
  for (const good of [OLDEST_DENO, "2.9.4+0ab12cd", "2.9.10", "2.10.0-rc.1", "2.10.0", "3.0.0"]) {
    assert.equal(denoProblem(good), undefined, good);
  }
});

Deno.test("untestedDeno() names what is of a newer line than the newest that was tested", () => {
  const [major, minor] = NEWEST_TESTED_DENO.split(".").map(Number) as [number, number];
  for (const known of [OLDEST_DENO, NEWEST_TESTED_DENO, `${major}.${minor}.99`]) {
    assert.equal(untestedDeno(known), undefined, known);
  }
  for (
    const newer of [`${major}.${minor + 1}.0`, `${major}.${minor + 1}.0-rc.0`, `${major + 1}.0.0`]
  ) {
    assert.equal(
      untestedDeno(newer),
      `Deno ${newer} is newer than ${major}.${minor}, the newest that was tested`,
    );
  }
});

Deno.test("the Deno that runs these tests is between the oldest and the newest tested", () => {
  assert.ok(compareDeno(OLDEST_DENO, Deno.version.deno) <= 0);
  assert.equal(untestedDeno(Deno.version.deno), undefined);
});
