import assert from "node:assert/strict";
import { describeFailure } from "../../../src/cli/terminal/failure.ts";
import type { CliIo } from "../../../src/cli/terminal/io.ts";
import { main } from "../../../src/cli/main.ts";
import { Output, toJson } from "../../../src/cli/terminal/output.ts";
import { SALLYPORT_ERROR_CODES, SallyportError } from "../../../src/errors.ts";

function terminal(noColor: boolean): CliIo & { out: string; err: string } {
  const io = {
    out: "",
    err: "",
    writeOut: (text: string) => void (io.out += text),
    writeErr: (text: string) => void (io.err += text),
    stdin: () => new Blob([]).stream(),
    outIsTerminal: true,
    errIsTerminal: true,
    noColor,
  };
  return io;
}

Deno.test("colour is used on a terminal, and not where it is unwanted", async () => {
  const coloured = terminal(false);
  assert.equal(await main(["hash", "/nonexistent"], coloured), 1);
  assert.ok(coloured.err.startsWith("\u001b[31merror:\u001b[39m Cannot"));
  const plain = terminal(true);
  assert.equal(await main(["hash", "/nonexistent"], plain), 1);
  assert.match(plain.err, /^error: Cannot/);
});

Deno.test("describeFailure() returns a hint and exit code 1 for every code of the host", () => {
  for (const code of SALLYPORT_ERROR_CODES) {
    const failure = describeFailure(new SallyportError(code, "Cannot do it"));
    assert.deepEqual([failure.code, failure.message, failure.exitCode], [code, "Cannot do it", 1]);
    assert.ok(failure.hint.length > 0);
  }
});

Deno.test("describeFailure() keeps the error's own hint, and escapes what it says", () => {
  const error = new SallyportError("crashed", "Bad \u001b[2J", { hint: "Look \u202e there" });
  const { message, hint } = describeFailure(error);
  assert.equal(message, "Bad \\u001b[2J");
  assert.equal(hint, "Look \\u202e there");
});

Deno.test("describeFailure() says of an unexpected error that it is ours", () => {
  const failure = describeFailure(new TypeError("undefined is not a function"));
  assert.deepEqual([failure.code, failure.exitCode], ["internal", 1]);
  assert.match(failure.hint, /report/);
});

Deno.test("toJson() stays JSON whatever it escapes", () => {
  const value = { "\u202e": ["\u009b", "\u2028", "\n", "\ud800", "é"], none: null };
  for (const pretty of [false, true]) {
    const text = toJson(value, pretty);
    assert.deepEqual(JSON.parse(text), value);
    assert.ok(!/[\u202e\u009b\u2028]/.test(text));
  }
  assert.equal(toJson(undefined, false), "null");
});

Deno.test("what a command forgot to escape is escaped on its way out, but for styles", () => {
  const io = terminal(false);
  const output = new Output(io, false);
  output.result({}, () => [output.style("bold", "a\u061cb"), "c\u001b[2Jd"]);
  output.errorLine("e\u{e0041}\n    at f\u202e");
  output.line("g\u200b");
  assert.equal(io.out, "\u001b[1ma\\u061cb\u001b[22m\nc\\u001b[2Jd\ng\\u200b\n");
  assert.equal(io.err, "e\\udb40\\udc41\n    at f\\u202e\n");
});
