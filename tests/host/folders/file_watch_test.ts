import assert from "node:assert/strict";
import { FileWatch } from "../../../src/host/folders/file_watch.ts";
import { startHost } from "../../helpers/host_program.ts";
import { until } from "../../helpers/process.ts";
import { tempDir } from "../../helpers/signing.ts";

Deno.test("FileWatch notices every way to replace a file, and many writes as few", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("a"));
  const path = dir.join("a", "file");
  let seen = 0;
  await using _watch = new FileWatch(path, () => Promise.resolve(void seen++), { pollMs: 100 });
  let counted = 0;
  const noticed = async (what: string) => {
    await until(() => seen > counted, what);
    // two looks may come of one change, but no more than one every 50 ms
    await new Promise((resolve) => setTimeout(resolve, 250));
    counted = seen;
  };
  await Deno.writeTextFile(path, "1");
  await noticed("a new file");
  await Deno.writeTextFile(`${path}.new`, "2");
  await Deno.rename(`${path}.new`, path);
  await noticed("a file put in its place");
  await Deno.remove(path);
  await noticed("its removal");
  for (let i = 0; i < 200; i++) await Deno.writeTextFile(path, `${i}`);
  const before = counted;
  await noticed("many writes");
  assert.ok(seen - before < 20, `${seen - before} looks`);
  await Deno.rename(dir.join("a"), dir.join("b"));
  await noticed("its folder moved away");
  await Deno.mkdir(dir.join("a"));
  await Deno.writeTextFile(path, "3");
  await noticed("a new folder of that name");
  await Deno.writeTextFile(`${path}.real`, "another file");
  await Deno.remove(path);
  await Deno.symlink(`${path}.real`, path);
  await noticed("a link in its place");
  await Deno.writeTextFile(`${path}.real`, "behind the link");
  await noticed("what is behind the link");
  await Deno.writeTextFile(dir.join("a", "other"), "x");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(seen, counted, "a neighbour is not the file");
});

Deno.test("FileWatch keeps no process alive, before a change and after", async () => {
  await using dir = await tempDir();
  await using child = startHost("watches_file", [dir.join("file")]);
  assert.equal((await child.child.exited).code, 0);
});
