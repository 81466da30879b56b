import assert from "node:assert/strict";
import { isAbsent } from "../../src/io/absent.ts";
import { tempDir } from "../helpers/signing.ts";

Deno.test("isAbsent() is sure only where nothing hides what might be there", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("folder"));
  await Deno.writeTextFile(dir.join("file"), "");
  await Deno.symlink("nowhere", dir.join("dangling"));
  await Deno.symlink("folder", dir.join("link"));
  await Deno.symlink("loop", dir.join("loop"));
  const cases: [path: string, absent: boolean][] = [
    ["folder/a", true],
    ["none/a/b", true],
    ["link/a", true],
    ["folder", false],
    ["file", false],
    ["file/a", false],
    ["dangling", false],
    ["dangling/a", false],
    ["dangling/a/b", false],
    ["loop/a", false],
  ];
  for (const [path, absent] of cases) assert.equal(await isAbsent(dir.join(path)), absent, path);
});
