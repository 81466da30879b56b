// The lock file is only the first of two locks: who removes it lets no update be lost.
import assert from "node:assert/strict";
import { createTrustListContent } from "../../src/trust/list/list.ts";
import { setMinimum } from "../../src/trust/list/changes.ts";
import { RollbackMark } from "../../src/trust/mark/rollback_mark.ts";
import { createSealedFile, replaceSealedFile } from "../../src/trust/sealed/sealed_file.ts";
import { TrustList } from "../../src/trust/trust_list.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { tempDir } from "../helpers/signing.ts";

const WRITERS = 4;
const UPDATES = 12;

/** Removes the locks of a folder again and again, while something runs. */
async function withoutLocks<T>(dir: string, act: () => Promise<T>): Promise<T> {
  let removed = 0;
  let running = true;
  const removing = (async () => {
    while (running) {
      for (const { name } of Deno.readDirSync(dir)) {
        if (!name.endsWith(".lock")) continue;
        Deno.removeSync(`${dir}/${name}`);
        removed++;
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  })();
  try {
    return await act();
  } finally {
    running = false;
    await removing;
  }
}

Deno.test("a trust list loses no update when its lock file is removed under its writers", async () => {
  await using dir = await tempDir();
  const file = dir.join("trust.list");
  const key = crypto.getRandomValues(new Uint8Array(32));
  const content = createTrustListContent({ expiresAt: new Date(Date.now() + 86_400_000) });
  await TrustList.create(file, { key }, { content });
  const reported: string[] = [];
  await withoutLocks(dir.path, async () => {
    await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
      const list = await TrustList.open(file, { key });
      for (let number = 0; number < UPDATES; number++) {
        const name = `w${writer}-${number}`;
        await list.update((content) => setMinimum(content, name, "1.0.0"));
        reported.push(name);
      }
    }));
  });
  const { minimumVersions, revision } = (await TrustList.open(file, { key })).content;
  assert.equal(reported.length, WRITERS * UPDATES);
  assert.deepEqual(Object.keys(minimumVersions).sort(), reported.sort());
  assert.equal(revision, 1 + WRITERS * UPDATES);
});

Deno.test("a rollback mark loses no version when its lock file is removed, from its first write on", async () => {
  await using dir = await tempDir();
  const list = createTrustListContent({ expiresAt: new Date(Date.now() + 86_400_000) });
  const seen = { file: dir.join("trust.list"), revision: 1, hash: "0".repeat(128), roots: [] };
  const reported: string[] = [];
  await withoutLocks(dir.path, async () => {
    await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
      const mark = await RollbackMark.open(dir.path, list);
      await mark.accept(seen);
      for (let number = 0; number < UPDATES; number++) {
        const name = `w${writer}-${number}`;
        await mark.record(name, { version: "1.0.0", hash: "0".repeat(128) });
        reported.push(name);
      }
    }));
  });
  const mark = await RollbackMark.open(dir.path, list);
  assert.equal(reported.length, WRITERS * UPDATES);
  assert.deepEqual(reported.filter((name) => mark.plugin(name) === undefined), []);
});

Deno.test("a file is not replaced by who expects another one, or none, there", async () => {
  await using dir = await tempDir();
  const file = dir.join("file");
  const bytes = (text: string) => new TextEncoder().encode(text);
  await createSealedFile(file, bytes("one"));
  await assertRejectsWithCode(
    replaceSealedFile(file, bytes("two"), { expected: null }),
    "bad-state",
    /somebody else made it/,
  );
  await replaceSealedFile(file, bytes("two"), { expected: bytes("one") });
  assert.equal(await Deno.readTextFile(file), "two");
});
