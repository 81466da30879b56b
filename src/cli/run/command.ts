// `sallyport run`: loads a plugin, calls one method and prints its result.
import { dirname } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { SallyportError } from "../../errors.ts";
import { PluginHost } from "../../host/host.ts";
import type { CallOptions } from "../../host/operation_options.ts";
import type { PluginHandle } from "../../host/plugin_handle.ts";
import type { CliContext } from "../shared/context.ts";
import { InterruptedError } from "../terminal/failure.ts";
import { listenForInterrupt } from "../terminal/interrupt.ts";
import { toJson } from "../terminal/output.ts";
import { readParams } from "./params.ts";
import { addTrustOptions, trustedHostOptions, type TrustOptions } from "../shared/trust_options.ts";

interface RunOptions extends TrustOptions {
  call: string;
  params?: string;
  timeout?: number;
  stream?: boolean;
}

/** How long a call that was cancelled may take to end, in milliseconds: a person waits. */
const DRAIN_MS = 1_000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const MAX_SHOWN_METHODS = 20;

export function addRun(program: Command, context: CliContext): void {
  const command = program.command("run")
    .description("load a plugin, call a method, print the result; its log goes to stderr")
    .argument("<dir>", "the folder of the bundle");
  addTrustOptions(command)
    .requiredOption("--call <method>", "the method to call (required)")
    .option("--params <json>", "its parameters: JSON, @FILE, or - for stdin")
    .option(
      "--timeout <ms>",
      "how long the call may take (at most its callTimeoutMs)",
      parseTimeout,
    )
    .option("--stream", "call a generator method: one item a line; with --json an array of all")
    .action((dir: string, options: RunOptions) => run(dir, options, context));
}

async function run(dir: string, options: RunOptions, context: CliContext): Promise<void> {
  const { io, output } = context;
  const params = await readParams(options.params, io);
  using interrupt = listenForInterrupt();
  let methods: readonly string[] = [];
  try {
    await using host = await interrupt.race(
      PluginHost.open({
        ...trustedHostOptions(options, output),
        times: { drainMs: DRAIN_MS },
      }),
      "Nothing was started",
    );
    const plugin = await load(host, dir, interrupt.signal);
    methods = plugin.methods;
    const callOptions = { signal: interrupt.signal, timeoutMs: options.timeout };
    if (options.stream) await printStream(plugin, options.call, params, callOptions, context);
    else {
      const result = await plugin.call(options.call, params, callOptions);
      output.result({ result }, () => [toJson(result, true)]);
    }
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    if (interrupt.signal.aborted) throw new InterruptedError();
    throw hinted(error, options, methods);
  }
}

/** Says which methods there are, or which option fits, where the call named another. */
function hinted(error: unknown, { call, stream }: RunOptions, methods: readonly string[]): unknown {
  if (!(error instanceof SallyportError)) return error;
  const { code, message, details } = error;
  if (code === "method-not-found" && methods.length > 0 && !methods.includes(call)) {
    const shown = methods.slice(0, MAX_SHOWN_METHODS).map((name) => `"${name}"`).join(", ");
    const hint = `Its methods are ${shown}${methods.length > MAX_SHOWN_METHODS ? ", …" : ""}`;
    return new SallyportError(code, message, {
      hint,
      details: { ...details, methods },
      cause: error,
    });
  }
  // the plugin's own hint names a function of the API
  if (code === "plugin-error" && details.code === `use-${stream ? "call" : "stream"}`) {
    const hint = stream ? "Leave out --stream" : "Pass --stream";
    return new SallyportError(code, message, { hint, details, cause: error });
  }
  return error;
}

/** Loads a plugin; what it depends on is looked for beside it, and must be trusted just the same. */
async function load(host: PluginHost, dir: string, signal: AbortSignal): Promise<PluginHandle> {
  try {
    return await host.load(dir, { signal });
  } catch (error) {
    if (!(error instanceof SallyportError) || error.details.missing === undefined) throw error;
    await host.discover(dirname(await Deno.realPath(dir)), { signal });
    return await host.load(dir, { signal });
  }
}

async function printStream(
  plugin: PluginHandle,
  method: string,
  params: unknown,
  options: CallOptions,
  { output }: CliContext,
): Promise<void> {
  const items: unknown[] = [];
  for await (const item of plugin.stream(method, params, options)) {
    if (output.json) items.push(item);
    else output.line(toJson(item, false));
  }
  if (output.json) output.result({ result: items }, () => []);
}

function parseTimeout(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value > 0 && value <= MAX_TIMEOUT_MS) return value;
  throw new InvalidArgumentError(`It must be 1 to ${MAX_TIMEOUT_MS} milliseconds`);
}
