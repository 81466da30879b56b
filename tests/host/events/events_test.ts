import assert from "node:assert/strict";
import { EventHub, type HostEvent } from "../../../src/host/events/events.ts";

function emit(hub: EventHub, reason: string): void {
  hub.emit({ type: "unloaded", plugin: "p", reason });
}

async function collect(events: AsyncIterable<HostEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    seen.push(event.type === "unloaded" ? event.reason : event.type);
  }
  return seen;
}

Deno.test("EventHub gives every event to every reader, in order, with its time", async () => {
  const hub = new EventHub();
  const first = hub.events();
  const second = hub.events();
  emit(hub, "one");
  emit(hub, "two");
  const event = (await first.next()).value as HostEvent;
  assert.match(event.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  hub.close();
  assert.deepEqual(await collect(first), ["two"]);
  assert.deepEqual(await collect(second), ["one", "two"]);
});

Deno.test("EventHub wakes a reader that waits, and one that asks several times", async () => {
  const hub = new EventHub();
  const reader = hub.events();
  const waiting = [reader.next(), reader.next(), reader.next()];
  emit(hub, "one");
  emit(hub, "two");
  hub.close();
  const results = await Promise.all(waiting);
  assert.deepEqual(results.map(({ done }) => done), [false, false, true]);
});

Deno.test("EventHub begins with what happens after events() was called", async () => {
  const hub = new EventHub();
  emit(hub, "before");
  const reader = hub.events();
  emit(hub, "after");
  hub.close();
  assert.deepEqual(await collect(reader), ["after"]);
});

Deno.test("EventHub tells a slow reader how many events it lost, and keeps the latest", async () => {
  const hub = new EventHub();
  const reader = hub.events();
  for (let i = 0; i < 1_524; i++) emit(hub, String(i));
  hub.close();
  const first = (await reader.next()).value as HostEvent;
  assert.ok(first.type === "lagged" && first.dropped === 500);
  const rest = await collect(reader);
  assert.equal(rest.length, 1_024);
  assert.deepEqual([rest[0], rest.at(-1)], ["500", "1523"]);
});

Deno.test("EventHub ends a reader by its signal, by leaving the loop, and with the host", async () => {
  const hub = new EventHub();
  const abort = new AbortController();
  const bySignal = hub.events(abort.signal);
  const waiting = bySignal.next();
  abort.abort();
  assert.equal((await waiting).done, true);
  assert.equal((await bySignal.next()).done, true);

  const byLeaving = hub.events();
  emit(hub, "one");
  emit(hub, "two");
  for await (const event of byLeaving) {
    assert.equal(event.type, "unloaded");
    break;
  }
  assert.equal((await byLeaving.next()).done, true);

  hub.close();
  assert.deepEqual(await collect(hub.events()), []);
  assert.deepEqual(await collect(hub.events(AbortSignal.abort())), []);
});
