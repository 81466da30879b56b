import assert from "node:assert/strict";
import fc from "fast-check";
import { bundlePathProblem, fileListProblem } from "../../../src/bundle/manifest/paths.ts";
import { openNoFollow, readAtMost } from "../../../src/io/plain_file.ts";
import { readBundle } from "../../../src/bundle/reading/reading.ts";
import { sha3_512Hex } from "../../../src/crypto/digest.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { makeBundle, tempDir } from "../../helpers/signing.ts";

const POSIX = Deno.build.os !== "windows";

/** Reads a bundle that `prepare` spoiled; the same bundle unspoiled must be fine. */
async function assertRefused(
  prepare: (dir: string) => unknown,
  pattern: RegExp,
  options: Parameters<typeof readBundle>[1] = {},
): Promise<void> {
  await using temp = await tempDir();
  const dir = await makeBundle(temp.join("bundle"), { "lib/a.ts": "1", "data.txt": "2" });
  assert.equal((await readBundle(dir, options)).files.length, 4);
  await prepare(dir);
  const error = await assertRejectsWithCode(readBundle(dir, options), "bundle-invalid", pattern);
  assert.ok(error.message.startsWith(`Cannot read bundle "${dir}": `), error.message);
  assert.ok(error.hint, "a hint");
}

Deno.test("readBundle() gives every file with its bytes and hash, sorted, and the manifest", async () => {
  await using temp = await tempDir();
  const bytes = new Uint8Array([0, 255, 10, 13]);
  const dir = await makeBundle(temp.path, {
    "b.txt": "two",
    "a/é.bin": bytes,
    "a.ts": "",
    "plugin.sig.json": "{}",
  });
  await Deno.mkdir(temp.join("empty/er"), { recursive: true });
  const contents = await readBundle(dir);
  assert.equal(contents.root, temp.path);
  assert.equal(contents.manifest.name, "sample");
  assert.deepEqual(contents.files.map((file) => file.path), [
    "a.ts",
    "a/é.bin",
    "b.txt",
    "main.ts",
    "plugin.json",
  ]);
  for (const file of contents.files) {
    assert.equal(file.sha3_512, sha3_512Hex(await Deno.readFile(`${dir}/${file.path}`)));
    assert.equal(file.size, file.bytes.length);
  }
  assert.deepEqual(contents.files[1]!.bytes, bytes);
  assert.equal(new TextDecoder().decode(contents.envelopeBytes), "{}");
});

Deno.test("readBundle() takes a link to the bundle itself, and tells the real path", {
  ignore: !POSIX,
}, async () => {
  await using temp = await tempDir();
  await makeBundle(temp.join("bundle"));
  await Deno.symlink(temp.join("bundle"), temp.join("link"));
  assert.equal((await readBundle(temp.join("link"))).root, temp.join("bundle"));
});

Deno.test("readBundle() refuses a missing folder, and a file in place of one", async () => {
  await using temp = await tempDir();
  await Deno.writeTextFile(temp.join("file"), "");
  await assertRejectsWithCode(readBundle(temp.join("none")), "bundle-invalid", /no such folder/);
  await assertRejectsWithCode(readBundle(temp.join("file")), "bundle-invalid", /not a folder/);
});

Deno.test("readBundle() refuses a bundle without plugin.json", async () => {
  await assertRefused((dir) => Deno.remove(`${dir}/plugin.json`), /no "plugin\.json" at its root/);
  await assertRefused(
    (dir) => Deno.rename(`${dir}/plugin.json`, `${dir}/lib/plugin.json`),
    /no "plugin\.json" at its root/,
  );
});

Deno.test("readBundle() refuses a bundle without its entry", async () => {
  await assertRefused((dir) => Deno.remove(`${dir}/main.ts`), /its entry "main\.ts" is not there/);
});

Deno.test("readBundle() reports all mistakes in plugin.json, naming the file", async () => {
  await using temp = await tempDir();
  const dir = await makeBundle(temp.path, {}, { version: "x", more: 1 });
  const error = await assertRejectsWithCode(readBundle(dir), "manifest-invalid", /2 mistakes/);
  assert.ok(error.message.includes(`"${dir}/plugin.json"`));
});

Deno.test(
  "readBundle() refuses symbolic links to files, folders and nothing",
  { ignore: !POSIX },
  async () => {
    for (const target of ["/etc/passwd", "main.ts", "lib", "/", "nothing"]) {
      await assertRefused(
        (dir) => Deno.symlink(target, `${dir}/lib/link`),
        /"lib\/link" is a symbolic link$/,
      );
    }
    await assertRefused(async (dir) => {
      await Deno.rename(`${dir}/plugin.json`, `${dir}/real.json`);
      await Deno.symlink("real.json", `${dir}/plugin.json`);
    }, /"plugin\.json" is a symbolic link$/);
    await assertRefused(
      (dir) => Deno.symlink("main.ts", `${dir}/plugin.sig.json`),
      /"plugin\.sig\.json" is a symbolic link$/,
    );
  },
);

Deno.test(
  "readBundle() refuses a fifo and a socket, and does not wait on them",
  { ignore: !POSIX },
  async () => {
    await assertRefused(async (dir) => {
      assert.ok((await new Deno.Command("mkfifo", { args: [`${dir}/pipe`] }).output()).success);
    }, /"pipe" is not a regular file/);
    let listener: Deno.Listener | undefined;
    try {
      await assertRefused((dir) => {
        listener = Deno.listen({ transport: "unix", path: `${dir}/s` }) as unknown as Deno.Listener;
      }, /"s" is not a regular file/);
    } finally {
      listener?.close();
    }
    await assertRefused((dir) => Deno.mkdir(`${dir}/plugin.sig.json`), /is not a regular file/);
  },
);

Deno.test(
  "readBundle() refuses names that break the rules for paths",
  { ignore: !POSIX },
  async () => {
    const names: [string, RegExp][] = [
      ["a\\b", /backslash/],
      ["..\\x", /backslash/],
      ["a\nb", /"(lib\/)?a\\nb" has a control character/],
      ["a\u001b[31m", /"(lib\/)?a\\u001b\[31m" has a control character/],
      ["a\u202eb", /"(lib\/)?a\\u202eb" has an invisible formatting character/],
      ["e\u0301", /normal form NFC/],
      ["a:b", /colon/],
      ["a.", /ends in a dot/],
      ["deno.json", /forbidden name: it would configure the runtime/],
      ["deno.jsonc", /forbidden name/],
      ["deno.lock", /forbidden name/],
      ["package.json", /forbidden name/],
      ["Package.JSON", /forbidden name/],
      [".npmrc", /forbidden name/],
      ["plugin.sig.json.0815", /name of the signature file/],
    ];
    for (const [name, reason] of names) {
      await assertRefused((dir) => Deno.writeTextFile(`${dir}/${name}`, ""), reason);
      if (name.startsWith("plugin.sig")) continue;
      await assertRefused((dir) => Deno.writeTextFile(`${dir}/lib/${name}`, ""), reason);
    }
    await assertRefused((dir) => Deno.mkdir(`${dir}/lib/node_modules`), /forbidden name/);
    await assertRefused((dir) => Deno.mkdir(`${dir}/.git`), /forbidden name/);
    await assertRefused(
      (dir) => Deno.writeTextFile(`${dir}/lib/plugin.sig.json`, ""),
      /name of the signature file/,
    );
  },
);

Deno.test(
  "readBundle() refuses a name that is not UTF-8",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    await assertRefused(async (dir) => {
      const args = ["-c", `touch "$1/$(printf 'bad\\377')"`, "sh", dir];
      assert.ok((await new Deno.Command("sh", { args }).output()).success);
    }, /not valid Unicode/);
  },
);

Deno.test("readBundle() refuses names that differ only in case", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await assertRefused(
    (dir) => Deno.writeTextFile(`${dir}/DATA.txt`, ""),
    /"DATA\.txt" and "data\.txt" differ only in case/,
  );
  await assertRefused(async (dir) => {
    await Deno.mkdir(`${dir}/LIB`);
    await Deno.writeTextFile(`${dir}/LIB/b.ts`, "");
  }, /"LIB" and "lib" differ only in case/);
  await assertRefused((dir) => Deno.writeTextFile(`${dir}/PLUGIN.SIG.JSON`, ""), /signature file/);
});

Deno.test("readBundle() refuses more files than allowed", async () => {
  await assertRefused((dir) => Deno.writeTextFile(`${dir}/one_more`, ""), /more than 4 files/, {
    maxFiles: 4,
  });
});

Deno.test("readBundle() refuses more bytes than allowed, in one file or together", async () => {
  await assertRefused(
    (dir) => Deno.writeFile(`${dir}/data.txt`, new Uint8Array(1_001)),
    /larger than 1000 bytes/,
    { maxBytes: 1_000 },
  );
  await assertRefused(
    async (dir) => {
      for (const name of ["x", "y", "z"]) {
        await Deno.writeFile(`${dir}/${name}`, new Uint8Array(300));
      }
    },
    /larger than 1000 bytes/,
    { maxBytes: 1_000 },
  );
});

Deno.test("readBundle() takes exactly as many bytes as allowed", async () => {
  await using temp = await tempDir();
  const dir = await makeBundle(temp.path);
  const size = (await readBundle(dir)).files.reduce((sum, file) => sum + file.size, 0);
  assert.ok(await readBundle(dir, { maxBytes: size, maxFiles: 2 }));
  await assertRejectsWithCode(readBundle(dir, { maxBytes: size - 1 }), "bundle-invalid");
});

Deno.test(
  "readBundle() refuses a huge sparse file without reading it whole",
  { ignore: !POSIX },
  async () => {
    await assertRefused(
      (dir) => Deno.truncate(`${dir}/data.txt`, 2 ** 40),
      /larger than 1000000 bytes/,
      {
        maxBytes: 1_000_000,
      },
    );
  },
);

Deno.test("readBundle() refuses an oversized envelope", async () => {
  await assertRefused(
    (dir) => Deno.writeFile(`${dir}/plugin.sig.json`, new Uint8Array(8 * 1024 * 1024 + 1)),
    /"plugin\.sig\.json" is larger than 8388608 bytes/,
  );
});

Deno.test("readBundle() refuses too many folders, and too deep ones, even when they are empty", async () => {
  await assertRefused((dir) => {
    for (let i = 0; i < 10_000; i++) Deno.mkdirSync(`${dir}/lib/${i}`);
  }, /more than 10000 folders/);
  await assertRefused(
    (dir) => Deno.mkdir(`${dir}/${Array(40).fill("d").join("/")}`, { recursive: true }),
    /deeper than 32 levels/,
  );
});

Deno.test("readBundle() says so when the host may not read the folder", {
  permissions: { read: false },
}, async () => {
  const error = await assertRejectsWithCode(
    readBundle("/nowhere"),
    "bundle-invalid",
    /cannot be opened/,
  );
  assert.ok(error.cause instanceof Deno.errors.NotCapable);
});

Deno.test("readBundle() stops when the signal says so", async () => {
  await using temp = await tempDir();
  const dir = await makeBundle(temp.path);
  const reason = new Error("enough");
  const error = await assertRejectsWithCode(
    readBundle(dir, { signal: AbortSignal.abort(reason) }),
    "cancelled",
  );
  assert.equal(error.cause, reason);
});

Deno.test("readBundle() rejects caps that are none", async () => {
  for (const value of [0, -1, 1.5, NaN, Infinity]) {
    await assert.rejects(readBundle(".", { maxFiles: value }), RangeError);
    await assert.rejects(readBundle(".", { maxBytes: value }), RangeError);
  }
});

Deno.test("readAtMost() counts what comes, whatever size was promised", async () => {
  await using temp = await tempDir();
  const path = temp.join("grown");
  await Deno.writeFile(path, new Uint8Array(100_000).fill(7));
  for (const expected of [0, 1, 99_999, 100_000, 200_000]) {
    for (const limit of [1, 99_999, 100_000, 1_000_000]) {
      using file = openNoFollow(path);
      file.info.size = expected;
      const bytes = await readAtMost(file, limit);
      assert.equal(bytes?.length, limit < 100_000 ? undefined : 100_000, `${expected} ${limit}`);
      assert.ok(bytes === undefined || bytes.every((byte) => byte === 7));
    }
  }
});

Deno.test(
  "openNoFollow() does not follow a link that took a file's place",
  { ignore: !POSIX },
  async () => {
    await using temp = await tempDir();
    await Deno.writeTextFile(temp.join("file"), "x");
    await Deno.symlink(temp.join("file"), temp.join("link"));
    assert.throws(() => openNoFollow(temp.join("link")), /ELOOP|symbolic/i);
    openNoFollow(temp.join("file"))[Symbol.dispose](); // the control
  },
);

Deno.test("readBundle() gives back every set of paths that the rules accept, as written", async () => {
  const unit = fc.constantFrom("a", "B", "é", "日", "😀", " ", "-", "'", "%41", "ﬀ", ".x");
  const segment = fc.string({ unit, minLength: 1, maxLength: 4 });
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"))
    .filter((text) => bundlePathProblem(text) === undefined);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(path, { maxLength: 5 }), async (paths) => {
      fc.pre(fileListProblem(["plugin.json", "main.ts", ...paths]) === undefined);
      await using temp = await tempDir();
      await makeBundle(temp.path, Object.fromEntries(paths.map((name) => [name, name])));
      const { files } = await readBundle(temp.path);
      assert.deepEqual(
        files.map((file) => file.path).sort(),
        ["plugin.json", "main.ts", ...paths].sort(),
      );
    }),
    { numRuns: 40 },
  );
});
