import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PluginHost } from "../../../src/host/host.ts";
import { SharedMemory } from "../../../src/host/process/shared_memory_files.ts";
import { enterShared } from "../../../src/plugin/enter.ts";
import { hostTest } from "../../helpers/host.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";
import { tempDir } from "../../helpers/signing.ts";
import { connectPair } from "../../rpc/raw_peer.ts";

const MIB = 1024 * 1024;
const LIMITS = { messageBytes: 32 * MIB, memoryBytes: 512 * MIB };

/** Gives large values back by every way there is, and tries to reach the files itself. */
const LARGE = `
let context: any;
export default {
  init(ctx: unknown) { context = ctx; },
  methods: {
    echo: (value: unknown) => value,
    async *items(count: number) {
      for (let i = 0; i < count; i++) yield new Uint8Array(1024 * 1024).fill(i);
    },
    async ask(length: number) {
      const given = await context.get("mirror").give(new Uint8Array(length).fill(5));
      return given.length + given[0] + given[length - 1];
    },
    async states() {
      const states: string[] = [];
      for (const name of ["net", "read", "write"] as const) {
        states.push((await Deno.permissions.query({ name })).state);
      }
      return states;
    },
    async open([path, write]: [string, boolean]) {
      (await Deno.open(path, write ? { write: true } : { read: true })).close();
    },
    exists: (path: string) => Deno.lstatSync(path).isFile,
  },
  hooks: {
    async large(data: { bytes: Uint8Array }) {
      return { bytes: data.bytes.map((byte) => byte + 1) };
    },
  },
};`;

/** The names of the files of shared memory in a folder and below it. */
function filesIn(dir: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    if (name.startsWith("sallyport-shared-")) found.push(`${dir}/${name}`);
    if (isDirectory) found.push(...filesIn(`${dir}/${name}`));
  }
  return found;
}

/** How many bytes the open files have that were made in a folder and have no name any more. */
function unnamedIn(dir: string): number[] {
  const sizes: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const target = Deno.readLinkSync(`/proc/self/fd/${name}`);
      if (!target.startsWith(dir) || !target.endsWith(" (deleted)")) continue;
      sizes.push(Deno.statSync(`/proc/self/fd/${name}`).size);
    } catch {
      // closed meanwhile
    }
  }
  return sizes;
}

function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 997) bytes[i] = i;
  return bytes;
}

for (const isolation of ["plain", "bwrap", "unshare"] as const) {
  const define = isolation === "plain"
    ? Deno.test
    : (name: string, fn: () => Promise<void>) => sandboxTest(name, isolation, fn);

  define(`large values travel in shared memory, whatever carries them [${isolation}]`, async () => {
    await using test = await hostTest();
    const host = await test.open({
      isolation,
      transport: { sharedMemory: { bytes: 33 * MIB, dir: test.join(".") } },
      policy: {
        default: { limits: LIMITS, grant: { hooks: ["large"], context: { mirror: "read" } } },
      },
    });
    host.services.provide("mirror", { give: (bytes: Uint8Array) => bytes }, {
      access: { give: "read" },
    });
    const plugin = await host.load(
      await test.bundle("large", LARGE, {
        limits: LIMITS,
        hooks: [{ name: "large" }],
        context: [{ key: "mirror", access: "read" }],
      }),
    );
    assert.equal(plugin.sharedMemory, 33 * MIB);
    assert.deepEqual(filesIn(test.join(".")), [], "the files have no names");
    const bytes = bytesOf(16 * MIB);
    for (let round = 0; round < 4; round++) {
      const echoed = await plugin.call("echo", { bytes }) as { bytes: Uint8Array };
      assert.ok(Buffer.from(echoed.bytes).equals(bytes));
    }
    const sizes = unnamedIn(Deno.realPathSync(test.join(".")));
    assert.deepEqual(sizes, [16 * MIB, 16 * MIB], "the same pages are used again");
    const text = "ö".repeat(MIB);
    assert.equal(await plugin.call("echo", text), text);
    let items = 0;
    for await (const item of plugin.stream("items", 40)) {
      const given = item as Uint8Array;
      assert.equal(given.length, MIB);
      assert.equal(given[MIB - 1], items++);
    }
    assert.equal(items, 40);
    assert.equal(await plugin.call("ask", 2 * MIB), 2 * MIB + 10);
    const hooked = await host.hooks.run("large", { bytes: new Uint8Array(MIB).fill(1) });
    assert.equal((hooked as { bytes: Uint8Array }).bytes[MIB - 1], 2);
    await host.unload("large");
    assert.equal(plugin.sharedMemory, undefined);
    assert.deepEqual(unnamedIn(Deno.realPathSync(test.join("."))), []);
  });

  define(`a plugin cannot open the files of shared memory itself [${isolation}]`, async () => {
    await using test = await hostTest();
    const dir = test.join("values");
    await Deno.mkdir(dir);
    const names: string[] = [];
    const watcher = Deno.watchFs(dir);
    const host = await test.open({ isolation, transport: { sharedMemory: { dir } } });
    const plugin = await host.load(await test.bundle("large", LARGE));
    assert.equal(plugin.sharedMemory, 64 * MIB);
    for await (const { paths } of watcher) {
      for (const path of paths) if (!names.includes(path)) names.push(path);
      if (names.length >= 2) break;
    }
    const inside = isolation === "plain" ? names : ["/shared-memory/down", "/shared-memory/up"];
    for (const path of inside) {
      for (const write of [false, true]) {
        await assert.rejects(plugin.call("open", [path, write]), /NotCapable|Requires/, path);
      }
      await assert.rejects(plugin.call("exists", path), /NotCapable|Requires/);
    }
    assert.deepEqual(await plugin.call("states"), ["prompt", "prompt", "prompt"]);
    const bytes = bytesOf(MIB);
    assert.deepEqual(await plugin.call("echo", bytes), bytes);
  });
}

Deno.test("without the option, or where there can be no files, values travel as before", async () => {
  await using test = await hostTest();
  const bundle = await test.bundle("large", LARGE);
  const bytes = bytesOf(2 * MIB);
  const off = await test.open();
  const plugin = await off.load(bundle);
  assert.equal(plugin.sharedMemory, undefined);
  assert.deepEqual(await plugin.call("echo", bytes), bytes);
  await off.close();
  const file = test.join("file");
  await Deno.writeTextFile(file, "");
  for (const dir of [file, test.join("missing"), test.join("with,comma"), "/dev/shm"]) {
    if (dir.includes(",")) await Deno.mkdir(dir);
    // under /dev the process may open nothing without a mount
    const host = await test.open({ transport: { sharedMemory: { dir } } });
    const plugin = await host.load(bundle);
    assert.equal(plugin.sharedMemory, undefined, dir);
    assert.deepEqual(await plugin.call("echo", bytes), bytes);
    await host.close();
  }
  const host = await test.open({ transport: { sharedMemory: true } });
  const control = await host.load(bundle);
  assert.equal(control.sharedMemory, 64 * MIB);
  assert.deepEqual(await control.call("echo", bytes), bytes);
  const [run] = [...Deno.readDirSync(`${test.dataDir}/run`)].filter((entry) => entry.isDirectory);
  const io = `${test.dataDir}/run/${run!.name}/1/io`;
  assert.deepEqual([...Deno.readDirSync(io)], [], "the files have no names");
});

Deno.test("what a file may hold bounds what a sandboxed plugin has", async () => {
  await using test = await hostTest();
  const host = await test.open({
    transport: { sharedMemory: { bytes: 8 * MIB } },
    isolation: "auto",
  });
  const plugin = await host.load(
    await test.bundle("large", LARGE, { limits: { storageBytes: 2 * MIB } }),
  );
  const confined = plugin.sandbox?.launcher !== "plain";
  assert.equal(plugin.sharedMemory, (confined ? 2 : 8) * MIB);
  const bytes = bytesOf(6 * MIB);
  assert.deepEqual(await plugin.call("echo", bytes), bytes);
  assert.deepEqual(await plugin.call("echo", bytesOf(MIB)), bytesOf(MIB));
});

Deno.test("giving up the files' paths leaves what the plugin was granted itself", async () => {
  await using test = await hostTest();
  const dir = test.join("granted");
  await Deno.mkdir(dir);
  await Deno.writeTextFile(`${dir}/note.txt`, "granted");
  const granted = { read: [dir], write: [dir] };
  const host = await test.open({
    transport: { sharedMemory: { dir } },
    policy: { default: { grant: granted } },
  });
  const plugin = await host.load(await test.bundle("large", LARGE, { permissions: granted }));
  assert.equal(plugin.sharedMemory, 64 * MIB);
  assert.equal(await plugin.call("exists", `${dir}/note.txt`), true);
  await plugin.call("open", [`${dir}/note.txt`, true]);
});

Deno.test("processes that are started ahead and plugins that are reloaded have files of their own", async () => {
  await using test = await hostTest();
  const host = await test.open({
    transport: { sharedMemory: true },
    isolation: "auto",
    pool: { size: 1 },
    times: { startTimeoutMs: 60_000 },
  });
  const bundle = await test.bundle("large", LARGE);
  const bytes = bytesOf(MIB);
  for (let round = 0; round < 2; round++) {
    const plugin = await host.load(bundle);
    assert.equal(plugin.sharedMemory, 64 * MIB);
    assert.deepEqual(await plugin.call("echo", bytes), bytes);
    await host.filled();
    await host.unload("large");
  }
  const plugin = await host.load(bundle);
  await host.reload("large");
  assert.deepEqual(await plugin.call("echo", bytes), bytes);
});

const BAD_OPTIONS: readonly [option: unknown, error: typeof TypeError | typeof RangeError][] = [
  [{ bytes: MIB - 1 }, RangeError],
  [{ bytes: 1024 * MIB + 1 }, RangeError],
  [{ bytes: 1.5 * MIB + 0.5 }, RangeError],
  [{ bytes: "64" }, RangeError],
  [{ size: 1 }, TypeError],
  [{ dir: "relative" }, TypeError],
  [{ dir: 1 }, TypeError],
  [1, TypeError],
  [null, TypeError],
];

for (const [option, error] of BAD_OPTIONS) {
  Deno.test(`a host refuses sharedMemory: ${JSON.stringify(option)}`, async () => {
    const sharedMemory = option as boolean;
    await assert.rejects(PluginHost.open({ transport: { sharedMemory } }), error);
  });
}

Deno.test({
  name: "files whose host was killed are removed by the next one, and no others",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using dir = await tempDir();
    await Deno.mkdir(dir.join("run"));
    const old = new Date(Date.now() - 3_600_000);
    const make = (name: string, time = old) => {
      Deno.writeTextFileSync(dir.join(name), "");
      Deno.utimeSync(dir.join(name), time, time);
    };
    make("sallyport-shared-left-down");
    make("sallyport-shared-new-down", new Date());
    make("sallyport-shared-held-up");
    make("something-else");
    await Deno.symlink(dir.join("something-else"), dir.join("sallyport-shared-link-up"));
    using held = Deno.openSync(dir.join("sallyport-shared-held-up"), { write: true });
    held.lockSync(true);
    const memory = new SharedMemory({ bytes: MIB, dir: dir.join(".") });
    const offer = memory.offer(dir.join("run"), false)!;
    assert.deepEqual([offer.down, offer.up].map((path) => Deno.statSync(path).mode! & 0o777), [
      0o600,
      0o600,
    ]);
    offer[Symbol.dispose]();
    assert.deepEqual([...Deno.readDirSync(dir.join("."))].map(({ name }) => name).sort(), [
      "run",
      "sallyport-shared-held-up",
      "sallyport-shared-link-up",
      "sallyport-shared-new-down",
      "something-else",
    ]);
  },
});

Deno.test({
  name: "what a host leaves that is killed while a process starts is removed by the next one",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using dir = await tempDir();
    const program = new URL("../../fixtures/hosts/offers_memory.ts", import.meta.url);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", program.pathname, dir.join(".")],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    const { value } = await output.read();
    assert.equal(new TextDecoder().decode(value), "made\n");
    const old = new Date(Date.now() - 3_600_000);
    const found = filesIn(dir.join("."));
    assert.equal(found.length, 2);
    for (const path of found) Deno.utimeSync(path, old, old);
    const next = () => {
      using offer = new SharedMemory({ bytes: MIB, dir: dir.join(".") }).offer(dir.join("."), true);
      assert.ok(offer !== undefined);
    };
    next();
    assert.deepEqual(filesIn(dir.join(".")), found, "its host lives");
    child.kill("SIGKILL");
    await child.status;
    next();
    assert.deepEqual(filesIn(dir.join(".")), []);
    await output.cancel();
    await child.stdin.close().catch(() => {});
  },
});

Deno.test({
  name: "a host that may not use /dev/shm makes its files in its own folder",
  ignore: Deno.build.os !== "linux",
  permissions: { read: true, write: true },
  async fn() {
    await using dir = await tempDir();
    const run = dir.path;
    assert.equal(new SharedMemory({ bytes: MIB, dir: "/dev/shm" }).offer(run, true), undefined);
    using offer = new SharedMemory({ bytes: MIB, dir: undefined }).offer(run, true);
    assert.equal(offer?.down, `${run}/down`);
    assert.equal(offer.used, undefined, "nobody has opened them");
  },
});

Deno.test({
  name:
    "a host that may makes them in memory for a sandbox, and never where a process may not look",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using dir = await tempDir();
    const memory = new SharedMemory({ bytes: MIB, dir: undefined });
    using plain = memory.offer(dir.path, false);
    assert.equal(plain?.down, `${dir.path}/down`);
    const isThere = await Deno.stat("/dev/shm").then(({ isDirectory }) => isDirectory, () => false);
    await Deno.mkdir(dir.join("run"));
    using mounted = memory.offer(dir.join("run"), true);
    assert.equal(mounted?.down.startsWith("/dev/shm/sallyport-shared-"), isThere);
  },
});

Deno.test({
  name: "what the process could not open is not used, and leaves no file",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const answer of [{}, null, { shared: "true" }, { shared: true }]) {
      await using dir = await tempDir();
      await using pair = connectPair({ onRequest: (_method, params) => params });
      const memory = new SharedMemory({ bytes: 4 * MIB, dir: undefined });
      using offer = memory.offer(dir.path, false)!;
      const { down, up } = offer;
      const isOpened = (answer as { shared?: unknown } | null)?.shared === true;
      const end = (path: string) => ({ path, bytes: 2 * MIB, revoke: false });
      const missing = { down: end(down), up: end(`${up}-elsewhere`) };
      assert.equal(
        enterShared(pair.plugin, isOpened ? { down: end(down), up: end(up) } : missing),
        isOpened,
      );
      const entered = Promise.resolve(answer);
      offer.attach(pair.host, { down: 4 * MIB, up: 2 * MIB }, entered);
      await entered;
      assert.equal(offer.used, isOpened ? 2 * MIB : undefined);
      assert.deepEqual([...Deno.readDirSync(dir.path)], []);
      const bytes = bytesOf(MIB);
      assert.deepEqual(await pair.host.request("test", { bytes }), { bytes });
      const sizes = unnamedIn(Deno.realPathSync(dir.path)).sort((a, b) => a - b);
      // each file is open at both ends
      assert.deepEqual(sizes, isOpened ? [MIB, MIB, MIB, MIB] : []);
      pair.host.close();
      assert.equal(offer.used, undefined);
    }
  },
});
