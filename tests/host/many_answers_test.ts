import assert from "node:assert/strict";
import { hostTest } from "../helpers/host.ts";

for (const lane of ["socket", "stdio"] as const) {
  Deno.test(`a plugin that asks for more at once than may wait for it is told so, and lives [${lane}]`, async () => {
    await using test = await hostTest();
    const host = await test.open({
      transport: { lane },
      policy: { default: { grant: { context: { config: "read" } } } },
      config: { asking: { long: "x".repeat(100_000) } },
    });
    const plugin = await host.load(
      await test.bundle(
        "asking",
        `let config: any;
        export default {
          init(ctx: any) { config = ctx.get("config"); },
          methods: {
            async ask(count: number) {
              const asked = Array.from({ length: count }, () => config.get("long"));
              const outcomes: Record<string, number> = {};
              for (const { value, reason } of await Promise.allSettled(asked) as any[]) {
                const outcome = reason?.code ?? value.length;
                outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
              }
              return outcomes;
            },
          },
        };`,
        {
          context: [{ key: "config", access: "read" }],
          limits: { memoryBytes: 1024 * 1024 * 1024 },
        },
      ),
    );
    const told = await plugin.call("ask", 2_000) as Record<string, number>;
    assert.deepEqual(Object.keys(told), ["100000", "limit-exceeded"]);
    assert.ok(told["100000"]! > 600, `${told["100000"]} were answered`); // 64 MiB
    assert.deepEqual(await plugin.call("ask", 500), { "100000": 500 });
  });
}
