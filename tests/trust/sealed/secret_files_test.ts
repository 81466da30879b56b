import assert from "node:assert/strict";
import { readKeyFile, readPassphraseFile } from "../../../src/trust/sealed/secret_files.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { tempDir } from "../../helpers/signing.ts";

Deno.test("readPassphraseFile() drops one line end and nothing else", async () => {
  await using temp = await tempDir();
  const file = temp.join("p");
  for (
    const [text, expected] of [["a b", "a b"], ["x\n", "x"], ["x\r\n", "x"], ["x\n\n", "x\n"], [
      " x ",
      " x ",
    ]] as const
  ) {
    await Deno.writeTextFile(file, text);
    assert.equal(await readPassphraseFile(file), expected);
  }
  await Deno.writeFile(file, new Uint8Array([0xff]));
  await assertRejectsWithCode(readPassphraseFile(file), "bad-config", /not UTF-8/);
  await Deno.writeTextFile(file, "\n");
  await assertRejectsWithCode(readPassphraseFile(file), "bad-config", /it is empty/);
  await Deno.writeTextFile(file, "secret".repeat(1_000));
  const error = await assertRejectsWithCode(readPassphraseFile(file), "bad-config", /larger/);
  assert.ok(!JSON.stringify(error).includes("secretsecret"));
  await assertRejectsWithCode(readPassphraseFile(temp.join("none")), "bad-config");
});

Deno.test("readKeyFile() takes 32 bytes exactly", async () => {
  await using temp = await tempDir();
  const file = temp.join("k");
  for (const length of [0, 31, 33, 64]) {
    await Deno.writeFile(file, new Uint8Array(length));
    await assertRejectsWithCode(
      readKeyFile(file),
      "bad-config",
      new RegExp(`it has ${length} bytes`),
    );
  }
  const key = crypto.getRandomValues(new Uint8Array(32));
  await Deno.writeFile(file, key);
  assert.deepEqual(await readKeyFile(file), key);
});
