import assert from "node:assert/strict";
import { type BundleContents, readBundle } from "../../../src/bundle/reading/reading.ts";
import { BundleStore } from "../../../src/bundle/store/store.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { makeBundle, tempDir } from "../../helpers/signing.ts";

const POSIX = Deno.build.os !== "windows";

/** Lists all paths below a folder with their kinds and modes. */
async function tree(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const open = [""];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for await (const { name, isDirectory, isFile } of Deno.readDir(`${root}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const { mode } = await Deno.lstat(`${root}/${path}`);
      const kind = isDirectory ? "dir" : isFile ? "file" : "other";
      found[path] = POSIX ? `${kind} ${(mode! & 0o777).toString(8)}` : kind;
      if (isDirectory) open.push(path);
    }
  }
  return found;
}

async function read(dir: string): Promise<BundleContents> {
  return await readBundle(await makeBundle(dir, { "lib/deep/a.ts": "1", "data.txt": "2" }));
}

Deno.test("BundleStore.put() writes a read-only copy named by the hash", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  const store = new BundleStore(temp.join("data", "store"));
  const path = await store.put(bundle);
  assert.equal(path, temp.join("data", "store", bundle.bundleHash));
  for (const file of bundle.files) {
    assert.deepEqual(await Deno.readFile(`${path}/${file.path}`), file.bytes);
  }
  if (!POSIX) return;
  assert.deepEqual(await tree(temp.join("data")), {
    "store": "dir 700",
    [`store/${bundle.bundleHash}`]: "dir 555",
    [`store/${bundle.bundleHash}/data.txt`]: "file 444",
    [`store/${bundle.bundleHash}/lib`]: "dir 555",
    [`store/${bundle.bundleHash}/lib/deep`]: "dir 555",
    [`store/${bundle.bundleHash}/lib/deep/a.ts`]: "file 444",
    [`store/${bundle.bundleHash}/main.ts`]: "file 444",
    [`store/${bundle.bundleHash}/plugin.json`]: "file 444",
  });
});

Deno.test("BundleStore.put() writes the bytes that were read, whatever lies on disk by now", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  const before = await Deno.readTextFile(temp.join("bundle/main.ts"));
  await Deno.writeTextFile(temp.join("bundle/main.ts"), "evil()");
  const path = await new BundleStore(temp.join("store")).put(bundle);
  assert.equal(await Deno.readTextFile(`${path}/main.ts`), before);
});

Deno.test("BundleStore.put() keeps a true copy as it is", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  const store = new BundleStore(temp.join("store"));
  const before = await Deno.stat(await store.put(bundle));
  const after = await Deno.stat(await store.put(bundle));
  assert.equal(after.ino, before.ino);
});

Deno.test(
  "BundleStore.put() replaces a copy that was tampered with",
  { ignore: !POSIX },
  async (t) => {
    await using temp = await tempDir();
    const bundle = await read(temp.join("bundle"));
    const store = new BundleStore(temp.join("store"));
    const path = await store.put(bundle);
    const good = await tree(path);

    const tricks: Record<string, () => Promise<unknown>> = {
      "a byte changed": async () => {
        await Deno.chmod(`${path}/data.txt`, 0o644);
        await Deno.writeTextFile(`${path}/data.txt`, "3");
        await Deno.chmod(`${path}/data.txt`, 0o444);
      },
      "a file longer": async () => {
        await Deno.chmod(`${path}/main.ts`, 0o644);
        await Deno.writeTextFile(`${path}/main.ts`, "//", { append: true });
        await Deno.chmod(`${path}/main.ts`, 0o444);
      },
      "a file more": () => Deno.writeTextFile(`${path}/extra.ts`, ""),
      "a file more, deep": () => Deno.writeTextFile(`${path}/lib/deep/extra.ts`, ""),
      "a folder more": () => Deno.mkdir(`${path}/lib/empty`, { mode: 0o555 }),
      "a file less": () => Deno.remove(`${path}/data.txt`),
      "a folder less": () => Deno.remove(`${path}/lib`, { recursive: true }),
      "a link to the same content": async () => {
        await Deno.rename(`${path}/data.txt`, temp.join("elsewhere"));
        await Deno.symlink(temp.join("elsewhere"), `${path}/data.txt`);
      },
      "a link to a folder": async () => {
        await Deno.rename(`${path}/lib`, temp.join("lib"));
        await Deno.symlink(temp.join("lib"), `${path}/lib`);
      },
      "a folder in place of a file": async () => {
        await Deno.remove(`${path}/data.txt`);
        await Deno.mkdir(`${path}/data.txt`);
      },
      "a writable file": () => Deno.chmod(`${path}/main.ts`, 0o666),
      "a writable folder": () => Deno.chmod(`${path}/lib`, 0o777),
      "the copy a link": async () => {
        await Deno.rename(path, temp.join("moved"));
        await Deno.symlink(temp.join("moved"), path);
      },
      "the copy a file": async () => {
        await Deno.rename(path, temp.join("moved2"));
        await Deno.writeTextFile(path, "");
      },
      "the copy gone": () => Deno.rename(path, temp.join("moved3")),
    };
    for (const [name, act] of Object.entries(tricks)) {
      await t.step(name, async () => {
        await makeWritable(path);
        await act();
        await restoreModes(path, name);
        assert.equal(await store.put(bundle), path);
        assert.deepEqual(await tree(path), good);
        for (const file of bundle.files) {
          assert.deepEqual(await Deno.readFile(`${path}/${file.path}`), file.bytes);
        }
      });
    }
    const left = await Array.fromAsync(Deno.readDir(temp.join("store")));
    assert.deepEqual(left.map((entry) => entry.name), [bundle.bundleHash]);

    /** Lets a test that does not run as root change the copy. */
    async function makeWritable(root: string): Promise<void> {
      for (const folder of ["", "/lib", "/lib/deep"]) await Deno.chmod(`${root}${folder}`, 0o755);
    }
    /** Takes the write permission away again, so that the trick alone tells the copies apart. */
    async function restoreModes(root: string, trick: string): Promise<void> {
      if (trick.startsWith("the copy")) return;
      for (const folder of ["/lib/deep", "/lib", ""]) {
        if (trick === "a writable folder" && folder === "/lib") continue;
        await Deno.chmod(`${root}${folder}`, 0o555).catch(() => {}); // the trick may have removed it
      }
    }
  },
);

Deno.test("BundleStore.put() is safe when many do the same at once", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  const stores = Array.from({ length: 12 }, () => new BundleStore(temp.join("store")));
  const paths = await Promise.all(stores.map((store) => store.put(bundle)));
  assert.equal(new Set(paths).size, 1);
  const left = await Array.fromAsync(Deno.readDir(temp.join("store")));
  assert.deepEqual(left.map((entry) => entry.name), [bundle.bundleHash]);
});

Deno.test("BundleStore.put() is safe when several processes write and sweep at once", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  const file = (path: string) => new URL(`../../../src/bundle/${path}`, import.meta.url).href;
  const code = `
    const { readBundle } = await import(${JSON.stringify(file("reading/reading.ts"))});
    const { BundleStore } = await import(${JSON.stringify(file("store/store.ts"))});
    const bundle = await readBundle(Deno.args[0]);
    const store = new BundleStore(Deno.args[1]);
    for (let i = 0; i < 20; i++) {
      await store.put(bundle);
      await store.sweep();
      if (i % 5 === 4) await store.remove(bundle.bundleHash);
    }
    await store.put(bundle);
  `;
  await Deno.writeTextFile(temp.join("worker.ts"), code);
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const runs = await Promise.all(Array.from({ length: 3 }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--no-check", "--config", config].concat(
        [temp.join("worker.ts"), temp.join("bundle"), temp.join("store")],
      ),
      stderr: "piped",
    }).output()));
  for (const { success, stderr } of runs) assert.ok(success, new TextDecoder().decode(stderr));
  const store = new BundleStore(temp.join("store"));
  const path = await store.put(bundle);
  assert.deepEqual(
    await Deno.readFile(`${path}/main.ts`),
    await Deno.readFile(temp.join("bundle/main.ts")),
  );
  await store.sweep();
  const left = await Array.fromAsync(Deno.readDir(temp.join("store")));
  assert.deepEqual(left.map((entry) => entry.name), [bundle.bundleHash]);
});

Deno.test("BundleStore.sweep() removes leftovers and keeps copies", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  const store = new BundleStore(temp.join("store"));
  await store.sweep(); // no store yet
  await store.put(bundle);
  await Deno.mkdir(temp.join("store/.tmp-half/lib"), { recursive: true });
  await Deno.writeTextFile(temp.join("store/.tmp-half/lib/a.ts"), "", { mode: 0o444 });
  await Deno.writeTextFile(temp.join("store/.tmp-file"), "");
  await Deno.writeTextFile(temp.join("store/other"), "");
  if (POSIX) {
    await Deno.chmod(temp.join("store/.tmp-half/lib"), 0o555);
    await Deno.chmod(temp.join("store/.tmp-half"), 0o555);
    await Deno.symlink(temp.join("bundle"), temp.join("store/.tmp-link"));
  }
  await store.sweep();
  const left = await Array.fromAsync(Deno.readDir(temp.join("store")));
  assert.deepEqual(left.map((entry) => entry.name).sort(), [bundle.bundleHash, "other"].sort());
  assert.ok(await Deno.stat(temp.join("bundle/main.ts")), "what a link pointed to stays");
});

Deno.test("BundleStore.remove() removes a read-only copy, and minds no missing one", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  const store = new BundleStore(temp.join("store"));
  await store.remove(bundle.bundleHash);
  const path = await store.put(bundle);
  await store.remove(bundle.bundleHash);
  await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("BundleStore rejects hashes and paths that would leave its folder", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  const store = new BundleStore(temp.join("store"));
  for (
    const bundleHash of ["", "..", "../x", bundle.bundleHash.toUpperCase(), `${bundle.bundleHash}/`]
  ) {
    await assert.rejects(store.put({ ...bundle, bundleHash }), RangeError);
    await assert.rejects(store.remove(bundleHash), RangeError);
  }
  const bytes = new Uint8Array();
  for (const path of ["../x", "/x", "a/../../x", "a\\b", ""]) {
    await assert.rejects(store.put({ ...bundle, files: [{ path, bytes }] }), RangeError);
  }
  await assert.rejects(Deno.lstat(temp.join("store")), Deno.errors.NotFound);
});

Deno.test("BundleStore.put() says why it cannot write", async () => {
  await using temp = await tempDir();
  const bundle = await read(temp.join("bundle"));
  await Deno.writeTextFile(temp.join("file"), "");
  const store = new BundleStore(temp.join("file/store"));
  const error = await assertRejectsWithCode(
    store.put(bundle),
    "launch-failed",
    /Cannot store bundle/,
  );
  assert.ok(error.cause instanceof Error);
  assert.ok(error.hint);
});
