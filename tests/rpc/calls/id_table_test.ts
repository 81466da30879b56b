import assert from "node:assert/strict";
import fc from "fast-check";
import { IdTable } from "../../../src/rpc/calls/id_table.ts";

Deno.test("IdTable behaves as a map does, whatever ids come, stay and go", () => {
  const steps = fc.array(
    fc.record({
      // few slots apart, and far apart, so that ids meet in the ring
      id: fc.oneof(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 40 }).map((i) => i * 8_192 + 3),
        fc.constantFrom(Number.MAX_SAFE_INTEGER, 2 ** 31, 2 ** 32 + 3),
      ),
      act: fc.constantFrom("add", "add", "delete", "get", "clear" as const),
    }),
    { maxLength: 400 },
  );
  fc.assert(fc.property(steps, (steps) => {
    const table = new IdTable<{ id: number }>();
    const map = new Map<number, { id: number }>();
    for (const { id, act } of steps) {
      if (act === "add" && !map.has(id)) {
        const item = { id };
        table.add(item);
        map.set(id, item);
      } else if (act === "delete") assert.equal(table.delete(id), map.delete(id));
      else if (act === "clear" && id % 7 === 0) {
        table.clear();
        map.clear();
      }
      assert.equal(table.get(id), map.get(id));
      assert.equal(table.size, map.size);
    }
    const ids = (items: Iterable<{ id: number }>) =>
      [...items].map(({ id }) => id).sort((a, b) => a - b);
    assert.deepEqual(ids(table.values()), ids(map.values()));
  }));
});

Deno.test("IdTable keeps what stays while thousands of later ids come and go", () => {
  const table = new IdTable<{ id: number }>();
  const stays = [1, 2, 3].map((id) => ({ id }));
  for (const item of stays) table.add(item);
  for (let id = 4; id < 50_000; id++) {
    table.add({ id });
    if (id >= 1_004) assert.equal(table.delete(id - 1_000), true);
  }
  for (const item of stays) assert.equal(table.get(item.id), item);
  assert.equal(table.size, 1_003);
  assert.equal(table.get(4), undefined);
});
