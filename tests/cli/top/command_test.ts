import assert from "node:assert/strict";
import { scratch } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";
import { hostStatus, pluginStatus, showHost } from "./kit.ts";

const MIB = 1_048_576;

Deno.test("top prints a table of a host's plugins, the busiest first", async () => {
  await using dir = await scratch();
  using host = await showHost(dir.path, "aaaaaaaa");
  await host.tell(hostStatus([
    pluginStatus("word-count", { cpuPercent: 0.4, memoryBytes: 31.4 * MIB, threads: 12 }, {
      memoryLimitBytes: 256 * MIB,
      calls: { total: 900, failed: 2, inFlight: 3, perSecond: 14.26 },
      history: [0, 20, 40],
    }),
    pluginStatus("busy", { cpuPercent: 130.2, memoryBytes: 2.25 * 1_024 * MIB, threads: 40 }, {
      restarts: 2,
      violations: 4,
      history: [160],
    }),
    pluginStatus("broken", {}, {
      state: "quarantined",
      sample: undefined,
      error: { code: "crashed", message: "it ended with exit code 7" },
    }),
  ]));
  const [head, ...lines] = done(await sallyport(["top", "--data-dir", dir.path])).split("\n");
  assert.match(
    head!,
    /^host 4242 {2}sallyport 0\.1\.0 {2}up \d\S*s {2}3 plugins {2}14\.3 calls\/s {2}every 10s {2}\ds ago$/,
  );
  assert.deepEqual(lines, [
    "PLUGIN      VERSION  STATE        CPU%     MEMORY  THR  CALLS/S  WAIT  VIOL  RST  HISTORY",
    "busy        1.2.3    active        130       2.3G   40        0     0     4    2    █",
    "word-count  1.2.3    active        0.4   31M/256M   12     14.3     3     0    0  ▁▂▃",
    "broken      1.2.3    quarantined     -          -    -        0     0     0    0",
    "broken: crashed: it ended with exit code 7",
    "",
  ]);
});

for (
  const [by, expected] of [
    ["cpu", ["b", "a", "c"]],
    ["memory", ["a", "c", "b"]],
    ["calls", ["c", "a", "b"]],
    ["name", ["a", "b", "c"]],
  ] as const
) {
  Deno.test(`top --sort ${by} decides what comes first`, async () => {
    await using dir = await scratch();
    using host = await showHost(dir.path, "aaaaaaaa");
    const calls = { total: 0, failed: 0, inFlight: 0, perSecond: 0 };
    await host.tell(hostStatus([
      pluginStatus("a", { cpuPercent: 1, memoryBytes: 9 }),
      pluginStatus("b", { cpuPercent: 2 }),
      pluginStatus("c", { memoryBytes: 1 }, { calls: { ...calls, perSecond: 1 } }),
    ]));
    const args = ["top", "--data-dir", dir.path, "--sort", by];
    const { hosts } = document(await inProcess([...args, "--json"]));
    const named = hosts[0].status.plugins.map(({ name }: { name: string }) => name);
    assert.deepEqual(named, expected);
    const rows = done(await inProcess(args)).split("\n").slice(2, 5).map((line) => line[0]);
    assert.deepEqual(rows, expected);
  });
}

Deno.test("top --once --json prints one document with all that a host publishes", async () => {
  await using dir = await scratch();
  using host = await showHost(dir.path, "aaaaaaaa");
  const status = hostStatus([pluginStatus("a", { cpuPercent: 1, fileDescriptors: 17 })]);
  await host.tell(status);
  const outcome = await sallyport(["top", "--data-dir", `${dir.path}/`, "--once", "--json"]);
  const { time, hosts: [only, ...others], ...rest } = document(outcome);
  assert.ok(Date.parse(time) >= Date.parse(status.time));
  assert.deepEqual(others, []);
  assert.deepEqual(rest, { dataDir: dir.path, leftBehind: [] });
  const { ageMs, ...told } = only;
  assert.ok(ageMs >= 0);
  assert.deepEqual(told, { run: "aaaaaaaa", file: host.file, stale: false, status });
});

Deno.test("top without a host that lives exits 1 and says what to do", async () => {
  await using dir = await scratch();
  await Deno.mkdir(`${dir.path}/run`);
  const args = ["top", "--data-dir", dir.path, "--json"];
  const error = failed(await inProcess(args), "bad-state");
  assert.match(error.message, /no host runs there$/);
  assert.match(error.hint, /--data-dir/);
  // a host that was killed leaves its files, and its lock is free
  {
    using host = await showHost(dir.path, "aaaaaaaa");
    await host.tell(hostStatus([pluginStatus("a")]));
    assert.equal(document(await inProcess(args)).hosts.length, 1);
  }
  const left = failed(await inProcess(args), "bad-state");
  assert.match(left.message, /only 1 run left behind by hosts that are gone/);
});

Deno.test("top ignores what a host that is gone has left, and says so", async () => {
  await using dir = await scratch();
  const gone = await showHost(dir.path, "aaaaaaaa");
  await gone.tell(hostStatus([pluginStatus("ghost")]));
  gone[Symbol.dispose]();
  using host = await showHost(dir.path, "bbbbbbbb");
  await host.tell(hostStatus([pluginStatus("alive")]));
  // a lock that is just being made is nobody's yet
  await Deno.writeTextFile(`${dir.path}/run/cccccccc.lock.new`, "");
  const text = done(await inProcess(["top", "--data-dir", dir.path]));
  assert.match(text, /^alive /m);
  assert.doesNotMatch(text, /ghost/);
  assert.match(text, /^1 run of a host that is gone is ignored/m);
  const { hosts, leftBehind } = document(
    await inProcess(["top", "--data-dir", dir.path, "--json"]),
  );
  assert.deepEqual(hosts.map(({ run }: { run: string }) => run), ["bbbbbbbb"]);
  assert.deepEqual(leftBehind, ["aaaaaaaa"]);
  assert.ok(await Deno.stat(gone.file), "and leaves it to the next host to remove it");
});

Deno.test("top shows several hosts of one data folder", async () => {
  await using dir = await scratch();
  using first = await showHost(dir.path, "aaaaaaaa");
  using second = await showHost(dir.path, "bbbbbbbb");
  await first.tell(hostStatus([pluginStatus("a")]));
  await second.tell(hostStatus([]));
  const lines = done(await inProcess(["top", "--data-dir", dir.path])).split("\n");
  assert.equal(lines.filter((line) => line.startsWith("host 4242")).length, 2);
  assert.ok(lines.includes("No plugins"));
});

for (
  const [what, ms, expected] of [
    ["of two intervals is fresh", 2_000, undefined],
    [
      "older than three intervals is stale",
      3_500,
      /^stale: nothing new for [34]\S*s, although it/m,
    ],
    ["from the future is stale", -3_600_000, /^stale: its clock is (1h|59m \d+s) ahead of ours$/m],
  ] as const
) {
  Deno.test(`a status ${what}`, async () => {
    await using dir = await scratch();
    using host = await showHost(dir.path, "aaaaaaaa");
    const time = new Date(Date.now() - ms).toISOString();
    await host.tell(hostStatus([pluginStatus("a")], { time, intervalMs: 1_000 }));
    const text = done(await inProcess(["top", "--data-dir", dir.path]));
    if (expected === undefined) assert.doesNotMatch(text, /stale/);
    else assert.match(text, expected);
    const { hosts } = document(await inProcess(["top", "--data-dir", dir.path, "--json"]));
    assert.equal(hosts[0].stale, expected !== undefined);
  });
}

const WHOLE = JSON.stringify(hostStatus([pluginStatus("a")]));

for (
  const [what, content, expected] of [
    ["that is cut", WHOLE.slice(0, -9), /is not JSON/],
    ["with a key twice", WHOLE.replace("{", '{"schema":1,'), /has the key "schema" twice/],
    ["with a field that nobody knows", WHOLE.replace("{", '{"x":1,'), /x: unknown field/],
    ["of a later form", WHOLE.replace('"schema":1', '"schema":2'), /form 2/],
    [
      "with a state that there is not",
      WHOLE.replace('"active"', '"\\u001b[2J"'),
      /plugins\[0\]\.state: must be "available" or/,
    ],
    ["with a figure below zero", WHOLE.replace('"elapsedMs":1000', '"elapsedMs":-1'), /elapsedMs/],
    ["that is no object", "null", /must be an object/],
    ["larger than 4 MiB", " ".repeat(4 * MIB + 1), /larger than 4194304 bytes/],
  ] as const
) {
  Deno.test(`top says that a status ${what} cannot be read, and shows the others`, async () => {
    await using dir = await scratch();
    using bad = await showHost(dir.path, "aaaaaaaa");
    using good = await showHost(dir.path, "bbbbbbbb");
    await bad.tell(content);
    await good.tell(hostStatus([pluginStatus("fine")]));
    const text = done(await inProcess(["top", "--data-dir", dir.path]));
    assert.match(text, /^host aaaaaaaa: its status cannot be read: /);
    assert.match(text, /^fine /m);
    assert.ok(!text.includes("\u001b"));
    const { hosts } = document(await inProcess(["top", "--data-dir", dir.path, "--json"]));
    assert.match(hosts[0].problem, expected);
    assert.equal(hosts[0].status, undefined);
  });
}

Deno.test({
  name: "top follows no link and waits for no fifo",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using dir = await scratch();
    using linked = await showHost(dir.path, "aaaaaaaa");
    using piped = await showHost(dir.path, "bbbbbbbb");
    await Deno.writeTextFile(`${dir.path}/secret`, WHOLE);
    await Deno.symlink(`${dir.path}/secret`, linked.file);
    for (const path of [piped.file, `${dir.path}/run/cccccccc.lock`]) {
      assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    }
    const { hosts } = document(await inProcess(["top", "--data-dir", dir.path, "--json"]));
    assert.match(hosts[0].problem, /cannot be read/);
    assert.match(hosts[1].problem, /not a regular file/);
    assert.equal(hosts.length, 2);
  },
});

Deno.test("top says that a host has not published its status", async () => {
  await using dir = await scratch();
  using _host = await showHost(dir.path, "aaaaaaaa");
  const text = done(await inProcess(["top", "--data-dir", dir.path]));
  assert.equal(text, "host aaaaaaaa: it has not published its status\n");
});

Deno.test("what a plugin is called and says cannot act on the terminal", async () => {
  await using dir = await scratch();
  using host = await showHost(dir.path, "aaaaaaaa");
  const hostile = "a\u001b[2J\u202eb\u009b1m\n中e\u0301";
  await host.tell(hostStatus([
    pluginStatus(hostile, {}, {
      version: hostile,
      state: "untrusted",
      error: { code: "untrusted", message: hostile },
    }),
  ], { host: { pid: 1, startedAt: new Date().toISOString(), version: hostile } }));
  for (const form of [[], ["--json"]]) {
    const text = done(await inProcess(["top", "--data-dir", dir.path, ...form]));
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
  const lines = done(await inProcess(["top", "--data-dir", dir.path])).split("\n");
  assert.match(lines[2]!, /^a\\u001b\[2J\\u202eb\\u009b1m\\n\\u\{4e2d\}e\\u\{0301\} {2}/);
});

Deno.test("top refuses what is no data folder, and wrong usage", async () => {
  await using dir = await scratch();
  const args = (...more: string[]) => ["top", "--data-dir", dir.path, "--json", ...more];
  const error = failed(await inProcess(args()), "bad-config");
  assert.match(error.message, /it is no data folder of a host/);
  failed(await inProcess(["top", "--data-dir", `${dir.path}/gone`, "--json"]), "bad-config");
  await Deno.writeTextFile(`${dir.path}/run`, "");
  failed(await inProcess(args()), "bad-config");
  for (const bad of ["99", "3600001", "1e3", "-1", "x", ""]) {
    failed(await inProcess(args("--interval", bad)), "usage", 2);
  }
  failed(await inProcess(args("--sort", "pid")), "usage", 2);
  failed(await inProcess(args("more")), "usage", 2);
});
