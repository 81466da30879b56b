import assert from "node:assert/strict";
import { escapeText } from "../../../src/errors.ts";
import { DataDir } from "../../../src/host/data/data_dir.ts";
import { holdLock, takeStale } from "../../../src/host/data/liveness_lock.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { removeTree } from "../../../src/io/remove_tree.ts";
import { nestDeeper } from "../../helpers/deep_folders.ts";
import { tempDir } from "../../helpers/signing.ts";

async function names(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Leaves a run behind as a host does that was killed. */
async function leaveRun(root: string): Promise<string> {
  const run = `${root}/run/${crypto.randomUUID()}`;
  await Deno.mkdir(`${run}/1/deno`, { recursive: true });
  await Deno.writeTextFile(`${run}/1/deno/cache`, "left");
  await Deno.writeTextFile(`${run}.lock`, "");
  return run;
}

Deno.test("a lock is held until it is disposed, and its file may then be taken", async () => {
  await using dir = await tempDir();
  const path = dir.join("x.lock");
  {
    using lock = holdLock(path);
    assert.equal(lock.path, path);
    assert.equal(takeStale(path), undefined);
  }
  {
    using taken = takeStale(path);
    assert.equal(taken?.path, path);
    assert.equal(takeStale(path), undefined, "one sweep at a time");
  }
  assert.equal(takeStale(dir.join("none.lock")), undefined);
  assert.deepEqual(await names(dir.path), ["x.lock"], "nothing of the making is left");
});

Deno.test("holdLock() refuses a lock that another holds", async () => {
  await using dir = await tempDir();
  using held = holdLock(dir.join("x.lock"));
  assert.throws(() => holdLock(held.path), /another process holds it/);
});

Deno.test("DataDir.open() makes private folders and leaves no run behind when disposed", async () => {
  await using dir = await tempDir();
  const root = dir.join("deep", "data");
  {
    await using data = await DataDir.open(root);
    assert.equal(data.temporary, false);
    assert.deepEqual(await names(root), ["run", "runtime", "storage", "store"]);
    for (const name of [".", "run", "runtime", "storage", "store"]) {
      assert.equal((await Deno.stat(`${root}/${name}`)).mode! & 0o777, 0o700, name);
    }
    await using run = data.createRun();
    assert.deepEqual(await names(run.cwd), []);
    await Deno.writeTextFile(`${run.denoDir}/cache`, "x");
    await Deno.mkdir(`${run.denoDir}/read-only/deeper`, { recursive: true });
    await Deno.chmod(`${run.denoDir}/read-only`, 0o555);
  }
  assert.deepEqual(await names(`${root}/run`), []);
});

Deno.test("DataDir.open() sweeps the runs of dead hosts and keeps those of living ones", async () => {
  await using dir = await tempDir();
  await using living = await DataDir.open(dir.join("data"));
  await using run = living.createRun();
  const dead = await leaveRun(living.root);
  const halfRemoved = `${living.root}/run/${crypto.randomUUID()}`;
  await Deno.mkdir(halfRemoved);
  await using next = await DataDir.open(living.root);
  assert.equal(await exists(dead), false);
  assert.equal(await exists(`${dead}.lock`), false);
  assert.equal(await exists(halfRemoved), false);
  assert.equal(await exists(run.cwd), true);
  assert.equal(await exists(living.scratch), true);
  assert.equal(await exists(next.scratch), true);
});

Deno.test("a temporary DataDir goes away with its host, whatever is in it", async () => {
  const data = await DataDir.open();
  assert.equal(data.temporary, true);
  await Deno.mkdir(`${data.store}/copy/inner`, { recursive: true });
  await Deno.writeTextFile(`${data.store}/copy/inner/file`, "x", { mode: 0o444 });
  await Deno.chmod(`${data.store}/copy/inner`, 0o555);
  await Deno.chmod(`${data.store}/copy`, 0o555);
  await data[Symbol.asyncDispose]();
  assert.equal(await exists(data.root), false);
});

Deno.test("the temporary folder of a host that was killed is swept by the next host", async () => {
  const root = await Deno.makeTempDir({ prefix: "sallyport-host-" });
  for (const name of ["store", "run", "runtime", "storage"]) await Deno.mkdir(`${root}/${name}`);
  await leaveRun(root);
  await Deno.writeTextFile(`${root}/lock`, "");
  {
    // a host with a folder of its own has no business in the temporary folder
    await using dir = await tempDir();
    await using other = await DataDir.open(dir.join("data"));
    assert.equal(await exists(root), true, other.root);
  }
  await using next = await DataDir.open();
  assert.equal(await exists(root), false, next.root);
});

Deno.test("a temporary folder whose host was killed before it had a lock is swept, but not at once", async () => {
  const young = await Deno.makeTempDir({ prefix: "sallyport-host-" });
  const old = await Deno.makeTempDir({ prefix: "sallyport-host-" });
  const early = await Deno.makeTempDir({ prefix: "sallyport-host-" });
  const inUse = await Deno.makeTempDir({ prefix: "sallyport-host-" });
  for (const dir of [early, inUse]) await Deno.writeTextFile(`${dir}/lock.new`, "");
  await Deno.writeTextFile(`${inUse}/other`, "");
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const dir of [old, early, inUse]) await Deno.utime(dir, hourAgo, hourAgo);
  await using next = await DataDir.open();
  assert.equal(await exists(old), false, next.root);
  assert.equal(await exists(early), false, "its lock had not got its name yet");
  assert.equal(await exists(`${inUse}/other`), true, "more than a lock was in it");
  assert.equal(await exists(young), true, "it may be another host's that is just opening");
  for (const dir of [young, inUse]) await Deno.remove(dir, { recursive: true });
});

Deno.test("a folder that the application chose is never swept, wherever it is", async () => {
  const made = await Deno.realPath(await Deno.makeTempDir());
  const tmp = made.replace(/\/[^/]*$/, "");
  const root = `${tmp}/sallyport-host-${crypto.randomUUID()}`;
  try {
    const data = await DataDir.open(root);
    const storage = await data.storage("notes");
    await Deno.writeTextFile(`${storage}/precious`, "data");
    await data[Symbol.asyncDispose]();
    await leaveRun(root); // its next host was killed
    await using temporary = await DataDir.open();
    assert.notEqual(temporary.root, root);
    assert.equal(await exists(`${storage}/precious`), true, "the plugin's data are gone");
  } finally {
    await Deno.remove(root, { recursive: true }).catch(() => {});
    await Deno.remove(made);
  }
});

Deno.test("many hosts may open one folder at once, and none sweeps another", async () => {
  await using dir = await tempDir();
  const root = dir.join("data");
  await (await DataDir.open(root))[Symbol.asyncDispose]();
  for (let round = 0; round < 5; round++) {
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => DataDir.open(root)));
    const failures = opened.flatMap((each) => each.status === "rejected" ? [each.reason] : []);
    const data = opened.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
    const swept = (await Promise.all(data.map(async ({ scratch }) => await exists(scratch))))
      .filter(
        (there) => !there,
      );
    await Promise.all(data.map((each) => each[Symbol.asyncDispose]()));
    assert.deepEqual(failures, []);
    assert.equal(swept.length, 0, `${swept.length} of 8 runs were swept under a living host`);
  }
});

Deno.test("many temporary folders may be opened at once, and none sweeps another", async () => {
  for (let round = 0; round < 5; round++) {
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => DataDir.open()));
    const failures = opened.flatMap((each) => each.status === "rejected" ? [each.reason] : []);
    const data = opened.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
    const swept = (await Promise.all(data.map(async ({ scratch }) => await exists(scratch))))
      .filter(
        (there) => !there,
      );
    await Promise.all(data.map((each) => each[Symbol.asyncDispose]()));
    assert.deepEqual(failures, []);
    assert.equal(swept.length, 0, `${swept.length} of 8 folders were swept under a living host`);
  }
});

Deno.test("DataDir.open() says what is wrong with a folder that it cannot use", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("file"), "");
  await assertRejectsWithCode(
    DataDir.open(dir.join("file")),
    "bad-config",
    /Cannot use ".*file": /,
  );
  for (
    const [name, problem] of [["a,b", "a comma"], ["a\nb", "a control"], ["a\u0085b", "a control"]]
  ) {
    const error = await assertRejectsWithCode(
      DataDir.open(dir.join(name!)),
      "bad-config",
      new RegExp(`as dataDir: the path has ${problem}`),
    );
    assert.match(error.hint ?? "", /choose another dataDir/);
    assert.equal(escapeText(error.message, 1_000), error.message);
    assert.ok(!await exists(dir.join(name!)), "nothing of that name is made");
  }
});

Deno.test({
  name:
    "DataDir.open() refuses a folder that everybody may write, and warns of one that a group may",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using dir = await tempDir();
    const root = dir.join("data");
    const warnings: Record<string, unknown>[] = [];
    const open = async () => {
      warnings.length = 0;
      const warn = (_message: string, fields = {}) => void warnings.push(fields);
      await using data = await DataDir.open(root, { warn });
      return data.root;
    };
    await open(); // it makes the folder
    for (const mode of [0o700, 0o750, 0o755]) {
      await Deno.chmod(root, mode);
      await open();
      assert.deepEqual(warnings, [], mode.toString(8));
    }
    for (const mode of [0o777, 0o702, 0o1777]) {
      await Deno.chmod(root, mode);
      const shown = mode.toString(8).padStart(4, "0");
      const error = await assertRejectsWithCode(
        open(),
        "bad-config",
        new RegExp(`as dataDir: everybody may write ".*data" \\(mode ${shown}\\)$`),
      );
      assert.match(error.hint!, /chmod o-w/);
    }
    await Deno.chmod(root, 0o700);
    for (const name of ["store", "storage", "trust"]) {
      await Deno.mkdir(`${root}/${name}`, { recursive: true });
      await Deno.chmod(`${root}/${name}`, 0o777);
      await assertRejectsWithCode(open(), "bad-config", new RegExp(`may write ".*data/${name}"`));
      await Deno.chmod(`${root}/${name}`, 0o700);
    }
    await Deno.chmod(dir.path, 0o777); // who may write above it may put another one in its place
    await open();
    assert.deepEqual(warnings.map(({ path, who, mode }) => [path, who, mode]), [
      [dir.path, "everybody", "0777"],
    ]);
    await Deno.chmod(dir.path, 0o1777);
    await open();
    assert.deepEqual(warnings, []);
    // as root: a group that is not the owner's own
    if (Deno.uid() !== 0) return;
    await Deno.chown(root, null, 12_345);
    await Deno.chmod(root, 0o770);
    await open();
    assert.deepEqual(warnings.map(({ path, who }) => [path, who]), [[root, "group 12345"]]);
  },
});

Deno.test("DataDir.storage() makes a private folder and refuses a link that stands in it", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("data"));
  const storage = await data.storage("notes");
  assert.equal((await Deno.stat(storage)).mode! & 0o777, 0o700);
  await Deno.mkdir(`${storage}/a/b`, { recursive: true });
  assert.equal(await data.storage("notes"), storage);
  await Deno.symlink("/etc", `${storage}/a/b/out`);
  const error = await assertRejectsWithCode(
    data.storage("notes"),
    "permission-denied",
    /symbolic link/,
  );
  assert.match(error.hint ?? "", /a\/b/);
});

Deno.test("DataDir.storage() refuses a link in the place of the folder itself", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("data"));
  await Deno.mkdir(dir.join("elsewhere"));
  await Deno.symlink(dir.join("elsewhere"), `${data.root}/storage/notes`);
  await assertRejectsWithCode(data.storage("notes"), "permission-denied");
});

Deno.test("DataDir.storage() refuses folders that it cannot look into, and says which", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("data"));
  const storage = await data.storage("notes");
  nestDeeper(storage, 2);
  const error = await assertRejectsWithCode(
    data.storage("notes"),
    "permission-denied",
    /^Cannot start plugin "notes": its storage has folders that are nested too deep to be looked into$/,
  );
  assert.equal(error.hint, `Look into "${storage}/deep" and remove what does not belong there`);
  await removeTree(`${storage}/deep`);
  assert.equal(await data.storage("notes"), storage);

  const other = await data.storage("other");
  await Deno.writeTextFile(dir.join("file"), "x");
  await Deno.remove(other);
  await Deno.rename(dir.join("file"), other);
  await assertRejectsWithCode(data.storage("other"), "permission-denied", /cannot be listed/);
});

Deno.test("DataDir goes away with what plugins have nested too deep in it", async () => {
  const data = await DataDir.open();
  nestDeeper(await data.storage("notes"), 3);
  await data[Symbol.asyncDispose]();
  assert.equal(await exists(data.root), false);
});

Deno.test("the runtime files are read-only, shared by content, and repaired when changed", async () => {
  await using dir = await tempDir();
  await using first = await DataDir.open(dir.join("data"));
  const { bootstrap, importMap } = first.runtime;
  const source = await Deno.readTextFile(bootstrap);
  JSON.parse(await Deno.readTextFile(importMap));
  assert.equal((await Deno.stat(bootstrap)).mode! & 0o777, 0o444);
  await Deno.chmod(bootstrap, 0o644);
  await Deno.writeTextFile(bootstrap, `${source}\n// changed`);
  await using second = await DataDir.open(first.root);
  assert.equal(second.runtime.bootstrap, bootstrap);
  assert.equal(await Deno.readTextFile(bootstrap), source);
});
