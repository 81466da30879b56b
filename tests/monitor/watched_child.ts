import type { MonitorTarget, TrafficCounts } from "../../src/monitor/samples/target.ts";
import { startCommand, type TestChild } from "../helpers/process.ts";

/** A runtime that uses what it is told to. */
export interface WatchedChild extends TestChild {
  /** Its process. */
  readonly pid: number;
  /** Has it do something; settles with its answer when that is done. */
  ask(command: string): Promise<string>;
}

const SCRIPT = `
import process from "node:process";
const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const held = [];
const text = new TextDecoderStream();
let rest = "";
console.log("ready");
for await (const chunk of Deno.stdin.readable.pipeThrough(text)) {
  rest += chunk;
  for (let end = rest.indexOf("\\n"); end >= 0; end = rest.indexOf("\\n")) {
    const [command, ...args] = rest.slice(0, end).split(" ");
    rest = rest.slice(end + 1);
    let answer = "done";
    if (command === "buffers") {
      for (let i = 0; i < Number(args[0]); i++) held.push(new Uint8Array(1 << 20).fill(1));
    } else if (command === "files") {
      for (let i = 0; i < Number(args[0]); i++) held.push(Deno.openSync("/dev/null"));
    } else if (command === "hold") {
      held.push(Deno.openSync(args[0]));
    } else if (command === "connect") {
      for (let i = 0; i < Number(args[1]); i++) {
        held.push(await Deno.connect({ hostname: "127.0.0.1", port: Number(args[0]) }));
      }
    } else if (command === "listen") {
      held.push(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    } else if (command === "workers") {
      for (let i = 0; i < Number(args[0]); i++) {
        const worker = new Worker("data:text/javascript,postMessage(1);setInterval(()=>{},1e6)", { type: "module" });
        await new Promise((resolve) => worker.onmessage = resolve);
        held.push(worker);
      }
    } else if (command === "write") {
      Deno.writeFileSync(args[0], new Uint8Array(Number(args[1])));
    } else if (command === "rename") {
      console.log(answer);
      for (let n = 0;; n++) for (const name of args) Deno.renameSync(name + (n || ""), name + (n + 1));
    } else if (command === "spin") {
      // of processor time, however much the machine has to do
      for (const end = used() + Number(args[0]); used() < end;) {
        for (const begin = performance.now(); performance.now() < begin + 1;);
      }
    } else if (command === "heap") {
      const { heapUsed, heapTotal, external } = Deno.memoryUsage();
      answer = JSON.stringify({ heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external });
    }
    console.log(answer);
  }
}
`;

/** Starts one; `through` is a shell script that ends in `exec "$@"`. */
export async function startWatched(through = 'exec "$@"'): Promise<WatchedChild> {
  const child = startCommand({
    command: "/bin/sh",
    args: ["-c", through, "sh", Deno.execPath(), "eval", "--no-config", "--no-lock", SCRIPT],
    env: { PATH: "/usr/bin:/bin", HOME: Deno.env.get("HOME") ?? "/", NO_COLOR: "1" },
    cwd: "/",
  });
  try {
    await child.line();
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ...child,
    pid: child.child.pid,
    async ask(command) {
      await child.write(`${command}\n`);
      return await child.line();
    },
  };
}

/** Counts of a connection that nothing went over. */
export const QUIET: TrafficCounts = {
  sent: 0,
  received: 0,
  unasked: 0,
  bytesSent: 0,
  bytesReceived: 0,
  inFlight: 0,
  calls: 0,
  logLines: 0,
  hostMs: 0,
  hostHeldMs: 0,
};

/** Makes a target of a process. */
export function targetOf(pid: number, more: Partial<MonitorTarget> = {}): MonitorTarget {
  return {
    name: "sample",
    version: "1.0.0",
    bundleHash: "ab".repeat(64),
    pid,
    traffic: () => QUIET,
    ...more,
  };
}

/** Why `/proc` cannot be read here. */
export const noProc: string | undefined = Deno.build.os === "linux"
  ? undefined
  : "only Linux has /proc";
