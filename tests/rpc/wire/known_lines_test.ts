/**
 * What is read without parsing its envelope is what parsing it would have given.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mayHoldProto } from "../../../src/rpc/wire/json_check.ts";
import { KnownLines } from "../../../src/rpc/wire/known_lines.ts";
import { type Message, parseMessage } from "../../../src/rpc/wire/message.ts";

const call = (id: unknown, params: string, method = "echo") =>
  `{"jsonrpc":"2.0","id":${id},"method":"plugin/call","params":{"method":"${method}","params":${params}}}`;
const answer = (id: unknown, result: string) => `{"jsonrpc":"2.0","id":${id},"result":${result}}`;

/** Returns a reader that has seen two calls of one method. */
function taught(...lines: string[]): KnownLines {
  const known = new KnownLines();
  for (const line of lines.length > 0 ? lines : [call(1, "1"), call(2, "2")]) {
    known.learn(parseMessage(line));
  }
  return known;
}

function parsed(line: string): Message | undefined {
  try {
    return parseMessage(line);
  } catch {
    return undefined;
  }
}

Deno.test("known lines: an answer is read whatever its value is", () => {
  for (const value of ["{}", "null", "0", '"a\\n}"', '[1,{"a":[]}]', '{"result":1}', " true "]) {
    const line = answer(7, value);
    assert.deepEqual(new KnownLines().read(line), parseMessage(line), line);
  }
});

Deno.test("known lines: a call is read from the third of its shape on", () => {
  const known = new KnownLines();
  const lines = ['{"text":"a"}', "null", "[[],{}]"].map((params, i) => call(i + 1, params));
  for (const line of lines.slice(0, 2)) {
    assert.deepEqual(known.read(line), undefined);
    known.learn(parseMessage(line));
  }
  const read = known.read(lines[2]!);
  assert.deepEqual(read, parseMessage(lines[2]!));
  assert.deepEqual(Object.keys(read!.value as object), ["method", "params"]);
});

Deno.test("known lines: another method, more params or byte arrays are left to the parser", () => {
  const others = [
    call(3, "1", "other"),
    call("1e3", "1"),
    answer("1e3", "1"),
    call(3, '1,"_meta":{"progress":true}'),
    call(3, '1,"params":2'),
    answer(3, '1,"result":2'),
    '{"jsonrpc":"2.0","id":3,"method":"plugin/call","params":{"method":"echo"}}',
    '{"jsonrpc":"2.0","id":3,"method":"plugin/call","params":{"method":"echo","params":{"$bin":0}},"$bin":[1]}',
    '{"jsonrpc":"2.0","id":3,"result":{"$bin":0},"$bin":[1]}',
    '{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"no"}}',
    '{"jsonrpc":"2.0","method":"log","params":{"level":"info","message":"a"}}',
  ];
  for (const line of others) {
    assert(parsed(line) !== undefined, line);
    assert.deepEqual(taught().read(line), undefined, line);
  }
});

Deno.test("known lines: what is no message of the protocol is left to the parser, which refuses it", () => {
  const broken = [
    ...["0", "-1", "01", "1.5", '"1"', "", "12345678901234567890"].flatMap((
      id,
    ) => [call(id, "1"), answer(id, "1")]),
    call(3, "1,2"),
    call(3, ""),
    answer(3, ""),
    answer(3, '1,"more":2'),
    answer(3, "1") + "}",
    answer(3, "1").slice(0, -1),
    answer(3, "{"),
    "\ufeff" + answer(3, "1"),
  ];
  for (const line of broken) {
    assert.deepEqual(taught().read(line), parsed(line), line);
  }
  assert.deepEqual(broken.filter((line) => parsed(line) !== undefined), []);
});

Deno.test("known lines: a byte more, less or other at any place changes nothing of what is read", () => {
  const signs = [...'"{}[]:,0189-.eu\\ \n\ttrfnmd$_'];
  const lines = [
    call(345, '{"text":"hello","list":[1,{}]}'),
    call(9, '"}}"'),
    answer(345, '{"text":"hello","list":[1,{}]}'),
    answer(1, "[]"),
  ];
  let read = 0;
  for (const line of lines) {
    for (let at = 0; at <= line.length; at++) {
      const [head, tail] = [line.slice(0, at), line.slice(at)];
      const changed = [head + tail.slice(1), head];
      for (const sign of signs) changed.push(head + sign + tail, head + sign + tail.slice(1));
      for (const text of changed) {
        if (mayHoldProto(text)) continue; // such a line is never given to it
        const message = taught().read(text);
        if (message === undefined) continue;
        read++;
        assert.deepEqual(message, parsed(text), text);
      }
    }
  }
  assert(read > 1_000, `only ${read} were read`);
});

Deno.test("known lines: a shape that does not hold is forgotten, and learned again", () => {
  const known = taught();
  const [withMeta, plain] = [call(3, '1,"_meta":{}'), call(4, "1")];
  assert.deepEqual(known.read(withMeta), undefined);
  assert.deepEqual(known.read(plain), undefined);
  known.learn(parseMessage(withMeta));
  for (const _ of [1, 2]) known.learn(parseMessage(plain));
  assert.deepEqual(known.read(plain), parseMessage(plain));
});

Deno.test("known lines: names that need quoting in JSON are matched as they are written", () => {
  const name = 'say "ä"\\\n';
  const line = (id: number) => {
    const params = { [name]: name, params: [id] };
    return JSON.stringify({ jsonrpc: "2.0", id, method: name, params });
  };
  const read = taught(line(1), line(2)).read(line(3));
  assert(read !== undefined);
  assert.deepEqual(read, parseMessage(line(3)));
});
