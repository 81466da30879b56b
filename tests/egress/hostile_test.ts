import assert from "node:assert/strict";
import fc from "fast-check";
import type { RawClient } from "./kit.ts";
import { echo, okResponse, openProxy, record, serveTcp, text } from "./kit.ts";
import { settles, until } from "../helpers/process.ts";

const connectTo = (port: number) => `CONNECT 127.0.0.1:${port} HTTP/1.1\r\n\r\n`;

Deno.test("a head that comes too slowly, or never, is given up", async () => {
  await using test = await openProxy({ grants: [] }, { headMs: 150 });
  assert.match(await test.exchange(""), /^HTTP\/1\.1 408 /);
  assert.match(await test.exchange("GET http://host.test/ HTTP/1.1\r\nx: "), /^HTTP\/1\.1 408 /);
  // one byte after another
  using client = await test.connect();
  let sending = true;
  const drip = (async () => {
    while (sending) {
      await client.send("x").catch(() => sending = false);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  assert.match(await client.rest(), /^HTTP\/1\.1 408 /);
  sending = false;
  await drip;
  await test.reported(3);
  for (const report of test.reports) {
    assert.equal(report.reason, "the request did not come in time");
  }
});

Deno.test("garbage is answered at once and ends nothing else", async () => {
  await using server = serveTcp(echo);
  await using test = await openProxy({ grants: [`127.0.0.1:${server.port}`] });
  using steady = await test.connect();
  await steady.send(connectTo(server.port));
  await steady.until("\r\n\r\n");
  for (
    const [status, garbage] of [
      [400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], // TLS
      [400, "PRI * HTTP/2.0\n\n"],
      [400, "\0"],
      [400, "\r\n\r\n"],
      [400, "\n"],
      [505, "GET http://host.test/ HTTP/1.0\r\n\r\n"],
      [431, "x".repeat(40_000)],
      [431, `GET http://host.test/ HTTP/1.1\r\n${"x: y\r\n".repeat(101)}\r\n`],
      [431, `GET http://host.test/${"x".repeat(40_000)} HTTP/1.1\r\n\r\n`],
    ] as const
  ) {
    assert.match(
      await test.exchange(garbage),
      new RegExp(`^HTTP/1\\.1 ${status} `),
      garbage.slice(0, 40),
    );
  }
  {
    using client = await test.connect();
    await client.end();
    assert.match(await client.rest(), /^HTTP\/1\.1 400 /);
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      using client = await test.connect();
      await client.send(text(bytes));
      await client.end();
      assert.match(await client.rest(), /^HTTP\/1\.1 [45]\d\d /);
    }),
    { numRuns: 50 },
  );
  await steady.send("still here");
  assert.equal(await steady.until("here"), "still here");
});

Deno.test("connections over the cap are refused at once, and places come back", async () => {
  await using server = serveTcp(echo);
  await using test = await openProxy({ grants: [`127.0.0.1:${server.port}`], maxConnections: 2 });
  const open = async (): Promise<RawClient> => {
    const client = await test.connect();
    await client.send(connectTo(server.port));
    assert.match(await client.until("\r\n\r\n"), /^HTTP\/1\.1 200 /);
    return client;
  };
  using first = await open();
  {
    using _second = await open();
    assert.equal(test.proxy.open, 2);
    assert.match(await test.exchange(""), /^HTTP\/1\.1 503 .*more than 2 connections/s);
    await first.send("ping");
    assert.equal(await first.until("ping"), "ping");
  }
  await until(() => test.proxy.open === 1, "a free place");
  using _third = await open();
  assert.equal(server.accepted, 3);
  assert.match(test.reports[0]!.reason!, /more than 2 connections/);
});

Deno.test("a flood of refused connections makes few reports, which count them all", async () => {
  await using test = await openProxy(
    { grants: [], maxConnections: 4 },
    { reportBurst: 3, reportsPerSecond: 0.001, reportWindowMs: 600_000, acceptBurst: 100_000 },
  );
  const total = 300;
  for (let batch = 0; batch < total; batch += 20) {
    await Promise.all(Array.from({ length: 20 }, async (_, index) => {
      const request = `CONNECT h${index % 3}.test:80 HTTP/1.1\r\n\r\n`;
      assert.match(await test.exchange(request), /^HTTP\/1\.1 (?:403|503) /);
    }));
  }
  await until(() => test.proxy.open === 0, "the last connection's end");
  assert.equal(test.reports.length, 3);
  await test.proxy[Symbol.asyncDispose]();
  assert.ok(test.reports.length <= 12, `${test.reports.length} reports`);
  assert.equal(test.reports.reduce((sum, { count }) => sum + count, 0), total);
  assert.ok(test.reports.some(({ host, count }) => host === "h1.test" && count > 1));
});

Deno.test("many different refusals are reported apart up to a bound", async () => {
  await using test = await openProxy(
    { grants: [] },
    { reportBurst: 1, reportsPerSecond: 0.001, reportWindowMs: 600_000, acceptBurst: 100_000 },
  );
  for (let index = 0; index < 40; index++) {
    await test.exchange(`CONNECT h${index}.test:80 HTTP/1.1\r\n\r\n`);
  }
  await test.proxy[Symbol.asyncDispose]();
  assert.equal(test.reports.length, 1 + 16 + 1);
  assert.equal(test.reports.at(-1)!.count, 23);
  assert.equal(test.reports.at(-1)!.host, "");
});

Deno.test("a flood is taken at a bounded rate", async () => {
  await using test = await openProxy(
    { grants: [] },
    { acceptBurst: 20, acceptsPerSecond: 100, refusalCost: 10 },
  );
  const start = performance.now();
  for (let index = 0; index < 12; index++) {
    await test.exchange("CONNECT h.test:80 HTTP/1.1\r\n\r\n");
  }
  // two at once, then ten each second
  assert.ok(performance.now() - start > 600, `${performance.now() - start} ms`);
});

Deno.test("the cap on bytes ends a connection, in either direction", async () => {
  await using server = serveTcp(echo);
  await using test = await openProxy({
    grants: [`127.0.0.1:${server.port}`],
    maxBytesPerConnection: 100_000,
  });
  {
    using client = await test.connect();
    await client.send(connectTo(server.port));
    await client.until("\r\n\r\n");
    const sending = client.send("x".repeat(2_000_000)).catch(() => {});
    await client.rest();
    await sending;
  }
  await using large = record(okResponse("x".repeat(200_000)));
  await using second = await openProxy({
    grants: [`127.0.0.1:${large.port}`],
    maxBytesPerConnection: 100_000,
  });
  const answer = await second.exchange(`GET http://127.0.0.1:${large.port}/ HTTP/1.1\r\n\r\n`);
  assert.ok(answer.length <= 100_000);
  await test.reported(1);
  await second.reported(1);
  for (const report of [...test.reports, ...second.reports]) {
    assert.match(report.reason!, /cap of 100000 bytes/);
    assert.ok(report.bytesSent + report.bytesReceived <= 100_000);
  }
});

Deno.test("a plugin that never reads holds the host back, and no memory grows", async () => {
  let sent = 0;
  await using server = serveTcp(async (conn) => {
    const block = new Uint8Array(65_536);
    for (;;) sent += await conn.write(block);
  });
  await using test = await openProxy({ grants: [`127.0.0.1:${server.port}`] }, { idleMs: 300 });
  using client = await test.connect();
  await client.send(connectTo(server.port));
  await test.reported(1); // reads nothing until the idle deadline has come
  const report = test.reports[0]!;
  assert.equal(report.reason, "no byte moved for too long");
  // what is in flight is in the kernel's buffers and in one of 64 KiB
  assert.ok(report.bytesReceived < 2_000_000, `${report.bytesReceived}`);
  assert.ok(sent < 20_000_000, `${sent}`);
});

Deno.test("resets on either end end the connection only", async () => {
  await using server = serveTcp(async (conn) => {
    await conn.read(new Uint8Array(1)); // leaves bytes unread: the close is a reset
  });
  await using test = await openProxy({ grants: [`127.0.0.1:${server.port}`] });
  for (let round = 0; round < 5; round++) {
    using client = await test.connect();
    await client.send(connectTo(server.port));
    await client.until("\r\n\r\n");
    await client.send("xxxxxxxx").catch(() => {});
    await client.rest();
    using other = await test.connect();
    await other.send(connectTo(server.port)); // gone before the answer
  }
  await test.reported(10);
  assert.equal(test.proxy.open, 0);
});

Deno.test("a host that never answers the dial is given up", async () => {
  // a listener whose queue is full: further connections wait for ever
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr as Deno.NetAddr;
  const fillers: Deno.Conn[] = [];
  try {
    for (let full = false; !full;) {
      const signal = AbortSignal.timeout(300);
      await Deno.connect({ port, signal }).then((conn) => fillers.push(conn), () => full = true);
    }
    await using test = await openProxy({ grants: [`127.0.0.1:${port}`] }, { dialMs: 150 });
    assert.match(await test.exchange(connectTo(port)), /^HTTP\/1\.1 504 .*did not answer in time/s);
    // closing while it dials takes no longer than closing does
    await using closing = await openProxy({ grants: [`127.0.0.1:${port}`] });
    using client = await closing.connect();
    await client.send(connectTo(port));
    await until(() => closing.proxy.open === 1, "the connection");
    await settles(closing.proxy[Symbol.asyncDispose](), "the end of the proxy");
  } finally {
    for (const filler of fillers) filler.close();
    listener.close();
  }
});

Deno.test("lookups are bounded in time and number, and shared by those who ask at once", async () => {
  const asked: string[] = [];
  const answers = new Map<string, PromiseWithResolvers<readonly string[]>>();
  await using test = await openProxy({
    grants: ["*.test:9"],
    resolve(host) {
      asked.push(host);
      const answer = Promise.withResolvers<readonly string[]>();
      answers.set(host, answer);
      return answer.promise;
    },
  }, { maxLookups: 2, dialMs: 1_000 });
  const ask = (host: string) => test.exchange(`CONNECT ${host}:9 HTTP/1.1\r\n\r\n`);
  const all = [ask("a.test"), ask("a.test"), ask("b.test"), ask("c.test")];
  await until(() => test.proxy.open === 4 && asked.length === 2, "two lookups");
  assert.deepEqual(asked.toSorted(), ["a.test", "b.test"]);
  answers.get("a.test")!.resolve(["10.0.0.1"]);
  const [one, two, ...late] = await Promise.all(all);
  for (const answer of [one!, two!]) assert.match(answer, /^HTTP\/1\.1 403 /);
  for (const answer of late) assert.match(answer, /^HTTP\/1\.1 504 .*not resolved in time/s);
  assert.equal(asked.length, 3); // the third began when a place was free
  for (const answer of answers.values()) answer.resolve(["127.0.0.1"]); // too late: dropped
});

Deno.test("closing ends everything at once, whatever the connections are doing", async () => {
  await using server = serveTcp(echo);
  await using silent = serveTcp(async (conn) => {
    await conn.read(new Uint8Array(1024));
    await new Promise<void>((resolve) => conn.read(new Uint8Array(1)).finally(resolve));
  });
  await using flooding = serveTcp(async (conn) => {
    for (;;) await conn.write(new Uint8Array(65_536));
  });
  await using test = await openProxy({
    grants: [
      ...[server, silent, flooding].map(({ port }) => `127.0.0.1:${port}`),
      "stuck.test:80",
    ],
    resolve: () => new Promise(() => {}),
  });
  const clients: RawClient[] = [];
  for (
    const request of [
      "",
      "GET http",
      connectTo(server.port),
      connectTo(flooding.port),
      `GET http://127.0.0.1:${silent.port}/ HTTP/1.1\r\n\r\n`,
      `POST http://127.0.0.1:${silent.port}/ HTTP/1.1\r\ncontent-length: 9\r\n\r\n`,
      "CONNECT stuck.test:80 HTTP/1.1\r\n\r\n",
      "CONNECT other.test:80 HTTP/1.1\r\n\r\n", // refused, lingering
    ]
  ) {
    const client = await test.connect();
    clients.push(client);
    await client.send(request);
  }
  await until(() => server.accepted + silent.accepted + flooding.accepted === 4, "all dialled");
  await settles(
    Promise.all([test.proxy[Symbol.asyncDispose](), test.proxy[Symbol.asyncDispose]()]),
    "the end of the proxy",
  );
  assert.equal(test.proxy.open, 0);
  assert.equal(test.reports.length, clients.length);
  await assert.rejects(Deno.lstat(test.socketPath), Deno.errors.NotFound);
  for (const client of clients) {
    await client.rest();
    client[Symbol.dispose]();
  }
});

Deno.test("a listener that throws, and one that closes the proxy, do no harm", async () => {
  let told = 0;
  await using test = await openProxy({
    grants: [],
    onConnection() {
      told++;
      throw new Error("the listener's own");
    },
  });
  assert.match(await test.exchange("x\n"), /^HTTP\/1\.1 400 /);
  assert.match(await test.exchange("x\n"), /^HTTP\/1\.1 400 /);
  await until(() => told === 2, "both reports");

  const closed = Promise.withResolvers<void>();
  await using closing = await openProxy({
    grants: [],
    onConnection: () => closed.resolve(closing.proxy[Symbol.asyncDispose]()),
  });
  assert.match(await closing.exchange("x\n"), /^HTTP\/1\.1 400 /);
  await closed.promise;
  assert.equal(closing.proxy.open, 0);
});
