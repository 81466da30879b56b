// What a plugin needs of its host, without a process: a process is an object that a test ends as it likes.
import { DEFAULT_LIMITS } from "../../../src/bundle/manifest/limits.ts";
import { SallyportError } from "../../../src/errors.ts";
import { HookRegistry } from "../../../src/hooks/registry.ts";
import type { PreparedPlugin } from "../../../src/host/admission/admit.ts";
import { EventHub, type HostEvent } from "../../../src/host/events/events.ts";
import type { PluginParts } from "../../../src/host/plugin/plugin_parts.ts";
import type { PluginProcess, ProcessEnd } from "../../../src/host/process/plugin_process.ts";
import type { RequestOptions } from "../../../src/rpc/calls/options.ts";
import { silentLogger } from "../../../src/log.ts";
import type { VerifiedPlugin } from "../../../src/trust/verify/verify.ts";

/** A verified bundle, as far as a plugin looks at it. */
export function verified(version = "1.0.0", name = "sample", fields = {}): VerifiedPlugin {
  const manifest = { name, version, ...fields };
  const bundleHash = [...`${name}${version}`].map((c) => c.charCodeAt(0).toString(16)).join("");
  return { manifest, bundleHash, signers: [], files: [], root: `/plugins/${name}` } as never;
}

/** One that was admitted. */
export function prepared(of: VerifiedPlugin): PreparedPlugin {
  const permissions = { context: new Map(), hooks: [], limits: DEFAULT_LIMITS };
  return { verified: of, permissions } as never;
}

/** A process that answers what a test has it answer. */
export class FakeProcess {
  static #pids = 0;
  readonly pid: number = ++FakeProcess.#pids;
  readonly offers: { methods: string[]; hooks: never[]; snapshot: boolean };
  readonly traffic = { bytesSent: 0, bytesReceived: 0, hostTimeMs: 0 };
  readonly asked: string[] = [];
  readonly ended: Promise<ProcessEnd>;
  hasExited = false;
  inFlight = 0;
  answer: (method: string, params: unknown) => unknown = () => "answered";
  #end: (end: ProcessEnd) => void;

  constructor(snapshot = false) {
    this.offers = { methods: ["say"], hooks: [], snapshot };
    ({ promise: this.ended, resolve: this.#end } = Promise.withResolvers<ProcessEnd>());
  }

  end(error?: SallyportError): void {
    this.hasExited = true;
    this.#end({ code: error === undefined ? 0 : 1, signal: null, error });
  }

  crash(): void {
    this.end(new SallyportError("crashed", 'Plugin "sample" ended: exit code 1'));
  }

  async request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    this.asked.push(method);
    const aborted = new Promise<never>((_, reject) => {
      const abort = () => reject(new SallyportError("cancelled", "Cancelled"));
      if (options.signal?.aborted) abort();
      options.signal?.addEventListener("abort", abort, { once: true });
    });
    aborted.catch(() => {}); // where the answer comes first
    const answer = Promise.resolve(this.answer(method, params));
    return await Promise.race([answer, aborted]);
  }

  whenIdle(): Promise<void> {
    return Promise.resolve();
  }

  usage() {
    return Promise.resolve({ peakMemoryBytes: undefined, cpuTimeMs: undefined });
  }

  stop(): Promise<void> {
    this.asked.push("stop");
    this.end();
    return Promise.resolve();
  }

  kill(): Promise<void> {
    this.asked.push("kill");
    this.end();
    return Promise.resolve();
  }
}

/** The parts, and what happened to them. */
export class FakeHost {
  readonly hub = new EventHub();
  readonly hooks = new HookRegistry({ logger: silentLogger, onFailure() {} });
  readonly seen: HostEvent[] = [];
  readonly ended: string[] = [];
  readonly started: PreparedPlugin[] = [];
  /** What the next starts do. */
  readonly starts: ((signal: AbortSignal | undefined) => Promise<FakeProcess> | FakeProcess)[] = [];
  readonly released: string[] = [];
  /** Why a bundle is refused now, by its version. */
  readonly refused = new Map<string, SallyportError>();
  /** Bundles by folder. */
  readonly folders = new Map<string, VerifiedPlugin>();
  readonly parts: PluginParts;

  constructor() {
    this.hub.listen((event) => this.seen.push(event));
    const refusal = (of: VerifiedPlugin) => this.refused.get(of.manifest.version);
    const check = (of: VerifiedPlugin) => {
      const error = refusal(of);
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    };
    const parts = {
      settings: {
        logger: silentLogger,
        policy: {},
        times: { drainMs: 100, shutdownMs: 100, graceMs: 100, handOverMs: 1_000 },
      },
      hub: this.hub,
      hooks: this.hooks,
      telemetry: { isOn: false },
      services: {
        release: (name: string) => Promise.resolve(void this.released.push(name)),
      },
      supervisor: {
        ended: (plugin: { name: string }, error: SallyportError) =>
          void this.ended.push(`${plugin.name} ${error.code}`),
        overdue() {},
        cancelRestart() {},
        isRestarting: () => false,
      },
      trust: {
        isCurrent: (of: VerifiedPlugin) => refusal(of) === undefined,
        confirm: check,
        expire() {},
        record: () => Promise.resolve(),
        refusalOfRunning: (of: VerifiedPlugin) => Promise.resolve(refusal(of)),
      },
      admission: {
        verify: async (dir: string) => {
          const found = this.folders.get(dir);
          if (found === undefined) throw new SallyportError("bundle-invalid", "Cannot read it");
          await check(found);
          return found;
        },
        admit: (of: VerifiedPlugin) => Promise.resolve(prepared(of)),
        confirm: (of: PreparedPlugin) => check(of.verified),
        keep: ({ manifest, bundleHash }: VerifiedPlugin) => ({
          version: manifest.version,
          bundleHash,
          envelope: new Uint8Array(),
        }),
      },
      starter: {
        warm() {},
        settle: () => Promise.resolve(),
        store: () => Promise.resolve(),
        start: async (of: PreparedPlugin, _handlers: unknown, signal?: AbortSignal) => {
          this.started.push(of);
          const process = await (this.starts.shift() ?? (() => new FakeProcess()))(signal);
          if (signal?.aborted) throw new SallyportError("cancelled", "Cancelled");
          return process as unknown as PluginProcess;
        },
      },
    };
    this.parts = parts as unknown as PluginParts;
  }

  /** What was told of a plugin, in short. */
  story(): string[] {
    return this.seen.map((event) => event.type === "state" ? `state:${event.to}` : event.type);
  }
}

/** A start that fails when its signal says so, and until then hangs. */
export function hanging(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new SallyportError("cancelled", "Cancelled")), {
      once: true,
    });
  });
}
