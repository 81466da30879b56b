import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { posix, win32 } from "node:path";
import fc from "fast-check";
import {
  bundlePathProblem,
  compareBytewise,
  fileListProblem,
  findCaseCollision,
} from "../../../src/bundle/manifest/paths.ts";

Deno.test("bundlePathProblem() accepts ordinary paths", () => {
  for (
    const path of [
      "main.ts",
      "plugin.json",
      "a/b/c.txt",
      ".hidden",
      "..a/b..c/...d",
      "a b/c d.txt",
      "données/été.txt",
      "日本語/ファイル.ts",
      "emoji-😀.png",
      "a'b\"c$d%20e#f?g*",
      "deno.json.txt",
      "my-package.json",
      "x".repeat(255),
      Array(32).fill("d").join("/"),
    ]
  ) assert.equal(bundlePathProblem(path), undefined, path);
});

Deno.test("bundlePathProblem() refuses each kind of bad path with its own reason", () => {
  const cases: [string, RegExp][] = [
    ["", /is empty/],
    ["/etc/passwd", /is absolute/],
    ["//a", /is absolute/],
    ["..", /has a "\.\." segment/],
    ["../x", /has a "\.\." segment/],
    ["a/../../x", /has a "\.\." segment/],
    ["./x", /has a "\." segment/],
    ["a/./x", /has a "\." segment/],
    ["a//b", /has an empty segment/],
    ["a/", /has an empty segment/],
    ["a\\b", /backslash/],
    ["..\\x", /backslash/],
    ["C:\\x", /backslash/],
    ["C:/x", /colon/],
    ["main.ts:stream", /colon/],
    ["a\0b", /control character/],
    ["a\nb", /control character/],
    ["a\u001b[31m", /control character/],
    ["a\u007f", /control character/],
    ["a\u0085b", /control character/],
    ["a\u202etxt.ts", /invisible formatting/],
    ["a\u2066b", /invisible formatting/],
    ["a\u200bb", /invisible formatting/],
    [".gi\u200ct", /invisible formatting/],
    ["\ufeffa", /invisible formatting/],
    ["a\u{e0041}b", /invisible formatting/],
    ["a\ufe0fb", /invisible formatting/],
    ["a\u3164b", /invisible formatting/],
    ["a\u2028b", /invisible formatting/],
    ["e\u0301.ts", /normal form NFC/],
    ["\u212b.ts", /normal form NFC/],
    ["a\ud800b", /not valid Unicode/],
    ["a\ufffdb", /not valid Unicode/],
    ["x".repeat(256), /segment longer than 255 bytes/],
    ["é".repeat(128), /segment longer than 255 bytes/],
    [Array(33).fill("d").join("/"), /deeper than 32 levels/],
    [Array(11).fill("y".repeat(100)).join("/"), /longer than 1024 bytes/],
    ["a./b", /ends in a dot or a space/],
    ["deno.json.", /ends in a dot or a space/],
    ["a /b", /ends in a dot or a space/],
  ];
  for (const [path, reason] of cases) {
    assert.match(bundlePathProblem(path) ?? "", reason, JSON.stringify(path));
  }
});

Deno.test("bundlePathProblem() refuses what would configure the runtime, at any depth, in any case", () => {
  const names = [
    "deno.json",
    "deno.jsonc",
    "deno.lock",
    "package.json",
    "node_modules",
    ".npmrc",
    ".git",
  ];
  for (const name of names) {
    for (
      const path of [
        name,
        `a/${name}`,
        `${name}/x`,
        `a/${name}/x`,
        name.toUpperCase(),
        `a/${name[0]}${name.slice(1).toUpperCase()}`,
      ]
    ) {
      assert.match(bundlePathProblem(path) ?? "", /forbidden name: /, path);
    }
  }
});

Deno.test("bundlePathProblem() accepts only paths that stay beneath the root, on every system", () => {
  const unit = fc.constantFrom(
    "a",
    "B",
    ".",
    "..",
    "/",
    "\\",
    ":",
    "C:",
    " ",
    "\0",
    "é",
    "e\u0301",
    "~",
    "%2e",
    "\u202e",
    "ﬀ",
    "K",
  );
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(unit, { minLength: 1, maxLength: 8 }), (parts) => {
      const path = parts.join("");
      if (bundlePathProblem(path) !== undefined) return;
      accepted++;
      const joined = posix.resolve("/root/dir", path);
      assert.equal(joined, `/root/dir/${path}`);
      assert.equal(win32.resolve("C:\\root", path), `C:\\root\\${path.replaceAll("/", "\\")}`);
      // and back again
      assert.equal(posix.relative("/root/dir", joined), path);
      assert.equal(path.normalize("NFC"), path);
    }),
    { numRuns: 5_000 },
  );
  assert.ok(accepted > 100, `only ${accepted} paths were accepted`);
});

Deno.test("bundlePathProblem() never throws, whatever the string", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), (path) => {
      const problem = bundlePathProblem(path);
      assert.ok(problem === undefined || problem.length > 0);
    }),
  );
});

Deno.test("findCaseCollision() finds names that a case-insensitive file system takes for one", () => {
  const pairs: [string, string][] = [
    ["Main.ts", "main.ts"],
    ["lib/a.ts", "LIB/a.ts"],
    ["straße.ts", "STRASSE.ts"],
    ["straße.ts", "STRAẞE.ts"],
    ["ſ.ts", "s.ts"],
    ["K.ts", "k.ts"], // the Kelvin sign in a path that is not NFC
    ["ΑΣ.ts", "ας.ts"],
    ["É.ts", "é.ts"],
    ["same.ts", "same.ts"],
    ["İ", "i̇"],
  ];
  for (const [a, b] of pairs) {
    assert.deepEqual(findCaseCollision([a, "other.ts", b]) !== undefined, true, `${a} ${b}`);
  }
});

Deno.test("findCaseCollision() looks at folders too", () => {
  assert.deepEqual(findCaseCollision(["Lib/a.ts", "lib/b.ts"]), ["Lib", "lib"]);
  assert.deepEqual(findCaseCollision(["x/Lib/a.ts", "x/lib/b.ts"]), ["x/Lib", "x/lib"]);
  assert.deepEqual(findCaseCollision(["a", "a/b"]), ["a", "a"]); // a file and a folder at once
  assert.deepEqual(findCaseCollision(["a/b", "A"]), ["a", "A"]);
  // the control
  assert.equal(
    findCaseCollision(["lib/a.ts", "lib/b.ts", "liba", "b.ts", "x/lib/a.ts"]),
    undefined,
  );
});

Deno.test("fileListProblem() names the path and what is wrong with the list", () => {
  const cases: [string[], RegExp][] = [
    [["main.ts"], /no "plugin\.json" at its root/],
    [["a/plugin.json"], /no "plugin\.json" at its root/],
    [["plugin.json", "a/plugin.sig.json"], /"a\/plugin\.sig\.json" uses the name of the signature/],
    [["plugin.json", "PLUGIN.SIG.JSON"], /"PLUGIN\.SIG\.JSON" uses the name/],
    [["plugin.json", "plugin.sig.json.1234"], /uses the name/],
    [["plugin.json", "../x"], /"\.\.\/x" has a "\.\." segment/],
    [["plugin.json", "A", "a"], /"A" and "a" differ only in case/],
    [["plugin.json", "a", "a"], /"a" is there twice/],
    [["plugin.json", "a\u001b"], /"a\\u001b" has a control character/],
  ];
  for (const [paths, reason] of cases) {
    assert.match(fileListProblem(paths) ?? "", reason, paths.join());
  }
  assert.equal(fileListProblem(["plugin.json", "a/plugin.json", "main.ts"]), undefined);
});

Deno.test("compareBytewise() sorts as the bytes of UTF-8 do", () => {
  const unit = fc.constantFrom(
    "a",
    "b",
    "/",
    "é",
    "\ue000",
    "\uffff",
    "😀",
    "\u{10ffff}",
    "\ud7ff",
  );
  const text = fc.string({ unit, maxLength: 5 });
  fc.assert(fc.property(text, text, (a, b) => {
    assert.equal(
      Math.sign(compareBytewise(a, b)),
      Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  }));
  assert.deepEqual(["😀", "\uffff"].sort(compareBytewise), ["\uffff", "😀"]);
});
