// What starts admitted plugins, with processes that are objects: bundles, keys, folders and the store are real.
import assert from "node:assert/strict";
import { BundleStore } from "../../../src/bundle/store/store.ts";
import { Admission } from "../../../src/host/admission/admit.ts";
import { DataDir } from "../../../src/host/data/data_dir.ts";
import type { EmptyProcess, EmptyProcessOptions } from "../../../src/host/process/empty_process.ts";
import type { RequestHandlers } from "../../../src/host/process/plugin_requests.ts";
import { ProcessStarter } from "../../../src/host/process/process_starter.ts";
import { parseHostOptions } from "../../../src/host/settings/host_options.ts";
import { silentLogger } from "../../../src/log.ts";
import { openLaunchers } from "../../../src/sandbox/launchers.ts";
import { makeBundle, makeKeys, signDir, tempDir } from "../../helpers/signing.ts";

const HANDLERS = {} as RequestHandlers;
const OFFERS = { protocol: 1, methods: [], hooks: [], snapshot: false };

/** A process that has entered its sandbox and answers `initialize`. */
class FakeEmpty {
  readonly asked: string[] = [];
  readonly child = { pid: 1, status: undefined, stderr: { text: () => "" } };
  readonly handlers = { uncaught: undefined };
  readonly entered = Promise.resolve();
  readonly contained = Promise.resolve({ launcher: "plain", missing: [] });
  readonly ended: Promise<void>;
  readonly connection;
  isAlive = true;
  adopted: string | undefined;
  #end: () => void;

  constructor(readonly launch: EmptyProcessOptions["launch"]) {
    ({ promise: this.ended, resolve: this.#end } = Promise.withResolvers<void>());
    this.connection = {
      request: (method: string) => {
        this.asked.push(method);
        return Promise.resolve(OFFERS);
      },
    };
  }

  adopt(name: string): void {
    this.adopted = name;
  }

  expectEnd(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isAlive) await this.launch[Symbol.asyncDispose]();
    this.isAlive = false;
    this.#end();
  }
}

async function scene(pool: number, showsPresent = true) {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const keys = await makeKeys();
  const settings = await parseHostOptions({
    dataDir: dir.join("data"),
    keys: [keys.hex],
    isolation: "plain",
    transport: { lane: "stdio" },
    logger: silentLogger,
    pool: { size: pool },
  });
  const data = stack.use(await DataDir.open(settings.dataDir));
  const launchers = stack.use(
    await openLaunchers({
      isolation: "plain",
      executable: settings.executable,
      scratchDir: data.scratch,
    }),
  );
  const admission = new Admission(settings, data, launchers);
  const store = new BundleStore(data.store);
  const made: FakeEmpty[] = [];
  const starter = stack.use(
    new ProcessStarter({
      settings,
      data,
      store,
      launchers,
      startEmpty(options) {
        const launch = { ...options.launch, showsPresent: () => showsPresent };
        made.push(new FakeEmpty(launch));
        return Promise.resolve(made.at(-1) as unknown as EmptyProcess);
      },
    }),
  );
  stack.defer(async () => {
    for (const process of made) await process[Symbol.asyncDispose]();
  });
  return {
    made,
    starter,
    store,
    async prepare(name: string) {
      const bundle = dir.join(name);
      await makeBundle(bundle, undefined, { name });
      await signDir(bundle, keys);
      return await admission.admit(await admission.verify(bundle));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

Deno.test("ProcessStarter stores a bundle, then starts a process and tells it of its plugin", async () => {
  await using it = await scene(0);
  const prepared = await it.prepare("one");
  await it.starter.start(prepared, HANDLERS);
  assert.deepEqual(it.made.map(({ adopted, asked }) => [adopted, asked]), [["one", [
    "initialize",
  ]]]);
  assert.ok(Deno.statSync(it.store.locate(prepared.verified.bundleHash)).isDirectory);
});

Deno.test("ProcessStarter puts the stored copy right, and starts nothing that was not admitted", async () => {
  await using it = await scene(1);
  const prepared = await it.prepare("one");
  await Deno.mkdir(it.store.locate(prepared.verified.bundleHash), { recursive: true });
  await Deno.writeTextFile(`${it.store.locate(prepared.verified.bundleHash)}/more.ts`, "");
  await it.starter.start(prepared, HANDLERS); // put right, and started from what was verified
  const left = [...Deno.readDirSync(it.store.locate(prepared.verified.bundleHash))];
  assert.ok(!left.some(({ name }) => name === "more.ts"));
  await assert.rejects(it.starter.start({ ...prepared } as never, HANDLERS), TypeError);
  assert.equal(it.made.length, 1);
});

Deno.test("ProcessStarter uses a pooled process once, for the same plugin under plain", async () => {
  await using it = await scene(2);
  const one = await it.prepare("one");
  await it.starter.start(one, HANDLERS);
  await it.starter.filled();
  assert.deepEqual(it.made.map(({ adopted }) => adopted), ["one", undefined]);
  await it.starter.start(one, HANDLERS);
  assert.deepEqual(it.made.map(({ adopted }) => adopted), ["one", "one"]);
  await it.starter.start(await it.prepare("two"), HANDLERS);
  assert.equal(it.made.at(-1)?.adopted, "two", "its bundle is elsewhere");
});

Deno.test("ProcessStarter ends a pooled process that has died or shows what is not there any more", async () => {
  await using it = await scene(1);
  const one = await it.prepare("one");
  await it.starter.start(one, HANDLERS);
  await it.starter.filled();
  const [, pooled] = it.made;
  pooled!.launch.showsPresent = () => false;
  await it.starter.start(one, HANDLERS);
  assert.deepEqual([pooled!.isAlive, pooled!.adopted], [false, undefined]);
  assert.equal(it.made.at(-1)?.adopted, "one");
});

Deno.test("ProcessStarter pools nothing where it cannot tell what a process is shown", async () => {
  await using it = await scene(1, false);
  const one = await it.prepare("one");
  for (let start = 0; start < 3; start++) {
    await it.starter.start(one, HANDLERS);
    await it.starter.filled();
  }
  const idle = it.made.filter(({ adopted, isAlive }) => adopted === undefined && isAlive);
  assert.deepEqual(idle, []);
});
