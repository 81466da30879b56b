import assert from "node:assert/strict";
import { processesWith } from "./processes.ts";

const HOST = new URL("host.ts", import.meta.url).href;

function start(dir: string, mode: string, flags: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-lock", "--quiet", ...flags, HOST, dir, mode],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function run(dir: string, flags: string[]): Promise<Record<string, string>> {
  const { stdout, stderr } = await start(dir, "try", flags).output();
  const text = new TextDecoder().decode(stdout);
  assert.notEqual(text, "", new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

Deno.test("services need read and write on their folder, and the database the permission to run deno", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  try {
    const files = [`--allow-read=${dir}`, `--allow-write=${dir}`];
    const full = [...files, `--allow-run=${Deno.execPath()}`];
    const works = { config: "ok", log: "ok", kv: "ok", database: "ok" };
    assert.deepEqual(await run(dir, full), works);
    const { database, ...others } = await run(dir, files);
    assert.match(database!, /^bad-config: .*may not run deno/);
    assert.deepEqual(others, { config: "ok", log: "ok", kv: "ok" });
    const nothing = await run(dir, []);
    assert.deepEqual([nothing.config, nothing.log], ["ok", "ok"]);
    assert.notEqual(nothing.kv, "ok");
    assert.notEqual(nothing.database, "ok");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test({
  name: "a query without end does not outlive a host that was killed",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const dir = await Deno.realPath(await Deno.makeTempDir());
    const host = start(dir, "endless", ["-A"]);
    const reader = host.stdout.getReader();
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), "running\n");
    const pids = (await processesWith(`${dir}/`)).filter((pid) => pid !== host.pid);
    assert.equal(pids.length, 1, "control: the database process runs");
    host.kill("SIGKILL");
    await host.status;
    await reader.cancel();
    await host.stderr.cancel();
    const deadline = performance.now() + 5_000;
    while ((await processesWith(`${dir}/`)).length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(await processesWith(`${dir}/`), []);
    await Deno.remove(dir, { recursive: true });
  },
});
