import assert from "node:assert/strict";
import type { PluginHost } from "../../src/host/host.ts";
import type { PluginHandle } from "../../src/host/plugin_handle.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";
import { signedExample } from "./kit.ts";

type LinkCheck = typeof import("../../plugins/link-check/main.ts");

type Handler = (request: Request, url: URL) => Response | Promise<Response>;

interface Server extends AsyncDisposable {
  readonly host: string;
  url(path: string): string;
  /** Method and path of each request so far. */
  readonly requests: string[];
}

function serve(handler: Handler): Server {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const url = new URL(request.url);
    requests.push(`${request.method} ${url.pathname}`);
    return handler(request, url);
  });
  const host = `127.0.0.1:${server.addr.port}`;
  return {
    host,
    url: (path) => `http://${host}${path}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A server that takes one request and never answers it. */
function neverAnswers(): {
  readonly host: string;
  url(path: string): string;
  /** The first line of the request. */
  readonly asked: Promise<string>;
  /** Settles when whoever asked has gone. */
  readonly dropped: Promise<void>;
} & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked = Promise.withResolvers<string>();
  const dropped = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4_096);
    const length = await connection.read(buffer) ?? 0;
    asked.resolve(new TextDecoder().decode(buffer.subarray(0, length)).split("\r\n")[0]!);
    while (await connection.read(buffer).catch(() => null) !== null);
  })();
  const host = `127.0.0.1:${listener.addr.port}`;
  return {
    host,
    url: (path) => `http://${host}${path}`,
    asked: asked.promise,
    dropped,
    async [Symbol.asyncDispose]() {
      listener.close();
      await dropped.catch(() => {}); // nobody ever came
    },
  };
}

const status = (code: number) => new Response(null, { status: code });
const redirect = (location: string) => new Response(null, { status: 302, headers: { location } });

/** Loads a copy of link-check that asks for hosts, under a policy that grants hosts. */
async function load(
  test: HostTest,
  asked: readonly string[],
  granted: readonly string[] = asked,
): Promise<{ host: PluginHost; plugin: PluginHandle<LinkCheck> }> {
  const host = await test.open({
    policy: { plugins: { "link-check": { grant: { net: granted } } } },
  });
  const dir = await signedExample(test, "link-check", { permissions: { net: asked } });
  return { host, plugin: await host.load<LinkCheck>(dir) };
}

Deno.test("link-check as shipped asks for named hosts, and is refused where they are not granted", async () => {
  await using test = await hostTest();
  const dir = await signedExample(test, "link-check");
  const host = await test.open({ policy: { plugins: { "link-check": { grant: { net: [] } } } } });
  const error = await assertRejectsWithCode(
    host.load(dir),
    "permission-denied",
    /"example.com:443" is not granted; net "www.example.com:443" is not granted/,
  );
  assert.match(
    error.hint!,
    /"plugins": \{ "link-check": \{ "grant": \{ "net": \["example.com:443", "www.example.com:443"\] \} \} \}/,
  );
  assert.equal(host.plugin("link-check")?.pid, undefined);

  const generous = await test.open({
    policy: { plugins: { "link-check": { grant: { net: ["*.example.com"] } } } },
  });
  const plugin = await generous.load(dir);
  assert.equal(plugin.state, "active");
  assert.deepEqual(plugin.explain().map((line) => line.split(/\s+/).slice(0, 2)), [
    ["net", "example.com:443"],
    ["net", "www.example.com:443"],
  ]);
});

Deno.test("check() reports each link in the order given, with the progress", async () => {
  await using test = await hostTest();
  await using server = serve((_request, { pathname }) => {
    if (pathname === "/moved") return redirect("/here");
    return status({ "/here": 200, "/empty": 204, "/broken": 500 }[pathname] ?? 404);
  });
  const { plugin } = await load(test, [server.host]);
  const progress: unknown[] = [];
  const reports = await plugin.call("check", {
    urls: ["/here", "/gone", "/empty", "/broken", "/moved"].map(server.url),
  }, { onProgress: (value) => progress.push(value) });
  assert.deepEqual(reports, [
    { url: server.url("/here"), outcome: "ok", status: 200, redirects: [] },
    {
      url: server.url("/gone"),
      outcome: "broken",
      status: 404,
      redirects: [],
      reason: "status 404",
    },
    { url: server.url("/empty"), outcome: "ok", status: 204, redirects: [] },
    {
      url: server.url("/broken"),
      outcome: "broken",
      status: 500,
      redirects: [],
      reason: "status 500",
    },
    {
      url: server.url("/moved"),
      outcome: "ok",
      status: 200,
      redirects: [server.url("/here")],
    },
  ]);
  assert.deepEqual(progress, [1, 2, 3, 4, 5].map((done) => ({ done, total: 5 })));
  assert.deepEqual(await plugin.call("check", { urls: [] }), []);
});

Deno.test("check() asks for the page itself only where a server has no HEAD", async () => {
  await using test = await hostTest();
  await using server = serve(({ method }, { pathname }) =>
    pathname === "/head" || method === "GET" ? new Response("page") : status(405)
  );
  const { plugin } = await load(test, [server.host]);
  const reports = await plugin.call("check", {
    urls: [server.url("/head"), server.url("/page")],
    concurrency: 1,
  });
  assert.deepEqual(reports.map(({ outcome }) => outcome), ["ok", "ok"]);
  assert.deepEqual(server.requests, ["HEAD /head", "HEAD /page", "GET /page"]);
});

Deno.test("check() reports a host that is not granted as denied, and nothing reaches it", async () => {
  await using test = await hostTest();
  await using granted = serve(() => status(200));
  await using other = serve(() => status(200));
  const { plugin } = await load(test, [granted.host]);
  const urls = [granted.url("/"), other.url("/"), `http://localhost:${other.host.split(":")[1]}/`];
  const [here, there, byName] = await plugin.call("check", { urls });
  assert.equal(here!.outcome, "ok");
  assert.deepEqual(there, {
    url: other.url("/"),
    outcome: "denied",
    redirects: [],
    reason: `no permission to reach ${other.host}`,
  });
  assert.equal(byName!.outcome, "denied");
  assert.deepEqual(other.requests, []);
});

Deno.test("check() reaches the same host where it is granted", async () => {
  await using test = await hostTest();
  await using other = serve(() => status(200));
  const { plugin } = await load(test, [other.host]);
  assert.equal((await plugin.call("check", { urls: [other.url("/")] }))[0]!.outcome, "ok");
  assert.deepEqual(other.requests, ["HEAD /"]);
});

Deno.test("check() takes no redirect to a host that is not granted, and says where it led", async () => {
  await using test = await hostTest();
  await using other = serve(() => status(200));
  await using granted = serve((_request, { pathname }) =>
    redirect(pathname === "/first" ? "/second" : other.url("/target"))
  );
  const { plugin } = await load(test, [granted.host]);
  assert.deepEqual(await plugin.call("check", { urls: [granted.url("/first")] }), [{
    url: granted.url("/first"),
    outcome: "denied",
    status: 302,
    redirects: [granted.url("/second"), other.url("/target")],
    reason: `no permission to reach ${other.host}`,
  }]);
  assert.deepEqual(other.requests, []);
});

Deno.test("check() takes the same redirect where both hosts are granted", async () => {
  await using test = await hostTest();
  await using other = serve(() => status(200));
  await using granted = serve(() => redirect(other.url("/target")));
  const { plugin } = await load(test, [granted.host, other.host]);
  const [report] = await plugin.call("check", { urls: [granted.url("/")] });
  assert.equal(report!.outcome, "ok");
  assert.deepEqual(report!.redirects, [other.url("/target")]);
});

Deno.test("check() ends after five redirects", async () => {
  await using test = await hostTest();
  await using server = serve((_request, { pathname }) => redirect(`${pathname}x`));
  const { plugin } = await load(test, [server.host]);
  const [report] = await plugin.call("check", { urls: [server.url("/")] });
  assert.equal(report!.outcome, "failed");
  assert.equal(report!.reason, "more than 5 redirects");
  assert.equal(server.requests.length, 6);
});

Deno.test("check() gives up a server that does not answer, and only that one", async () => {
  await using test = await hostTest();
  const end = Promise.withResolvers<Response>();
  await using server = serve((_request, { pathname }) =>
    pathname === "/silent" ? end.promise : status(200)
  );
  const { plugin } = await load(test, [server.host]);
  const [silent, here] = await plugin.call("check", {
    urls: [server.url("/silent"), server.url("/here")],
    timeoutMs: 1_000,
  });
  end.resolve(status(200));
  assert.equal(silent!.outcome, "failed");
  assert.equal(silent!.reason, "no answer within 1000 ms");
  assert.equal(here!.outcome, "ok");
});

Deno.test("check() reports a port where nobody listens as failed", async () => {
  await using test = await hostTest();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const { plugin } = await load(test, [host]);
  const [report] = await plugin.call("check", { urls: [`http://${host}/`] });
  assert.equal(report!.outcome, "failed");
  assert.match(report!.reason!, /refused/i);
});

Deno.test("check() asks no more links at a time than it was told", async () => {
  await using test = await hostTest();
  const waiting: (() => void)[] = [];
  let most = 0;
  await using server = serve(async () => {
    await new Promise<void>((done) => most = Math.max(most, waiting.push(done)));
    return status(200);
  });
  const { plugin } = await load(test, [server.host]);
  const urls = Array.from({ length: 10 }, (_, n) => server.url(`/${n}`));
  let done = false;
  const checking = plugin.call("check", { urls, concurrency: 3 }).finally(() => done = true);
  await until(() => waiting.length === 3, "three requests at a time");
  const answer = (async () => {
    while (!done) {
      waiting.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const reports = await checking;
  await answer;
  assert.ok(reports.every(({ outcome }) => outcome === "ok"));
  assert.equal(most, 3);
});

Deno.test("watch() streams the quickest link first, and drops the others when the reader leaves", async () => {
  await using test = await hostTest();
  await using quick = serve(() => status(200));
  await using slow = neverAnswers();
  const { plugin } = await load(test, [quick.host, slow.host]);
  const urls = [slow.url("/"), quick.url("/")];
  for await (const { url } of plugin.stream("watch", { urls, timeoutMs: 30_000 })) {
    assert.equal(url, quick.url("/"));
    break;
  }
  await slow.dropped;
});

Deno.test("check() stops asking when the caller cancels", async () => {
  await using test = await hostTest();
  await using server = neverAnswers();
  const { plugin } = await load(test, [server.host]);
  const controller = new AbortController();
  const checking = plugin.call("check", {
    urls: [server.url("/1"), server.url("/2")],
    concurrency: 1,
    timeoutMs: 30_000,
  }, { signal: controller.signal });
  assert.equal(await server.asked, "HEAD /1 HTTP/1.1");
  controller.abort();
  await assertRejectsWithCode(checking, "cancelled");
  await server.dropped;
});

Deno.test("check() reports what is no web address without asking anyone", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test, ["127.0.0.1:9"]);
  const reports = await plugin.call("check", {
    urls: ["nonsense", "file:///etc/hostname", "ftp://127.0.0.1:9/", "http://me:pw@127.0.0.1:9/"],
  });
  assert.deepEqual(reports.map(({ outcome, reason }) => [outcome, reason]), [
    ["failed", "not a URL"],
    ["failed", "only http: and https: are asked, not file:"],
    ["failed", "only http: and https: are asked, not ftp:"],
    ["failed", "a link with a password in it is not asked"],
  ]);
});

Deno.test("check() refuses parameters out of range, and goes on", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test, ["127.0.0.1:9"]);
  const wrong = [
    [{}, /urls must be an array of strings/],
    [{ urls: [5] }, /urls must be an array of strings/],
    [{ urls: Array(1_001).fill("x") }, /at most 1000 entries, got 1001/],
    [{ urls: [], timeoutMs: 0 }, /timeoutMs must be an integer from 1 to 30000, got 0/],
    [{ urls: [], concurrency: 17 }, /concurrency must be an integer from 1 to 16, got 17/],
  ] as const;
  for (const [params, pattern] of wrong) {
    await assertRejectsWithCode(plugin.call("check", params as never), "plugin-error", pattern);
  }
  assert.deepEqual(await plugin.call("check", { urls: [] }), []);
});
