import assert from "node:assert/strict";
import type { SealSecret } from "../../../src/crypto/sealed.ts";
import { setMinimum } from "../../../src/trust/list/changes.ts";
import { RollbackMark } from "../../../src/trust/mark/rollback_mark.ts";
import { TrustList } from "../../../src/trust/trust_list.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { type TempDir, tempDir } from "../../helpers/signing.ts";
import { makeList } from "../list_kit.ts";

const secret: SealSecret = { key: new Uint8Array(32).fill(7) };
const HASH = "ab".repeat(64);

interface Scene {
  readonly file: string;
  readonly markDir: string;
  /** The first revision, sealed. */
  readonly first: Uint8Array;
  /** The list, at revision 2; its host has seen only that it was made. */
  readonly list: TrustList;
  open(remember?: boolean): Promise<TrustList>;
}

async function scene(temp: TempDir): Promise<Scene> {
  const [file, markDir] = [temp.join("trust.list"), temp.join("trust")];
  const made = await TrustList.create(file, secret, { content: makeList() });
  const first = await Deno.readFile(file);
  const list = await made.update((content) => setMinimum(content, "a", "1.0.0"));
  const open = (remember = true) => TrustList.open(file, secret, { markDir, remember });
  return { file, markDir, first, list, open };
}

function versionsOf(mark: RollbackMark, name: string): string[] {
  return mark.ran(name).map(({ version }) => version);
}

Deno.test("a list below the highest revision that was seen is refused", async () => {
  await using temp = await tempDir();
  const { file, first, open } = await scene(temp);
  assert.equal((await open()).mark?.revision, 2);
  const second = await Deno.readFile(file);
  await Deno.writeFile(file, first);
  const error = await assertRejectsWithCode(
    open(),
    "rollback",
    /it is revision 1, but this host has seen revision 2/,
  );
  assert.equal(error.details.subject, "list");
  assert.equal((await TrustList.open(file, secret)).revision, 1, "to a host without a past");
  await Deno.writeFile(file, second);
  assert.equal((await open()).revision, 2);
});

Deno.test("another list of the same revision is refused", async () => {
  await using temp = await tempDir();
  const { file, first, open } = await scene(temp);
  await open();
  await Deno.writeFile(file, first);
  const other = await TrustList.open(file, secret);
  await other.update((content) => setMinimum(content, "a", "0.0.1"));
  await assertRejectsWithCode(open(), "rollback", /another revision 2 than the one/);
  const { revision } = await other.update((content) => setMinimum(content, "a", "2.0.0"));
  assert.equal((await open()).revision, revision);
});

Deno.test("another list in the same place is refused, though it has no mark", async () => {
  await using temp = await tempDir();
  const { file, markDir, open } = await scene(temp);
  await open();
  await Deno.remove(file);
  await TrustList.create(file, secret, { content: makeList() });
  const error = await assertRejectsWithCode(open(), "rollback", /used another list in this place/);
  const pin = /remove "(.+)"/.exec(error.hint!)![1]!;
  assert.ok(pin.startsWith(markDir));
  await assertRejectsWithCode(
    TrustList.create(temp.join("x/../trust.list"), secret, { content: makeList(), markDir }),
    "rollback",
  );
  await Deno.remove(pin);
  assert.equal((await open()).revision, 1);
});

Deno.test("remember: false checks and writes nothing", async () => {
  await using temp = await tempDir();
  const { file, markDir, first, open } = await scene(temp);
  assert.equal((await open(false)).mark?.revision, undefined);
  await assert.rejects(Deno.stat(markDir), Deno.errors.NotFound);
  await open();
  await Deno.writeFile(file, first);
  await assertRejectsWithCode(open(false), "rollback");
});

Deno.test("refresh() and update() advance the mark, and an old file put back is refused", async () => {
  await using temp = await tempDir();
  const { file, first, list, open } = await scene(temp);
  const opened = await open();
  const third = await list.update((content) => setMinimum(content, "a", "3.0.0"));
  assert.equal((await opened.refresh()).mark?.revision, third.revision);
  await Deno.writeFile(file, first);
  await assertRejectsWithCode(opened.refresh(), "rollback");
  await assertRejectsWithCode(opened.update((content) => content), "rollback");
});

Deno.test("record() remembers the highest version and what it asked for", async () => {
  await using temp = await tempDir();
  const { list, markDir, open } = await scene(temp);
  const mark = (await open()).mark!;
  assert.deepEqual(mark.ran("a"), []);
  await mark.record("a", { version: "1.9.0", hash: HASH, asks: { net: ["x:443"] } });
  await mark.record("a", { version: "1.10.0", hash: HASH, asks: { net: [] } });
  await mark.record("a", { version: "1.9.1", hash: HASH });
  assert.deepEqual(versionsOf(mark, "a"), ["1.10.0", "1.9.1", "1.9.0"]);
  const again = await RollbackMark.open(markDir, list.content);
  assert.deepEqual(again.plugin("a"), { version: "1.10.0", hash: HASH, asks: { net: [] } });
  assert.equal(again.plugin("toString"), undefined);
  assert.equal(again.revision, 2);
  const empty = await RollbackMark.open(`${markDir}/none`, list.content);
  await assert.rejects(empty.record("a", { version: "1.0.0", hash: HASH }), TypeError);
});

Deno.test("record() keeps the eight highest versions, each once, and survives the file", async () => {
  await using temp = await tempDir();
  const { open } = await scene(temp);
  const mark = (await open()).mark!;
  for (const minor of [3, 1, 2, 9, 8, 7, 6, 5, 4, 3]) {
    await mark.record("a", { version: `1.${minor}.0`, hash: HASH, asks: { net: [] } });
  }
  const kept = [9, 8, 7, 6, 5, 4, 3, 2].map((minor) => `1.${minor}.0`);
  assert.deepEqual(versionsOf(mark, "a"), kept);
  const { mtime } = await Deno.stat(mark.path);
  const bytes = await Deno.readFile(mark.path);
  await mark.record("a", { version: "1.1.0", hash: HASH }); // lower than all that are kept
  await mark.record("a", { version: "1.9.0", hash: HASH, asks: { net: [] } });
  assert.deepEqual([await Deno.readFile(mark.path), (await Deno.stat(mark.path)).mtime], [
    bytes,
    mtime,
  ]);
  const other = "cd".repeat(64);
  await mark.record("a", { version: "1.5.0", hash: other });
  const again = (await open()).mark!;
  assert.deepEqual(versionsOf(again, "a"), kept);
  assert.deepEqual(again.ran("a")[4], { version: "1.5.0", hash: other });
});

Deno.test("hosts that share a mark lose nothing to each other", async () => {
  await using temp = await tempDir();
  const { open } = await scene(temp);
  const marks = await Promise.all(Array.from({ length: 4 }, async () => (await open()).mark!));
  await Promise.all(marks.map((mark, index) =>
    Promise.all([
      mark.record(`p${index}`, { version: "1.0.0", hash: HASH }),
      mark.record("shared", { version: `1.${index}.0`, hash: HASH }),
    ])
  ));
  await marks[0]!.reload();
  for (const name of ["p0", "p1", "p2", "p3"]) {
    assert.deepEqual(versionsOf(marks[0]!, name), ["1.0.0"]);
  }
  assert.deepEqual(versionsOf(marks[0]!, "shared"), ["1.3.0", "1.2.0", "1.1.0", "1.0.0"]);
});

Deno.test("every changed byte of a mark, and every truncation, is refused", async () => {
  await using temp = await tempDir();
  const { list, markDir, open } = await scene(temp);
  const mark = (await open()).mark!;
  await mark.record("a", { version: "1.0.0", hash: HASH });
  const bytes = await Deno.readFile(mark.path);
  const tryWith = async (changed: Uint8Array) => {
    await Deno.writeFile(mark.path, changed);
    await assertRejectsWithCode(RollbackMark.open(markDir, list.content), "bad-config", /mark/);
  };
  for (let index = 0; index < bytes.length; index++) {
    await tryWith(bytes.with(index, bytes[index]! ^ 1));
    await tryWith(bytes.slice(0, index));
  }
  await tryWith(new Uint8Array([...bytes, 0x20]));
  await assertRejectsWithCode(open(), "bad-config", /rollback mark/);
  await Deno.writeFile(mark.path, bytes);
  assert.equal((await open()).mark?.plugin("a")?.version, "1.0.0");
});

Deno.test("a mark of another list, or under another secret, is refused", async () => {
  await using temp = await tempDir();
  const { list, markDir, open } = await scene(temp);
  const mark = (await open()).mark!;
  const { content } = list;
  await assertRejectsWithCode(
    RollbackMark.open(markDir, { ...content, secret: makeList().secret }),
    "bad-config",
  );
  const other = { ...content, id: "0".repeat(32) };
  await Deno.copyFile(mark.path, `${markDir}/${other.id}.mark`);
  await assertRejectsWithCode(RollbackMark.open(markDir, other), "bad-config");
});

Deno.test("a running host does not forget, whatever is done to the file", async () => {
  await using temp = await tempDir();
  const { open } = await scene(temp);
  const mark = (await open()).mark!;
  await mark.record("a", { version: "1.0.0", hash: HASH });
  const old = await Deno.readFile(mark.path);
  await mark.record("a", { version: "2.0.0", hash: HASH });
  await Deno.writeFile(mark.path, old);
  await mark.reload();
  assert.equal(mark.plugin("a")?.version, "2.0.0");
  await Deno.remove(mark.path);
  await mark.record("b", { version: "1.0.0", hash: HASH });
  const again = (await open()).mark!;
  assert.deepEqual([versionsOf(again, "a"), versionsOf(again, "b")], [["2.0.0", "1.0.0"], [
    "1.0.0",
  ]]);
});

Deno.test("a folder of marks that is a link to nowhere is not taken for a host that has seen nothing", async () => {
  await using temp = await tempDir();
  const { file, first, markDir, open } = await scene(temp);
  await open();
  await Deno.rename(markDir, `${markDir}-moved`);
  await Deno.symlink(`${markDir}-gone`, markDir);
  await Deno.writeFile(file, first);
  await assertRejectsWithCode(open(false), "bad-config", /a link on its way leads nowhere/);
  // the control: a host that has seen nothing takes the old list
  await Deno.remove(markDir);
  assert.equal((await open(false)).revision, 1);
});
