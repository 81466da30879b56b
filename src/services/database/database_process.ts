// The database process: one database, in a process that the host can end.
//
// SQLite runs in a worker, because a statement blocks its thread for as long as it takes; the main
// thread sees the end of its input (the host is gone) and the process's memory meanwhile. This module
// is both; it is bundled into one file, see `scripts/build_database_process.ts`.
import { SallyportError } from "../../errors.ts";
import { Connection } from "../../rpc/connection.ts";
import { stdioDuplex } from "../../rpc/transport/duplex.ts";
import { DatabaseEngine } from "./engine.ts";
import {
  type DatabaseAnswer,
  type DatabaseConfig,
  type DatabaseRequest,
  MEMORY_EXIT_CODE,
  PROCESS_METHOD,
} from "./protocol.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<DatabaseRequest>) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

const WORKER_NAME = "sallyport-database";
const MAX_MEMORY_BYTES = 384 * 1024 * 1024;
const MEMORY_CHECK_MS = 20;
const CLOSE_MS = 300;

if ((globalThis as { name?: unknown }).name === WORKER_NAME) serveWorker();
else serveMain();

function serveWorker(): void {
  const scope = globalThis as unknown as WorkerScope;
  let engine: DatabaseEngine | undefined;
  scope.onmessage = ({ data: { method, args } }) => {
    if (method === "close") {
      engine?.close();
      scope.postMessage(undefined);
      return;
    }
    scope.postMessage(answer(() => {
      if (method !== "open") return engine!.run(method, args);
      engine = new DatabaseEngine(args[0] as DatabaseConfig);
      return null;
    }));
  };
}

function answer(act: () => unknown): DatabaseAnswer {
  try {
    return { value: act() };
  } catch (error) {
    if (error instanceof SallyportError) {
      return { error: { code: error.code, message: error.message, hint: error.hint } };
    }
    const { name, message } = error as Error;
    return {
      error: { code: "plugin-error", message, name: name === "Error" ? "SqliteError" : name },
    };
  }
}

function serveMain(): void {
  const worker = new Worker(import.meta.url, { type: "module", name: WORKER_NAME });
  const waiting: ((answer: unknown) => void)[] = [];
  let watch: ReturnType<typeof setInterval> | undefined;
  worker.onmessage = ({ data }) => {
    waiting.shift()?.(data);
    if (waiting.length === 0) clearInterval(watch);
  };
  const ask = (request: DatabaseRequest) => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    // answers come in the order of the requests: the worker does one after another
    waiting.push(resolve);
    worker.postMessage(request);
    if (waiting.length === 1) watch = setInterval(checkMemory, MEMORY_CHECK_MS);
    return promise;
  };
  const connection = new Connection({
    io: stdioDuplex(),
    role: "plugin",
    methods: [PROCESS_METHOD],
    onRequest: (_method, params) => ask(params as DatabaseRequest),
  });
  connection.closed.then(() => {
    // an idle database is closed in order; a statement without end is left to the end of the process
    if (waiting.length > 0) Deno.exit(0);
    setTimeout(() => Deno.exit(0), CLOSE_MS);
    ask({ method: "close", args: [] }).then(() => Deno.exit(0));
  });
}

/** SQLite's own heap is capped; what the runtime makes of a result is not. */
function checkMemory(): void {
  if (Deno.memoryUsage().rss > MAX_MEMORY_BYTES) Deno.exit(MEMORY_EXIT_CODE);
}
