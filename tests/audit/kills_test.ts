import assert from "node:assert/strict";
import { killWriters } from "../soak/audit_rounds.ts";
import { tempDir } from "../helpers/signing.ts";

Deno.test("a killed writer loses at most the line being written, and the next start repairs it", async () => {
  await using temp = await tempDir();
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const summary = await killWriters(temp.path, { kills: 20, seed });
  assert.equal(summary.kills, 20);
  assert.ok(summary.lines > 50, `${summary.lines} lines: too few to say anything`);
});
