import assert from "node:assert/strict";
import { replaceFile, writeNewFile } from "../../src/io/durable_file.ts";
import { tempDir } from "../helpers/signing.ts";

const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

Deno.test("writeNewFile() writes what was not there, and follows no link", async () => {
  await using dir = await tempDir();
  await writeNewFile(dir.join("new"), "text", { mode: 0o600 });
  assert.equal(await Deno.readTextFile(dir.join("new")), "text");
  assert.equal(Deno.statSync(dir.join("new")).mode! & 0o777, 0o600);
  await assert.rejects(writeNewFile(dir.join("new"), "other"), Deno.errors.AlreadyExists);
  await Deno.symlink(dir.join("target"), dir.join("link"));
  await assert.rejects(writeNewFile(dir.join("link"), "other"), Deno.errors.AlreadyExists);
  assert.deepEqual(names(dir.path), ["link", "new"]);
  assert.equal(await Deno.readTextFile(dir.join("new")), "text");
});

Deno.test("writeNewFile() leaves nothing of a file that it cannot finish", async () => {
  await using dir = await tempDir();
  const written = () => Promise.reject(new Error("the disk is gone"));
  await assert.rejects(writeNewFile(dir.join("new"), "text", { written }), /disk is gone/);
  assert.deepEqual(names(dir.path), []);
});

Deno.test("replaceFile() replaces all of a file, or leaves it as it is", async () => {
  await using dir = await tempDir();
  const path = dir.join("file");
  await replaceFile(path, "first");
  await replaceFile(path, new Uint8Array([50]));
  assert.equal(await Deno.readTextFile(path), "2");
  const check = () => {
    throw new Error("changed meanwhile");
  };
  await assert.rejects(replaceFile(path, "third", { check }), /changed meanwhile/);
  assert.equal(await Deno.readTextFile(path), "2");
  await Deno.writeTextFile(dir.join("taken"), "");
  const temporary = dir.join("taken");
  await assert.rejects(replaceFile(path, "x", { temporary }), Deno.errors.AlreadyExists);
  assert.deepEqual(names(dir.path), ["file", "taken"], "somebody else's file stays");
});
