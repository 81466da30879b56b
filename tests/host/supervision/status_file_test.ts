import assert from "node:assert/strict";
import { parseStatus } from "../../../src/cli/top/status.ts";
import {
  encodeStatus,
  type HostStatus,
  MAX_STATUS_BYTES,
  MAX_STATUS_PLUGINS,
  type PluginStatus,
  StatusFile,
} from "../../../src/host/supervision/status_file.ts";
import type { Logger } from "../../../src/log.ts";
import { until } from "../../helpers/process.ts";
import { tempDir } from "../../helpers/signing.ts";

const TIME = "2027-01-31T12:00:00.000Z";

function plugin(name: string, more: Partial<PluginStatus> = {}): PluginStatus {
  return {
    name,
    state: "active",
    restarts: 0,
    violations: 0,
    calls: { total: 0, failed: 0, inFlight: 0, perSecond: 0 },
    ...more,
  };
}

function status(plugins: readonly PluginStatus[] = [], version = "1.0.0"): HostStatus {
  const host = { pid: 7, startedAt: TIME, version };
  return { schema: 1, host, time: TIME, intervalMs: 1_000, plugins };
}

function warnings(): { logger: Logger; messages: string[] } {
  const messages: string[] = [];
  const take = (message: string) => void messages.push(message);
  return { logger: { debug: take, info: take, warn: take, error: take }, messages };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

Deno.test("publish() writes a private file that says what the status says", async () => {
  await using dir = await tempDir();
  await using file = new StatusFile(dir.path);
  const sample = {
    time: TIME,
    plugin: "a",
    version: "1.2.3",
    bundleHash: "ab".repeat(64),
    pid: 8,
    sources: { memoryBytes: "cgroup", threads: "proc" } as const,
    elapsedMs: 999.5,
    memoryBytes: 4_096,
    threads: 3,
    cpuPercent: 12.5,
  };
  const told = status([
    plugin("a", {
      version: "1.2.3",
      bundleHash: "ab".repeat(64),
      pid: 8,
      sandbox: "bwrap",
      calls: { total: 9, failed: 1, inFlight: 2, perSecond: 0.5 },
      memoryLimitBytes: 8_192,
      sample,
      history: [0, 12.5],
    }),
    plugin("b", { state: "failed", error: { code: "crashed", message: "exit code 7" } }),
  ]);
  file.publish(told);
  await until(() => exists(file.path), "the file");
  assert.deepEqual(parseStatus(await Deno.readFile(file.path)), told);
  if (Deno.build.os !== "windows") {
    assert.equal((await Deno.stat(file.path)).mode! & 0o777, 0o600);
  }
});

Deno.test("publish() writes the first and the last of many in a row, and builds no other", async () => {
  await using dir = await tempDir();
  await using file = new StatusFile(dir.path);
  const built: number[] = [];
  for (let index = 0; index < 100; index++) {
    file.publish(() => {
      built.push(index);
      return status([], `${index}`);
    });
  }
  const version = async () => parseStatus(await Deno.readFile(file.path)).host.version;
  await until(async () => await exists(file.path) && await version() === "99", "the last one");
  assert.deepEqual(built, [0, 99]);
});

Deno.test("publish() leaves 200 ms between two writes", async () => {
  await using dir = await tempDir();
  await using file = new StatusFile(dir.path);
  const at: number[] = [];
  while (at.length < 4) {
    const before = at.length;
    file.publish(() => {
      at.push(performance.now());
      return status();
    });
    await until(() => at.length > before, "the next write");
  }
  for (let index = 1; index < at.length; index++) {
    // a timer may be a little early
    assert.ok(at[index]! - at[index - 1]! > 195, at.join());
  }
});

Deno.test("a reader never sees a part of a status", async () => {
  await using dir = await tempDir();
  await using file = new StatusFile(dir.path);
  const plugins = Array.from({ length: 500 }, (_, index) => plugin(`p${index}`));
  let written = 0;
  const publish = () =>
    file.publish(() => {
      written++;
      return status(plugins.slice(0, written % 2 === 0 ? 500 : 1));
    });
  publish();
  await until(() => exists(file.path), "the file");
  let read = 0;
  await until(async () => {
    publish();
    parseStatus(await Deno.readFile(file.path));
    read++;
    return written >= 5;
  }, "five writes");
  assert.ok(read > 0);
});

Deno.test("a folder that cannot be written is logged once, and written when it can be", async () => {
  await using dir = await tempDir();
  const { logger, messages } = warnings();
  await using file = new StatusFile(dir.join("run"), { logger });
  let built = 0;
  const publish = () =>
    file.publish(() => {
      built++;
      return status();
    });
  for (let tries = 1; tries <= 3; tries++) {
    publish();
    await until(() => built === tries, "a try");
  }
  await until(() => messages.length > 0, "the warning");
  await Deno.mkdir(dir.join("run"));
  publish();
  await until(() => exists(file.path), "the file");
  await Deno.remove(dir.join("run"), { recursive: true });
  publish();
  await until(() => built === 5, "another failure");
  await file[Symbol.asyncDispose]();
  assert.deepEqual(messages, [
    "Cannot write the status of the host: the command top shows an old one",
  ]);
});

Deno.test("neither a status that cannot be built nor a logger that throws reaches the host", async () => {
  await using dir = await tempDir();
  const { logger } = warnings();
  let told = 0;
  await using file = new StatusFile(dir.path, {
    logger: {
      ...logger,
      warn() {
        told++;
        throw new Error("no log either");
      },
    },
  });
  file.publish(() => {
    throw new Error("no status");
  });
  await until(() => told === 1, "the warning");
  file.publish(status());
  await until(() => exists(file.path), "the next status");
});

Deno.test({
  name: "a link that stands where the file is made is not followed",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using dir = await tempDir();
    const { logger, messages } = warnings();
    await Deno.writeTextFile(dir.join("other"), "mine");
    await using file = new StatusFile(dir.path, { logger });
    await Deno.symlink(dir.join("other"), `${file.path}.new`);
    await Deno.symlink(dir.join("other"), file.path);
    file.publish(status());
    await until(() => messages.length === 1, "the refusal");
    file.publish(status());
    await until(async () => (await Deno.lstat(file.path)).isFile, "the next one");
    assert.equal(await Deno.readTextFile(dir.join("other")), "mine");
  },
});

Deno.test("dispose removes the file, and nothing is written after it", async () => {
  await using dir = await tempDir();
  const file = new StatusFile(dir.path);
  file.publish(status());
  await until(() => exists(file.path), "the file");
  file.publish(status()); // waits for its turn
  await file[Symbol.asyncDispose]();
  file.publish(() => assert.fail("it was built"));
  await file[Symbol.asyncDispose]();
  assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.path)), []);
});

Deno.test("dispose waits for what is being written", async () => {
  await using dir = await tempDir();
  const file = new StatusFile(dir.path);
  file.publish(status());
  await file[Symbol.asyncDispose]();
  assert.deepEqual(await Array.fromAsync(Deno.readDir(dir.path)), []);
});

Deno.test("a status that waits for its turn does not keep the process alive", async () => {
  await using dir = await tempDir();
  const module = new URL("../../../src/host/supervision/status_file.ts", import.meta.url);
  const script = dir.join("main.ts");
  await Deno.writeTextFile(
    script,
    // time stands still, so that the second has its wait before it however slow the first was
    `performance.now = () => 1_000;
     const { StatusFile } = await import(${JSON.stringify(module.href)});
     const file = new StatusFile(${JSON.stringify(dir.path)});
     const status = ${JSON.stringify(status())};
     file.publish(() => (console.log("first"), status));
     file.publish(() => (console.log("second"), status));`,
  );
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", "--config", config, script],
  }).output();
  assert.equal(code, 0);
  assert.equal(new TextDecoder().decode(stdout), "first\n");
});

Deno.test("encodeStatus() leaves plugins out beyond 1,000 and says how many", () => {
  const plugins = Array.from({ length: 1_203 }, (_, index) => plugin(`p${index}`));
  const read = parseStatus(encodeStatus(status(plugins)));
  assert.equal(read.plugins.length, MAX_STATUS_PLUGINS);
  assert.equal(read.omitted, 203);
});

Deno.test("encodeStatus() cuts long texts, an old past, and figures that are none", () => {
  const history = [...new Array<number>(50).fill(1), Number.NaN, ...new Array<number>(40).fill(2)];
  const read = parseStatus(encodeStatus(status([
    plugin("null".repeat(200), {
      history,
      calls: { total: 1, failed: 0, inFlight: 0, perSecond: 1 / 3 },
      memoryLimitBytes: Infinity,
      error: { code: "crashed", message: "x".repeat(9_999) },
    }),
  ])));
  const [only] = read.plugins;
  assert.equal(only!.name.length, 255);
  assert.equal(only!.error!.message.length, 500);
  assert.deepEqual(only!.history, [...new Array(19).fill(1), ...new Array(40).fill(2)]);
  assert.ok(!("memoryLimitBytes" in only!));
});

Deno.test("encodeStatus() keeps below 4 MiB whatever plugins are called", () => {
  const name = "\u0000".repeat(255); // six bytes a character
  const message = "\u0000".repeat(500);
  const plugins = Array.from({ length: 1_000 }, () =>
    plugin(name, {
      history: new Array<number>(60).fill(1234.5),
      error: { code: "crashed", message },
    }));
  const bytes = encodeStatus(status(plugins));
  assert.ok(bytes.length <= MAX_STATUS_BYTES);
  const read = parseStatus(bytes);
  assert.ok(read.plugins.length >= 100);
  assert.equal(read.plugins.length + read.omitted!, 1_000);
});
