import assert from "node:assert/strict";
import { killSealedFileWriters } from "../soak/sealed_file_kills.ts";

const ROUNDS = 20;

Deno.test(`a sealed file opens as the old or the new revision after ${ROUNDS} kills`, async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const dir = await Deno.makeTempDir({ prefix: "sealed-kills-" });
  try {
    const counts = await killSealedFileWriters({ rounds: ROUNDS, seed, dir });
    assert.equal(counts.kills, ROUNDS);
    assert.ok(counts.reads > ROUNDS, `only ${counts.reads} reads beside the writers`);
  } catch (cause) {
    throw new Error(`with seed ${seed}: ${(cause as Error).message}`, { cause });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
