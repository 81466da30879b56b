// The main module of every plugin's process: takes over standard input and output, imports the
// plugin and answers the host. It exports nothing, because a plugin can import it (threat IM-10), and
// holds no secret and no authority, because plugin code shares its realm: what it does is for
// robustness, and the host believes nothing that comes out of the pipe.
//
// `deno task build` bundles it into `bootstrap.generated.ts`.
import { readThrown } from "../errors.ts";
import { Connection, type IncomingCall } from "../rpc/connection.ts";
import { stdioDuplex } from "../rpc/transport/duplex.ts";
import {
  callMethod,
  health,
  type HookParams,
  type MethodParams,
  restore,
  type RestoreParams,
  runHook,
  snapshot,
} from "./calls.ts";
import { replaceConsole } from "./log/console.ts";
import { createContext, type InitializeParams } from "./context.ts";
import { compileEntry, type Definition, failure, importDefinition } from "./definition.ts";
import { removeSharedState, replaceStdio } from "./log/lockdown.ts";
import { enter, type EnterParams } from "./enter.ts";
import { LogSender } from "./log/log_sender.ts";
import { errorDescriber, pluginStack, Refusal } from "./refusal.ts";
import { inTrace, traceMeta } from "./trace.ts";
import type { Plugin, PluginContext } from "./types.ts";

type Warning = Parameters<NonNullable<Plugin["warned"]>>[0];

const PROTOCOL = 1;
/** What part of its memory calls of the plugin may have that wait until the host has read others. */
const WAITING_SHARE = 1 / 4;

const exit: (code: number) => never = Deno.exit.bind(Deno);
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
const writeError = Deno.stderr.writeSync.bind(Deno.stderr);
const memoryUsage = Deno.memoryUsage.bind(Deno);
const apply = Reflect.apply;
const bootstrap = Deno.mainModule;
const stopping = new AbortController();

let entry = "";
let definition: Definition | undefined;
let context: PluginContext | undefined;
let entering: Promise<unknown> | undefined;
let started = false;

const connection = new Connection({
  io: stdioDuplex(),
  role: "plugin",
  onRequest: answer,
  onNotification: (_method, params) => warned(params as Warning),
  describeError: errorDescriber(bootstrap, () => entry),
});
const logger = new LogSender((params) => {
  const meta = traceMeta();
  connection.notify("log", meta === undefined ? params : { ...params, _meta: meta });
});
const log = logger.log.bind(logger);

removeSharedState();
replaceConsole(log);
replaceStdio(log);
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  crash("Uncaught (in promise)", event.reason);
});
addEventListener("error", (event) => {
  event.preventDefault();
  crash("Uncaught", event.error ?? event.message);
});
// Deno.exit() in plugin code must not take along what it logged before
addEventListener("unload", () => connection.flush());
// The end of stdin is the end of the host's interest, whatever is still under way
connection.closed.then((reason) => {
  if (reason === undefined) exit(0);
  try {
    writeError(encode(`${reason?.message}\n`));
  } finally {
    exit(1);
  }
});

function crash(what: string, error: unknown): void {
  const { name, message, stack } = readThrown(error);
  try {
    const text = `${what} ${name}: ${message}`;
    const where = pluginStack(stack, entry, bootstrap);
    log("error", text, { uncaught: true, stack: where });
    connection.flush();
    // what waits behind another write goes down with the process
    if (connection.isHeldUp) writeError(encode(`${where ?? ""}\n${text}\n`));
  } finally {
    exit(1);
  }
}

function answer(method: string, params: unknown, call: IncomingCall): unknown {
  if (method === "sandbox/enter") {
    if (entering !== undefined || started) throw new Refusal("Cannot enter the sandbox now");
    return entering = enter(connection, params as EnterParams);
  }
  if (method === "initialize") return initialize(params as InitializeParams, call);
  if (definition === undefined || context === undefined) {
    throw new Refusal(`Cannot answer "${method}" before the plugin is initialized`);
  }
  const [plugin, ctx] = [definition, context];
  switch (method) {
    case "plugin/call":
      return inTrace(call, () => callMethod(plugin, params as MethodParams, call));
    case "hook/run":
      return inTrace(call, () => runHook(plugin, ctx, params as HookParams));
    case "health":
      return health(plugin);
    case "memory":
      return memory();
    case "state/snapshot":
      return snapshot(plugin);
    case "state/restore":
      return restore(plugin, params as RestoreParams);
    case "shutdown":
      return shutdown(plugin, ctx);
  }
}

async function initialize(params: InitializeParams, call: IncomingCall): Promise<unknown> {
  if (started) throw new Refusal("Cannot initialize twice");
  if (params?.protocol !== PROTOCOL) {
    throw new Refusal(`Cannot speak protocol ${params?.protocol}: only ${PROTOCOL} is known`);
  }
  started = true;
  await entering; // nothing of the plugin is there before
  entry = params.entry;
  if (params.compileOnly === true) {
    await compileEntry(entry, params.builtins ?? []);
    return {};
  }
  const { messageBytes, memoryBytes } = params.limits ?? {};
  if (messageBytes !== undefined) {
    connection.setLimits(messageBytes, memoryBytes && memoryBytes * WAITING_SHARE);
  }
  const loaded = await importDefinition(entry);
  for (const name of loaded.hooks.keys()) {
    if (params.hooks === undefined || params.hooks.includes(name)) continue;
    loaded.hooks.delete(name);
    log(
      "warn",
      `Hook "${name}" is left out: the manifest does not name it, or the policy does not grant it`,
    );
  }
  context = createContext(params, connection, logger, stopping.signal);
  if (loaded.init) {
    call.progress("init");
    await connection.idle(); // init may keep the process from sending anything more
    try {
      await apply(loaded.init, loaded.plugin, [context]);
    } catch (error) {
      throw failure("init", "The plugin's init failed", error);
    }
  }
  definition = loaded;
  return {
    protocol: PROTOCOL,
    methods: [...loaded.methods.keys()],
    streams: [...loaded.methods].filter(([, method]) => method.streams).map(([name]) => name),
    hooks: [...loaded.hooks].map(([name, { priority }]) => ({ name, priority })),
    snapshot: loaded.snapshot !== undefined && loaded.restore !== undefined,
  };
}

/** What the runtime says of its memory. */
function memory(): unknown {
  const { heapUsed, heapTotal, external, rss } = memoryUsage();
  return {
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    rssBytes: rss,
  };
}

/** Tells the plugin that the host has counted something against it. */
function warned(violation: Warning): void {
  log("warn", `The host warns: ${violation.message}`, { ...violation });
  const warn = definition?.warned;
  if (warn === undefined) return;
  try {
    apply(warn, definition!.plugin, [violation]);
  } catch (error) {
    log("error", `The plugin's warned failed: ${readThrown(error).message}`);
  }
}

async function shutdown({ shutdown, plugin }: Definition, ctx: PluginContext): Promise<unknown> {
  stopping.abort();
  if (shutdown) await apply(shutdown, plugin, [ctx]);
  return {};
}
