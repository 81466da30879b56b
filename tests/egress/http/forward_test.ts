import assert from "node:assert/strict";
import type { EgressProxyOptions } from "../../../src/egress/proxy.ts";
import { bytesOf, echo, okResponse, openProxy, record, serveTcp, type TestProxy } from "../kit.ts";

async function proxyFor(
  port: number,
  options: Partial<EgressProxyOptions> = {},
): Promise<TestProxy> {
  return await openProxy({ grants: [`host.test:${port}`, `127.0.0.1:${port}`], ...options });
}

Deno.test("a request is passed on in origin form for the host that was checked", async () => {
  await using server = record(
    okResponse("hello", "connection: keep-alive\r\nkeep-alive: timeout=5\r\nx: y\r\n"),
  );
  await using test = await proxyFor(server.port);
  const answer = await test.exchange(
    [
      `POST http://HOST.test:${server.port}/a%2Fb?c=d HTTP/1.1`,
      "Host: evil.test", // as the URL says, whatever this says
      "Connection: keep-alive, X-Hop",
      "Keep-Alive: timeout=5",
      "Proxy-Connection: keep-alive",
      "Proxy-Authorization: Basic x",
      "Proxy-Anything: x",
      "TE: trailers",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
      "X-Hop: x",
      "X-Kept: \xe9 \t y",
      "Content-Length: 4",
      "",
      "body",
    ].join("\r\n"),
  );
  assert.equal(
    server.requests[0],
    [
      "POST /a%2Fb?c=d HTTP/1.1",
      `host: host.test:${server.port}`,
      "x-kept: \xe9 \t y",
      "content-length: 4",
      "connection: close",
      "",
      "body",
    ].join("\r\n"),
  );
  assert.equal(
    answer,
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: y\r\nconnection: close\r\n\r\nhello",
  );
  await test.reported(1);
  const [report] = test.reports;
  assert.equal(report!.reason, undefined);
  assert.equal(report!.bytesSent, server.requests[0]!.length);
  assert.equal(report!.bytesReceived, answer.length);
});

Deno.test("a second request on the same connection goes nowhere", async () => {
  await using server = record(okResponse("one"), { hold: true });
  await using test = await proxyFor(server.port);
  const url = `http://host.test:${server.port}`;
  const smuggled = `GET ${url}/second HTTP/1.1\r\nhost: evil.test\r\n\r\n`;
  const raw = "GET /second HTTP/1.1\r\nhost: evil.test\r\n\r\n";
  const first: [string, string][] = [
    ["GET", ""],
    ["POST", "content-length: 3\r\n\r\nabc"],
    ["POST", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
    ["POST", "content-length: 0\r\n\r\n"],
    ["POST", "transfer-encoding: chunked\r\n\r\n0\r\nx: y\r\n\r\n"],
    ["GET", "upgrade: h2c\r\nconnection: upgrade\r\n\r\n"],
  ];
  for (const [index, [method, rest]] of first.entries()) {
    for (const second of [smuggled, raw]) {
      using client = await test.connect();
      await client.send(`${method} ${url}/first HTTP/1.1\r\n${rest || "\r\n"}${second}`);
      assert.match(await client.until("one"), /^HTTP\/1\.1 200 OK\r\n.*connection: close/s);
      await client.send(second);
      await client.end();
      assert.equal(await client.rest(), "");
      const got = server.requests.at(-1)!;
      assert.match(got, new RegExp(`^${method} /first `), `case ${index}`);
      assert.doesNotMatch(got, /second|evil|upgrade/, `case ${index}: ${got}`);
    }
  }
  assert.equal(server.accepted, first.length * 2);
});

Deno.test("bodies that could be read in two ways never reach the host whole", async () => {
  await using server = record(okResponse("never"), { hold: true });
  await using test = await proxyFor(server.port);
  const start = `POST http://host.test:${server.port}/ HTTP/1.1\r\n`;
  for (
    const head of [
      "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
      "content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
      "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
      "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
      "x: y\r\n z\r\n\r\n",
      "x: y\n\n",
    ]
  ) {
    assert.match(await test.exchange(start + head), /^HTTP\/1\.1 (?:400|501) /, head);
  }
  assert.equal(server.accepted, 0);
});

Deno.test("a chunked body is written anew, and a malformed one ends the connection", async () => {
  await using echoing = serveTcp(async (conn) => {
    // answers with what it read when the body has ended, or never
    let got = "";
    const buffer = new Uint8Array(65_536);
    for (let read = await conn.read(buffer); read !== null; read = await conn.read(buffer)) {
      got += new TextDecoder().decode(buffer.subarray(0, read));
      if (!got.endsWith("0\r\n\r\n")) continue;
      await conn.write(bytesOf(okResponse(got.slice(got.indexOf("\r\n\r\n") + 4))));
      return;
    }
  });
  await using test = await proxyFor(echoing.port);
  const start =
    `POST http://host.test:${echoing.port}/ HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n`;
  const good = await test.exchange(
    `${start}00A\r\n0123456789\r\n1\r\nx\r\n0\r\ntrailer: x\r\n\r\n`,
  );
  assert.ok(good.endsWith("\r\n\r\na\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n"), good);
  for (
    const body of [
      "x\r\n",
      "-1\r\n",
      "+1\r\nx\r\n",
      "0x1\r\nx\r\n",
      " 1\r\nx\r\n",
      "1 \r\nx\r\n",
      "1;a=b\r\nx\r\n",
      "1\nx\n",
      "1\r\nxy\r\n",
      "1\r\nx0\r\n",
      "10000000000000\r\n",
      "\r\n",
      "0\r\nbad\x00\r\n\r\n",
      "0\r\n" + "t: x\r\n".repeat(200) + "\r\n",
    ]
  ) {
    assert.match(await test.exchange(start + body), /^HTTP\/1\.1 400 /, JSON.stringify(body));
  }
});

Deno.test("interim answers pass, and an answer without an end is ended by the host's close", async () => {
  await using server = record(
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end`,
  );
  await using test = await proxyFor(server.port);
  const answer = await test.exchange(
    `POST http://host.test:${server.port}/ HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx`,
  );
  assert.equal(
    answer,
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end",
  );
  assert.match(server.requests[0]!, /expect: 100-continue/);
});

Deno.test("answers that are none become 502", async () => {
  for (
    const answer of [
      "",
      "SSH-2.0-OpenSSH\r\n\r\n",
      "HTTP/1.1 200 OK\r\nx: y",
      "HTTP/1.1 200 OK\n\n",
      `HTTP/1.1 200 OK\r\nx: ${"y".repeat(40_000)}\r\n\r\n`,
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    ]
  ) {
    await using server = record(answer);
    await using test = await proxyFor(server.port);
    const got = await test.exchange(`GET http://host.test:${server.port}/ HTTP/1.1\r\n\r\n`);
    assert.match(got, /^HTTP\/1\.1 502 Bad Gateway\r\n/, JSON.stringify(answer.slice(0, 60)));
  }
});

const UPGRADE = "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: x\r\n";

Deno.test("after 101 both directions are passed on, and nothing before it", async () => {
  const agree = Promise.withResolvers<void>();
  const early = Promise.withResolvers<string>();
  await using server = serveTcp(async (conn) => {
    const buffer = new Uint8Array(65_536);
    early.resolve(new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0)));
    await agree.promise;
    await conn.write(
      bytesOf(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n<up>",
      ),
    );
    await echo(conn);
  });
  await using test = await proxyFor(server.port);
  using client = await test.connect();
  await client.send(`GET http://host.test:${server.port}/ws HTTP/1.1\r\n${UPGRADE}\r\nearly`);
  const head = await early.promise;
  assert.match(head, /^GET \/ws HTTP\/1\.1\r\n/);
  assert.match(head, /upgrade: websocket\r\nconnection: upgrade\r\n\r\n$/);
  agree.resolve();
  assert.match(await client.until("<up>"), /^HTTP\/1\.1 101 /);
  assert.equal(await client.until("early"), "early");
  await client.send("ping");
  assert.equal(await client.until("ping"), "ping");
  await client.end();
  assert.equal(await client.rest(), "");
});

Deno.test("a refused upgrade is an answer like any other, and what followed it goes nowhere", async () => {
  await using server = record("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", {
    hold: true,
  });
  await using test = await proxyFor(server.port);
  using client = await test.connect();
  const second = "GET /second HTTP/1.1\r\nhost: evil.test\r\n\r\n";
  await client.send(`GET http://host.test:${server.port}/ws HTTP/1.1\r\n${UPGRADE}\r\n${second}`);
  assert.match(await client.until("\r\n\r\n"), /^HTTP\/1\.1 403 .*connection: close/s);
  await client.send(second);
  await client.end();
  assert.equal(await client.rest(), "");
  assert.doesNotMatch(server.requests[0]!, /second/);
});

Deno.test("an answer that comes before the request was read whole arrives", async () => {
  await using server = serveTcp(async (conn) => {
    await conn.read(new Uint8Array(1024));
    await conn.write(bytesOf("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig"));
  });
  await using test = await proxyFor(server.port);
  using client = await test.connect();
  const body = 4_000_000;
  const sending = client.send(
    `POST http://host.test:${server.port}/ HTTP/1.1\r\ncontent-length: ${body}\r\n\r\n${
      "x".repeat(body)
    }`,
  ).catch(() => {}); // nobody reads it to its end
  assert.match(await client.rest(), /^HTTP\/1\.1 413 .*big$/s);
  await sending;
});
