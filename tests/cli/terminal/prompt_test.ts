import assert from "node:assert/strict";
import { InterruptedError } from "../../../src/cli/terminal/failure.ts";
import { Prompter } from "../../../src/cli/terminal/prompt.ts";
import { scratch } from "../bundles.ts";
import { typing } from "../terminal.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";

const MAIN = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
const SCRIPT = await new Deno.Command("script", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);

function prompt(...texts: (string | Uint8Array)[]): { prompter: Prompter; shown: () => string } {
  let shown = "";
  const prompter = new Prompter(typing(...texts), { writeErr: (text) => void (shown += text) });
  return { prompter, shown: () => shown };
}

Deno.test("passphrase() returns what is typed and shows nothing of it", async () => {
  const { prompter, shown } = prompt("s", "ecr", "et\r");
  assert.equal(await prompter.passphrase('the passphrase of "x"'), "secret");
  assert.equal(shown(), 'Enter the passphrase of "x": \n');
});

for (
  const [what, keys, expected] of [
    ["Backspace, also over a character of several bytes", "aé😀\u007f\u007f\bbc\n", "bc"],
    ["Backspace at the start", "\u007f\u007fab\n", "ab"],
    ["Ctrl-U", "wrong\u0015right\n", "right"],
    ["arrow keys", "a\u001b[Db\u001b[1;5Cc\u001bOPd\n", "abcd"],
    ["a lone Escape", "a\u001bb\n", "ab"],
    ["keys of control that mean nothing", "a\u0001\tb\u001a\n", "ab"],
    ["spaces at its ends", " a b \n", " a b "],
    ["Ctrl-D after a character", "ab\u0004c\n", "abc"],
  ] as const
) {
  Deno.test(`passphrase() understands ${what}`, async () => {
    assert.equal(await prompt(keys).prompter.passphrase("it"), expected);
    // the same, key by key
    const bytes = new TextEncoder().encode(keys);
    const chunks = Array.from(bytes, (byte) => new Uint8Array([byte]));
    assert.equal(await prompt(...chunks).prompter.passphrase("it"), expected);
  });
}

Deno.test("passphrase() keeps what is pasted beyond its line for the next question", async () => {
  const { prompter } = prompt("first line\nsecond line\ny\n");
  assert.equal(await prompter.passphrase("it"), "first line");
  assert.equal(await prompter.passphrase("it"), "second line");
  assert.equal(await prompter.confirm("Go on"), true);
});

Deno.test("passphrase() ends on Ctrl-C, on Ctrl-D and at the end of the input", async () => {
  for (const keys of ["ab\u0003", "\u0004", "ab\u001b[\u0003"]) {
    await assert.rejects(prompt(keys, "more\n").prompter.passphrase("it"), InterruptedError);
  }
  await assert.rejects(prompt("ab").prompter.passphrase("it"), InterruptedError);
});

Deno.test("passphrase() asks again for an empty, an overlong and an unreadable one", async () => {
  const { prompter, shown } = prompt("\n", "x".repeat(5_000) + "\n", "fine\n");
  assert.equal(await prompter.passphrase("it"), "fine");
  assert.match(shown(), /too long/);
  const bad = prompt(new Uint8Array([0xff, 0xfe, 0x0a]), "\n", "\n");
  const error = await assertRejectsWithCode(bad.prompter.passphrase("it"), "bad-config");
  assert.match(error.hint ?? "", /--passphrase-file/);
});

Deno.test("newPassphrase() wants 8 characters, twice the same", async () => {
  const { prompter, shown } = prompt(
    "short\n",
    "long enough\nlong enouhg\n",
    "12345678\n12345678\n",
  );
  assert.equal(await prompter.newPassphrase("a passphrase"), "12345678");
  assert.match(shown(), /fewer than 8 characters/);
  assert.match(shown(), /not the same/);
  assert.ok(!shown().includes("enough"));
  await assertRejectsWithCode(prompt("a\nb\nc\n").prompter.newPassphrase("it"), "bad-config");
});

Deno.test("confirm() takes y and yes for a yes, all else for a no", async () => {
  for (
    const [answer, expected] of [["y", true], ["YES", true], ["n", false], ["No", false], [
      "",
      false,
    ]]
  ) {
    assert.equal(await prompt(`${answer}\n`).prompter.confirm("Sure"), expected, `${answer}`);
  }
  const { prompter, shown } = prompt("perhaps\n", "yex\u007fs\n");
  assert.equal(await prompter.confirm("Sure"), true);
  assert.match(shown(), /^Sure\? \[y\/N\] /);
  assert.match(shown(), /Answer "y" or "n"/);
  assert.equal(await prompt("a\nb\nc\ny\n").prompter.confirm("Sure"), false);
});

Deno.test("questions and answers cannot act on the terminal", async () => {
  const { prompter, shown } = prompt("\u009b31m\n", "n\n");
  assert.equal(await prompter.confirm("Write \u001b[31m"), false);
  assert.ok(!shown().includes("\u001b"));
  assert.ok(!shown().includes("\u009b"));
});

Deno.test({
  name: "at a real terminal a passphrase is not echoed, and the terminal is put back",
  ignore: !SCRIPT,
  async fn() {
    await using dir = await scratch();
    const keygen = `${Deno.execPath()} run -A --no-lock ${MAIN} keygen a --dir ${dir.path} --seal`;
    const child = new Deno.Command("script", {
      args: ["-qec", `${keygen} && stty -a`, "/dev/null"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    let text = "";
    let questions = 0;
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      // it is read without echo once the question is there
      const asked = text.match(/(?:characters\)|again): /g)?.length ?? 0;
      for (; questions < asked; questions++) {
        await writer.write(new TextEncoder().encode("tell nobody\r"));
      }
    }
    await writer.close().catch(() => {}); // it has ended
    const { code } = await child.status;
    await child.stderr.cancel();
    assert.equal(code, 0, text);
    assert.ok(!text.includes("nobody"), text);
    assert.ok(text.includes("Made key"), text);
    assert.match(text, /[^-]\becho\b/);
    assert.match(text, /[^-]\bicanon\b/);
  },
});
