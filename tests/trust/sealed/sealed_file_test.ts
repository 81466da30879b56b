import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { SealingKey } from "../../../src/crypto/sealed.ts";
import {
  createSealedFile,
  type FileLock,
  readSealedFile,
  replaceSealedFile,
  withFileLock,
} from "../../../src/trust/sealed/sealed_file.ts";
import { makeRevision, readRevision } from "../../fixtures/sealed/revision.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { startCommand, type TestChild } from "../../helpers/process.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;
const SECRET = { key: new Uint8Array(32).fill(3) };

/** Gives a test an empty folder. */
function folderTest(name: string, fn: (dir: string) => Promise<void>, ignore = false): void {
  Deno.test({
    name,
    ignore,
    fn: async () => {
      const dir = await Deno.makeTempDir({ prefix: "sealed-" });
      try {
        await fn(await Deno.realPath(dir));
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}

function list(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

async function modeOf(path: string): Promise<number> {
  return (await Deno.lstat(path)).mode! & 0o777;
}

/** Starts `writer.ts`, by way of another command where one is given. */
function startWriter(args: string[], by: string[] = []): TestChild {
  const program = fileURLToPath(new URL("../../fixtures/sealed/writer.ts", import.meta.url));
  const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
  const flags = ["run", "-A", "--no-prompt", "--no-check", "--no-lock", `--config=${config}`];
  const [command, ...rest] = [...by, Deno.execPath(), ...flags, program, ...args];
  return startCommand({ command: command!, args: rest, env: Deno.env.toObject(), cwd: "/" });
}

folderTest(
  "createSealedFile() and replaceSealedFile() write files for their owner alone",
  async (dir) => {
    const file = `${dir}/trust.list`;
    await createSealedFile(file, bytes("one"));
    assert.deepEqual(await readSealedFile(file), bytes("one"));
    assert.equal(await modeOf(file), 0o600);
    assert.deepEqual(list(dir), ["trust.list", "trust.list.lock"]);
    await Deno.chmod(file, 0o644);
    await replaceSealedFile(file, bytes("two"), { expected: bytes("one") });
    assert.deepEqual(await readSealedFile(file), bytes("two"));
    assert.deepEqual(await readSealedFile(`${file}.previous`), bytes("one"));
    await replaceSealedFile(file, new Uint8Array(0));
    assert.deepEqual(await readSealedFile(file), new Uint8Array(0));
    assert.deepEqual(await readSealedFile(`${file}.previous`), bytes("two"));
    for (const name of list(dir)) assert.equal(await modeOf(`${dir}/${name}`), 0o600, name);
    assert.deepEqual(list(dir), ["trust.list", "trust.list.lock", "trust.list.previous"]);
  },
);

folderTest(
  "replaceSealedFile() makes a file that is missing, unless it expects one",
  async (dir) => {
    const file = `${dir}/host.mark`;
    const gone = await assertRejectsWithCode(
      replaceSealedFile(file, bytes("two"), { expected: bytes("one") }),
      "bad-state",
      /it is gone/,
    );
    assert.equal(gone.details.reason, "changed");
    await replaceSealedFile(file, bytes("one"));
    assert.deepEqual(await readSealedFile(file), bytes("one"));
    assert.deepEqual(list(dir), ["host.mark", "host.mark.lock"]);
  },
);

folderTest("replaceSealedFile() refuses to undo a change that somebody else made", async (dir) => {
  const file = `${dir}/trust.list`;
  await createSealedFile(file, bytes("one"));
  await replaceSealedFile(file, bytes("two"));
  const error = await assertRejectsWithCode(
    replaceSealedFile(file, bytes("three"), { expected: bytes("one") }),
    "bad-state",
    /somebody else changed it meanwhile/,
  );
  assert.equal(error.details.reason, "changed");
  assert.deepEqual(await readSealedFile(file), bytes("two"));
  assert.deepEqual(await readSealedFile(`${file}.previous`), bytes("one"));
  await replaceSealedFile(file, bytes("three"), { expected: bytes("two") });
});

folderTest("createSealedFile() refuses whatever has the name", async (dir) => {
  await Deno.writeTextFile(`${dir}/file`, "kept");
  await Deno.mkdir(`${dir}/folder`);
  await Deno.symlink(`${dir}/nothing`, `${dir}/link`);
  for (const name of ["file", "folder", "link"]) {
    const creating = createSealedFile(`${dir}/${name}`, bytes("new"));
    const error = await assertRejectsWithCode(creating, "bad-state", /it exists/);
    assert.equal(error.details.reason, "exists");
  }
  assert.equal(await Deno.readTextFile(`${dir}/file`), "kept");
  assert.equal(list(dir).includes("nothing"), false);
  const nowhere = createSealedFile(`${dir}/none/file`, bytes("new"));
  await assertRejectsWithCode(nowhere, "bad-config", /Cannot lock ".*none\/file"/);
});

folderTest("replaceSealedFile() follows a link and leaves it where it is", async (dir) => {
  await Deno.mkdir(`${dir}/real`);
  await createSealedFile(`${dir}/real/trust.list`, bytes("one"));
  await Deno.symlink("real/trust.list", `${dir}/link`);
  await replaceSealedFile(`${dir}/link`, bytes("two"));
  assert.equal((await Deno.lstat(`${dir}/link`)).isSymlink, true);
  assert.deepEqual(await readSealedFile(`${dir}/real/trust.list`), bytes("two"));
  assert.deepEqual(list(dir), ["link", "real"]);
  assert.deepEqual(list(`${dir}/real`), [
    ...["trust.list", "trust.list.lock", "trust.list.previous"],
  ]);
  await Deno.remove(`${dir}/real/trust.list`);
  await assertRejectsWithCode(replaceSealedFile(`${dir}/link`, bytes("three")), "bad-config");
});

folderTest(
  "readSealedFile() refuses what is missing, too large or no regular file",
  async (dir) => {
    const pipe = `${dir}/pipe`;
    const made = await new Deno.Command("mkfifo", { args: [pipe] }).output();
    assert.ok(made.success);
    await Deno.writeFile(`${dir}/large`, new Uint8Array(0));
    await Deno.truncate(`${dir}/large`, 64 * 1024 * 1024 + 1);
    await Deno.writeFile(`${dir}/full`, new Uint8Array(0));
    await Deno.truncate(`${dir}/full`, 64 * 1024 * 1024);
    const cases: [string, RegExp][] = [
      [`${dir}/none`, /Cannot read ".*none": it does not exist/],
      [dir, /it is a folder/],
      [pipe, /it is not a regular file/],
      ["/dev/zero", /it is not a regular file/],
      [`${dir}/large`, /it is larger than 67108864 bytes/],
    ];
    for (const [path, message] of cases) {
      const error = await assertRejectsWithCode(readSealedFile(path), "bad-config", message);
      assert.equal(error.details.path, path);
      assert.ok(error.hint);
    }
    assert.equal((await readSealedFile(`${dir}/full`)).length, 64 * 1024 * 1024);
  },
);

folderTest(
  "replaceSealedFile() removes what killed writers left, and nothing else",
  async (dir) => {
    const file = `${dir}/trust.list`;
    await createSealedFile(file, bytes("one"));
    const hex = "0123456789abcdef".repeat(2);
    const kept = [
      `trust.list.${hex}`,
      `trust.list.${hex}0.tmp`,
      `other.${hex}.tmp`,
      "trust.list.tmp",
    ];
    const left = [`trust.list.${hex}.tmp`, `trust.list.${"f".repeat(32)}.tmp`];
    for (const name of [...kept, ...left]) await Deno.writeTextFile(`${dir}/${name}`, "part");
    await Deno.mkdir(`${dir}/trust.list.${"0".repeat(32)}.tmp`);
    await replaceSealedFile(file, bytes("two"));
    assert.deepEqual(
      list(dir),
      [
        ...kept,
        ...["trust.list", "trust.list.lock", "trust.list.previous"],
        `trust.list.${"0".repeat(32)}.tmp`,
      ].sort(),
    );
  },
);

folderTest(
  `replaceSealedFile() keeps the owner of a file${isRoot ? "" : " (not root: ignored)"}`,
  async (dir) => {
    const file = `${dir}/trust.list`;
    await createSealedFile(file, bytes("one"));
    await Deno.chown(file, 12_345, 12_346);
    await replaceSealedFile(file, bytes("two"));
    for (const path of [file, `${file}.previous`]) {
      const { uid, gid } = await Deno.lstat(path);
      assert.deepEqual([uid, gid, await modeOf(path)], [12_345, 12_346, 0o600]);
    }
  },
  !isRoot,
);

folderTest(
  "withFileLock() lets one in at a time, and gives up in time or by the signal",
  async (dir) => {
    const file = `${dir}/trust.list`;
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    let first: FileLock | undefined;
    const holding = withFileLock(file, async (lock) => {
      first = lock;
      assert.equal(lock.held, true);
      entered.resolve();
      await leave.promise;
      return "done";
    });
    await entered.promise;
    const never = () => Promise.reject(new Error("two are in"));
    const late = await assertRejectsWithCode(
      withFileLock(file, never, { timeoutMs: 30 }),
      "timeout",
      /others held it for 30 ms/,
    );
    assert.ok(late.hint);
    await assertRejectsWithCode(
      replaceSealedFile(file, bytes("one"), { timeoutMs: 0 }),
      "timeout",
    );
    const controller = new AbortController();
    const waiting = withFileLock(file, never, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await assertRejectsWithCode(waiting, "cancelled", /the signal aborted/);
    await assertRejectsWithCode(withFileLock(file, never, controller), "cancelled");
    leave.resolve();
    assert.equal(await holding, "done");
    assert.equal(first!.held, false);
    // it is free again, after a failure too
    await assert.rejects(withFileLock(file, never), /two are in/);
    assert.equal(await withFileLock(file, () => Promise.resolve("free")), "free");
    await assert.rejects(withFileLock(file, never, { timeoutMs: NaN }), RangeError);
  },
);

folderTest(
  "replaceSealedFile() takes the lock that its caller has, and no other one",
  async (dir) => {
    const [file, other] = [`${dir}/trust.list`, `${dir}/other.list`];
    await createSealedFile(other, bytes("other"));
    let ended: FileLock | undefined;
    await withFileLock(file, async (lock) => {
      ended = lock;
      await createSealedFile(file, bytes("one"), { lock });
      await replaceSealedFile(file, bytes("two"), { lock });
      await assert.rejects(replaceSealedFile(other, bytes("x"), { lock }), TypeError);
      await assert.rejects(createSealedFile(`${dir}/new.list`, bytes("x"), { lock }), TypeError);
    });
    await assert.rejects(replaceSealedFile(file, bytes("x"), { lock: ended! }), TypeError);
    assert.deepEqual(await readSealedFile(file), bytes("two"));
    assert.deepEqual(await readSealedFile(other), bytes("other"));
    assert.equal(list(dir).includes("new.list"), false);
  },
);

folderTest("replaceSealedFile() refuses what is no bytes or too much", async (dir) => {
  const text = "text" as unknown as Uint8Array;
  await assert.rejects(replaceSealedFile(`${dir}/a`, text), TypeError);
  await assert.rejects(createSealedFile(`${dir}/a`, new Uint8Array(2 ** 26 + 1)), RangeError);
  assert.deepEqual(list(dir), []);
});

folderTest(
  "several writers at once lose nothing, and a reader beside them sees whole files",
  async (dir) => {
    const file = `${dir}/trust.list`;
    const key = await SealingKey.create(SECRET);
    await createSealedFile(file, makeRevision(key, 1));
    const addOne = () =>
      withFileLock(file, async (lock) => {
        const present = await readSealedFile(file);
        const next = makeRevision(key, readRevision(key, present) + 1);
        await replaceSealedFile(file, next, { expected: present, lock });
      }, { timeoutMs: 60_000 });
    const hex = SECRET.key.toHex();
    await using one = startWriter(["count", file, hex, "25"]);
    await using other = startWriter(["count", file, hex, "25"]);
    const children = [one, other];
    let running = true;
    const ended = Promise.all([
      ...children.map(async ({ child }) => assert.equal((await child.exited).code, 0)),
      ...Array.from({ length: 4 }, async () => {
        for (let number = 0; number < 5; number++) await addOne();
      }),
    ]).finally(() => running = false);
    let last = 1;
    let reads = 0;
    while (running) {
      const revision = readRevision(key, await readSealedFile(file));
      assert.ok(revision >= last, `${revision} after ${last}`);
      last = revision;
      reads++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await ended;
    assert.equal(readRevision(key, await readSealedFile(file)), 1 + 25 + 25 + 20);
    assert.equal(readRevision(key, await readSealedFile(`${file}.previous`)), 25 + 25 + 20);
    assert.ok(reads > 10, `only ${reads} reads`);
    assert.deepEqual(list(dir), ["trust.list", "trust.list.lock", "trust.list.previous"]);
  },
);

const MOUNT = ["unshare", isRoot ? "-m" : "-Urm"];
const mounts = Deno.build.os === "linux" &&
  await new Deno.Command(MOUNT[0]!, {
    args: [...MOUNT.slice(1), "mount", "-t", "tmpfs", "t", "/mnt"],
  })
    .output().then(({ success }) => success, () => false);

folderTest(
  `a full disk leaves the file as it was${mounts ? "" : " (nothing can be mounted here: ignored)"}`,
  async (dir) => {
    const script = 'mount -t tmpfs -o size=256k tmpfs "$1" && shift && exec "$@"';
    const by = [...MOUNT, "sh", "-c", script, "sh", dir];
    const file = `${dir}/trust.list`;
    await using writer = startWriter(["fill", file, SECRET.key.toHex()], by);
    assert.match(await writer.line(), /^full: No space left/);
    const full = JSON.parse(await writer.line());
    assert.match(full.outcome, /^bad-config Cannot write ".*trust.list": No space left/);
    assert.deepEqual([full.what, full.revision], ["full", 1]);
    assert.deepEqual(full.names, ["ballast", "trust.list", "trust.list.lock"]);
    const room = JSON.parse(await writer.line());
    assert.deepEqual([room.what, room.outcome, room.revision], ["room", "2", 2]);
    assert.deepEqual(room.names, ["trust.list", "trust.list.lock", "trust.list.previous"]);
    assert.equal((await writer.child.exited).code, 0);
  },
  !mounts,
);
