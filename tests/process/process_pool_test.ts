import assert from "node:assert/strict";
import { type Pooled, ProcessPool } from "../../src/process/process_pool.ts";

/** A process that says what became of it. */
class Thing implements Pooled {
  isAlive = true;
  disposed = false;
  readonly ended: Promise<void>;
  readonly #end: () => void;

  constructor(readonly key: string) {
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

function poolOf(size: number, idleMs?: number) {
  const made: Thing[] = [];
  const failures: unknown[] = [];
  const state = { time: 0, broken: false };
  const pool = new ProcessPool<Thing>({
    size,
    ...(idleMs === undefined ? {} : { idleMs }),
    now: () => state.time,
    onFailure: (error) => failures.push(error),
  });
  return {
    made,
    failures,
    pool,
    state,
    /** Uses a process, and asks for the next. */
    take(key: string): Thing | undefined {
      const taken = pool.take(key);
      pool.expect(key, () => {
        if (state.broken) return Promise.reject(new Error("no room"));
        const thing = new Thing(key);
        made.push(thing);
        return Promise.resolve(thing);
      });
      return taken;
    },
    ready: () => made.filter((thing) => thing.isAlive).map(({ key }) => key).sort().join(" "),
  };
}

Deno.test("ProcessPool has a process from the second use on, and each is used once", async () => {
  const { pool, take, made } = poolOf(2);
  assert.equal(take("a"), undefined);
  await pool.filled();
  assert.equal(pool.ready, 1);
  const first = take("a");
  assert.equal(first, made[0]);
  await pool.filled();
  assert.notEqual(take("a"), first);
  assert.equal(take("b"), undefined, "for another key there is none");
  await pool[Symbol.asyncDispose]();
  assert.ok(!first!.disposed, "what was taken is not the pool's any more");
});

Deno.test("ProcessPool has as many processes as were missing, and evicts the least recently used", async () => {
  const { pool, take, ready } = poolOf(3);
  for (const key of ["a", "b", "b"]) take(key);
  await pool.filled();
  assert.equal(ready(), "a b b");
  for (const key of ["a", "b", "a", "b"]) {
    const taken = take(key);
    assert.equal(taken?.key, key);
    taken!.die();
    await pool.filled();
    assert.equal(pool.ready, 3);
  }
  assert.equal(ready(), "a b b");
  take("c");
  await pool.filled();
  assert.equal(pool.ready, 3);
  assert.equal(ready(), "a b c", "b was asked for longest ago, once");
  await pool[Symbol.asyncDispose]();
  assert.equal(pool.ready, 0);
  assert.equal(ready(), "");
});

Deno.test("ProcessPool replaces a process that dies, but not for ever", async () => {
  const { pool, take, made } = poolOf(1);
  take("a");
  await pool.filled();
  for (let deaths = 0; deaths < 10; deaths++) {
    made.at(-1)!.die();
    await new Promise((resolve) => setTimeout(resolve));
    await pool.filled();
  }
  assert.equal(made.length, 3, "nobody asked for more meanwhile");
  assert.equal(pool.take("a"), undefined, "a dead one is not returned");
  await pool[Symbol.asyncDispose]();
});

Deno.test("ProcessPool never returns a process whose death has not been noticed yet", async () => {
  const { pool, take, made } = poolOf(2);
  take("a");
  take("a");
  await pool.filled();
  assert.equal(made.length, 2);
  made[0]!.isAlive = false;
  assert.equal(pool.take("a"), made[1]);
  assert.equal(pool.take("a"), undefined);
  await pool[Symbol.asyncDispose]();
});

Deno.test("ProcessPool gives up what cannot be made until it is asked for again", async () => {
  const { pool, take, failures, state } = poolOf(1);
  state.broken = true;
  take("a");
  await pool.filled();
  assert.equal(failures.length, 3);
  state.broken = false;
  assert.equal(take("a"), undefined);
  await pool.filled();
  assert.ok(take("a") !== undefined);
  await pool[Symbol.asyncDispose]();
});

Deno.test("ProcessPool evicts what nobody has asked for in its time, until it is asked for again", async () => {
  const { pool, take, state, ready } = poolOf(3);
  take("a");
  await pool.filled();
  state.time = 299_000;
  take("b");
  await pool.filled();
  pool.expire();
  assert.equal(ready(), "a b", "neither has waited for five minutes");
  state.time = 301_000;
  pool.expire();
  assert.equal(ready(), "b");
  take("a");
  await pool.filled();
  assert.equal(ready(), "a b");
  await pool[Symbol.asyncDispose]();
});

Deno.test("ProcessPool looks for idle processes by itself, and keeps no host alive for that", async () => {
  const made = new Thing("a");
  const pool = new ProcessPool<Thing>({ size: 1, idleMs: 20 });
  pool.expect("a", () => Promise.resolve(made));
  await pool.filled();
  // its own timer would let the test end; this one does not
  const waiting = setTimeout(() => {}, 20_000);
  await made.ended;
  clearTimeout(waiting);
  assert.equal(pool.ready, 0);
  await pool[Symbol.asyncDispose]();
});

Deno.test("ProcessPool lets what asked have the processors first", async () => {
  const { pool, take, made } = poolOf(1);
  take("a");
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(made.length, 0);
  await pool.filled();
  assert.equal(made.length, 1);
  await pool[Symbol.asyncDispose]();
});

Deno.test("ProcessPool of size 0 makes nothing, and a wrong size is refused", async () => {
  const { pool, take, made } = poolOf(0);
  take("a");
  await pool.filled();
  assert.equal(made.length, 0);
  await pool[Symbol.asyncDispose]();
  for (const size of [-1, 0.5, NaN]) assert.throws(() => poolOf(size), RangeError);
});

Deno.test("ProcessPool ends what was being made when it is closed", async () => {
  const { pool, take, made } = poolOf(1);
  take("a");
  await pool[Symbol.asyncDispose]();
  assert.ok(made.every((thing) => thing.disposed));
  assert.equal(take("a"), undefined);
});
