/** The real thing on this machine, and on this machine with something taken away from it. */
import assert from "node:assert/strict";
import { gatherFacts } from "../../../src/doctor/facts.ts";
import { tryStart } from "../../../src/cli/doctor/start.ts";
import { scratch } from "../bundles.ts";
import { failed, inProcess, type Outcome, sallyport } from "../sallyport.ts";
import { writeProgram } from "../../helpers/process.ts";

const MAIN = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const REQUIRED = Deno.env.get("REQUIRE_SANDBOX") === "1";
const ON_LINUX = Deno.build.os === "linux";

interface Layer {
  name: string;
  status: "ok" | "warn" | "no";
  detail: string;
  remedy?: { what: string; lines: string[] };
}

// deno-lint-ignore no-explicit-any
function read({ code, stdout, stderr }: Outcome): any {
  assert.equal(stderr, "");
  const document = JSON.parse(stdout);
  assert.equal(code, document.complete ? 0 : 1, "the exit code says whether all is there");
  return document;
}

function layerOf(document: { layers: Layer[] }, name: string): Layer {
  return document.layers.find((layer) => layer.name === name)!;
}

/** Runs doctor beneath a shell script that has first taken something from the machine. */
async function sallyportAfter(script: string, flags: string[] = ["-A"]): Promise<Outcome> {
  const run = [Deno.execPath(), "run", "--no-lock", "--no-prompt", "--config", CONFIG, ...flags];
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--user", "--map-root-user", "--mount", "sh", "-ec", `${script}\nexec "$@"`, "sh"]
      .concat(run, MAIN, "doctor", "--json"),
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

async function mayUnshare(): Promise<boolean> {
  if (!ON_LINUX) return false;
  try {
    const { success } = await new Deno.Command("unshare", {
      args: ["--user", "--map-root-user", "--mount", "true"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false; // not installed
  }
}

const UNSHARES = REQUIRED || await mayUnshare();

Deno.test("doctor --json reports every layer of this machine in one document", async () => {
  const document = read(await sallyport(["doctor", "--json"]));
  assert.equal(layerOf(document, "plugin start").status, "ok");
  assert.deepEqual(Object.keys(document), [
    "platform",
    "layers",
    "isolation",
    "auto",
    "launcher",
    "require",
    "complete",
    "missing",
  ]);
  assert.equal(document.platform.os, Deno.build.os);
  assert.equal(document.isolation, "auto");
  assert.equal(document.launcher, document.auto);
  const names = document.layers.map(({ name }: Layer) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, status, detail } of document.layers as Layer[]) {
    assert.ok(["ok", "warn", "no"].includes(status), name);
    assert.notEqual(detail, "", name);
  }
  for (const name of document.missing) assert.notEqual(layerOf(document, name).status, "ok");
  if (document.require.works) assert.notEqual(document.auto, "plain");
  else assert.equal(document.require.code, "bad-config");
  if (!REQUIRED) return;
  // what a machine hands to an unprivileged user besides is up to it
  const may = (name: string) => name === "host user" || /^cgroup(?! namespace)/.test(name);
  for (const { name, status } of document.layers as Layer[]) {
    if (!may(name)) assert.equal(status, "ok", name);
  }
  assert.equal(document.auto, "bwrap");
  if (Deno.uid() === 0) assert.deepEqual([document.complete, document.require.works], [true, true]);
});

Deno.test("doctor prints a table for people that fits 80 columns, and leaves nothing behind", async () => {
  await using dir = await scratch();
  const { code, stdout, stderr } = await sallyport(["doctor"], { env: { TMPDIR: dir.path } });
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
  assert.ok(code === 0 || code === 1, stderr);
  assert.equal(stderr, "");
  const lines = stdout.split("\n");
  const table = lines.slice(0, lines.indexOf(""));
  for (const line of table) {
    assert.match(line, /^(?:ok {2}|warn|no {2}| {4}) {2}\S|^ {20,}\S/);
    assert.ok(line.length <= 80, line);
  }
  assert.match(stdout, /^isolation "auto" /m);
  assert.match(stdout, /^with require: true a host /m);
});

Deno.test("doctor --isolation plain says that nothing but Deno's flags holds", async () => {
  const document = read(await inProcess(["doctor", "--isolation", "plain", "--json"]));
  assert.deepEqual([document.isolation, document.launcher], ["plain", "plain"]);
  assert.equal(document.complete, false);
  assert.equal(document.require.works, false);
  const { stdout } = await inProcess(["doctor", "--isolation", "plain"]);
  assert.match(stdout, /^plugins would be held by Deno's flags only$/m);
});

Deno.test("doctor refuses an unknown mode and arguments as wrong usage", async () => {
  const error = failed(await inProcess(["doctor", "--isolation", "vm", "--json"]), "usage", 2);
  assert.match(error.message, /auto, bwrap, unshare, plain/);
  failed(await inProcess(["doctor", "here", "--json"]), "usage", 2);
});

Deno.test("doctor without any permission says what it may not look at, and asks for nothing", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--no-prompt", MAIN, "doctor", "--json"],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const document = read({ code, stdout: text.decode(stdout), stderr: text.decode(stderr) });
  assert.equal(code, 1);
  const permissions = layerOf(document, "host permissions");
  assert.match(permissions.detail, /--allow-read.*--allow-run/);
  assert.match(layerOf(document, "data folder").detail, /^not seen: needs --allow-read/);
  if (!ON_LINUX) return;
  for (const name of ["user namespace", "seccomp", "private /proc", "cgroup"]) {
    assert.match(layerOf(document, name).detail, /^not seen: /, name);
    assert.ok(document.missing.includes(name), name);
  }
});

Deno.test(
  "doctor says so where plugins do not start: a deno that is too old, one that fails",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using dir = await scratch();
    const program = `${dir.path}/deno`;
    const doctor = async (answer: string) => {
      await writeProgram(program, answer);
      const outcome = await sallyport(["doctor", "--isolation", "plain", "--json"], {
        env: { SALLYPORT_DENO: program },
      });
      const document = read(outcome);
      assert.equal(outcome.code, 1);
      return (name: string) => layerOf(document, name);
    };
    const control = await doctor(`exec ${Deno.execPath()} "$@"`);
    assert.deepEqual([control("deno").status, control("plugin start").status], ["ok", "ok"]);

    const old = await doctor(`echo '["2.8.3","${program}"]'`);
    assert.equal(old("deno").status, "no");
    assert.match(old("deno").detail, /needs Deno \S+ or later, this is 2\.8\.3$/);
    assert.match(old("deno").remedy!.what, /upgrade/);
    assert.equal(old("plugin start").status, "no");

    const broken = await doctor(
      `[ "$1" = eval ] || { echo "error: invalid port" >&2; exit 1; }
       echo '["${Deno.version.deno}","${program}"]'`,
    );
    assert.deepEqual([broken("deno").status, broken("plugin start").status], ["ok", "no"]);
    assert.match(broken("plugin start").detail, /: error: invalid port$/);
    const { stdout } = await sallyport(["doctor"], { env: { SALLYPORT_DENO: program } });
    assert.match(stdout, /^no plugin would run$/m);
  },
);

Deno.test({
  name: "doctor sees that user namespaces are used up (needs unshare)",
  ignore: !UNSHARES,
  async fn() {
    const control = read(await sallyportAfter(":"));
    assert.equal(layerOf(control, "user namespace").status, "ok");
    const document = read(await sallyportAfter("echo 0 >/proc/sys/user/max_user_namespaces"));
    const { status, remedy } = layerOf(document, "user namespace");
    assert.equal(status, "no");
    assert.match(remedy!.lines.join("\n"), /user\.max_user_namespaces=15000/);
    assert.equal(layerOf(document, "bwrap").status, "no");
    assert.deepEqual([document.auto, document.require.works], ["plain", false]);
  },
});

Deno.test({
  name: "doctor sees that bwrap is not to be had, and what takes its place (needs unshare)",
  ignore: !UNSHARES,
  async fn() {
    const document = read(await sallyportAfter("mount --bind /dev/null /usr/bin/bwrap"));
    const { status, detail } = layerOf(document, "bwrap");
    assert.equal(status, "warn");
    assert.match(detail, /plugins run under unshare without it$/);
    assert.equal(document.auto, "unshare");
    assert.equal(layerOf(document, "pid namespace").detail, "one of its own, by unshare");
  },
});

Deno.test({
  name: "doctor sees a /proc that is masked, as containers have it (needs unshare)",
  ignore: !UNSHARES,
  async fn() {
    const document = read(await sallyportAfter("mount -t tmpfs -o ro none /proc/irq"));
    assert.equal(layerOf(document, "private /proc").status, "no");
    assert.equal(
      layerOf(document, "pid namespace").status,
      "ok",
      "the namespace itself is to be had",
    );
    assert.ok(document.missing.includes("private /proc"));
  },
});

Deno.test("doctor looks for sockets where a host with a long path has them", async () => {
  await using dir = await scratch();
  const deep = `${dir.path}/${"x".repeat(60)}`;
  await Deno.mkdir(deep);
  const document = read(await sallyport(["doctor", "--json"], { env: { TMPDIR: deep } }));
  assert.equal(layerOf(document, "egress proxy").status, "ok");
  assert.match(layerOf(document, "egress proxy").detail, /path in \/.* has \d+ bytes/);
});

Deno.test(
  "gatherFacts() tries the launcher that it is asked about",
  { ignore: !UNSHARES },
  async () => {
    const { probes, choice } = await gatherFacts("unshare", tryStart);
    assert.equal(probes["net namespace"].detail, "one of its own, by unshare");
    assert.equal(choice.mode, "unshare");
  },
);
