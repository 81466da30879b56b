import assert from "node:assert/strict";
import { type Spare, WarmPool } from "../../src/process/warm_pool.ts";

/** A spare that says what became of it. */
class Thing implements Spare {
  isAlive = true;
  disposed = false;
  readonly ended: Promise<void>;
  readonly #end: () => void;

  constructor(readonly kind: string) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
  }

  die(): void {
    this.isAlive = false;
    this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
    this.die();
    return Promise.resolve();
  }
}

function kinds(size: number, refill?: boolean) {
  const made: Thing[] = [];
  const failures: unknown[] = [];
  let time = 0;
  let broken = false;
  const pool = new WarmPool<Thing>({
    size,
    refill,
    now: () => time,
    onFailure: (error) => failures.push(error),
  });
  const make = (kind: string) => {
    if (broken) return Promise.reject(new Error("no room"));
    const thing = new Thing(kind);
    made.push(thing);
    return Promise.resolve(thing);
  };
  return {
    made,
    failures,
    pool,
    pass: (ms: number) => time += ms,
    break: (is: boolean) => broken = is,
    take(kind: string): Thing | undefined {
      pool.expect({ key: kind, make: () => make(kind) });
      return pool.take(kind);
    },
    /** Uses one of a kind of its own, or else a common one; says which it was. */
    use(kind: string): string | undefined {
      const general = { key: "common", make: () => make("common") };
      pool.expect({ key: kind, make: () => make(kind), general });
      const thing = pool.take(kind) ?? pool.take("common");
      thing?.die();
      return thing?.kind;
    },
    expect: (kind: string) => pool.expect({ key: kind, make: () => make(kind) }),
    ready: () => made.filter((thing) => thing.isAlive).map(({ kind }) => kind).sort().join(" "),
  };
}

Deno.test("WarmPool has a spare from the second use on, and uses each once", async () => {
  const { pool, take, made } = kinds(2);
  assert.equal(take("a"), undefined);
  await pool.filled();
  assert.equal(pool.ready, 1);
  const first = take("a");
  assert.equal(first, made[0]);
  await pool.filled();
  assert.notEqual(take("a"), first);
  assert.equal(take("b"), undefined, "of another kind there is none");
  await pool[Symbol.asyncDispose]();
  assert.ok(!first!.disposed, "what was taken is not the pool's any more");
});

Deno.test("WarmPool never has more than its size, and the kind used longest ago gives way", async () => {
  const { pool, take, ready } = kinds(2);
  for (const kind of ["a", "b", "c"]) {
    take(kind);
    await pool.filled();
    assert.ok(pool.ready <= 2);
  }
  assert.equal(ready(), "b c");
  await pool[Symbol.asyncDispose]();
  assert.equal(pool.ready, 0);
});

Deno.test("WarmPool has one of each kind before there are two of any", async () => {
  const { pool, take, ready } = kinds(3);
  for (const kind of ["a", "b", "b", "b"]) take(kind);
  await pool.filled();
  assert.equal(ready(), "a b b");
  for (let round = 0; round < 4; round++) {
    for (const kind of ["a", "b"]) {
      const taken = take(kind);
      assert.ok(taken !== undefined, `${kind} in round ${round}`);
      taken.die();
      await pool.filled();
    }
  }
  take("c");
  await pool.filled();
  assert.equal(ready(), "a b c");
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool forgets uses after a minute", async () => {
  const { pool, take, pass } = kinds(4);
  for (let use = 0; use < 3; use++) take("a");
  await pool.filled();
  assert.equal(pool.ready, 3);
  pass(61_000);
  take("a");
  await pool.filled();
  assert.equal(pool.ready, 1, "the others have ended");
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool replaces a spare that dies, but not for ever", async () => {
  const { pool, take, made } = kinds(1);
  take("a");
  await pool.filled();
  for (let deaths = 0; deaths < 10; deaths++) {
    made.at(-1)!.die();
    await new Promise((resolve) => setTimeout(resolve));
    await pool.filled();
  }
  assert.equal(made.length, 3, "nobody asked for more meanwhile");
  assert.equal(take("a"), undefined, "a dead one is not given out");
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool gives up a kind that cannot be made until it is asked for again", async () => {
  const { pool, take, failures, ...broken } = kinds(1);
  broken.break(true);
  take("a");
  await pool.filled();
  assert.equal(failures.length, 3);
  broken.break(false);
  assert.equal(take("a"), undefined);
  await pool.filled();
  assert.ok(take("a") !== undefined);
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool ends the spares of a kind that nobody asks for, until it is asked for again", async () => {
  const { pool, take, pass, made } = kinds(3);
  const kept = (kind: string) =>
    made.filter((thing) => thing.kind === kind && thing.isAlive).length;
  take("a");
  await pool.filled();
  pass(299_000);
  take("b");
  await pool.filled();
  pool.expire();
  assert.deepEqual([kept("a"), kept("b")], [1, 1], "neither has waited for five minutes");
  pass(2_000);
  pool.expire();
  assert.deepEqual([kept("a"), kept("b")], [0, 1]);
  take("b");
  await pool.filled();
  assert.equal(kept("a"), 0, "it is not made again because another kind is asked for");
  assert.equal(take("a"), undefined);
  await pool.filled();
  assert.equal(kept("a"), 1);
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool looks for idle spares by itself, and keeps no process alive for that", async () => {
  const made = new Thing("a");
  const pool = new WarmPool<Thing>({ size: 1, idleMs: 20 });
  pool.expect({ key: "a", make: () => Promise.resolve(made) });
  await pool.filled();
  // its own timer would let the test end; this one does not
  const waiting = setTimeout(() => {}, 20_000);
  await made.ended;
  clearTimeout(waiting);
  assert.equal(pool.ready, 0);
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool lets what asked have the processors first", async () => {
  const { pool, take, made } = kinds(1);
  take("a");
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(made.length, 0);
  await pool.filled();
  assert.equal(made.length, 1);
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool without refill makes one of each kind, once", async () => {
  const { pool, take } = kinds(2, false);
  take("a");
  await pool.filled();
  assert.ok(take("a") !== undefined);
  await pool.filled();
  assert.equal(pool.ready, 0);
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool of size 0 makes nothing, and a wrong size is refused", async () => {
  const { pool, take, made } = kinds(0);
  take("a");
  await pool.filled();
  assert.equal(made.length, 0);
  await pool[Symbol.asyncDispose]();
  for (const size of [-1, 0.5, NaN]) assert.throws(() => kinds(size), RangeError);
});

Deno.test("WarmPool ends what was being made when it is closed", async () => {
  const { pool, take, made } = kinds(1);
  take("a");
  await pool[Symbol.asyncDispose]();
  assert.ok(made.every((thing) => thing.disposed));
  assert.equal(take("a"), undefined);
});

Deno.test("WarmPool has a spare of a kind that is expected, and gives way to it", async () => {
  const { pool, take, expect, ready } = kinds(1);
  take("a");
  await pool.filled();
  assert.equal(ready(), "a");
  expect("b");
  await pool.filled();
  assert.equal(ready(), "b");
  assert.equal(take("b")?.kind, "b");
  await pool[Symbol.asyncDispose]();
  expect("b");
  await pool.filled();
  assert.equal(ready(), "b", "the one that was taken; a pool that is closed makes none");
});

Deno.test("WarmPool of size 0 expects nothing", async () => {
  const { pool, expect, made } = kinds(0);
  expect("a");
  await pool.filled();
  assert.deepEqual(made, []);
});

Deno.test("WarmPool gives a spare that will do as well, once, and never a dead one", async () => {
  const { pool, take, made } = kinds(2);
  take("a");
  take("a");
  await pool.filled();
  assert.equal(made.length, 2);
  made[0]!.isAlive = false; // and it has not been noticed yet
  assert.equal(pool.take("b"), undefined);
  assert.equal(pool.take("a"), made[1]);
  assert.equal(pool.take("a"), undefined);
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool without refill makes nothing in place of what was taken, whatever else is asked for", async () => {
  const { pool, take, ready } = kinds(2, false);
  take("a");
  await pool.filled();
  assert.ok(take("a") !== undefined);
  take("b");
  await pool.filled();
  assert.equal(ready(), "a b", "the one that was taken, and one of another kind");
  assert.equal(pool.ready, 1);
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool has what will do for all where there are more kinds than places", async () => {
  const { pool, use, take, ready } = kinds(2);
  for (const kind of ["a", "b"]) use(kind);
  await pool.filled();
  assert.equal(ready(), "a b", "each has a place");
  use("c");
  await pool.filled();
  assert.equal(ready(), "common common");
  // in turn: there is one for each
  for (const kind of ["a", "b", "c", "a", "b", "c"]) {
    assert.equal(use(kind), "common", kind);
    await pool.filled();
  }
  assert.equal(pool.has("common"), true);
  assert.equal(pool.has("a"), false);
  take("other"); // nothing else will do for it
  await pool.filled();
  assert.equal(ready(), "common other");
  await pool[Symbol.asyncDispose]();
  assert.equal(ready(), "");
});

Deno.test("WarmPool takes a kind of its own for what it served with a general one before", async () => {
  const { pool, use, take, ready } = kinds(1);
  take("common");
  use("a");
  await pool.filled();
  assert.equal(ready(), "a");
  use("b");
  await pool.filled();
  assert.equal(ready(), "common");
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool goes back to a kind of its own when the others are not asked for any more", async () => {
  const { pool, use, pass, ready } = kinds(1);
  for (const kind of ["a", "b"]) {
    use(kind);
    await pool.filled();
  }
  assert.equal(ready(), "common");
  pass(300_000);
  assert.equal(use("a"), "common");
  await pool.filled();
  assert.equal(ready(), "a");
  await pool[Symbol.asyncDispose]();
});

Deno.test("WarmPool loses no spare when it forgets kinds", async () => {
  const { pool, use, take, ready, made } = kinds(1);
  for (const kind of ["a", "b"]) use(kind);
  await pool.filled();
  for (let i = 0; i < 300; i++) take(`kind ${i}`);
  await pool.filled();
  for (const kind of ["a", "b"]) use(kind);
  await pool.filled();
  assert.equal(ready().split(" ").length, 1);
  await pool[Symbol.asyncDispose]();
  assert.ok(made.every((thing) => !thing.isAlive), "all that were made were ended");
});
