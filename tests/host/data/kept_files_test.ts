import assert from "node:assert/strict";
import { KeptFiles } from "../../../src/host/data/kept_files.ts";
import { tempDir } from "../../helpers/signing.ts";

const CONTENT = new TextEncoder().encode("what was found out");

Deno.test("KeptFiles returns what was written, to another host too, and nothing for others to read", async () => {
  await using dir = await tempDir();
  const kept = new KeptFiles(dir.join("kept"));
  assert.equal(await kept.read("a"), undefined);
  await kept.write("a", CONTENT);
  assert.deepEqual(await new KeptFiles(dir.join("kept")).read("a"), CONTENT);
  if (Deno.build.os !== "windows") {
    assert.equal(Deno.lstatSync(dir.join("kept")).mode! & 0o777, 0o700);
    for (const { name } of Deno.readDirSync(dir.join("kept"))) {
      assert.equal(Deno.lstatSync(dir.join(`kept/${name}`)).mode! & 0o777, 0o600, name);
    }
  }
  await kept.remove("a");
  await kept.remove("a");
  assert.equal(await kept.read("a"), undefined);
});

Deno.test("KeptFiles returns nothing of what it did not write as it is", async () => {
  await using dir = await tempDir();
  const kept = new KeptFiles(dir.join("kept"));
  const path = dir.join("kept/a");
  await kept.write("a", CONTENT);
  const whole = await Deno.readFile(path);
  for (let cut = 0; cut < whole.length; cut++) {
    await Deno.writeFile(path, whole.subarray(0, cut));
    assert.equal(await kept.read("a"), undefined, `cut at ${cut}`);
    await Deno.writeFile(path, whole.with(cut, whole[cut]! ^ 1));
    assert.equal(await kept.read("a"), undefined, `another byte at ${cut}`);
  }
  await Deno.writeFile(path, whole);
  assert.deepEqual(await kept.read("a"), CONTENT, "as it was it is good");
  await Deno.rename(path, dir.join("kept/b"));
  assert.equal(await kept.read("b"), undefined, "under another name it is not");

  await kept.write("a", CONTENT);
  await Deno.writeFile(dir.join("kept/key"), new Uint8Array(32));
  assert.equal(await new KeptFiles(dir.join("kept")).read("a"), undefined, "by another key");
  await Deno.writeFile(dir.join("kept/key"), new Uint8Array(3));
  const again = new KeptFiles(dir.join("kept"));
  await again.write("a", CONTENT);
  assert.deepEqual(await again.read("a"), CONTENT, "a key that is torn is made anew");
});

Deno.test("KeptFiles keeps 64 files, the ones written last, and none that is too large", async () => {
  await using dir = await tempDir();
  const kept = new KeptFiles(dir.join("kept"));
  for (let n = 0; n < 70; n++) {
    await kept.write(String(n), CONTENT);
    await Deno.utime(dir.join(`kept/${n}`), n + 1, n + 1);
  }
  await kept.write("large", new Uint8Array(8 * 1024 * 1024 + 1));
  const names = [...Deno.readDirSync(dir.join("kept"))].map(({ name }) => name);
  assert.equal(names.length, 65, "64 and the key");
  assert.ok(!names.includes("0") && names.includes("69") && !names.includes("large"));
});

Deno.test("KeptFiles that cannot write keep nothing and fail nobody", async () => {
  const kept = new KeptFiles("/dev/null/kept");
  await kept.write("a", CONTENT);
  assert.equal(await kept.read("a"), undefined);
});
