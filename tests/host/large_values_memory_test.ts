/** How much of a plugin's memory large values take that are under way at once. */
import assert from "node:assert/strict";
import { hostTest } from "../helpers/host.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const MIB = 1024 * 1024;

/** Makes large values, at once and one after the other. */
const LARGE = `
let mirror: any;
export default {
  init(ctx: any) { mirror = ctx.get("mirror"); },
  methods: {
    make: (length: number) => new Uint8Array(length).fill(1),
    echo: (value: unknown) => value,
    async *items([count, length]: [number, number]) {
      for (let i = 0; i < count; i++) yield new Uint8Array(length).fill(i);
    },
    async tell([count, length]: [number, number]) {
      const bytes = new Uint8Array(length).fill(1);
      const told = await Promise.allSettled(Array.from({ length: count }, () => mirror.weigh(bytes)));
      return told.map((one) => one.status === "fulfilled" ? one.value : one.reason.code);
    },
  },
};`;

for (const isolation of ["bwrap", "unshare"] as const) {
  for (const sharedMemory of [false, true]) {
    const lane = `${isolation}, ${sharedMemory ? "shared memory" : "socket"}`;
    sandboxTest(
      `a plugin's memory has room for large values at once [${lane}]`,
      isolation,
      async () => {
        await using test = await hostTest();
        const host = await test.open({
          isolation,
          transport: { sharedMemory },
          policy: { default: { grant: { context: { mirror: "read" } } } },
        });
        host.services.provide("mirror", { weigh: (bytes: Uint8Array) => bytes.length }, {
          access: { weigh: "read" },
        });
        const plugin = await host.load(
          await test.bundle("large", LARGE, { context: [{ key: "mirror", access: "read" }] }),
        );
        assert.equal(plugin.lane, "socket");
        const times = <T>(count: number, act: () => Promise<T>) =>
          Promise.all(Array.from({ length: count }, act));

        for (const made of await times(12, () => plugin.call("make", 8 * MIB))) {
          assert.equal((made as Uint8Array).length, 8 * MIB);
        }
        const bytes = new Uint8Array(8 * MIB).fill(2);
        for (const echoed of await times(6, () => plugin.call("echo", bytes))) {
          assert.deepEqual(echoed, bytes);
        }
        let items = 0;
        for await (const item of plugin.stream("items", [40, 4 * MIB])) {
          assert.equal((item as Uint8Array)[4 * MIB - 1], items++);
        }
        assert.equal(items, 40);
        assert.deepEqual(await plugin.call("tell", [6, 6 * MIB]), Array(6).fill(6 * MIB));
        // more than that wait is refused, not paid for with the plugin's life
        const told = await plugin.call("tell", [40, 6 * MIB]) as unknown[];
        assert.deepEqual([...new Set(told)].sort(), [6 * MIB, "limit-exceeded"]);
        assert.equal(await plugin.call("echo", "alive"), "alive");
      },
    );
  }
}
