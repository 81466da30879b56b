import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const PROGRAM = new URL("../../fixtures/hosts/waiting_calls.ts", import.meta.url);

Deno.test("Connection keeps nothing of calls that were sent while others wait", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--v8-flags=--expose-gc", fileURLToPath(PROGRAM)],
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const growth = Number(new TextDecoder().decode(stdout));
  // 19,000 calls of 2 kB
  assert.ok(growth < 2_000_000, `${growth} bytes more are kept`);
});
