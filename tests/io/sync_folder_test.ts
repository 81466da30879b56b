import assert from "node:assert/strict";
import { syncFolder } from "../../src/io/sync_folder.ts";
import {
  createSealedFile,
  readSealedFile,
  replaceSealedFile,
} from "../../src/trust/sealed/sealed_file.ts";
import { tempDir } from "../helpers/signing.ts";

/** Fakes a system that opens no folders, as Windows does, for the length of a function. */
async function withoutFolders(os: typeof Deno.build.os, act: () => Promise<void>): Promise<void> {
  const { build, open } = Deno;
  const replace = (name: "build" | "open", value: unknown) =>
    Object.defineProperty(Deno, name, { value, configurable: true, writable: true });
  replace("build", { ...build, os });
  replace("open", async (path: string, options?: Deno.OpenOptions) => {
    const file = await open(path, options);
    if (!(await file.stat()).isDirectory) return file;
    file.close();
    throw new Deno.errors.PermissionDenied("Access is denied. (os error 5)");
  });
  try {
    await act();
  } finally {
    replace("build", build);
    replace("open", open);
  }
}

Deno.test("syncFolder() does nothing where folders cannot be opened", async () => {
  await using dir = await tempDir();
  await syncFolder(dir.path);
  await withoutFolders("windows", () => syncFolder(dir.path));
  // what is faked is what would happen otherwise
  await withoutFolders(
    "linux",
    () => assert.rejects(() => syncFolder(dir.path), Deno.errors.PermissionDenied),
  );
});

Deno.test("a trust list is written on Windows (faked), which opens no folders", async () => {
  await using dir = await tempDir();
  const [one, two] = [Uint8Array.of(1), Uint8Array.of(2)];
  await withoutFolders("windows", async () => {
    await createSealedFile(dir.join("list"), one);
    await replaceSealedFile(dir.join("list"), two, { expected: one });
    assert.deepEqual(await readSealedFile(dir.join("list")), two);
  });
});
