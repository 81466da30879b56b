import assert from "node:assert/strict";
import fc from "fast-check";
import { bundleHash } from "../../../src/bundle/reading/hash.ts";
import { readBundle } from "../../../src/bundle/reading/reading.ts";
import { makeBundle, tempDir } from "../../helpers/signing.ts";

async function openssl(bytes: Uint8Array): Promise<string> {
  const child = new Deno.Command("openssl", {
    args: ["dgst", "-sha3-512", "-r"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(bytes);
  await writer.close();
  const { stdout, success } = await child.output();
  assert.ok(success);
  return new TextDecoder().decode(stdout).slice(0, 128);
}

Deno.test("bundleHash() is what openssl computes over the documented text", async () => {
  await using temp = await tempDir();
  const dir = await makeBundle(temp.path, {
    "lib/ü.ts": "export const x = 1;\n",
    "lib.txt": "text",
    "Zebra.bin": new Uint8Array([0, 1, 2, 255]),
    "\uffee.txt": "sorts before the next by code point, after it in UTF-16",
    "😀.txt": "",
    "plugin.sig.json": "not part of the hash",
  });
  // sorted by path bytewise, written out by hand
  const paths = [
    "Zebra.bin",
    "lib.txt",
    "lib/ü.ts",
    "main.ts",
    "plugin.json",
    "\uffee.txt",
    "😀.txt",
  ];
  let text = "";
  for (const path of paths) {
    const bytes = await Deno.readFile(temp.join(path));
    text += `${await openssl(bytes)}  ${bytes.length}  ${path}\n`;
  }
  const contents = await readBundle(dir);
  assert.equal(contents.bundleHash, await openssl(new TextEncoder().encode(text)));
});

Deno.test("bundleHash() does not depend on the order of the files, but on everything else", () => {
  const digest = fc.constantFrom("a".repeat(128), "b".repeat(128));
  const file = fc.record({
    path: fc.string({ unit: fc.constantFrom("a", "b", "/", " ", "é"), minLength: 1, maxLength: 8 }),
    size: fc.nat(3),
    sha3_512: digest,
  });
  const files = fc.uniqueArray(file, { selector: ({ path }) => path, maxLength: 6 });
  fc.assert(fc.property(files, files, (a, b) => {
    assert.equal(bundleHash(a.toReversed()), bundleHash(a));
    const sort = (list: typeof a) => list.toSorted((x, y) => x.path < y.path ? -1 : 1);
    const same = JSON.stringify(sort(a)) === JSON.stringify(sort(b));
    assert.equal(bundleHash(a) === bundleHash(b), same);
  }));
});

Deno.test("bundleHash() rejects a path with a line break, which could forge another line", () => {
  const file = { size: 1, sha3_512: "a".repeat(128) };
  assert.throws(() => bundleHash([{ ...file, path: "a\nb" }]), RangeError);
  assert.equal(bundleHash([{ ...file, path: "a b" }]).length, 128);
});
