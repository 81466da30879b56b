/**
 * Loads a filter the way the bootstrap does and tells what is left of the permission for it. Started
 * with the flags of a plugin; `Deno.args` is the C library and the filter. Says "ready" when it has
 * threads, waits for a line, loads, says what the attempts gave, and waits for the end of its input.
 */
import { Worker as NodeWorker } from "node:worker_threads";
import { createRequire } from "node:module";
import { installSeccomp } from "../../../src/plugin/seccomp_install.ts";

const [library, filterFile] = Deno.args as [string, string];
const symbols = { getpid: { parameters: [], result: "i32" } } as const;
const openInWorker = `Deno.dlopen(${JSON.stringify(library)}, ${JSON.stringify(symbols)})`;

/** Starts a worker that tries a script; it stays, with its thread. */
function inWorker(script: string, options?: object): Promise<string> {
  const source = `let said = "opened";
    try { ${script} } catch (error) { said = error.name }
    postMessage(said); setInterval(() => {}, 1e6)`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return new Promise((resolve) => {
    try {
      const worker = new Worker(url, { type: "module", ...options } as WorkerOptions);
      worker.onmessage = (event) => resolve(String(event.data));
      worker.onerror = (event) => {
        event.preventDefault();
        resolve("no worker");
      };
    } catch (error) {
      resolve((error as Error).name);
    }
  });
}

function inNodeWorker(): Promise<string> {
  const source = `const { parentPort } = require("node:worker_threads");
    let said = "opened";
    try { ${openInWorker} } catch (error) { said = error.name }
    parentPort.postMessage(said)`;
  const worker = new NodeWorker(source, { eval: true });
  return new Promise((resolve) => worker.once("message", (said) => resolve(String(said))));
}

function attempt(run: () => unknown): string {
  try {
    run();
    return "opened";
  } catch (error) {
    return (error as Error).name;
  }
}

async function attempts(): Promise<Record<string, string>> {
  return {
    library: attempt(() => Deno.dlopen(library, symbols)),
    name: attempt(() => Deno.dlopen("libc.so.6", symbols)),
    pointer: attempt(() => Deno.UnsafePointer.of(new Uint8Array(1))),
    addon: attempt(() => createRequire(import.meta.url)("/nowhere.node")),
    worker: await inWorker(openInWorker),
    askingWorker: await inWorker(openInWorker, { deno: { permissions: { ffi: true } } }),
    nodeWorker: await inNodeWorker(),
    asked: Deno.permissions.requestSync({ name: "ffi", path: library }).state,
    state: Deno.permissions.querySync({ name: "ffi", path: library }).state,
  };
}

const input = Deno.stdin.readable.getReader();
const filter = Deno.readFileSync(filterFile);
const before = await attempts();
say({ before });
await input.read();
let loading = "loaded";
try {
  installSeccomp(filter, Deno.build.arch, library);
} catch (error) {
  loading = String(error);
}
say({ loading, after: await attempts() });
while (!(await input.read()).done);
Deno.exit(0);

function say(value: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
}
