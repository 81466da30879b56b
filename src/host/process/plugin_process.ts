// One running plugin process: its start, its calls, its end.
import { SallyportError } from "../../errors.ts";
import type { ResolvedPermissions } from "../../permissions/resolve.ts";
import type { Connection } from "../../rpc/connection.ts";
import type { RequestOptions } from "../../rpc/calls/options.ts";
import type { SandboxReport } from "../../sandbox/launch/launcher.ts";
import type { Child } from "../../process/child.ts";
import { stopChild, type StopStep } from "../../process/stop.ts";
import type { HeapFigures, TrafficCounts } from "../../monitor/samples/target.ts";
import { type ProcessUsage, readProcessUsage } from "../../monitor/samples/usage.ts";
import type { VerifiedPlugin } from "../../trust/verify/verify.ts";
import type { RequestHandlers } from "./plugin_requests.ts";
import { entryUrl } from "./entry_url.ts";
import type { Lane } from "../settings/transport_options.ts";
import { startError, type StartPhase } from "./exit_errors.ts";
import { type InitializeAnswer, parseInitializeAnswer } from "./initialize.ts";
import type { EmptyProcess, ProcessEnd } from "./empty_process.ts";

export type { ProcessEnd } from "./empty_process.ts";

/** Everything that starting a plugin takes. */
export interface PluginProcessOptions {
  /** The verified bundle. */
  verified: VerifiedPlugin;
  /** What it may do. */
  permissions: ResolvedPermissions;
  /** The process, which holds no plugin yet. */
  process: EmptyProcess;
  /** How long import and init may take, in milliseconds. */
  startTimeoutMs: number;
  /** Where the plugin's requests go. */
  handlers: RequestHandlers;
  /** Gives up the start. */
  signal?: AbortSignal;
}

/** Says how long each step of stopping may take, in milliseconds. */
export interface StopTimes {
  /** For the plugin's own `shutdown`. */
  shutdownMs: number;
  /** After the end of stdin, and again after SIGTERM. */
  graceMs: number;
}

/** The methods by which the plugin's own code is asked for something. */
const CALLS: ReadonlySet<string> = new Set(["plugin/call", "hook/run"]);

/** Runs one plugin process; made only from a verified bundle and resolved permissions. */
export class PluginProcess {
  /** The id of the runtime's process, or of the launcher's where the host may not look for it. */
  readonly pid: number;
  /** What contains the process. */
  readonly sandbox: SandboxReport;
  /** What the plugin's module offers, as it says. */
  readonly offers: InitializeAnswer;
  /** Is told of every call, hook run and stream as it begins; must be quick. */
  onCall: () => void = () => {};
  /** Settles when the process is gone and its folders are removed. */
  readonly ended: Promise<ProcessEnd>;
  #child: Child;
  #connection: Connection;
  #process: EmptyProcess;
  #calls = 0;
  /** Questions of the host's own that are open; nobody's calls. */
  #questions = 0;
  #maxCallMs: number;
  #stopping = false;
  #stop: Promise<StopStep> | undefined;
  #usage: ProcessUsage = { peakMemoryBytes: undefined, cpuTimeMs: undefined };

  private constructor(
    options: PluginProcessOptions,
    sandbox: SandboxReport,
    offers: InitializeAnswer,
  ) {
    const { child, connection, ended } = options.process;
    this.#maxCallMs = options.permissions.limits.callTimeoutMs;
    this.pid = sandbox.facts?.pid ?? child.pid;
    this.sandbox = sandbox;
    this.offers = offers;
    this.ended = ended;
    this.#child = child;
    this.#connection = connection;
    this.#process = options.process;
  }

  /**
   * Imports the plugin in a process that holds none yet, and runs its `init`.
   *
   * @throws {SallyportError} `launch-failed` when the process, the import or `init` fails or takes too
   * long, `protocol-violation` when it answers with anything but the protocol.
   */
  static async start(options: PluginProcessOptions): Promise<PluginProcess> {
    const { process, startTimeoutMs: timeoutMs, signal } = options;
    const { child, connection, launch } = process;
    const { manifest } = options.verified;
    process.adopt(manifest.name, options.handlers);
    let phase: StartPhase = "process";
    const imports = () => {
      if (phase === "process") phase = "import"; // what comes right behind may be read before
    };
    process.entered.then(imports, () => {}); // it is awaited below
    try {
      // what contains the process is settled, and looked at, before a line of the plugin runs
      const sandbox = await process.contained;
      const answer = await connection.request("initialize", {
        protocol: 1,
        plugin: { name: manifest.name, version: manifest.version },
        entry: entryUrl(launch.bundleDir, manifest.entry),
        context: Object.fromEntries(options.permissions.context),
        hooks: options.permissions.hooks,
        limits: options.permissions.limits,
        ...(launch.storageDir === undefined ? {} : { storage: launch.storageDir }),
      }, {
        timeoutMs,
        signal,
        onProgress: (value) => {
          if (value === "init") phase = value;
        },
      });
      await process.entered; // answered before what was sent after it
      const offers = parseInitializeAnswer(answer, manifest.name);
      const started = new PluginProcess(options, sandbox, offers);
      process.expectEnd(() => started.#stopping);
      return started;
    } catch (cause) {
      const status = child.status; // as it was before we end it
      await process[Symbol.asyncDispose]();
      // the copy could not be stored, or a layer is missing: nothing that the plugin did
      if (cause instanceof SallyportError && cause.code === "launch-failed") throw cause;
      throw startError(manifest.name, cause, status, child.stderr.text(), {
        phase,
        timeoutMs,
        uncaught: process.handlers.uncaught,
      });
    }
  }

  /** Whether the process is gone. */
  get hasExited(): boolean {
    return this.#child.status !== undefined;
  }

  /** How messages travel to it and back. */
  get lane(): Lane {
    return this.#process.launch.lane?.isTaken === true ? "socket" : "stdio";
  }

  /** How many bytes of large values may be under way in files, in each direction. */
  get sharedMemory(): number | undefined {
    return this.#process.launch.shared?.used;
  }

  /** The files that large values travel in, by device and inode; they have no name. */
  get sharedFiles(): ReadonlySet<string> | undefined {
    return this.#process.launch.shared?.keys;
  }

  /** How many calls wait for an answer. */
  get inFlight(): number {
    return this.#connection.stats.inFlight - this.#questions;
  }

  /** Waits until no call is in flight; new ones are not kept out. */
  async whenIdle(): Promise<void> {
    // bounded by the caller, and by the end of the process
    while (this.inFlight > 0 && this.#child.status === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** How many bytes went to the plugin and came from it, and what it took of this thread. */
  get traffic(): { bytesSent: number; bytesReceived: number; hostTimeMs: number } {
    const { bytesSent, bytesReceived, hostMs } = this.#connection.stats;
    return { bytesSent, bytesReceived, hostTimeMs: Math.round(hostMs) };
  }

  /** Says how much of this thread the plugin's requests and notifications may take, in percent. */
  setHostShare(percent: number): void {
    this.#connection.setHostShare(percent * 10);
  }

  /** Counts what went over the connection since the process was started. */
  get counts(): TrafficCounts {
    const { sent, received, unasked, bytesSent, bytesReceived, hostMs, hostHeldMs } =
      this.#connection.stats;
    const logLines = this.#process.handlers.logLines + this.#child.stderr.suppressedLines;
    const traffic = { sent, received, unasked, bytesSent, bytesReceived, hostMs, hostHeldMs };
    return { ...traffic, inFlight: this.inFlight, calls: this.#calls, logLines };
  }

  /** How many connections are open through its egress proxy; `undefined` where it has none. */
  get openConnections(): number | undefined {
    return this.#process.launch.openConnections;
  }

  /** Asks the runtime about its heap. */
  async heap(signal?: AbortSignal): Promise<HeapFigures | undefined> {
    if (signal?.aborted) return undefined;
    this.#questions++;
    try {
      // a busy plugin is not cut off because it leaves this unanswered: the question stays open
      return await this.#connection.request("memory", {}) as HeapFigures;
    } catch {
      return undefined; // it has ended
    } finally {
      this.#questions--;
    }
  }

  /** Lists the calls, hook runs and streams that the plugin has not answered. */
  openCalls(): number[] {
    return this.#connection.openRequests.open().filter(({ method }) => CALLS.has(method))
      .map(({ id }) => id);
  }

  /** Fails a call at once, and tells the plugin to leave it. */
  giveUp(id: number, describe: (label: string) => SallyportError): void {
    this.#connection.openRequests.fail(id, describe);
  }

  /** Tells the plugin of something, if it still listens. */
  notify(method: string, params: unknown): void {
    if (!this.#connection.isClosed) this.#connection.notify(method, params);
  }

  /** Sends a request. */
  request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    if (method === "plugin/call" || method === "hook/run") {
      this.#calls++;
      this.onCall();
    }
    return this.#connection.request(method, params, this.#bounded(options));
  }

  /** Sends a request whose answer is a stream. */
  stream(
    method: string,
    params: unknown,
    options: RequestOptions = {},
  ): AsyncGenerator<unknown, unknown, undefined> {
    this.#calls++;
    this.onCall();
    return this.#connection.stream(method, params, this.#bounded(options));
  }

  /** Reads what the process has used, or what it had used when it was stopped. */
  async usage(): Promise<ProcessUsage> {
    if (this.#child.status === undefined) {
      const usage = await readProcessUsage(this.pid);
      if (usage.cpuTimeMs !== undefined) this.#usage = usage;
    }
    return this.#usage;
  }

  /** Stops the process; bounded whatever it does. Calls in flight are settled with `cancelled`. */
  stop(times: StopTimes): Promise<StopStep> {
    return this.#stop ??= this.#stopOnce(times);
  }

  /** Kills the process at once and waits for its end. */
  async kill(): Promise<void> {
    this.#stopping = true;
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  async #stopOnce(times: StopTimes): Promise<StopStep> {
    this.#stopping = true;
    await this.usage();
    const { step } = await stopChild(this.#child, {
      ...times,
      shutdown: () =>
        this.#connection.request("shutdown", { timeoutMs: times.shutdownMs }, {
          timeoutMs: times.shutdownMs,
        }),
      endInput: () => this.#connection.end(),
    });
    await this.ended;
    return step;
  }

  #bounded(options: RequestOptions): RequestOptions {
    const { signal, onProgress, meta, label } = options;
    const timeoutMs = Math.min(options.timeoutMs ?? this.#maxCallMs, this.#maxCallMs);
    return { signal, timeoutMs, onProgress, meta, label };
  }
}
