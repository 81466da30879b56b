import assert from "node:assert/strict";
import { commandLine, docPage, shellWord, type Surroundings } from "../src/command_line.ts";
import { tempDir } from "./helpers/signing.ts";

const CHECKOUT = { root: "file:///src/sallyport/", main: "file:///src/sallyport/cli.ts" };
const JSR = "https://registry.example/@sallyport/host/0.1.0/";

Deno.test("commandLine() is what the reader can type: a task, the installed program, or deno run", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("sallyport"), "");
  const task = { ...CHECKOUT, cwd: "/src/sallyport", taskFrom: "/src/sallyport/docs" };
  const cases: [Surroundings, string][] = [
    [task, "deno task doctor"],
    [{ ...task, path: dir.path }, "deno task doctor"],
    [{ ...task, taskFrom: "" }, "deno run -A cli.ts doctor"],
    [{ ...CHECKOUT, cwd: "/app" }, "deno run -A /src/sallyport/cli.ts doctor"],
    [CHECKOUT, "deno run -A /src/sallyport/cli.ts doctor"],
    // a task of the application, which uses a checkout
    [
      { ...CHECKOUT, main: "file:///app/main.ts", cwd: "/app", taskFrom: "/app" },
      "deno run -A /src/sallyport/cli.ts doctor",
    ],
    [
      { ...CHECKOUT, main: "file:///app/main.ts", path: `/nowhere:${dir.path}` },
      "sallyport doctor",
    ],
    [
      { root: "file:///my%20src/", main: "file:///app/main.ts", cwd: "/app" },
      "deno run -A '/my src/cli.ts' doctor",
    ],
    [
      { root: JSR, main: "file:///app/main.ts", cwd: "/app" },
      "deno run -A jsr:@sallyport/host@0.1.0/cli doctor",
    ],
    [{ root: JSR, main: `${JSR}cli.ts`, path: dir.path }, "sallyport doctor"],
    [
      { root: "https://example.com/x/", main: "file:///app/main.ts" },
      "deno run -A https://example.com/x/cli.ts doctor",
    ],
    [{ ...CHECKOUT, compiled: "/opt/bin/plugins" }, "plugins doctor"],
    // an application that was compiled is not the command line
    [
      { root: JSR, main: "file:///tmp/app/main.ts", compiled: "/opt/bin/app" },
      "deno run -A jsr:@sallyport/host@0.1.0/cli doctor",
    ],
  ];
  for (const [from, expected] of cases) assert.equal(commandLine(["doctor"], from), expected);
  assert.equal(commandLine(["--help"], task), "deno task sallyport --help");
});

Deno.test("commandLine() quotes for a shell", async () => {
  const from = { ...CHECKOUT, cwd: "/x" };
  for (const word of ["a b", "it's", "$HOME", "*", "-n", "", "ä", 'a"b', "a\\b", "~", "a;b"]) {
    const { stdout } = await new Deno.Command("/bin/sh", {
      args: ["-c", `printf '%s' ${shellWord(word)}`],
    }).output();
    assert.equal(new TextDecoder().decode(stdout), word);
    assert.ok(commandLine(["x", word], from).endsWith(` x ${shellWord(word)}`));
  }
  assert.equal(shellWord("a\u202eb"), "'a\\u202eb'");
});

Deno.test("docPage() leads to a page, in a checkout and elsewhere", () => {
  assert.equal(docPage("security.md", { ...CHECKOUT, cwd: "/src/sallyport" }), "docs/security.md");
  assert.equal(docPage("security.md", { ...CHECKOUT, cwd: "/" }), "src/sallyport/docs/security.md");
  assert.equal(docPage("security.md", CHECKOUT), "/src/sallyport/docs/security.md");
  assert.equal(docPage("security.md", { root: JSR, main: "" }), `${JSR}docs/security.md`);
});
