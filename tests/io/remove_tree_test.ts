import assert from "node:assert/strict";
import { removeTree } from "../../src/io/remove_tree.ts";
import { nestDeeper } from "../helpers/deep_folders.ts";
import { tempDir } from "../helpers/signing.ts";

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

Deno.test("removeTree() removes what is read-only, and links instead of what they lead to", async () => {
  await using dir = await tempDir();
  const tree = dir.join("tree");
  await Deno.mkdir(`${tree}/a/b`, { recursive: true });
  await Deno.writeTextFile(`${tree}/a/b/file`, "x");
  await Deno.writeTextFile(dir.join("kept"), "x");
  await Deno.symlink(dir.path, `${tree}/a/b/link`);
  for (const folder of ["a/b", "a", "."]) await Deno.chmod(`${tree}/${folder}`, 0o500);
  await removeTree(tree);
  assert.equal(await exists(tree), false);
  assert.equal(await Deno.readTextFile(dir.join("kept")), "x");
  await removeTree(tree); // is not there: nothing happens
  await removeTree(dir.join("kept"));
  assert.equal(await exists(dir.join("kept")), false);
});

Deno.test("removeTree() removes folders that are deeper than a path can be long", async () => {
  await using dir = await tempDir();
  const tree = dir.join("tree");
  await Deno.mkdir(tree);
  nestDeeper(tree, 6, 10); // some 18,000 bytes of path
  await Deno.mkdir(`${tree}/beside`);
  await Deno.mkdir(`${tree}/many${"/d".repeat(300)}`, { recursive: true });
  await removeTree(tree);
  assert.equal(await exists(tree), false);
});

Deno.test("removeTree() removes names that are no text", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using dir = await tempDir();
  const tree = dir.join("tree");
  const script = "mkdir -p $'a\\xff/b\\xff' c && touch $'a\\xff/b\\xff/d\\xff' && chmod 500 c";
  await Deno.mkdir(tree);
  const made = await new Deno.Command("bash", { args: ["-c", script], cwd: tree }).output();
  assert.ok(made.success, new TextDecoder().decode(made.stderr));
  assert.equal([...Deno.readDirSync(tree)].length, 2);
  await removeTree(tree);
  assert.equal(await exists(tree), false);
});
