import assert from "node:assert/strict";
import { hostTest } from "../helpers/host.ts";

const MAIN = `import text from "./data.txt" with { type: "text" };
let ctx;
export default {
  init(given) { ctx = given; },
  methods: {
    read: () => text + Deno.readTextFileSync(new URL("./data.txt", import.meta.url)),
    store() {
      Deno.writeTextFileSync(ctx.storage + "/file", "kept");
      return Deno.readTextFileSync(ctx.storage + "/file");
    },
  },
};`;

for (
  const name of [
    ...["with space", "with#hash", "with%20percent", "with?mark", "wïth-ünicode", "-dash"],
    ...[
      "with:colon",
      "with\\backslash",
      "with\"quote'",
      "with$dollar`",
      "with*[star]",
      "with=sign",
    ],
  ]
) {
  Deno.test(`a dataDir named "${name}" works, and so does a bundle in it`, async () => {
    await using test = await hostTest();
    const $STORAGE = ["$STORAGE"];
    const host = await test.open({
      dataDir: test.join(name),
      policy: { default: { grant: { read: $STORAGE, write: $STORAGE } } },
    });
    const dir = await test.bundle("sample", MAIN, {
      storage: { quotaBytes: 1_000_000 },
      permissions: { read: $STORAGE, write: $STORAGE },
    }, { "data.txt": "x" });
    await Deno.rename(dir, test.join(`${name}-bundle`));
    const plugin = await host.load(test.join(`${name}-bundle`));
    assert.equal(await plugin.call("read"), "xx");
    assert.equal(await plugin.call("store"), "kept");
    await host.close();
    assert.deepEqual([...Deno.readDirSync(`${test.join(name)}/run`)], []);
  });
}
