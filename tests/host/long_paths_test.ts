/** A data folder may have a path that is too long for sockets. */
import assert from "node:assert/strict";
import { hostTest } from "../helpers/host.ts";
import { startHost } from "../helpers/host_program.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const LONG = "long".repeat(25);
const MAIN = `export default { methods: {
  echo: (value) => value,
  get: async (url) => await (await fetch(url)).text(),
} };`;
const ours = (dir: string) =>
  [...Deno.readDirSync(dir)].map(({ name }) => name).filter((name) =>
    name.startsWith("sallyport-")
  );

Deno.test("a plugin has its lane where the data folder's path is too long for a socket", async () => {
  await using test = await hostTest();
  const host = await test.open({ dataDir: test.join(LONG) });
  const plugin = await host.load(await test.bundle("far", MAIN));
  assert.equal(plugin.lane, "socket");
  assert.equal(await plugin.call("echo", 1), 1);
});

for (const isolation of ["bwrap", "unshare"] as const) {
  sandboxTest(`a plugin reaches a granted host from there, ${isolation}`, isolation, async () => {
    await using test = await hostTest();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("reached"),
    );
    const net = [`127.0.0.1:${server.addr.port}`];
    const host = await test.open({
      isolation,
      dataDir: test.join(LONG),
      policy: { default: { grant: { net } } },
    });
    const plugin = await host.load(await test.bundle("far", MAIN, { permissions: { net } }));
    assert.equal(plugin.sandbox!.network, "proxied");
    assert.equal(plugin.lane, "socket");
    assert.equal(await plugin.call("get", `http://${net[0]}/`), "reached");
  });
}

Deno.test("the folder for short paths goes with the host, and that of a killed one with the next", async () => {
  await using test = await hostTest();
  await test.fixture("echo");
  const runtime = test.join("short");
  await Deno.mkdir(runtime, { mode: 0o700 });
  const args = [test.keys.hex, test.plugins, test.join(LONG)];
  const start = async () => {
    const host = startHost("serve", args, ["-A"], { XDG_RUNTIME_DIR: runtime });
    await host.line();
    return host;
  };
  await using killed = await start();
  const [left] = ours(runtime);
  assert.ok(left !== undefined, "it is in the user's folder for such things");
  killed.child.kill("SIGKILL");
  await killed.child.exited;
  await using next = await start();
  const present = ours(runtime);
  assert.equal(present.length, 1);
  assert.notEqual(present[0], left);
  await next.endInput();
  await next.child.exited;
  assert.deepEqual(ours(runtime), []);
});
