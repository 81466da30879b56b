import assert from "node:assert/strict";
import { Regions } from "../../../src/rpc/transport/regions.ts";

const PAGE = 4_096;

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

/** Says which pages are lent: the plain form of what is tested. */
class Model {
  readonly pages: boolean[];
  readonly lent = new Map<number, number>();

  constructor(bytes: number) {
    this.pages = new Array(Math.floor(bytes / PAGE)).fill(false);
  }

  lend(length: number): number | undefined {
    const count = Math.ceil(length / PAGE);
    for (let at = 0; at + count <= this.pages.length; at++) {
      if (this.pages.slice(at, at + count).some((taken) => taken)) continue;
      this.pages.fill(true, at, at + count);
      this.lent.set(at * PAGE, count);
      return at * PAGE;
    }
    return undefined;
  }

  takeBack(start: number): boolean {
    const count = this.lent.get(start);
    if (count === undefined) return false;
    this.lent.delete(start);
    this.pages.fill(false, start / PAGE, start / PAGE + count);
    return true;
  }
}

Deno.test("Regions lends and takes back as a list of pages does", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const next = numbers(seed);
    const bytes = PAGE * (1 + next(40)) + next(PAGE);
    const regions = new Regions(bytes);
    const model = new Model(bytes);
    for (let step = 0; step < 300; step++) {
      const about = `seed ${seed}, step ${step}`;
      if (next(5) < 3) {
        const length = 1 + next(6 * PAGE);
        assert.equal(regions.lend(length), model.lend(length), about);
      } else {
        const known = [...model.lent.keys()];
        // now and then what is not lent, or begins elsewhere
        const start = known.length > 0 && next(4) > 0
          ? known[next(known.length)]!
          : next(bytes + PAGE) - (next(2) * PAGE);
        assert.equal(regions.takeBack(start), model.takeBack(start), about);
      }
      assert.equal(regions.size, model.lent.size, about);
    }
  }
});

Deno.test("Regions lends the whole file, and nothing beyond it", () => {
  const regions = new Regions(3 * PAGE + 1);
  assert.equal(regions.lend(3 * PAGE + 1), undefined);
  assert.equal(regions.lend(3 * PAGE), 0);
  assert.equal(regions.lend(1), undefined);
  assert.ok(regions.takeBack(0));
  assert.ok(!regions.takeBack(0));
  assert.equal(regions.lend(1), 0);
  assert.equal(regions.lend(1), PAGE);
  for (const start of [NaN, -1, 0.5, 1, Infinity]) assert.ok(!regions.takeBack(start));
});
