import assert from "node:assert/strict";
import {
  type AnyPluginModule,
  type CallParams,
  type CallResult,
  definePlugin,
  type MethodNames,
  type Plugin,
  type PluginContext,
  type StreamItem,
} from "../../src/plugin/mod.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

// deno-lint-ignore no-explicit-any -- what is compared with
type Anything = any;

/** Fails to compile where two types differ. */
function same<A, B>(_same: Same<A, B>): void {}

const defined = definePlugin({
  init(ctx) {
    same<typeof ctx, PluginContext>(true);
  },
  methods: {
    count({ text }: { text: string }, call) {
      same<typeof call.signal, AbortSignal>(true);
      call.progress(1);
      return { words: text.length };
    },
    async later(id: number) {
      await Promise.resolve();
      return String(id);
    },
    optional: (text?: string) => text ?? "",
    nothing: () => {},
    async *lines({ from }: { from: number }, call) {
      call.progress(from);
      yield "line";
    },
    *each() {
      yield 1;
    },
  },
  hooks: {
    on_request: (data, ctx) => ctx.name + data,
    on_other: { priority: 200, handler: (_data, ctx) => ctx.version },
  },
});

const satisfied = {
  methods: { add: ({ a, b }: { a: number; b: number }) => a + b },
} satisfies Plugin;

Deno.test("the types of a plugin's module give those of its calls", () => {
  type M = { default: typeof defined };
  same<MethodNames<M>, "count" | "later" | "optional" | "nothing" | "lines" | "each">(true);
  same<CallParams<M, "count">, { text: string }>(true);
  same<CallResult<M, "count">, { words: number }>(true);
  same<CallParams<M, "later">, number>(true);
  same<CallResult<M, "later">, string>(true);
  same<CallParams<M, "optional">, string | undefined>(true);
  same<CallParams<M, "nothing">, undefined>(true);
  same<CallResult<M, "nothing">, void>(true);
  same<StreamItem<M, "lines">, string>(true);
  same<StreamItem<M, "each">, number>(true);
  same<CallResult<M, "lines">, never>(true);
  same<StreamItem<M, "count">, never>(true);
  type S = { default: typeof satisfied };
  same<MethodNames<S>, "add">(true);
  same<CallParams<S, "add">, { a: number; b: number }>(true);
  same<CallResult<S, "add">, number>(true);
  assert.deepEqual(Object.keys(defined.methods ?? {}).length, 6);
});

Deno.test("a plugin without a type can be called with anything, and gives anything", () => {
  same<MethodNames<AnyPluginModule>, string>(true);
  same<CallParams<AnyPluginModule, "any">, Anything>(true);
  same<CallResult<AnyPluginModule, "any">, Anything>(true);
  same<StreamItem<AnyPluginModule, "any">, Anything>(true);
  same<MethodNames<{ default: Plugin }>, string>(true);
});

Deno.test("ctx.get() types a service: its methods answer later, what is no method is left out", () => {
  type Kv = { get(key: string): Promise<unknown>; size(): number; label: string };
  const use = (ctx: PluginContext) => {
    const kv = ctx.get<Kv>("kv");
    same<ReturnType<typeof kv.size>, Promise<number>>(true);
    same<keyof typeof kv, "get" | "size">(true);
    return ctx.get("anything").whatever(1, 2);
  };
  assert.equal(typeof use, "function");
});

Deno.test("definePlugin() gives its argument back", () => {
  const plugin = { methods: {} };
  assert.equal(definePlugin(plugin), plugin);
});
