import assert from "node:assert/strict";
import { readBundle } from "../../../src/bundle/reading/reading.ts";
import { signBundle } from "../../../src/bundle/signing/signing.ts";
import { encodePrivateKeyPem } from "../../../src/crypto/pem.ts";
import { verifyBundle } from "../../../src/trust/verify/verify.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { makeBundle, makeKeys, tempDir } from "../../helpers/signing.ts";

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

Deno.test("signBundle() refuses a private key in any file, and signs without it", async () => {
  await using temp = await tempDir();
  const { seed } = await makeKeys();
  const pem = encodePrivateKeyPem(seed);
  for (const name of ["author.key", "keys/deep/a.txt", ".hidden", "README.md"]) {
    const dir = await makeBundle(temp.join(name.replaceAll("/", "_")), { [name]: pem });
    const error = await assertRejectsWithCode(
      signBundle(dir, [seed]),
      "bundle-invalid",
      /Cannot sign bundle ".*": ".*" holds a private key \(the very key that signs\)/,
    );
    assert.ok(!JSON.stringify(error).includes(pem.split("\n")[1]!), "no error quotes the key");
    assert.equal(error.details.path, name);
    assert.equal(await exists(`${dir}/plugin.sig.json`), false);
    await Deno.remove(`${dir}/${name}`);
    await signBundle(dir, [seed]);
  }
});

Deno.test("signBundle() refuses a private key that is to be ignored, in place and in a copy", async () => {
  await using temp = await tempDir();
  const { seed } = await makeKeys();
  const dir = await makeBundle(temp.join("a"), {
    ".sallyportignore": "*.key\n",
    "author.key": encodePrivateKeyPem(seed),
  });
  for (const options of [{}, { out: temp.join("b") }]) {
    await assertRejectsWithCode(signBundle(dir, [seed], options), "bundle-invalid", /private key/);
  }
  assert.equal(await exists(temp.join("b")), false, "nothing was copied");
});

Deno.test("signBundle() refuses by name what nobody means to sign, unless the author does", async () => {
  await using temp = await tempDir();
  const { seed } = await makeKeys();
  for (
    const name of [
      ".env",
      ".env.local",
      "lib/.main.ts.swp",
      "main.ts~",
      "#main.ts#",
      ".DS_Store",
      "assets/._icon.png",
      "Thumbs.db",
      ".idea/workspace.xml",
      ".netrc",
    ]
  ) {
    const dir = await makeBundle(temp.join(crypto.randomUUID()), { [name]: "x" });
    const error = await assertRejectsWithCode(signBundle(dir, [seed]), "bundle-invalid");
    assert.ok(error.message.includes(`"${name}" would be signed and given away`), error.message);
    assert.deepEqual(error.details.paths, [name]);
    assert.match(error.hint!, /--out DIR/);
    // what the hint says
    await Deno.writeTextFile(`${dir}/.sallyportignore`, `!${name.replace("#", "\\#")}\n`);
    if (name.startsWith(".idea/")) await Deno.writeTextFile(`${dir}/.sallyportignore`, "!.idea\n");
    const { envelope } = await signBundle(dir, [seed]);
    assert.ok(new TextDecoder().decode(envelope.payload).includes(JSON.stringify(name)));
  }
});

Deno.test("signBundle() signs a copy without what is to be ignored, and the copy verifies", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.join("project"), {
    ".sallyportignore": "# notes\n/notes/\n*.md\n!lib/README.md\n",
    ".DS_Store": "x",
    ".git/config": "x",
    "node_modules/a/package.json": "{}",
    "notes/todo.txt": "x",
    "lib/a.ts": "export {};\n",
    "lib/README.md": "x",
    "CHANGES.md": "x",
  });
  if (Deno.build.os !== "windows") await Deno.symlink("/nonexistent", `${dir}/link.md`);
  await assertRejectsWithCode(signBundle(dir, [keys.seed]), "bundle-invalid");
  const out = temp.join("dist");
  const signed = await signBundle(dir, [keys.seed], { out });
  assert.deepEqual(signed.leftOut, [
    ".DS_Store",
    ".git/",
    ".sallyportignore",
    "CHANGES.md",
    ...(Deno.build.os === "windows" ? [] : ["link.md"]),
    "node_modules/",
    "notes/",
  ]);
  const contents = await readBundle(out);
  assert.deepEqual(
    contents.files.map(({ path }) => path),
    ["lib/README.md", "lib/a.ts", "main.ts", "plugin.json"],
  );
  await verifyBundle(contents, { keys: [keys.publicKey] });
  assert.equal(await exists(`${dir}/plugin.sig.json`), false, "the project is as it was");
  await assertRejectsWithCode(
    signBundle(dir, [keys.seed], { out }),
    "bundle-invalid",
    /Cannot write a signed copy to ".*dist": it is not empty/,
  );
  await Deno.symlink(dir, temp.join("link"));
  for (const inside of [`${dir}/dist`, temp.join("link/dist"), temp.join("link/new/dist")]) {
    await assertRejectsWithCode(
      signBundle(dir, [keys.seed], { out: inside }),
      "bundle-invalid",
      /it is within the bundle/,
    );
  }
  assert.equal(await exists(`${dir}/dist`) || await exists(`${dir}/new`), false);
});

Deno.test("signBundle() says what is wrong with .sallyportignore", async () => {
  await using temp = await tempDir();
  const { seed } = await makeKeys();
  for (
    const [content, problem] of [
      ["x".repeat(65_537), /".sallyportignore" cannot be used: it is larger than 65536 bytes/],
      [new Uint8Array([0xff]), /it is not UTF-8/],
    ] as const
  ) {
    const dir = await makeBundle(temp.join(crypto.randomUUID()), { ".sallyportignore": content });
    await assertRejectsWithCode(signBundle(dir, [seed]), "bundle-invalid", problem);
  }
});
