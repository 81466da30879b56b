import assert from "node:assert/strict";
import { offerLane } from "../../../src/host/process/socket_lane.ts";
import { hostTest } from "../../helpers/host.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";
import { tempDir } from "../../helpers/signing.ts";

/** Says what its permissions are, and what it can connect to. */
const CURIOUS = `export default { methods: {
  async states(path: string) {
    const states: Record<string, string> = {};
    for (const name of ["net", "read", "write"] as const) {
      states[name] = (await Deno.permissions.query({ name })).state;
    }
    states.path = (await Deno.permissions.query({ name: "read", path })).state;
    states.host = (await Deno.permissions.query({ name: "net", host: "unix:" + path })).state;
    return states;
  },
  async connect(path: string) {
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
  },
  readable: (path: string) => Deno.readTextFile(path),
  logAndExit(count: number) {
    for (let i = 0; i < count; i++) console.log("line " + i);
    Deno.exit(3);
  },
  echo: (value: unknown) => value,
} };`;

for (const isolation of ["plain", "bwrap", "unshare"] as const) {
  const define = isolation === "plain"
    ? Deno.test
    : (name: string, fn: () => Promise<void>) => sandboxTest(name, isolation, fn);
  define(`a plugin speaks over a socket that nobody else can reach [${isolation}]`, async () => {
    await using test = await hostTest();
    const host = await test.open({ isolation });
    const plugin = await host.load(await test.bundle("curious", CURIOUS));
    assert.equal(plugin.lane, "socket");
    assert.equal(await plugin.call("echo", "over it"), "over it");
    // the socket is gone from the machine, and the permission with it
    const runs = `${test.dataDir}/run`;
    const left: string[] = [];
    const look = (dir: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(dir)) {
        if (name === "lane") left.push(`${dir}/${name}`);
        if (isDirectory) look(`${dir}/${name}`);
      }
    };
    look(runs);
    assert.deepEqual(left, []);
    const path = isolation === "plain" ? `${runs}/0/io/lane` : "/sockets/lane";
    assert.deepEqual(await plugin.call("states", path), {
      net: "prompt",
      read: "prompt",
      write: "prompt",
      path: "prompt",
      host: "prompt",
    });
    await assert.rejects(plugin.call("connect", path), /NotCapable|Requires/);
    assert.equal(await plugin.call("echo", "still"), "still");
    await host.unload("curious");
    assert.equal(plugin.lane, undefined);
  });

  define(`a plugin speaks over the pipes where the host wants it [${isolation}]`, async () => {
    await using test = await hostTest();
    const host = await test.open({ isolation, transport: { lane: "stdio" } });
    const plugin = await host.load(await test.bundle("curious", CURIOUS));
    assert.equal(plugin.lane, "stdio");
    assert.equal(await plugin.call("echo", "over them"), "over them");
    const { net, write } = await plugin.call("states", "/x") as Record<string, string>;
    assert.deepEqual([net, write], ["denied", "denied"]);
  });

  define(
    `what a plugin logs right before its exit is not lost with the socket [${isolation}]`,
    async () => {
      await using test = await hostTest();
      const host = await test.open({ isolation });
      const plugin = await host.load(await test.bundle("curious", CURIOUS));
      await assert.rejects(plugin.call("logAndExit", 200), { code: "crashed" });
      await test.logger.find(({ message }) => message === "line 199");
      const lines = test.logger.entries.filter(({ message }) => message.startsWith("line "));
      assert.equal(lines.length, 200);
    },
  );
}

Deno.test("giving up the socket's path leaves what the plugin was granted itself", async () => {
  await using test = await hostTest();
  await Deno.mkdir(test.join("notes"));
  await Deno.writeTextFile(test.join("notes/note.txt"), "granted");
  // no grant may reach the data folder, where the socket is
  const read = [test.join("notes")];
  const host = await test.open({ policy: { default: { grant: { read } } } });
  const plugin = await host.load(await test.bundle("curious", CURIOUS, { permissions: { read } }));
  assert.equal(plugin.lane, "socket");
  assert.equal(await plugin.call("readable", test.join("notes/note.txt")), "granted");
});

Deno.test("there is no lane where the path of a socket would be too long", async () => {
  await using dir = await tempDir();
  const told: string[] = [];
  assert.equal(offerLane(dir.join("long".repeat(25)), (reason) => told.push(reason)), undefined);
  assert.match(
    told.join(),
    /^a socket's path would have more than \d+ bytes: a shorter dataDir helps$/,
  );
  using control = offerLane(dir.join("short"), (reason) => told.push(reason));
  assert.ok(control !== undefined);
});

Deno.test("a lane takes one connection, and is gone then", async () => {
  await using dir = await tempDir();
  const path = dir.join("lane");
  using offer = offerLane(path, assert.fail)!;
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  const first = await Deno.connect({ transport: "unix", path });
  const lane = await offer.take();
  assert.ok(offer.isTaken);
  await assert.rejects(Deno.connect({ transport: "unix", path }), Deno.errors.NotFound);
  await lane.write(new Uint8Array([7]));
  const byte = new Uint8Array(1);
  assert.equal(await first.read(byte), 1);
  assert.deepEqual([...byte], [7]);
  await assert.rejects(offer.take(), { code: "protocol-violation" });
  first.close();
  await lane.close();
});

Deno.test("a lane that nobody took closes its connection, and one that nobody used goes", async () => {
  await using dir = await tempDir();
  const path = dir.join("lane");
  const offer = offerLane(path, assert.fail)!;
  offer[Symbol.dispose]();
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  await assert.rejects(offer.take(), { code: "protocol-violation" });
  const other = offerLane(path, assert.fail)!;
  const conn = await Deno.connect({ transport: "unix", path });
  await Deno.stat(path).catch(() => {}); // let the host accept it
  other[Symbol.dispose]();
  assert.equal(await conn.read(new Uint8Array(1)).catch(() => null), null);
  conn.close();
});
