/**
 * A steady load of calls, streams and hooks on one plugin while its version changes again and again.
 */
import type { PluginHost } from "../../src/host/host.ts";

/** Gives a plugin that keeps, across versions, how often it was called and by whom. */
export function countingPlugin(version: string): string {
  return `
const version = ${JSON.stringify(version)};
let count = 0;
let last = {};
const tick = () => new Promise((resolve) => setTimeout(resolve, 1));
export default {
  methods: {
    async add({ caller, seq }) {
      if (seq % 2 === 0) await tick();
      // a call that was lost or made twice would be seen here, by whatever version
      if ((last[caller] ?? 0) + 1 !== seq) {
        throw new Error(\`\${caller}: \${seq} came after \${last[caller]}\`);
      }
      last[caller] = seq;
      count++;
      return { caller, seq, version };
    },
    async *items({ from }) {
      for (let i = 0; i < 20; i++) {
        if (i % 5 === 0) await tick();
        yield { i: from + i, version };
      }
    },
    count: () => count,
  },
  hooks: { on_request: (data) => ({ ...data, by: [...data.by, version] }) },
  snapshot: () => ({ count, last }),
  restore: (state, { from }) => {
    if (from === version) throw new Error("not another version");
    ({ count, last } = state);
  },
};`;
}

/** The manifest's part of {@linkcode countingPlugin}. */
export const COUNTING_MANIFEST = { hooks: [{ name: "on_request" }] };

/** What a load has done. */
export interface LoadResult {
  readonly calls: number;
  readonly streams: number;
  readonly hooks: number;
  /** Everything that was not as it should be. */
  readonly wrong: string[];
  /** The longest that a call took, in milliseconds. */
  readonly slowestMs: number;
}

/**
 * Runs eight callers until all reloads are done: four that call, two that stream, two that run a hook.
 *
 * @param host The host, with the plugin loaded in its first version.
 * @param name The plugin.
 * @param versions The versions to come.
 * @param change Puts the next version into service.
 */
export async function loadWhile(
  host: PluginHost,
  name: string,
  versions: readonly string[],
  change: (version: string) => Promise<unknown>,
): Promise<LoadResult> {
  const plugin = host.plugin(name)!;
  const order = [plugin.version!, ...versions];
  const wrong: string[] = [];
  const done = { calls: 0, streams: 0, hooks: 0, slowestMs: 0 };
  let oldest = 0;
  let newest = 0;
  let stopping = false;

  /** Does one thing, and checks that what answered was live between its begin and its end. */
  const attempt = async (what: string, act: () => Promise<string>) => {
    const first = oldest;
    const began = performance.now();
    try {
      const index = order.indexOf(await act());
      if (index < first || index > newest) wrong.push(`${what}: by ${order[index]}`);
    } catch (error) {
      wrong.push(`${what}: ${error}`);
    }
    done.slowestMs = Math.max(done.slowestMs, performance.now() - began);
    // eight loops that never leave the microtasks would keep timers from running
    await new Promise((resolve) => setTimeout(resolve));
  };
  const seqs = new Map<string, number>();
  const call = async (caller: string) => {
    const seq = (seqs.get(caller) ?? 0) + 1;
    seqs.set(caller, seq);
    await attempt(`${caller} ${seq}`, async () => {
      const answer = await plugin.call("add", { caller, seq }) as Record<string, unknown>;
      if (answer.caller !== caller || answer.seq !== seq) throw new Error(JSON.stringify(answer));
      done.calls++;
      return String(answer.version);
    });
  };
  const stream = (caller: string) =>
    attempt(`${caller} stream`, async () => {
      const from = done.streams * 100;
      const items: { i: number; version: string }[] = [];
      for await (const item of plugin.stream("items", { from })) {
        items.push(item as { i: number; version: string });
      }
      const whole = items.length === 20 &&
        items.every(({ i, version }, index) => i === from + index && version === items[0]!.version);
      if (!whole) throw new Error(`items ${JSON.stringify(items)}`);
      done.streams++;
      return items[0]!.version;
    });
  const hook = (caller: string) =>
    attempt(`${caller} hook`, async () => {
      const { id, by } = await host.hooks.run("on_request", { id: caller, by: [] as string[] });
      if (id !== caller || by.length !== 1) throw new Error(`by ${JSON.stringify(by)}`);
      done.hooks++;
      return by[0]!;
    });
  const loop = async (act: () => Promise<void>) => {
    while (!stopping) await act();
  };
  const callers = [
    ...["a", "b", "c", "d"].map((caller) => loop(() => call(caller))),
    ...["e", "f"].map((caller) => loop(() => stream(caller))),
    ...["g", "h"].map((caller) => loop(() => hook(caller))),
  ];
  try {
    for (const version of versions) {
      newest++;
      await change(version);
      oldest++;
    }
  } finally {
    stopping = true;
    await Promise.all(callers);
  }
  const counted = await plugin.call("count");
  if (counted !== done.calls) wrong.push(`${done.calls} calls answered, ${counted} counted`);
  return { ...done, wrong };
}
