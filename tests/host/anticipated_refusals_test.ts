import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { PluginHost } from "../../src/host/host.ts";
import { revokeKey } from "../../src/trust/list/changes.ts";
import {
  folders,
  foldersMade,
  isolatedTest,
  ISOLATIONS,
  nothingRemains,
  runtimes,
} from "../helpers/anticipation.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { listTest } from "./trust_kit.ts";

const POLICY = { default: { grant: { write: ["$STORAGE"], read: ["$STORAGE"] } } };
const STORAGE = { storage: { quotaBytes: 1_000_000 } };
const WRITES = { ...STORAGE, permissions: { write: ["$STORAGE"] } };
/** Says by a file that it was run. */
const TELLS = `const text: string = "one";
export default {
  init: (ctx: { storage: string }) => Deno.writeTextFileSync(ctx.storage + "/ran", text),
  methods: { answer: () => 1 },
};`;
const telltale = (test: HostTest) => `${test.dataDir}/storage/one/ran`;

/** Has a folder run twice: then a process comes up for it, and nothing is compiled any more. */
async function ranBefore(test: HostTest, host: PluginHost, main = TELLS): Promise<string> {
  const dir = await test.bundle("one", main, WRITES);
  for (const _ of ["first", "second"]) await (await host.load(dir)).unload();
  await Deno.remove(telltale(test));
  return dir;
}

for (const isolation of ISOLATIONS) {
  isolatedTest("a version that asks for less gets no more", isolation, async () => {
    await using test = await hostTest();
    const host = await test.open({ isolation, policy: POLICY });
    const tries = (version: number) =>
      `export default { methods: { write: (to: string) => {
        try {
          Deno.writeTextFileSync(to, "");
          return "${version} wrote";
        } catch (error) {
          return "${version} " + (error as Error).name;
        } } } };`;
    let made: string[] = [];
    for (
      const [version, manifest, outcome, count] of [
        [1, WRITES, "1 wrote", 1],
        [2, STORAGE, "2 NotCapable", 2],
        [3, WRITES, "3 wrote", 2],
      ] as const
    ) {
      const dir = await test.bundle("one", tries(version), {
        version: `1.0.${version}`,
        ...manifest,
      });
      made = await foldersMade(test, async () => {
        const plugin = await host.load(dir);
        const [runtime, ...others] = runtimes(test);
        assert.deepEqual(others, []);
        const words = Deno.readTextFileSync(`/proc/${runtime}/cmdline`).split("\0");
        const granted = words.find((word) => word.startsWith("--allow-write="))?.split(/[=,]/);
        const storage = granted?.find((path) => /storage/.test(path));
        assert.equal(storage !== undefined, version !== 2, words.join(" "));
        const place = isolation === "plain" ? `${test.dataDir}/storage/one` : "/storage";
        assert.equal(await plugin.call("write", `${storage ?? place}/file`), outcome);
        await plugin.unload();
      });
      assert.equal(made.length, count, "what came up for another version is not used");
    }
    await nothingRemains(test);
  });

  isolatedTest("storage that became a link is refused, with its process", isolation, async () => {
    await using test = await hostTest();
    const host = await test.open({ isolation, policy: POLICY });
    const dir = await ranBefore(test, host);
    const storage = `${test.dataDir}/storage/one`;
    await Deno.rename(storage, test.join("elsewhere"));
    await Deno.symlink(test.join("elsewhere"), storage);
    const made = await foldersMade(test, async () => {
      await assertRejectsWithCode(host.load(dir), "permission-denied", /symbolic link/);
      await nothingRemains(test);
    });
    assert.equal(made.length, 1);
    assert.ok(!existsSync(test.join("elsewhere/ran")));
    await Deno.remove(storage);
    await Deno.rename(test.join("elsewhere"), storage);
    assert.equal(await (await host.load(dir)).call("answer"), 1); // the control
  });

  isolatedTest("storage that was removed is made again", isolation, async () => {
    await using test = await hostTest();
    const host = await test.open({ isolation, policy: POLICY });
    const dir = await ranBefore(test, host);
    for (let round = 0; round < 3; round++) {
      await Deno.remove(`${test.dataDir}/storage/one`, { recursive: true });
      const plugin = await host.load(dir);
      assert.equal(await plugin.call("answer"), 1);
      assert.equal(
        await Deno.readTextFile(telltale(test)),
        "one",
        "it writes where all can see it",
      );
      await plugin.unload();
      await nothingRemains(test);
    }
  });

  isolatedTest("a bundle with a revoked key is refused, with its process", isolation, async () => {
    await using test = await listTest();
    const host = await test.openByList({ isolation, policy: POLICY });
    const dir = await ranBefore(test, host);
    await test.change((list) => revokeKey(list, test.keys.id, { reason: "lost" }));
    await host.refreshTrust();
    const made = await foldersMade(test, async () => {
      await assertRejectsWithCode(host.load(dir), "revoked");
      await nothingRemains(test);
    });
    assert.equal(made.length, 1);
    assert.ok(!existsSync(telltale(test)));
  });
}

Deno.test("a folder that is gone is refused, with the process that came up for it", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: POLICY });
  const dir = await ranBefore(test, host);
  await Deno.rename(dir, `${dir}-gone`);
  await assertRejectsWithCode(host.load(dir), "bundle-invalid");
  await nothingRemains(test);
  await Deno.rename(`${dir}-gone`, dir);
  assert.equal(await (await host.load(dir)).call("answer"), 1);
});

Deno.test("a folder that is loaded twice at once is loaded once, without a process to spare", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: POLICY });
  const dir = await ranBefore(test, host);
  const results = await Promise.allSettled([host.load(dir), host.load(dir), host.load(dir)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), [
    ...["fulfilled", "rejected", "rejected"],
  ]);
  assert.equal(runtimes(test).length, 1);
  assert.equal(folders(test).length, 1);
});
