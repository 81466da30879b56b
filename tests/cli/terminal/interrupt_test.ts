/** Ctrl-C ends a command in order; a second one ends it at once. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { hostTest } from "../../helpers/host.ts";
import { startCommand } from "../../helpers/process.ts";
import { requiringTest } from "../../helpers/sandbox.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));
const STUBBORN = `let log;
export default {
  init(ctx) { log = ctx.log; },
  async shutdown() {
    log.warn("shutdown has begun");
    SHUTDOWN
  },
  methods: {
    work: (_, call) => new Promise((resolve) => {
      call.signal.addEventListener("abort", () => {
        log.warn("the call is cancelled");
        resolve();
      });
      log.warn("work has begun");
    }),
  },
};`;

const NOT_ON_WINDOWS = Deno.build.os === "windows" ? "Windows has no SIGINT to send" : undefined;

/** Interrupts a command whose call is in flight, once more at once or again and again until it has ended. */
async function run(shutdown: string, again: "at once" | "until it ends"): Promise<string> {
  await using test = await hostTest();
  const dir = await test.bundle("stubborn", STUBBORN.replace("SHUTDOWN", shutdown));
  const lines: string[] = [];
  let more = Promise.withResolvers<void>();
  const command = ["run", dir, "--key", test.keys.hex, "--call", "work", "--isolation", "plain"];
  await using child = startCommand({
    command: Deno.execPath(),
    args: ["run", "-A", "--no-lock", "--no-check", `--config=${CONFIG}`, MAIN, ...command],
    env: { ...Deno.env.toObject(), NO_COLOR: "1" },
    cwd: "/",
  }, {
    onLine(line) {
      lines.push(line);
      more.resolve();
      more = Promise.withResolvers();
    },
  });
  const until = async (text: string) => {
    while (!lines.some((line) => line.includes(text))) await more.promise;
  };
  await until("work has begun");
  const interrupt = () => child.child.kill("SIGINT");
  interrupt();
  if (again === "at once") interrupt();
  const pressing = again === "at once" ? undefined : setInterval(interrupt, 100);
  const { code } = await child.child.exited;
  clearInterval(pressing);
  assert.equal(code, 130);
  return lines.join("\n");
}

requiringTest(
  "Ctrl-C that comes twice at once, as through `deno task`, ends a command in order",
  NOT_ON_WINDOWS,
  async () => {
    const text = await run("", "at once");
    assert.match(text, /the call is cancelled[^]*shutdown has begun[^]*Interrupted/);
  },
);

requiringTest("Ctrl-C again ends a command at once", NOT_ON_WINDOWS, async () => {
  const text = await run("await new Promise(() => {});", "until it ends");
  assert.match(text, /the call is cancelled/);
  assert.doesNotMatch(text, /Interrupted/, "it did not wait for the plugin");
});
