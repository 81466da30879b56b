// A process that runs the bootstrap in its sandbox and holds no plugin yet: the first half of every start.
import type { Limits } from "../../bundle/manifest/limits.ts";
import type { SallyportError } from "../../errors.ts";
import { type Child, type ExitStatus, startChild } from "../../process/child.ts";
import { settledWithin } from "../../process/stop.ts";
import { Connection } from "../../rpc/connection.ts";
import { childDuplex } from "../../rpc/transport/duplex.ts";
import type { SandboxReport } from "../../sandbox/launch/launcher.ts";
import { endError, signalOf, unloadedError, violationError } from "./exit_errors.ts";
import { type LateHandlers, peerHandlers, type RequestHandlers } from "./plugin_requests.ts";
import type { OpenLaunch } from "./process_resources.ts";

/** Says how an instance ended; without an error the host wanted it to. */
export interface ProcessEnd extends ExitStatus {
  /** Why it ended, when the host did not stop it. */
  readonly error: SallyportError | undefined;
}

/** What a process is started with. */
export interface EmptyProcessOptions {
  /** How it is started, and what goes with it; disposed when the process has ended. */
  readonly launch: OpenLaunch;
  /** The limits that it is started with. */
  readonly limits: Limits;
  /** The plugin that its errors name. */
  readonly name: string;
  /** Where its requests go; to nobody before a plugin is in it. */
  readonly handlers: LateHandlers;
  /** How long entering the sandbox may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives up entering it. */
  readonly signal?: AbortSignal;
}

const DRAIN_MS = 500;
/** How often, and how many times, it is looked whether the runtime has been executed. */
const EARLY_LOOK_MS = 4;
const EARLY_LOOKS = 10;

/** Runs and supervises one process, from its start to its end. */
export class EmptyProcess implements AsyncDisposable {
  /** The process. */
  readonly child: Child;
  /** How it was started. */
  readonly launch: OpenLaunch;
  /** The connection to it. */
  readonly connection: Connection;
  /** Where its requests go. */
  readonly handlers: LateHandlers;
  /** Settles when the process is gone and its folders are removed. */
  readonly ended: Promise<ProcessEnd>;
  /** Settles when the bootstrap has entered the sandbox; rejects when it cannot. */
  readonly entered: Promise<unknown>;
  /**
   * What contains it; settled before anything of a plugin is sent. Where the launcher has completed the
   * containment before the runtime is executed, this is looked at while that starts.
   */
  readonly contained: Promise<SandboxReport>;
  readonly #limits: Limits;
  #name: string;
  #wanted: () => boolean = () => false;
  /** Whether it was the host that ended it. */
  #killed = false;
  #crash: Promise<SallyportError> | undefined;

  private constructor(options: EmptyProcessOptions, child: Child) {
    const { launch, limits, name, handlers, timeoutMs, signal } = options;
    this.child = child;
    this.launch = launch;
    this.handlers = handlers;
    this.#limits = limits;
    this.#name = name;
    this.connection = new Connection({
      io: childDuplex(child.process),
      role: "host",
      maxMessageBytes: limits.messageBytes,
      onEnd: () => this.#reasonOfEnd(),
      onLane: () => launch.lane?.take(),
      ...peerHandlers(handlers),
    });
    this.ended = this.#supervise();
    const entering = launch.enter &&
      this.connection.request("sandbox/enter", launch.enter, { timeoutMs, signal });
    const shared = launch.enter?.shared;
    if (shared !== undefined && entering !== undefined) {
      launch.shared?.attach(
        this.connection,
        { down: shared.down.bytes, up: shared.up.bytes },
        entering,
      );
    }
    this.entered = Promise.resolve(entering);
    this.contained = this.#inspect(entering);
    // whoever starts a plugin in it awaits both, unless something else fails first
    this.entered.catch(() => {});
    this.contained.catch(() => {});
  }

  /**
   * Starts a process.
   *
   * @throws {SallyportError} `launch-failed` when it cannot be started; the launch is disposed then.
   */
  static async start(options: EmptyProcessOptions): Promise<EmptyProcess> {
    const { launch, handlers } = options;
    let child: Child;
    try {
      child = startChild(launch.command, { onLine: (line) => handlers.stderr(line) });
    } catch (error) {
      await launch[Symbol.asyncDispose]();
      throw error;
    }
    return new EmptyProcess(options, child);
  }

  /** Whether it lives. */
  get isAlive(): boolean {
    return this.child.status === undefined && !this.connection.isClosed &&
      !hasEnded(this.child.pid);
  }

  /** Hands it to a plugin. */
  adopt(name: string, handlers: RequestHandlers): void {
    this.#name = name;
    this.handlers.target = handlers;
  }

  /** Tells from now on an end that the host wants from one that it does not. */
  expectEnd(wanted: () => boolean): void {
    this.#wanted = wanted;
  }

  /** Ends the process and waits until everything that goes with it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#wanted = () => true;
    this.child.kill("SIGKILL");
    await this.ended;
  }

  async #inspect(entering: Promise<unknown> | undefined): Promise<SandboxReport> {
    const { child, launch } = this;
    if (entering === undefined) return launch.inspect(child.pid);
    for (let look = 0; look < EARLY_LOOKS; look++) {
      if (await settledWithin(entering, EARLY_LOOK_MS)) break;
      const report = launch.inspectStarted(child.pid);
      if (report !== undefined) return report;
    }
    await entering;
    return launch.inspect(child.pid);
  }

  /** Kills a process that has not ended by itself. */
  #end(): void {
    if (this.child.status !== undefined) return;
    this.#killed = true;
    this.child.kill("SIGKILL");
  }

  /** Waits for the exit that follows the end of the pipe, and tells why the process ended. */
  async #reasonOfEnd(): Promise<SallyportError> {
    const { child } = this;
    if (!this.#wanted() && !await settledWithin(child.exited, DRAIN_MS)) this.#end();
    await child.exited;
    await settledWithin(child.stderr.done, DRAIN_MS);
    return this.#wanted() ? unloadedError(this.#name) : await this.#crashError();
  }

  /** Tells why a process ended that nobody wanted to end; the same error to whoever asks. */
  #crashError(): Promise<SallyportError> {
    const { child, launch } = this;
    return this.#crash ??= child.exited.then(async (status) =>
      endError(
        this.#name,
        status,
        await launch.outcome(),
        this.#limits,
        child.stderr.text(),
        this.handlers.uncaught,
      )
    );
  }

  /** Waits for the end of process or pipe, whichever is first, and takes the other down with it. */
  async #supervise(): Promise<ProcessEnd> {
    const { child, connection, launch } = this;
    await Promise.race([
      connection.closed,
      // what the process wrote before its exit is still in the pipe
      child.exited.then(() => settledWithin(connection.closed, DRAIN_MS)),
    ]);
    // a closed pipe means a broken protocol, or an end that the stop ladder or #reasonOfEnd has seen to
    if (!this.#wanted()) this.#end();
    const status = await child.exited;
    connection.close(await this.#reasonOfEnd());
    const reason = await connection.closed;
    await child.stderr.release();
    let error: SallyportError | undefined;
    if (!this.#wanted()) {
      const crash = await this.#crashError();
      // what broke the protocol tells more than the end that it led to; but a message is also torn when
      // its sender is killed
      const torn = reason?.details.torn === true && !this.#killed;
      error = reason === undefined || reason === crash || (torn && signalOf(status) !== undefined)
        ? crash
        : violationError(this.#name, reason, status, child.stderr.text());
    }
    try {
      await launch[Symbol.asyncDispose]();
    } catch {
      // it goes with the host's own folder, at the latest when the next host sweeps
    }
    return { ...status, error: this.#wanted() ? undefined : error };
  }
}

/** Asks the kernel: while the host was busy with something else, nobody could tell it of an end. */
function hasEnded(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false; // not for this host to see, or another system: it will be told
  }
}
