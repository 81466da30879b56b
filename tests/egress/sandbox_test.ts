/** `fetch` and `WebSocket` of a real plugin process, through relay and proxy, and nothing else. */
import assert from "node:assert/strict";
import { tempDir } from "../helpers/signing.ts";
import { echo, openProxy, serveTcp } from "./kit.ts";
import { makeCertificate, noBwrap, PORT, runInside } from "./sandbox_kit.ts";

const ignore = noBwrap !== undefined;
const why = ignore ? ` (needs bwrap: ${noBwrap})` : "";

interface WebServer extends AsyncDisposable {
  readonly port: number;
}

function serveWeb(tls: { cert: string; key: string } | undefined): WebServer {
  const handler = async (request: Request): Promise<Response> => {
    if (request.headers.get("upgrade") === "websocket") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(`echo ${data}`);
      return response;
    }
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/slow") {
      const parts = new ReadableStream({
        async start(controller) {
          for (const part of ["one ", "two ", "three"]) {
            controller.enqueue(new TextEncoder().encode(part));
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          controller.close();
        },
      });
      return new Response(parts);
    }
    if (pathname === "/to") return Response.redirect(searchParams.get("url")!);
    return new Response(`${request.method} ${pathname} ${await request.text()}`);
  };
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = tls === undefined
    ? Deno.serve(options, handler)
    : Deno.serve({ ...options, ...tls }, handler);
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

const WEBSOCKET = `
const talk = (url: string) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send("hi");
  socket.onmessage = ({ data }) => { socket.close(); resolve(data); };
  socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
});
`;

Deno.test({
  name: `fetch and WebSocket work unchanged through relay and proxy${why}`,
  ignore,
  async fn() {
    await using dir = await tempDir();
    const { authority, ...tls } = await makeCertificate(dir.path, "web.test");
    await using plain = serveWeb(undefined);
    await using secure = serveWeb(tls);
    const net = [`web.test:${plain.port}`, `web.test:${secure.port}`];
    const addresses = [`127.0.0.1:${plain.port}`, `127.0.0.1:${secure.port}`];
    await using test = await openProxy({ grants: [...net, ...addresses] });
    const body = `${WEBSOCKET}
const http = "http://web.test:${plain.port}", https = "https://web.test:${secure.port}";
const text = async (url: string, init?: RequestInit) => (await fetch(url, init)).text();
await show("http", () => text(http + "/a"));
await show("https", () => text(https + "/b"));
await show("post", () => text(http + "/p", { method: "POST", body: "x".repeat(100_000) }).then((t) => t.length));
await show("stream up", () => text(http + "/s", { method: "POST", body: ReadableStream.from([new Uint8Array([65]), new Uint8Array([66])]) }));
await show("stream down", () => text(http + "/slow"));
await show("https stream", () => text(https + "/slow"));
await show("many", async () => (await Promise.all(Array.from({ length: 20 }, (_, i) => text(http + "/" + i)))).length);
await show("one by one", async () => { let n = 0; for (let i = 0; i < 20; i++) n += (await text(http + "/" + i)).length; return n; });
await show("redirect", () => text(http + "/to?url=" + encodeURIComponent(https + "/c")));
await show("ws", () => talk("ws://web.test:${plain.port}/"));
await show("wss", () => talk("wss://web.test:${secure.port}/"));
await show("abort", async () => { const r = await fetch(http + "/slow", { signal: AbortSignal.timeout(10) }); return await r.text(); });
await show("after", () => text(http + "/z"));
`;
    const run = {
      dir: dir.path,
      socketPath: test.socketPath,
      net,
      flags: [`--cert=/tmp/test/${authority}`],
    };
    const noted = await runInside(body, run);
    const { abort, ...rest } = noted;
    assert.deepEqual(rest, {
      "http": "GET /a ",
      "https": "GET /b ",
      "post": String("POST /p ".length + 100_000),
      "stream up": "POST /s AB",
      "stream down": "one two three",
      "https stream": "one two three",
      "many": "20",
      "one by one": String(10 * "GET /1 ".length + 10 * "GET /11 ".length),
      "redirect": "GET /c ",
      "ws": "echo hi",
      "wss": "echo hi",
      "after": "GET /z ",
    });
    assert.match(abort!, /TimeoutError/);
    // plain HTTP takes a connection for each request, TLS keeps its own
    assert.ok(test.reports.length + test.proxy.open > 40);
    for (const report of test.reports) assert.equal(report.allowed, true, JSON.stringify(report));

    // control: in the same namespace without relay and proxy nothing is reached
    const alone = await runInside(body, { ...run, relay: false });
    for (const [name, result] of Object.entries(alone)) {
      assert.match(result, /rror/, `${name}: ${result}`);
    }
    // control: it is the namespace that holds, not the flags
    const direct = `
await show("inside", async () => (await fetch("http://127.0.0.1:${plain.port}/x")).text());
`;
    const granted = { ...run, net: addresses, relay: false };
    assert.match((await runInside(direct, granted)).inside!, /refused|error sending/i);
    assert.equal((await runInside(direct, { ...granted, isolated: false })).inside, "GET /x ");
  },
});

Deno.test({
  name: `a plugin that goes to relay or socket itself gains nothing${why}`,
  ignore,
  async fn() {
    await using dir = await tempDir();
    await using granted = serveTcp(echo);
    await using hidden = serveTcp(echo);
    await using test = await openProxy({ grants: [`127.0.0.1:${granted.port}`] });
    const noted = await runInside(
      `
const ask = async (conn: Deno.Conn, authority: string) => {
  await conn.write(new TextEncoder().encode("CONNECT " + authority + " HTTP/1.1\\r\\n\\r\\n"));
  const buffer = new Uint8Array(4096);
  const read = await conn.read(buffer) ?? 0;
  conn.close();
  return new TextDecoder().decode(buffer.subarray(0, read)).split("\\r\\n")[0];
};
const relay = () => Deno.connect({ hostname: "127.0.0.1", port: ${PORT} });
const socket = () => Deno.connect({ transport: "unix", path: "/tmp/egress.sock" });
await show("relay, granted", async () => ask(await relay(), "127.0.0.1:${granted.port}"));
await show("socket, granted", async () => ask(await socket(), "127.0.0.1:${granted.port}"));
await show("relay, other port", async () => ask(await relay(), "127.0.0.1:${hidden.port}"));
await show("socket, other port", async () => ask(await socket(), "127.0.0.1:${hidden.port}"));
await show("socket, other name", async () => ask(await socket(), "evil.test:80"));
await show("socket, itself", async () => ask(await socket(), "127.0.0.1:${PORT}"));
await show("fetch of the relay", async () => (await fetch("http://127.0.0.1:${PORT}/")).status);
await show("direct", () => Deno.connect({ hostname: "127.0.0.1", port: ${granted.port} }));
await show("fetch, not granted", () => fetch("http://evil.test/"));
await show("mode", () => Deno.chmod("/tmp/egress.sock", 0o777));
await show("times", () => Deno.utime("/tmp/egress.sock", 1, 1));
await show("remove", () => Deno.remove("/tmp/egress.sock"));
await show("overwrite", () => Deno.writeTextFile("/tmp/egress.sock", "x"));
await show("listen", () => Deno.listen({ transport: "unix", path: "/tmp/egress.sock" }));
await show("take the port", () => Deno.listen({ hostname: "127.0.0.1", port: ${PORT} }));
`,
      { dir: dir.path, socketPath: test.socketPath, net: [`127.0.0.1:${granted.port}`] },
    );
    const expected: Record<string, RegExp> = {
      "relay, granted": /^HTTP\/1\.1 200 /,
      "socket, granted": /^HTTP\/1\.1 200 /,
      "relay, other port": /^HTTP\/1\.1 403 /,
      "socket, other port": /^HTTP\/1\.1 403 /,
      "socket, other name": /^HTTP\/1\.1 403 /,
      "socket, itself": /^HTTP\/1\.1 403 /,
      "fetch of the relay": /^403$/,
      "direct": /ConnectionRefused/, // documented: raw connections are for the proxy only
      "fetch, not granted": /NotCapable/,
      "mode": /Read-only file system/,
      "times": /Read-only file system/,
      "remove": /busy|Read-only/,
      "overwrite": /No such device/,
      "listen": /AddrInUse|Read-only/,
      "take the port": /AddrInUse/,
    };
    assert.deepEqual(Object.keys(noted), Object.keys(expected));
    for (const [name, pattern] of Object.entries(expected)) {
      assert.match(noted[name]!, pattern, name);
    }
    assert.equal(hidden.accepted, 0);
  },
});

Deno.test({
  name: `the relay keeps no process alive, and passes ends and failures on${why}`,
  ignore,
  async fn() {
    await using dir = await tempDir();
    // answers with the length when the input has ended
    await using server = serveTcp(async (conn) => {
      let length = 0;
      const buffer = new Uint8Array(65_536);
      for (let read = await conn.read(buffer); read !== null; read = await conn.read(buffer)) {
        length += read;
      }
      await conn.write(new TextEncoder().encode(`${length} bytes`));
    });
    await using test = await openProxy({ grants: [`127.0.0.1:${server.port}`] });
    const run = { dir: dir.path, socketPath: test.socketPath, net: [`127.0.0.1:${server.port}`] };
    const noted = await runInside(
      `
const open = async () => {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: ${PORT} });
  await conn.write(new TextEncoder().encode("CONNECT 127.0.0.1:${server.port} HTTP/1.1\\r\\n\\r\\n"));
  return conn;
};
const rest = async (conn: Deno.Conn) => {
  let text = "";
  for await (const bytes of conn.readable) text += new TextDecoder().decode(bytes);
  return text.split("\\r\\n\\r\\n")[1];
};
await show("half-close", async () => {
  const conn = await open();
  const block = new Uint8Array(100_000);
  for (let at = 0; at < block.length;) at += await conn.write(block.subarray(at));
  await conn.closeWrite();
  return await rest(conn);
});
await show("gone at once", async () => {
  for (let i = 0; i < 20; i++) (await open()).close();
  const conn = await open();
  await conn.closeWrite();
  return await rest(conn);
});
`,
      run,
    );
    assert.deepEqual(noted, { "half-close": "100000 bytes", "gone at once": "0 bytes" });

    // a proxy that ends each connection at once: each fails, and only that
    await test.proxy[Symbol.asyncDispose]();
    const closing = Deno.listen({ transport: "unix", path: test.socketPath });
    const serving = (async () => {
      for await (const conn of closing) conn.close();
    })();
    const failed = await runInside(
      `
for (const name of ["first", "second"]) {
  await show(name, async () => (await fetch("http://127.0.0.1:${server.port}/")).status);
}
`,
      run,
    );
    closing.close();
    await serving;
    for (const name of ["first", "second"]) assert.match(failed[name]!, /TypeError/, name);
  },
});
