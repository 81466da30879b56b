import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatHead,
  listHeader,
  MAX_HEADERS,
  parseRequestHead,
  parseResponseHead,
} from "../../../src/egress/http/http_head.ts";
import { Refusal } from "../../../src/egress/http/refusal.ts";
import { bytesOf, text } from "../kit.ts";

const GET = "GET http://host.test/ HTTP/1.1\r\n";

function refusal(head: string, parse: (bytes: Uint8Array) => unknown = parseRequestHead): Refusal {
  try {
    parse(bytesOf(head));
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    return error;
  }
  assert.fail(`not refused: ${JSON.stringify(head)}`);
}

Deno.test("parseRequestHead() reads method, target, headers and framing", () => {
  const head = parseRequestHead(
    bytesOf(
      `POST http://host.test/a?b HTTP/1.1\r\nX-One: \t a b\t \r\nCONTENT-Length: 5\r\nx-e:\r\n\r\n`,
    ),
  );
  assert.equal(head.method, "POST");
  assert.equal(head.target, "http://host.test/a?b");
  assert.deepEqual(head.headers, [["x-one", "a b"], ["content-length", "5"], ["x-e", ""]]);
  assert.deepEqual(head.framing, { kind: "length", bytes: 5 });
  assert.deepEqual(parseRequestHead(bytesOf(`${GET}\r\n`)).framing, { kind: "none" });
  const chunked = parseRequestHead(bytesOf(`${GET}Transfer-Encoding: CHUNKED\r\n\r\n`));
  assert.deepEqual(chunked.framing, { kind: "chunked" });
});

Deno.test("parseRequestHead() refuses each way of being read in two ways", () => {
  const cases: [number, string][] = [
    [400, `${GET}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`],
    [400, `${GET}content-length: 1\r\ncontent-length: 1\r\n\r\n`],
    [400, `${GET}content-length: 1\r\nContent-Length: 2\r\n\r\n`],
    [400, `${GET}content-length: 1, 1\r\n\r\n`],
    [400, `${GET}content-length: +1\r\n\r\n`],
    [400, `${GET}content-length: 0x1\r\n\r\n`],
    [400, `${GET}content-length: 01\r\n\r\n`],
    [400, `${GET}content-length: -1\r\n\r\n`],
    [400, `${GET}content-length: \r\n\r\n`],
    [400, `${GET}content-length: 9999999999999999\r\n\r\n`],
    [400, `${GET}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`],
    [501, `${GET}transfer-encoding: gzip, chunked\r\n\r\n`],
    [501, `${GET}transfer-encoding: identity\r\n\r\n`],
    [501, `${GET}transfer-encoding: chunked, identity\r\n\r\n`],
    [501, `${GET}transfer-encoding: "chunked"\r\n\r\n`],
    [400, `${GET}host: a\r\nHost: b\r\n\r\n`],
    [400, `${GET}x: a\r\n b\r\n\r\n`], // folded
    [400, `${GET}x: a\r\n\tb\r\n\r\n`],
    [400, `${GET}x : a\r\n\r\n`], // a blank before the colon
    [400, `${GET}content-length\x0b: 5\r\n\r\n`],
    [400, `${GET}: a\r\n\r\n`],
    [400, `${GET}x\r\n\r\n`],
    [400, `${GET}x: a\nhost: b\r\n\r\n`], // a bare LF
    [400, `${GET}x: a\rhost: b\r\n\r\n`],
    [400, `${GET}x: a\0b\r\n\r\n`],
    [400, `${GET}x: a\x7f\r\n\r\n`],
    [400, `${GET}\x80x: a\r\n\r\n`],
    [400, `\r\n${GET}\r\n`],
    [400, `GET  http://host.test/ HTTP/1.1\r\n\r\n`],
    [400, `GET http://host.test/ a HTTP/1.1\r\n\r\n`],
    [400, `GET\thttp://host.test/ HTTP/1.1\r\n\r\n`],
    [400, `GET http://host.test/\x80 HTTP/1.1\r\n\r\n`],
    [400, `G(T http://host.test/ HTTP/1.1\r\n\r\n`],
    [400, `GET http://host.test/ http/1.1\r\n\r\n`],
    [400, `GET http://host.test/\r\n\r\n`],
    [505, `GET http://host.test/ HTTP/1.0\r\n\r\n`],
    [505, `PRI * HTTP/2.0\r\n\r\n`],
    [431, `${GET}${"x: y\r\n".repeat(MAX_HEADERS + 1)}\r\n`],
    [431, `${GET}x: ${"y".repeat(32 * 1024)}\r\n\r\n`],
  ];
  for (const [status, head] of cases) {
    assert.equal(refusal(head).status, status, JSON.stringify(head.slice(0, 100)));
  }
  parseRequestHead(bytesOf(`${GET}${"x: y\r\n".repeat(MAX_HEADERS)}\r\n`));
});

Deno.test("parseRequestHead() reads any bytes as a head or refuses them, and writes what it read", () => {
  const piece = fc.oneof(
    fc.constantFrom("GET ", "http://a/", " HTTP/1.1", "\r\n", "\n", "\r", "x: y", ":", "host: a"),
    fc.uint8Array({ maxLength: 8 }).map(text),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      let head;
      try {
        head = parseRequestHead(bytesOf(`${pieces.join("")}\r\n\r\n`));
      } catch (error) {
        assert.ok(error instanceof Refusal, String(error));
        return;
      }
      const written = formatHead(`${head.method} ${head.target} HTTP/1.1`, head.headers);
      assert.deepEqual(parseRequestHead(written), head);
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseResponseHead() reads a status, and refuses what is no answer", () => {
  const parse = (head: string) => parseResponseHead(bytesOf(head));
  assert.equal(parse("HTTP/1.1 204 No Content\r\nx: y\r\n\r\n").status, 204);
  assert.equal(parse("HTTP/1.0 200 OK\r\n\r\n").statusLine, "HTTP/1.0 200 OK");
  assert.equal(parse("HTTP/1.1 200\r\n\r\n").status, 200);
  for (const head of ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 20 x\r\n\r\n", "HTTP/2 200\r\n\r\n"]) {
    assert.equal(refusal(head, parseResponseHead).status, 502, head);
  }
});

Deno.test("listHeader() splits every field of a name", () => {
  const headers = [["connection", "a, B ,,"], ["x", "c"], ["connection", "d"]] as const;
  assert.deepEqual(listHeader(headers, "connection"), ["a", "b", "d"]);
});
