/** Plugins in an operating-system sandbox, through the whole host. */
import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const MIB = 1024 * 1024;
const LAUNCHERS = ["bwrap", "unshare"] as const;

const EATS = `const held: Uint8Array[] = [];
export default { methods: { eat(mib: number) {
  for (let i = 0; i < mib; i++) held.push(new Uint8Array(${MIB}).fill(1));
  return held.length;
} } };
`;

const FILES = `export default { methods: {
  write({ path, bytes }: { path: string; bytes: number }) {
    Deno.writeFileSync(path, new Uint8Array(bytes));
    return Deno.statSync(path).size;
  },
  read: (path: string) => Deno.readTextFileSync(path),
} };
`;

const FETCHES = `export default { methods: {
  async get(url: string) {
    const response = await fetch(url);
    return { status: response.status, text: await response.text() };
  },
  async socket(url: string) {
    const socket = new WebSocket(url);
    return await new Promise((resolve, reject) => {
      socket.onmessage = ({ data }) => { socket.close(); resolve(data); };
      socket.onerror = () => reject(new Error("the socket failed"));
      socket.onopen = () => socket.send("ping");
    });
  },
} };
`;

function serve(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (request.headers.get("upgrade") !== "websocket") return new Response("hello");
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(`${data} pong`);
    return response;
  });
}

for (const launcher of LAUNCHERS) {
  const isolation = { mode: launcher, require: true } as const;

  sandboxTest(
    `${launcher}: every layer is in force, and read from the process`,
    launcher,
    async () => {
      await using test = await hostTest();
      const host = await test.open({ isolation });
      const plugin = await host.load(await test.fixture("echo"));
      const { facts, missing, ...layers } = plugin.sandbox!;
      assert.deepEqual(missing, []);
      assert.deepEqual(layers, {
        launcher,
        denoPermissions: true,
        namespaces: true,
        seccomp: true,
        seccompProfile: "strict",
        network: "isolated",
        cgroup: true,
        rlimits: true,
        diesWithHost: "kernel",
      });
      assert.equal(facts!.pid, plugin.pid);
      assert.equal(facts!.uid, 65_534);
      assert.equal(facts!.noCapabilities && facts!.noNewPrivileges && facts!.privateRoot, true);
      assert.equal(facts!.cgroup!.memoryBytes, 128 * MIB);
      assert.deepEqual(facts!.rlimits, {
        fileDescriptors: 256,
        fileBytes: 64 * MIB,
        coreBytes: 0,
      });
      const seen = await plugin.call("environment") as { cwd: string };
      assert.equal(seen.cwd, "/cwd");
    },
  );

  sandboxTest(
    `${launcher}: too much memory is a limit that was exceeded, with the figure`,
    launcher,
    async () => {
      await using test = await hostTest();
      const dir = await test.bundle("eats", EATS, { limits: { memoryBytes: 96 * MIB } });
      const host = await test.open({ isolation });
      const events = recordEvents(host);
      const plugin = await host.load(dir);
      assert.equal(await plugin.call("eat", 8), 8);
      const error = await assertRejectsWithCode(plugin.call("eat", 300), "limit-exceeded");
      assert.match(error.message, /more memory than its limit of 100663296 bytes/);
      assert.equal(error.details.limit, "memoryBytes");
      assert.equal(error.details.value, 96 * MIB);
      assert.ok(Number(error.details.peakMemoryBytes) > 90 * MIB);
      assert.equal(plugin.state, "failed");
      assert.equal(host.violations("eats")[0]?.code, "limit-exceeded");
      assert.equal((await events.find("violation", "eats")).error.code, "limit-exceeded");
      await host.close();

      const plain = await test.open({ isolation: "plain" }); // the control: nothing caps it
      assert.equal(await (await plain.load(dir)).call("eat", 150), 150);
    },
  );

  sandboxTest(
    `${launcher}: storage and granted paths are there under their names, and no other`,
    launcher,
    async () => {
      await using test = await hostTest();
      await Deno.mkdir(test.join("in"));
      await Deno.mkdir(test.join("out"));
      await Deno.writeTextFile(test.join("in", "text"), "granted");
      await Deno.symlink(test.join("in"), test.join("link"));
      const [input, link, output] = [test.join("in"), test.join("link"), test.join("out")];
      const dir = await test.bundle("files", FILES, {
        storage: { quotaBytes: 2 * MIB },
        permissions: { read: [input, link, output, "$STORAGE"], write: [output, "$STORAGE"] },
      });
      const grant = { read: [input, output], write: [output] };
      const host = await test.open({ isolation, policy: { default: { grant } } });
      const plugin = await host.load(dir);
      assert.equal(await plugin.call("read", `${input}/text`), "granted");
      assert.equal(await plugin.call("read", `${link}/text`), "granted");
      await plugin.call("write", { path: `${output}/made`, bytes: 3 });
      assert.equal((await Deno.stat(`${output}/made`)).size, 3);
      await plugin.call("write", { path: "/storage/kept", bytes: 5 });
      await host.reload("files");
      assert.equal((await Deno.stat(`${test.dataDir}/storage/files/kept`)).size, 5);
      await assertRejectsWithCode(
        plugin.call("write", { path: `${input}/x`, bytes: 1 }),
        "plugin-error",
        /Requires (?:write|net) access/,
      );
      const tooLarge = plugin.call("write", { path: "/storage/big", bytes: 3 * MIB });
      if (launcher === "bwrap") {
        const error = await assertRejectsWithCode(tooLarge, "limit-exceeded", /2097152 bytes/);
        assert.equal(error.details.limit, "storageBytes");
      } else {
        // the init of a pid namespace survives the signal, and sees the error
        await assertRejectsWithCode(tooLarge, "plugin-error", /File too large/);
      }
      assert.ok((await Deno.stat(`${test.dataDir}/storage/files/big`)).size <= 2 * MIB);
    },
  );

  sandboxTest(
    `${launcher}: fetch and WebSocket reach what is granted through the proxy, and nothing else`,
    launcher,
    async () => {
      await using test = await hostTest();
      await using granted = serve();
      await using other = serve();
      const { port } = granted.addr;
      const net = [`127.0.0.1:${port}`];
      const dir = await test.bundle("fetches", FETCHES, { permissions: { net } });
      const policy = { default: { grant: { net } } };
      const host = await test.open({ isolation, policy });
      const events = recordEvents(host);
      const plugin = await host.load(dir);
      assert.equal(plugin.sandbox!.network, "proxied");
      const url = `http://127.0.0.1:${port}/`;
      assert.deepEqual(await plugin.call("get", url), { status: 200, text: "hello" });
      assert.equal(await plugin.call("socket", url.replace("http", "ws")), "ping pong");
      const connection = await events.find("connection", "fetches");
      assert.equal(connection.allowed, true);
      assert.equal(connection.address, "127.0.0.1");
      assert.equal(connection.port, port);
      await assertRejectsWithCode(
        plugin.call("get", `http://127.0.0.1:${other.addr.port}/`),
        "plugin-error",
        /Requires (?:write|net) access/,
      );
      const denied = await events.find("denied", "fetches");
      assert.equal(denied.error.details.family, "net");
      await host.close();

      for (const [network, reached] of [["isolated", false], ["host", true]] as const) {
        const host = await test.open({
          isolation: launcher,
          policy: { default: { grant: { net }, network } },
        });
        const plugin = await host.load(dir);
        assert.equal(plugin.sandbox!.network, network);
        if (reached) {
          assert.equal((await plugin.call("get", url) as { status: number }).status, 200);
        } else await assertRejectsWithCode(plugin.call("get", url), "plugin-error");
        await host.close();
      }
    },
  );

  sandboxTest(
    `${launcher}: what is compiled for later starts is used, and nothing is left`,
    launcher,
    async () => {
      await using test = await hostTest();
      const host = await test.open({ isolation });
      const dir = await test.fixture("echo");
      for (let round = 0; round < 4; round++) {
        const plugin = await host.load(dir);
        assert.equal(await plugin.call("echo", round), round);
        await plugin.unload();
      }
      await until(
        () => [...Deno.readDirSync(`${test.dataDir}/run`)].length === 2,
        "only the host's own run and its lock are there",
      );
    },
  );

  sandboxTest(
    `${launcher}: a policy may contain one plugin less, but not where every layer is required`,
    launcher,
    async () => {
      await using test = await hostTest();
      const dir = await test.fixture("echo");
      const policy = { default: { isolation: "plain" as const } };
      const host = await test.open({ isolation: launcher, policy });
      assert.equal((await host.load(dir)).sandbox!.launcher, "plain");
      await host.close();
      const strict = await test.open({ isolation, policy });
      await assertRejectsWithCode(strict.load(dir), "bad-config", /plain/);
    },
  );
}
