import assert from "node:assert/strict";
import { Output } from "../../../src/cli/terminal/output.ts";
import { frameLines } from "../../../src/cli/top/command.ts";
import { viewHosts } from "../../../src/cli/top/hosts.ts";
import { scratch } from "../bundles.ts";
import { hostStatus, pluginStatus, showHost } from "./kit.ts";

const MAIN = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
const SCRIPT = await new Deno.Command("script", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);
const OUTPUT = new Output({
  writeOut() {},
  writeErr() {},
  stdin: () => new Blob([]).stream(),
  outIsTerminal: true,
  errIsTerminal: true,
  noColor: true,
}, false);

Deno.test("frameLines() shows what fits the screen, and how much does not", async () => {
  await using dir = await scratch();
  using host = await showHost(dir.path, "aaaaaaaa");
  const plugins = Array.from(
    { length: 20 },
    (_, index) => pluginStatus(`p${String(index).padStart(2, "0")}`, { cpuPercent: index }),
  );
  await host.tell(hostStatus(plugins));
  const view = await viewHosts(dir.path);
  const frame = (columns: number, rows: number, by: "cpu" | "name" = "cpu") =>
    frameLines(view, by, { columns, rows }, OUTPUT);
  const small = frame(100, 10);
  assert.equal(small.length, 9, "the cursor is in the last row");
  assert.match(small[0]!, /^sallyport top {2}\d\d:\d\d:\d\dZ {2}by cpu {2}/);
  assert.match(small[3]!, /^p19 /);
  assert.equal(small.at(-1), "15 more lines: see --once");
  const whole = frame(40, 30, "name");
  assert.match(whole[3]!, /^p00 /);
  assert.match(whole.at(-1)!, /^p19 /);
  for (const line of whole) assert.ok(line.length < 40, line);
  assert.ok(frame(5, 1).length <= 2);
  const none = frameLines({ ...view, hosts: [] }, "cpu", { columns: 100, rows: 10 }, OUTPUT);
  assert.match(none[1]!, /^No host runs here any more/);
});

for (const [how, exitCode] of [["SIGINT", 0], ["SIGHUP", 0], ["its folder gone", 1]] as const) {
  Deno.test({
    name: `at a real terminal top follows what changes until ${how}`,
    ignore: !SCRIPT,
    async fn() {
      await using dir = await scratch();
      using host = await showHost(dir.path, "aaaaaaaa");
      await host.tell(hostStatus([pluginStatus("greedy", { cpuPercent: 97 })]));
      const top = `${Deno.execPath()} run -A --no-lock ${MAIN} top --data-dir ${dir.path}`;
      // colour is what a terminal gets, whatever runs these tests
      const shell = `unset NO_COLOR; stty cols 90 rows 12; ${top} --interval 100 & echo pid=$!; ` +
        `fg >/dev/null; echo code=$?`;
      const child = new Deno.Command("script", {
        args: ["-qec", `bash -mc '${shell}'`, "/dev/null"],
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
        env: { SHELL: "/bin/sh" },
      }).spawn();
      let text = "";
      let stage = 0;
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (stage === 0 && text.includes("greedy")) {
          stage = 1;
          await host.tell(hostStatus([pluginStatus("second", { cpuPercent: 1 })]));
        } else if (stage === 1 && text.includes("second")) {
          stage = 2;
          if (how !== "its folder gone") Deno.kill(Number(/pid=(\d+)/.exec(text)![1]), how);
          else await Deno.remove(`${dir.path}/run`, { recursive: true });
        }
      }
      await child.stdin.close().catch(() => {}); // it has ended
      await child.status;
      assert.ok(text.includes("\u001b[32mactive"), "colour on a terminal");
      // deno-lint-ignore no-control-regex
      const lines = text.replace(/\u001b\[31merror:[^]*/, "").replace(/\u001b\[[?\d;]*\w/g, "")
        .split("\r\n");
      for (const line of lines) assert.ok([...line].length < 90, line);
      assert.match(text, new RegExp(`code=${exitCode}\\b`));
    },
  });
}
