// The supervisor alone: plugins without a process, a clock that is told to go on, a real quarantine.
import assert from "node:assert/strict";
import { SallyportError } from "../../../src/errors.ts";
import { EventHub, type HostEvent } from "../../../src/host/events/events.ts";
import type { PluginState } from "../../../src/host/events/plugin_state.ts";
import { StepQueue } from "../../../src/host/plugin/step_queue.ts";
import type { SupervisedPlugin } from "../../../src/host/plugin/supervision.ts";
import { Supervisor } from "../../../src/host/supervision/supervisor.ts";
import type { HostSettings } from "../../../src/host/settings/host_options.ts";
import { silentLogger } from "../../../src/log.ts";
import { Quarantine } from "../../../src/monitor/violations/quarantine.ts";
import type { PolicyEntry } from "../../../src/permissions/policy/policy_schema.ts";
import { FakeClock, settle } from "../../helpers/fake_clock.ts";
import { tempDir } from "../../helpers/signing.ts";

/** A plugin that notes what its supervisor does with it. */
class FakePlugin {
  readonly name = "sample";
  readonly manifest = { version: "1.0.0" };
  readonly bundleHash = "ab".repeat(64);
  readonly permissions = undefined;
  readonly pid = 1;
  readonly sandbox = undefined;
  readonly counts = { calls: 0, failures: 0, inFlight: 0 };
  readonly logger = silentLogger;
  readonly calls = { delayMs: 0 };
  readonly steps = new StepQueue();
  readonly down: [string, string][] = [];
  state: PluginState = "active";
  error: SallyportError | undefined;
  serving: SupervisedPlugin["serving"];

  takeDown(error: SallyportError, to: "inactive" | "quarantined"): Promise<void> {
    this.down.push([to, error.message]);
    this.error = error;
    this.state = to;
    this.serving = undefined;
    return Promise.resolve();
  }
}

async function scene(entry: PolicyEntry, load: () => Promise<unknown> = () => Promise.resolve()) {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const clock = new FakeClock();
  const hub = new EventHub();
  const seen: HostEvent[] = [];
  hub.listen((event) => seen.push(event));
  const quarantine = new Quarantine(dir.path);
  const plugin = new FakePlugin();
  const loads: number[] = [];
  const supervisor = stack.use(
    new Supervisor({
      settings: {
        monitor: undefined,
        logger: silentLogger,
        policy: { default: entry },
      } as unknown as HostSettings,
      hub,
      quarantine,
      statusDir: undefined,
      plugins: () => [plugin],
      find: (name) => name === plugin.name ? plugin : undefined,
      load: async () => {
        loads.push(clock.now());
        await load();
        plugin.state = "active";
      },
      clock,
    }),
  );
  return {
    clock,
    hub,
    plugin,
    loads,
    quarantine,
    supervisor,
    types: () => seen.map(({ type }) => type),
    /** Ends its process. */
    async crash(code: "crashed" | "protocol-violation" = "crashed") {
      plugin.state = "failed";
      supervisor.ended(plugin, new SallyportError(code, 'Plugin "sample" ended'));
      await settle();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const RESTART = { backoffMs: 100, maxBackoffMs: 1_000, jitter: 0, maxRestarts: 3 };

Deno.test("Supervisor starts a crashed plugin again, later each time", async () => {
  await using it = await scene({ restart: RESTART });
  await it.crash();
  assert.deepEqual(it.types(), ["crashed", "restarting"]);
  assert.equal(it.supervisor.isRestarting("sample"), true);
  await it.clock.pass(99);
  assert.deepEqual(it.loads, []);
  await it.clock.pass(1);
  assert.deepEqual(it.loads, [100]);
  assert.equal(it.supervisor.isRestarting("sample"), false);
  await it.crash();
  await it.clock.pass(1_000);
  assert.deepEqual(it.loads, [100, 300]);
});

Deno.test("Supervisor puts a plugin that crashes in a loop into quarantine", async () => {
  await using it = await scene({ restart: RESTART });
  for (let crash = 0; crash < 4; crash++) {
    await it.crash();
    await it.clock.pass(1_000);
  }
  assert.equal(it.loads.length, 3);
  await it.supervisor.written();
  assert.equal(it.types().at(-1), "quarantined");
  assert.match(it.plugin.down[0]![1], /crashed 4 times/);
  await assert.rejects(it.quarantine.check("sample"), /quarantine/);
  assert.equal(it.clock.pending, 0);
});

Deno.test("Supervisor restarts nothing where the policy wants none, or once it is stopped", async () => {
  await using none = await scene({ restart: { maxRestarts: 0 } });
  await none.crash();
  assert.deepEqual([none.types(), none.clock.pending], [["crashed"], 0]);
  await using stopped = await scene({ restart: RESTART });
  await stopped.crash();
  stopped.supervisor.stop();
  await stopped.crash();
  await stopped.clock.pass(10_000);
  assert.deepEqual(stopped.loads, []);
});

Deno.test("Supervisor gives up a restart when somebody else decides about the plugin", async () => {
  await using it = await scene({ restart: RESTART });
  await it.crash();
  it.supervisor.cancelRestart("sample");
  await it.clock.pass(10_000);
  assert.deepEqual(it.loads, []);
  await it.crash();
  it.plugin.state = "inactive"; // it was unloaded meanwhile
  await it.clock.pass(10_000);
  assert.deepEqual(it.loads, []);
});

Deno.test("Supervisor counts a restart that fails as a crash, and leaves one that is refused", async () => {
  let code: "launch-failed" | "untrusted" = "launch-failed";
  await using it = await scene({ restart: RESTART }, () => {
    throw new SallyportError(code, "Cannot load");
  });
  await it.crash();
  await it.clock.pass(100);
  assert.deepEqual([it.loads, it.clock.pending], [[100], 1], "it is tried again");
  code = "untrusted";
  await it.clock.pass(1_000);
  assert.deepEqual([it.loads.length, it.clock.pending], [2, 0]);
});

Deno.test("Supervisor waits for the step of the plugin that is under way before it restarts it", async () => {
  await using it = await scene({ restart: RESTART });
  await it.crash();
  const step = Promise.withResolvers<void>();
  const running = it.plugin.steps.run(() => step.promise);
  await it.clock.pass(100);
  assert.deepEqual(it.loads, []);
  step.resolve();
  await running;
  await settle();
  assert.deepEqual(it.loads, [100]);
});

Deno.test("Supervisor unloads or quarantines by what the policy says of a process that broke a rule", async () => {
  await using unloads = await scene({
    restart: RESTART,
    violations: { responses: [{ at: 1, action: "unload" }] },
  });
  await unloads.crash("protocol-violation");
  assert.deepEqual(unloads.types(), ["violation"]);
  assert.equal(unloads.clock.pending, 0, "it is not started again");
  await using ends = await scene({
    restart: RESTART,
    violations: { responses: [{ at: 1, action: "quarantine" }] },
  });
  await ends.crash("protocol-violation");
  await ends.supervisor.written();
  assert.deepEqual(ends.types(), ["violation", "quarantined"]);
  await using records = await scene({ restart: RESTART, violations: { responses: [] } });
  await records.crash("protocol-violation");
  assert.deepEqual(records.types(), ["violation", "restarting"], "the control");
});
