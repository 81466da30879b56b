import assert from "node:assert/strict";
import { openEgressProxy } from "../../src/egress/proxy.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { tempDir } from "../helpers/signing.ts";
import { echo, openProxy, serveTcp } from "./kit.ts";

const connectTo = (authority: string) =>
  `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`;

Deno.test("a granted name whose address is granted too is tunnelled both ways, and reported once", async () => {
  await using server = serveTcp(echo);
  const { port } = server;
  await using test = await openProxy({ grants: [`host.test:${port}`, `127.0.0.1:${port}`] });
  using client = await test.connect();
  await client.send(connectTo(`HOST.test.:${port}`));
  assert.match(await client.until("\r\n\r\n"), /^HTTP\/1\.1 200 /);
  await client.send("ping");
  assert.equal(await client.until("ping"), "ping");
  assert.equal(test.proxy.open, 1);
  await client.end();
  assert.equal(await client.rest(), "");
  await test.reported(1);
  const { durationMs, ...report } = test.reports[0]!;
  assert.ok(durationMs > 0 && durationMs < 10_000);
  assert.deepEqual(report, {
    host: "host.test",
    port,
    address: "127.0.0.1",
    allowed: true,
    reason: undefined,
    bytesSent: 4,
    bytesReceived: 4,
    count: 1,
  });
  assert.equal(test.proxy.open, 0);
});

Deno.test("the end of one direction is passed on and the other stays open", async () => {
  // answers only when the whole input has come
  await using server = serveTcp(async (conn) => {
    let length = 0;
    const buffer = new Uint8Array(65_536);
    for (let read = await conn.read(buffer); read !== null; read = await conn.read(buffer)) {
      length += read;
    }
    await conn.write(new TextEncoder().encode(`${length} bytes`));
  });
  await using test = await openProxy({ grants: [`127.0.0.1:${server.port}`] });
  using client = await test.connect();
  await client.send(connectTo(`127.0.0.1:${server.port}`));
  await client.until("\r\n\r\n");
  await client.send("x".repeat(300_000));
  await client.end();
  assert.equal(await client.rest(), "300000 bytes");

  // the other way round: the host ends first, and still reads
  const got = Promise.withResolvers<string>();
  await using ending = serveTcp(async (conn) => {
    await conn.closeWrite();
    const buffer = new Uint8Array(16);
    got.resolve(new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0)));
  });
  await using second = await openProxy({ grants: [`127.0.0.1:${ending.port}`] });
  using other = await second.connect();
  await other.send(connectTo(`127.0.0.1:${ending.port}`));
  assert.match(await other.rest(), /^HTTP\/1\.1 200 /);
  await other.send("late");
  assert.equal(await got.promise, "late");
});

Deno.test("what is not granted is refused by host and by port, and nothing is dialled", async () => {
  await using server = serveTcp(echo);
  await using other = serveTcp(echo);
  const { port } = server;
  const resolved: string[] = [];
  await using test = await openProxy({
    grants: [`host.test:${port}`, `127.0.0.1:${port}`, "10.0.0.0/8:80"],
    resolve(host) {
      resolved.push(host);
      return Promise.resolve(["127.0.0.1"]);
    },
  });
  const refused = [
    `host.test:${other.port}`,
    `evil.test:${port}`,
    `a.host.test:${port}`,
    `host.test.evil.test:${port}`,
    `127.0.0.2:${port}`,
    `0x7f000002:${port}`,
    `127.0.0.1:${other.port}`,
    `[::1]:${port}`,
    `localhost:${port}`,
  ];
  for (const authority of refused) {
    const answer = await test.exchange(connectTo(authority));
    assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n/, authority);
    assert.match(answer, /proxy-status: sallyport; error=http_request_denied\r\n/);
    assert.match(answer, /is not granted\n$/);
    assert.match(
      await test.exchange(`GET http://${authority}/ HTTP/1.1\r\n\r\n`),
      /^HTTP\/1\.1 403 /,
    );
  }
  await test.reported(refused.length * 2);
  for (const report of test.reports) {
    assert.equal(report.allowed, false);
    assert.equal(report.address, undefined);
    assert.match(report.reason!, /is not granted$/);
    assert.equal(report.bytesSent + report.bytesReceived, 0);
  }
  assert.deepEqual(resolved, []);
  assert.equal(server.accepted + other.accepted, 0);
  // control: every spelling of what is granted goes through
  for (const authority of [`127.0.0.1:${port}`, `0x7f.1:${port}`, `[::ffff:7f00:1]:${port}`]) {
    using client = await test.connect();
    await client.send(connectTo(authority));
    assert.match(await client.until("\r\n\r\n"), /^HTTP\/1\.1 200 /, authority);
  }
  assert.deepEqual(resolved, []);
});

Deno.test("a granted name that leads to this machine is refused unless the address is granted", async () => {
  await using server = serveTcp(echo);
  const authority = `host.test:${server.port}`;
  await using refusing = await openProxy({ grants: [authority] });
  const answer = await refusing.exchange(connectTo(authority));
  assert.match(answer, /^HTTP\/1\.1 403 .*address that is not public/s);
  await refusing.reported(1);
  assert.equal(refusing.reports[0]!.allowed, false);
  assert.match(refusing.reports[0]!.reason!, /leads to 127\.0\.0\.1 \(loopback\)/);
  assert.equal(server.accepted, 0);
  // control: with the address
  await using allowing = await openProxy({ grants: [authority, `127.0.0.1:${server.port}`] });
  using client = await allowing.connect();
  await client.send(connectTo(authority));
  assert.match(await client.until("\r\n\r\n"), /^HTTP\/1\.1 200 /);
});

Deno.test("the default resolver reads the machine's own names", async () => {
  await using server = serveTcp(echo);
  const authority = `localhost:${server.port}`;
  await using test = await openProxy({ grants: [authority], resolve: undefined });
  assert.match(await test.exchange(connectTo(authority)), /^HTTP\/1\.1 403 /);
  await test.reported(1);
  assert.match(test.reports[0]!.reason!, /leads to \S+ \(loopback\)/);
});

Deno.test("a name is resolved once, and the address that was checked is the one that is dialled", async () => {
  await using good = serveTcp(async (conn) =>
    void await conn.write(new TextEncoder().encode("good"))
  );
  const { port } = good;
  await using bad = serveTcp(echo, { hostname: "127.0.0.2", port });
  let asked = 0;
  await using test = await openProxy({
    grants: [`host.test:${port}`, `127.0.0.1:${port}`],
    resolve: () => Promise.resolve([asked++ % 2 === 0 ? "127.0.0.1" : "127.0.0.2"]),
  });
  assert.match(await test.exchange(connectTo(`host.test:${port}`)), /good$/);
  assert.equal(asked, 1);
  // the second connection gets the other answer, which is refused
  assert.match(await test.exchange(connectTo(`host.test:${port}`)), /^HTTP\/1\.1 403 /);
  assert.equal(asked, 2);
  assert.equal(bad.accepted, 0);
  await test.reported(2);
  assert.deepEqual(test.reports.map(({ address }) => address), ["127.0.0.1", undefined]);
});

Deno.test("of several addresses the allowed ones are tried in turn", async () => {
  await using server = serveTcp(async (conn) =>
    void await conn.write(new TextEncoder().encode("here"))
  );
  const { port } = server;
  await using test = await openProxy({
    grants: [`host.test:${port}`, `127.0.0.1:${port}`, `127.0.0.3:${port}`],
    resolve: () => Promise.resolve(["127.0.0.2", "127.0.0.3", "127.0.0.1"]), // only the last answers
  });
  assert.match(await test.exchange(connectTo(`host.test:${port}`)), /here$/);
  await test.reported(1);
  assert.equal(test.reports[0]!.address, "127.0.0.1");
});

Deno.test("names that do not resolve and hosts that refuse are failures, not denials", async () => {
  const gone = serveTcp(echo);
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  await using test = await openProxy({
    grants: ["none.test:80", "empty.test:80", `127.0.0.1:${port}`],
    resolve: (host) =>
      host === "empty.test"
        ? Promise.resolve([])
        : Promise.reject(Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" })),
  });
  assert.match(
    await test.exchange(connectTo("none.test:80")),
    /^HTTP\/1\.1 502 .*could not be resolved/s,
  );
  assert.match(
    await test.exchange(connectTo("empty.test:80")),
    /^HTTP\/1\.1 502 .*has no address/s,
  );
  assert.match(await test.exchange(connectTo(`127.0.0.1:${port}`)), /^HTTP\/1\.1 502 .*reached/s);
  await test.reported(3);
  assert.deepEqual(test.reports.map(({ allowed }) => allowed), [true, true, true]);
  assert.match(test.reports[0]!.reason!, /ENOTFOUND/);
  assert.match(test.reports[2]!.reason!, /ConnectionRefused/);
});

Deno.test("openEgressProxy() makes a socket for its owner only, and removes it", async () => {
  await using dir = await tempDir();
  const socketPath = dir.join("egress.sock");
  const options = {
    plugin: "sample",
    grants: [],
    socketPath,
    maxConnections: 1,
    onConnection() {},
  };
  {
    await using proxy = await openEgressProxy(options);
    assert.equal(proxy.socketPath, socketPath);
    assert.equal((await Deno.lstat(socketPath)).mode! & 0o777, 0o600);
    // a second one at the same place is refused, and takes nothing away
    await assertRejectsWithCode(openEgressProxy(options), "launch-failed", /plugin "sample"/);
    await Deno.lstat(socketPath);
  }
  await assert.rejects(Deno.lstat(socketPath), Deno.errors.NotFound);
});

Deno.test("openEgressProxy() refuses long paths, folders that are not there, and caps that are none", async () => {
  await using dir = await tempDir();
  const options = { plugin: "sample", grants: [], maxConnections: 1, onConnection() {} };
  const room = 107 - dir.path.length - 1;
  const exact = { ...options, socketPath: dir.join("s".repeat(room)) };
  await (await openEgressProxy(exact))[Symbol.asyncDispose](); // control: 107 bytes
  await assertRejectsWithCode(
    openEgressProxy({ ...options, socketPath: dir.join("s".repeat(room + 1)) }),
    "bad-config",
    /108 bytes, over 107/,
  );
  const missing = { ...options, socketPath: dir.join("none/egress.sock") };
  await assertRejectsWithCode(openEgressProxy(missing), "launch-failed");
  for (const maxConnections of [0, -1, 1.5, NaN]) {
    await assert.rejects(openEgressProxy({ ...exact, maxConnections }), RangeError);
  }
  await assert.rejects(openEgressProxy({ ...exact, maxBytesPerConnection: 0 }), RangeError);
  await assertRejectsWithCode(openEgressProxy({ ...exact, grants: ["X.test:80"] }), "bad-config");
});
