import assert from "node:assert/strict";
import { SallyportError } from "../../../src/errors.ts";
import { DEFAULT_MESSAGE_LIMITS } from "../../../src/rpc/wire/limits.ts";
import { parseMessage } from "../../../src/rpc/wire/message.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";

const VECTORS = new URL("../../vectors/", import.meta.url);
const encoder = new TextEncoder();

/** Puts a file's bytes into a message; a line cannot hold a newline, which JSON takes as a space. */
function embed(file: Uint8Array): Uint8Array {
  const body = file.map((byte) => byte === 10 ? 32 : byte);
  const head = encoder.encode('{"jsonrpc":"2.0","id":1,"method":"m","params":[');
  return new Uint8Array([...head, ...body, ...encoder.encode("]}")]);
}

function parses(bytes: Uint8Array, limits = DEFAULT_MESSAGE_LIMITS): boolean {
  try {
    parseMessage(bytes, limits);
    return true;
  } catch (error) {
    assert.ok(error instanceof SallyportError, String(error));
    assert.equal(error.code, "protocol-violation");
    return false;
  }
}

// Nothing is invalid alone, but an empty list between brackets; a newline in a string is a space there
const VALID_WHEN_EMBEDDED = new Set([
  "n_structure_no_data.json",
  "n_single_space.json",
  "n_string_unescaped_newline.json",
]);

for (const dir of ["test_parsing", "test_transform"]) {
  Deno.test(`parseMessage() returns a value or throws a violation for every file of JSONTestSuite ${dir}`, async () => {
    let files = 0;
    for await (const entry of Deno.readDir(new URL(`JSONTestSuite/${dir}/`, VECTORS))) {
      if (!entry.name.endsWith(".json")) continue;
      files++;
      const bytes = await Deno.readFile(
        new URL(`JSONTestSuite/${dir}/${encodeURIComponent(entry.name)}`, VECTORS),
      );
      const embedded = parses(embed(bytes));
      // No file is a message by itself, so as a line each is refused
      assert.equal(parses(bytes), false, entry.name);
      if (entry.name.startsWith("y_")) assert.equal(embedded, true, entry.name);
      if (entry.name.startsWith("n_") && !VALID_WHEN_EMBEDDED.has(entry.name)) {
        assert.equal(embedded, false, entry.name);
      }
    }
    assert.ok(files > 20, `${files} files`);
  });
}

interface Example {
  name: string;
  send: string;
  receive: unknown;
}

Deno.test("parseMessage() takes the examples of the JSON-RPC 2.0 specification that the protocol has", async () => {
  const { examples } = JSON.parse(
    await Deno.readTextFile(new URL("jsonrpc2_spec_examples.json", VECTORS)),
  ) as { examples: Example[] };
  const verdicts = new Map<string, string>();
  for (const { name, send } of examples) {
    try {
      verdicts.set(name, parseMessage(send).kind);
    } catch (error) {
      assert.equal((error as SallyportError).code, "protocol-violation");
      verdicts.set(name, "violation");
    }
  }
  for (const { name, send } of examples) {
    const text = send.trimStart();
    // What differs from the specification: batches are refused, ids are positive integers, and what
    // cannot be parsed is not answered with -32700 or -32600: it ends the connection
    const hasOwnId = /"id": *[1-9]\d*[ ,}]/.test(text);
    const broken = text.startsWith("[") || !valid(text) || /"method": *1/.test(text);
    const expected = broken || (/"id"/.test(text) && !hasOwnId)
      ? "violation"
      : hasOwnId
      ? "request"
      : "notification";
    assert.equal(verdicts.get(name), expected, `${name}: ${send}`);
  }
  assert.ok(examples.length >= 10);
});

function valid(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const REFUSED: [string, RegExp][] = [
  ["", /not JSON/],
  ["\ufeff{}", /not JSON/],
  ["null", /not an object/],
  ['"x"', /not an object/],
  ["[]", /batches/],
  ["{}", /"jsonrpc"/],
  ['{"jsonrpc":"1.0","id":1,"method":"m"}', /"jsonrpc"/],
  ['{"jsonrpc":2.0,"id":1,"method":"m"}', /"jsonrpc"/],
  ['{"jsonrpc":"2.0","id":1,"method":"m","extra":1}', /unknown member "extra"/],
  ['{"jsonrpc":"2.0","id":1,"method":"m","\\u001b[31m":1}', /unknown member "\\u001b\[31m"/],
  ['{"jsonrpc":"2.0","id":0,"method":"m"}', /positive integer/],
  ['{"jsonrpc":"2.0","id":-1,"method":"m"}', /positive integer/],
  ['{"jsonrpc":"2.0","id":1.5,"method":"m"}', /positive integer/],
  ['{"jsonrpc":"2.0","id":"1","method":"m"}', /positive integer/],
  ['{"jsonrpc":"2.0","id":null,"method":"m"}', /positive integer/],
  ['{"jsonrpc":"2.0","id":9007199254740993,"method":"m"}', /positive integer/],
  ['{"jsonrpc":"2.0","id":1,"method":7}', /method is not a string/],
  ['{"jsonrpc":"2.0","id":1,"method":"m","params":1}', /neither an object nor an array/],
  ['{"jsonrpc":"2.0","id":1,"method":"m","params":null}', /neither an object nor an array/],
  ['{"jsonrpc":"2.0","id":1,"method":"m","result":1}', /both "method" and an answer/],
  ['{"jsonrpc":"2.0","result":1}', /no id/],
  ['{"jsonrpc":"2.0","id":1}', /neither result and error/],
  ['{"jsonrpc":"2.0","id":1,"params":{}}', /"params" but no "method"/],
  ['{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}', /both result and error/],
  ['{"jsonrpc":"2.0","id":1,"error":null}', /not an object/],
  ['{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":""}}', /integer code/],
  ['{"jsonrpc":"2.0","id":1,"error":{"code":1}}', /message/],
  ['{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","x":1}}', /unknown member "x"/],
  ['{"jsonrpc":"2.0","id":1,"result":1,"$bin":[]}', /not a list of lengths/],
  ['{"jsonrpc":"2.0","id":1,"result":1,"$bin":[-1]}', /not a length/],
  ['{"jsonrpc":"2.0","id":1,"result":1,"$bin":[1.5]}', /not a length/],
  ['{"jsonrpc":"2.0","id":1,"result":1,"$bin":[16777216,1]}', /more than 16777216 bytes/],
  [
    `{"jsonrpc":"2.0","id":1,"result":1,"$bin":[${Array(1025).fill(0)}]}`,
    /more than 1024 byte arrays/,
  ],
];

for (const [line, pattern] of REFUSED) {
  Deno.test(`parseMessage() refuses ${JSON.stringify(line).slice(0, 90)}`, () => {
    assertThrowsWithCode(() => parseMessage(line), "protocol-violation", pattern);
  });
}

Deno.test("parseMessage() distinguishes requests, notifications, results and errors", () => {
  const kinds = [
    '{"jsonrpc":"2.0","id":1,"method":"m"}',
    '{"jsonrpc":"2.0","method":"m","params":{}}',
    '{"jsonrpc":"2.0","id":1,"result":null}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no","data":{"a":1}}}',
  ].map((line) => parseMessage(line).kind);
  assert.deepEqual(kinds, ["request", "notification", "result", "error"]);
});

function nested(levels: number): string {
  return `{"jsonrpc":"2.0","id":1,"result":${"[".repeat(levels)}${"]".repeat(levels)}}`;
}

Deno.test("parseMessage() refuses a message that is nested too deep, however deep", () => {
  assert.equal(parseMessage(nested(127)).kind, "result");
  for (const levels of [128, 1_000, 1_000_000]) {
    assertThrowsWithCode(
      () => parseMessage(nested(levels)),
      "protocol-violation",
      /deeper than 128/,
    );
  }
  const objects = `{"jsonrpc":"2.0","id":1,"result":${'{"a":'.repeat(200)}1${"}".repeat(200)}}`;
  assertThrowsWithCode(() => parseMessage(objects), "protocol-violation", /deeper than 128/);
});

Deno.test("parseMessage() refuses a message with too many values", () => {
  const limits = { ...DEFAULT_MESSAGE_LIMITS, maxNodes: 1_000 };
  const list = (count: number) => `{"jsonrpc":"2.0","id":1,"result":[${Array(count).fill(0)}]}`;
  assert.equal(parseMessage(list(990), limits).kind, "result");
  assertThrowsWithCode(
    () => parseMessage(list(1_001), limits),
    "protocol-violation",
    /1000 values/,
  );
});

Deno.test("parseMessage() drops __proto__ keys, escaped ones too, and keeps the others", () => {
  for (const key of ["__proto__", "\\u005f_proto__", "__pr\\u006fto__"]) {
    const line = `{"jsonrpc":"2.0","id":1,"result":{"a":[{"${key}":{"x":1},"b":2}]}}`;
    const { value } = parseMessage(line);
    assert.deepEqual(value, { a: [{ b: 2 }] });
    const [inner] = (value as { a: object[] }).a;
    assert.equal(Object.hasOwn(inner!, "__proto__"), false);
    assert.equal(Object.getPrototypeOf(inner), Object.prototype);
  }
  assertThrowsWithCode(
    () => parseMessage('{"jsonrpc":"2.0","id":1,"__proto__":{"result":1}}'),
    "protocol-violation",
    /neither/,
  );
});
