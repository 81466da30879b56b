/** A plugin that nests folders in its storage deeper than the host can name them. */
import assert from "node:assert/strict";
import type { HostEvent } from "../../src/host/events/events.ts";
import { PluginHost } from "../../src/host/host.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { NEST_DEEPER } from "../helpers/deep_folders.ts";
import { hostTest, recordEvents, SHORT_TIMES } from "../helpers/host.ts";
import { requiringTest, sandboxTest } from "../helpers/sandbox.ts";

const MIB = 1024 * 1024;
const NESTS = `${NEST_DEEPER}
let ctx;
export default {
  init(given) { ctx = given; },
  methods: { nests: (times) => nestDeeper(ctx.storage, times, ${MIB}) },
};`;
const MANIFEST = {
  permissions: { read: ["$STORAGE"], write: ["$STORAGE"] },
  storage: { quotaBytes: 2 * MIB },
};

type Found = Extract<HostEvent, { type: "violation" }>;

function deepTest(
  name: string,
  fn: (isolation: "bwrap" | "plain") => Promise<void>,
): void {
  sandboxTest(`${name}, bwrap`, "bwrap", () => fn("bwrap"));
  requiringTest(`${name}, plain`, undefined, () => fn("plain"));
}

deepTest(
  "storage that is too deep to be counted is a violation that says so",
  async (isolation) => {
    await using test = await hostTest();
    const host = await test.open({ isolation, monitor: { intervalMs: 100 } });
    const events = recordEvents(host);
    const plugin = await host.load(await test.bundle("nests", NESTS, MANIFEST));
    plugin.call("nests", 3).catch(() => {}); // it may be ended before it is done
    const { violation } = await events.find("violation", "nests") as Found;
    assert.equal(violation.kind, "storage");
    assert.match(
      violation.message,
      /folders that are too deep or too full to be counted, besides \d+/,
    );
    assert.equal(violation.measured, undefined);
    await events.find("unloaded", "nests");

    // and it does not come back before somebody has looked
    const error = await assertRejectsWithCode(
      host.load(`${test.plugins}/nests`),
      "permission-denied",
      /its storage has folders that are nested too deep/,
    );
    assert.match(
      error.hint ?? "",
      /^Look into ".*\/data\/storage\/nests\/(t\d|deep)" and remove what does not belong there$/,
    );
  },
);

deepTest("a host with a folder of its own leaves no deep storage behind", async (isolation) => {
  await using test = await hostTest();
  const dir = await test.bundle("nests", NESTS, MANIFEST);
  const host = await PluginHost.open({
    keys: [test.keys.hex],
    isolation,
    monitor: false,
    logger: test.logger,
    ...SHORT_TIMES,
  });
  let root = "";
  try {
    const plugin = await host.load(dir);
    await plugin.call("nests", 3);
    const failed = await assertRejectsWithCode(host.reload("nests"), "permission-denied");
    root = /"(.*)\/storage\/nests\/deep"/.exec(failed.hint ?? "")![1]!;
    assert.ok(Deno.statSync(`${root}/storage/nests/deep`).isDirectory);
  } finally {
    await host.close();
  }
  await assert.rejects(Deno.lstat(root), Deno.errors.NotFound);
});
