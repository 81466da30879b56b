import assert from "node:assert/strict";
import { verifyAuditLog } from "../../src/audit/verify/verify_log.ts";
import { tempDir } from "../helpers/signing.ts";
import { CHAIN_ATTACKS, FILE_ATTACKS, OTHER_ATTACKS } from "./attacks_on_files.ts";
import { LINE_ATTACKS } from "./attacks_on_lines.ts";
import { restore } from "./kit.ts";
import { closedScene, crashedScene, retainedScene } from "./scenes.ts";

const ATTACKS = [...LINE_ATTACKS, ...CHAIN_ATTACKS, ...FILE_ATTACKS, ...OTHER_ATTACKS];

Deno.test({
  name: "every act of somebody without the key is found, noted, or one of the documented limits",
  ignore: Deno.build.os === "windows", // it has neither FIFOs nor modes
  async fn(test) {
    const scenes = {
      closed: await closedScene(),
      crashed: await crashedScene(),
      retained: await retainedScene(),
    };
    for (const [on, { files, publicKey }] of Object.entries(scenes)) {
      await test.step(`control: the untouched log of hosts (${on}) is fine`, async () => {
        await using temp = await tempDir();
        await restore(temp.path, files);
        const { ok, problems, chains } = await verifyAuditLog(temp.path, { publicKey });
        assert.ok(ok, JSON.stringify(problems));
        assert.deepEqual(chains.flatMap(({ notes }) => notes), []);
        assert.equal(chains[0]!.closed, on !== "crashed");
      });
    }
    for (const { name, on, act, found, noted, limit } of ATTACKS) {
      await test.step(`${on}: ${name}`, async () => {
        await using temp = await tempDir();
        const dir = temp.join("audit");
        const scene = scenes[on];
        await restore(dir, scene.files);
        await act(dir, scene);
        const report = await verifyAuditLog(dir, { publicKey: scene.publicKey });
        const kinds = [...new Set(report.problems.map(({ kind }) => kind))].sort().join(" ");
        assert.equal(kinds, found ?? "", JSON.stringify(report.problems, null, 1));
        assert.equal(report.ok, found === undefined);
        if (noted !== undefined) {
          assert.match(
            JSON.stringify([report.notes, report.chains.map(({ notes }) => notes)]),
            noted,
          );
        }
        if (limit !== undefined) assert.match(report.limits.join("\n"), limit);
        assert.ok(found ?? noted ?? limit, "an attack has a verdict");
      });
    }
  },
});
