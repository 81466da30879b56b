import assert from "node:assert/strict";
import { hostName, isOrphaned, ownIdentity } from "../../../src/sandbox/cgroup/groups/host_name.ts";

const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "isOrphaned() is true only of a process of this pid namespace that is gone",
  ignore,
  async fn() {
    const self = ownIdentity();
    assert.equal(self.pid, Deno.pid);
    assert.equal(isOrphaned(hostName(self), self), false);
    assert.equal(isOrphaned(`${hostName(self)}-plugin-1.scope`, self), false);
    const reused = { ...self, started: `${Number(self.started) + 1}` };
    assert.equal(isOrphaned(hostName(reused), self), true, "the id was given to another process");
    assert.equal(isOrphaned(`${hostName(reused)}-plugin-1.scope`, self), true);
    const child = new Deno.Command("true").spawn();
    await child.status;
    assert.equal(isOrphaned(hostName({ ...self, pid: child.pid }), self), true);
    assert.equal(isOrphaned(hostName({ ...self, pid: child.pid, namespace: "7" }), self), false);
  },
});

Deno.test({
  name: "isOrphaned() counts a process that was killed and not yet waited for as gone",
  ignore,
  async fn() {
    const self = ownIdentity();
    // a shell that becomes a program which waits for nobody: its child stays a zombie
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", "sleep 600 >/dev/null & echo $!; exec sleep 600"],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const pid = Number((await reader.read()).value);
    const stat = () => Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
    const name = hostName({ ...self, pid, started: stat()[19]! });
    assert.equal(isOrphaned(name, self), false);
    Deno.kill(pid, "SIGKILL");
    while (stat()[0] !== "Z") await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(isOrphaned(name, self), true);
    child.kill("SIGKILL");
    await Promise.allSettled([child.status, reader.cancel()]);
  },
});

Deno.test("isOrphaned() leaves alone what no host made", () => {
  const self = { namespace: "7", pid: 1, started: "1" };
  for (
    const name of [
      "",
      "sallyport",
      "sallyport-host",
      "sallyport-7-1",
      "sallyport-7-1-1x",
      "x-7-1-9",
    ]
  ) {
    assert.equal(isOrphaned(name, self), false, name);
  }
});
