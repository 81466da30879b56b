import assert from "node:assert/strict";
import { LaggingQueue } from "../../src/io/lagging_queue.ts";

function queueOf(max: number, signal?: AbortSignal) {
  let ends = 0;
  const queue = new LaggingQueue<number | string>({
    max,
    lagged: (dropped) => `${dropped} lost`,
    onEnd: () => ends++,
    signal,
  });
  return { queue, ends: () => ends };
}

Deno.test("LaggingQueue gives a slow reader the latest, and first how many it has lost", async () => {
  const { queue, ends } = queueOf(3);
  for (let n = 0; n < 10; n++) queue.push(n);
  queue.end();
  queue.push(10);
  assert.deepEqual(await Array.fromAsync(queue), ["7 lost", 7, 8, 9]);
  assert.equal(ends(), 1);
});

Deno.test("LaggingQueue gives values to readers that wait, in their order", async () => {
  const { queue } = queueOf(3);
  const reads = [queue.next(), queue.next(), queue.next()];
  queue.push(1);
  queue.push(2);
  queue.end();
  const values = (await Promise.all(reads)).map(({ value, done }) => done ? "done" : value);
  assert.deepEqual(values, [1, 2, "done"]);
});

Deno.test("LaggingQueue ends with its signal after what waits, and at once when it is left", async () => {
  const aborting = new AbortController();
  const { queue, ends } = queueOf(3, aborting.signal);
  queue.push(1);
  aborting.abort();
  assert.deepEqual(await Array.fromAsync(queue), [1]);
  const left = queueOf(3);
  left.queue.push(1);
  await left.queue.return();
  assert.deepEqual([await left.queue.next(), left.ends()], [{ done: true, value: undefined }, 1]);
  assert.equal(ends(), 1);
});
