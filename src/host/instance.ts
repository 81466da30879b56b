/**
 * One running plugin process: its start, its calls, its end.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import type { Limits } from "../bundle/limits.ts";
import { SallyportError } from "../errors.ts";
import type { ResolvedPermissions } from "../permissions/resolve.ts";
import { Connection } from "../rpc/connection.ts";
import type { RequestOptions } from "../rpc/options.ts";
import { childDuplex } from "../rpc/duplex.ts";
import type { SandboxReport } from "../sandbox/launcher.ts";
import { type Child, type ExitStatus, startChild } from "../process/child.ts";
import { settledWithin, stopChild, type StopStep } from "../process/stop.ts";
import { type ProcessUsage, readProcessUsage } from "../monitor/usage.ts";
import type { VerifiedPlugin } from "../trust/verify.ts";
import { type InstanceEvents, peerHandlers, record } from "./instance_requests.ts";
import { endError, signalOf, startError, unloadedError, violationError } from "./instance_end.ts";
import type { OpenLaunch } from "./launching.ts";
import { type InitializeAnswer, parseInitializeAnswer } from "./initialize.ts";

/** Everything that starting a plugin takes. */
export interface InstanceOptions {
  /** The verified bundle. */
  verified: VerifiedPlugin;
  /** What it may do. */
  permissions: ResolvedPermissions;
  /** How it is started, and what goes with it; the instance disposes it. */
  launch: OpenLaunch;
  /** How long entering the sandbox, import and init may take, in milliseconds. */
  startTimeoutMs: number;
  /** Makes sure of the stored copy; the process is told to import it only then. */
  stored: () => Promise<unknown>;
  /** Where the plugin's requests go. */
  events: InstanceEvents;
  /** Gives up the start. */
  signal?: AbortSignal;
}

/** Says how an instance ended; without an error the host wanted it to. */
export interface InstanceEnd extends ExitStatus {
  /** Why it ended, when the host did not stop it. */
  readonly error: SallyportError | undefined;
}

/** Says how long each step of stopping may take, in milliseconds. */
export interface StopTimes {
  /** For the plugin's own `shutdown`. */
  shutdownMs: number;
  /** After the end of stdin, and again after SIGTERM. */
  graceMs: number;
}

const DRAIN_MS = 500;
/** How often, and how many times, it is looked whether the runtime has been executed. */
const EARLY_LOOK_MS = 4;
const EARLY_LOOKS = 10;

/** Runs one plugin process; made only from a verified bundle and resolved permissions. */
export class PluginInstance {
  /** The id of the runtime's process, or of the launcher's where the host may not look for it. */
  readonly pid: number;
  /** What contains the process. */
  readonly sandbox: SandboxReport;
  /** What the plugin's module offers, as it says. */
  readonly offers: InitializeAnswer;
  /** Settles when the process is gone and its folders are removed. */
  readonly ended: Promise<InstanceEnd>;
  #child: Child;
  #connection: Connection;
  #maxCallMs: number;
  #stopping = false;
  #stop: Promise<StopStep> | undefined;
  #usage: ProcessUsage = { peakMemoryBytes: undefined, cpuTimeMs: undefined };

  private constructor(
    options: InstanceOptions,
    child: Child,
    sandbox: SandboxReport,
    connection: Connection,
    ended: Promise<InstanceEnd>,
    offers: InitializeAnswer,
  ) {
    this.#maxCallMs = options.permissions.limits.callTimeoutMs;
    this.pid = sandbox.facts?.pid ?? child.pid;
    this.sandbox = sandbox;
    this.offers = offers;
    this.ended = ended;
    this.#child = child;
    this.#connection = connection;
  }

  /**
   * Starts a process, imports the plugin in it and runs its `init`.
   *
   * @param options The proofs, folders and limits.
   * @returns The instance, ready for calls.
   * @throws {SallyportError} `launch-failed` when the process, the import or `init` fails or takes too
   * long, `protocol-violation` when it answers with anything but the protocol.
   */
  static async start(options: InstanceOptions): Promise<PluginInstance> {
    const { launch, startTimeoutMs: timeoutMs, signal } = options;
    const { manifest } = options.verified;
    let child: Child;
    try {
      child = startChild(launch.command, {
        onLine: (line) => options.events.stderr(line),
      });
    } catch (error) {
      await launch[Symbol.asyncDispose]();
      throw error;
    }
    const { limits } = options.permissions;
    const life: Life = { child, launch, limits, name: manifest.name, wanted: () => false };
    const connection = connect(life, options);
    const ended = supervise(life, connection);
    try {
      // what contains the process is settled, and looked at, before a line of the plugin runs
      const entering = launch.enter &&
        connection.request("sandbox/enter", launch.enter, { timeoutMs, signal });
      entering?.catch(() => {}); // awaited below, unless something else fails first
      const [sandbox] = await Promise.all([contained(life, entering), options.stored()]);
      const answer = await connection.request("initialize", {
        protocol: 1,
        plugin: { name: manifest.name, version: manifest.version },
        entry: entryUrl(launch.bundleDir, manifest.entry),
        context: Object.fromEntries(options.permissions.context),
        hooks: options.permissions.hooks,
        limits: options.permissions.limits,
        ...(launch.storageDir === undefined ? {} : { storage: launch.storageDir }),
      }, { timeoutMs, signal });
      await entering; // answered before what was sent after it
      const offers = parseInitializeAnswer(answer, manifest.name);
      const instance = new PluginInstance(options, child, sandbox, connection, ended, offers);
      life.wanted = () => instance.#stopping;
      return instance;
    } catch (cause) {
      const status = child.status; // as it was before we end it
      life.wanted = () => true;
      child.kill("SIGKILL");
      await ended;
      // the copy could not be stored, or a layer is missing: nothing that the plugin did
      if (cause instanceof SallyportError && cause.code === "launch-failed") throw cause;
      throw startError(manifest.name, cause, status, child.stderr.text());
    }
  }

  /** Whether the process is gone. */
  get hasExited(): boolean {
    return this.#child.status !== undefined;
  }

  /** How many calls wait for an answer. */
  get inFlight(): number {
    return this.#connection.stats.inFlight;
  }

  /** Waits until no call is in flight; new ones are not kept out. */
  async whenIdle(): Promise<void> {
    // bounded by the caller, and by the end of the process
    while (this.inFlight > 0 && this.#child.status === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** How many bytes went to the plugin and came from it. */
  get traffic(): { bytesSent: number; bytesReceived: number } {
    const { bytesSent, bytesReceived } = this.#connection.stats;
    return { bytesSent, bytesReceived };
  }

  /**
   * Sends a request.
   *
   * @param method The wire method.
   * @param params Its parameters.
   * @param options Signal, deadline, progress.
   * @returns The answer.
   */
  request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    return this.#connection.request(method, params, this.#bounded(options));
  }

  /**
   * Sends a request whose answer is a stream.
   *
   * @param method The wire method.
   * @param params Its parameters.
   * @param options Signal, deadline, progress.
   * @returns The items.
   */
  stream(
    method: string,
    params: unknown,
    options: RequestOptions = {},
  ): AsyncGenerator<unknown, unknown, undefined> {
    return this.#connection.stream(method, params, this.#bounded(options));
  }

  /**
   * Takes over the state of the instance whose place this one takes, where both want that.
   *
   * @param old The running instance.
   */
  async takeOver(old: PluginInstance): Promise<void> {
    if (!old.offers.snapshot || !this.offers.snapshot) return;
    let answer: unknown;
    try {
      answer = await old.request("state/snapshot", {});
    } catch (error) {
      // a process that just died has no state to hand over, and none that could serve on
      if (error instanceof SallyportError && error.code === "crashed") return;
      throw error;
    }
    const { state = null } = record(answer);
    await this.request("state/restore", { state });
  }

  /** Reads what the process has used, or what it had used when it was stopped. */
  async usage(): Promise<ProcessUsage> {
    if (this.#child.status === undefined) {
      const usage = await readProcessUsage(this.pid);
      if (usage.cpuTimeMs !== undefined) this.#usage = usage;
    }
    return this.#usage;
  }

  /**
   * Stops the process; bounded whatever it does. Calls in flight are settled with `cancelled`.
   *
   * @param times How long each step may take.
   * @returns At which step it ended.
   */
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
    const timeoutMs = Math.min(options.timeoutMs ?? this.#maxCallMs, this.#maxCallMs);
    return { ...options, timeoutMs };
  }
}

/** Gives the URL of a bundle's entry. */
export function entryUrl(bundleDir: string, entry: string): string {
  return pathToFileURL(`${bundleDir}/${entry}`).href;
}

/** What connection and supervision share of a process. */
interface Life {
  readonly child: Child;
  readonly launch: OpenLaunch;
  readonly limits: Limits;
  readonly name: string;
  /** Whether the host wants the process to end. */
  wanted: () => boolean;
  /** Whether it was the host that ended it. */
  ended?: boolean;
  /** Why it ended, once somebody has asked. */
  crash?: Promise<SallyportError>;
}

/**
 * Looks at what contains the process: when the bootstrap has entered the sandbox, or, where the launcher
 * has completed the containment before the runtime is executed, while that starts.
 */
async function contained(
  { child, launch }: Life,
  entering: Promise<unknown> | undefined,
): Promise<SandboxReport> {
  if (entering === undefined) return launch.inspect(child.pid);
  for (let look = 0; look < EARLY_LOOKS; look++) {
    if (await settledWithin(entering, EARLY_LOOK_MS)) break;
    const report = launch.inspectStarted(child.pid);
    if (report !== undefined) return report;
  }
  await entering;
  return launch.inspect(child.pid);
}

function connect(life: Life, { events, permissions }: InstanceOptions): Connection {
  return new Connection({
    io: childDuplex(life.child.process),
    role: "host",
    maxMessageBytes: permissions.limits.messageBytes,
    onEnd: () => reasonOfEnd(life),
    ...peerHandlers(events),
  });
}

/** Kills a process that has not ended by itself. */
function end(life: Life): void {
  if (life.child.status !== undefined) return;
  life.ended = true;
  life.child.kill("SIGKILL");
}

/** Waits for the exit that follows the end of the pipe, and tells why the process ended. */
async function reasonOfEnd(life: Life): Promise<SallyportError> {
  const { child, name } = life;
  if (!life.wanted() && !await settledWithin(child.exited, DRAIN_MS)) end(life);
  await child.exited;
  await settledWithin(child.stderr.done, DRAIN_MS);
  return life.wanted() ? unloadedError(name) : await crashError(life);
}

/** Tells why a process ended that nobody wanted to end; the same error to whoever asks. */
function crashError(life: Life): Promise<SallyportError> {
  const { child, launch, limits, name } = life;
  return life.crash ??= child.exited.then(async (status) =>
    endError(name, status, await launch.outcome(), limits, child.stderr.text())
  );
}

/** Waits for the end of process or pipe, whichever is first, and takes the other down with it. */
async function supervise(life: Life, connection: Connection): Promise<InstanceEnd> {
  const { child, launch, name } = life;
  await Promise.race([
    connection.closed,
    // what the process wrote before its exit is still in the pipe
    child.exited.then(() => settledWithin(connection.closed, DRAIN_MS)),
  ]);
  // a closed pipe means a broken protocol, or an end that the stop ladder or reasonOfEnd has seen to
  if (!life.wanted()) end(life);
  const status = await child.exited;
  connection.close(await reasonOfEnd(life));
  const reason = await connection.closed;
  await child.stderr.release();
  let error: SallyportError | undefined;
  if (!life.wanted()) {
    const crash = await crashError(life);
    // what broke the protocol tells more than the end that it led to; but a message is also torn when
    // its sender is killed
    const killed = reason?.details.torn === true && !life.ended && signalOf(status) !== undefined;
    error = reason === undefined || reason === crash || killed
      ? crash
      : violationError(name, reason, status, child.stderr.text());
  }
  try {
    await launch[Symbol.asyncDispose]();
  } catch {
    // it goes with the host's own folder, at the latest when the next host sweeps
  }
  return { ...status, error: life.wanted() ? undefined : error };
}
