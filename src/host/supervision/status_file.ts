// The status of a host as a file, for `sallyport top` and other programs to read.
import { escapeText, type SallyportErrorCode } from "../../errors.ts";
import { type Logger, silentLogger } from "../../log.ts";
import type { PluginSample } from "../../monitor/samples/sample.ts";
import type { LauncherName } from "../../sandbox/launch/launch_spec.ts";
import type { PluginState } from "../events/plugin_state.ts";

/** Holds what a host tells of one plugin. */
export interface PluginStatus {
  /** The name in the manifest, or the folder's where there is no manifest to read. */
  readonly name: string;
  /** The version in its manifest; absent where it could not be read. */
  readonly version?: string;
  /** The hash of its verified bundle. */
  readonly bundleHash?: string;
  /** Where it is in its life. */
  readonly state: PluginState;
  /** Its process, while there is one. */
  readonly pid?: number;
  /** What started that process. */
  readonly sandbox?: LauncherName;
  /** How often it was started again after a crash. */
  readonly restarts: number;
  /** Its violations that count now. */
  readonly violations: number;
  /** Calls and streams. */
  readonly calls: {
    /** How many were begun. */
    readonly total: number;
    /** How many failed. */
    readonly failed: number;
    /** How many wait for an answer. */
    readonly inFlight: number;
    /** How many were begun a second, since the sample before. */
    readonly perSecond: number;
  };
  /** How much memory it may use, in bytes. */
  readonly memoryLimitBytes?: number;
  /** What it used last. */
  readonly sample?: PluginSample;
  /** Its use of a processor in percent, the oldest first; the last 60 are kept. */
  readonly history?: readonly number[];
  /** Why it was refused, or how it ended. */
  readonly error?: { readonly code: SallyportErrorCode; readonly message: string };
}

/** Holds what a host tells of itself and its plugins. */
export interface HostStatus {
  /** The version of this form. */
  readonly schema: 1;
  /** The host. */
  readonly host: {
    /** Its process. */
    readonly pid: number;
    /** Since when, in RFC 3339. */
    readonly startedAt: string;
    /** The version of this package. */
    readonly version: string;
  };
  /** When this was so, in RFC 3339. */
  readonly time: string;
  /** How often the host samples, in milliseconds. */
  readonly intervalMs: number;
  /** Its plugins; at most 1,000 are written. */
  readonly plugins: readonly PluginStatus[];
  /** How many plugins were left out because there are too many; set when it is written. */
  readonly omitted?: number;
}

/** Is the name of the file in the folder of a host's run. */
export const STATUS_FILE = "status.json";

/** Is the greatest size of the file, in bytes. */
export const MAX_STATUS_BYTES: number = 4 * 1024 * 1024;

/** Is how many plugins the file has at most. */
export const MAX_STATUS_PLUGINS = 1_000;

/** Is how many figures of its past the file has of a plugin at most. */
export const MAX_HISTORY = 60;

const MIN_GAP_MS = 200;
const WARN_AGAIN_MS = 3_600_000;
const MAX_MESSAGE = 500;
const MAX_NAME = 255;

/** Returns the status when it is about to be written. */
export type StatusSource = () => HostStatus;

/** Options of {@linkcode StatusFile}. */
export interface StatusFileOptions {
  /**
   * Is told when the file cannot be written: once, and an hour later again at the earliest.
   *
   * @default Nobody is told.
   */
  logger?: Logger;
}

/**
 * Writes the status of a host, at most five times a second, in the background.
 *
 * A reader sees one whole status or the next one. Nothing here throws: a host does its work whether or
 * not anybody can see it.
 */
export class StatusFile implements AsyncDisposable {
  /** The path of the file. */
  readonly path: string;
  readonly #temporary: string;
  readonly #logger: Logger;
  #latest: HostStatus | StatusSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;
  #startedAt = -Infinity;
  #failing = false;
  #warnedAt = -Infinity;
  #disposed = false;

  /** Names the file; writes nothing yet. */
  constructor(runDir: string, { logger = silentLogger }: StatusFileOptions = {}) {
    this.path = `${runDir}/${STATUS_FILE}`;
    this.#temporary = `${this.path}.new`;
    this.#logger = logger;
  }

  /**
   * Has a status written, now or 200 ms after the one before; of several in that time the last one.
   */
  publish(status: HostStatus | StatusSource): void {
    if (this.#disposed) return;
    this.#latest = status;
    this.#schedule();
  }

  /** Removes the file, once what is being written has been. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#latest = undefined;
    clearTimeout(this.#timer);
    await this.#writing;
    await Deno.remove(this.path).catch(() => {}); // never written, or gone with its folder
  }

  #schedule(): void {
    const idle = this.#timer === undefined && this.#writing === undefined;
    if (!idle || this.#latest === undefined || this.#disposed) return;
    const wait = this.#startedAt + MIN_GAP_MS - performance.now();
    if (wait <= 0) return this.#start(this.#latest);
    const timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#latest !== undefined) this.#start(this.#latest);
    }, wait);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #start(latest: HostStatus | StatusSource): void {
    this.#latest = undefined;
    this.#startedAt = performance.now();
    this.#writing = this.#write(latest).finally(() => {
      this.#writing = undefined;
      this.#schedule();
    });
  }

  async #write(latest: HostStatus | StatusSource): Promise<void> {
    try {
      const bytes = encodeStatus(typeof latest === "function" ? latest() : latest);
      // a new file: a link that stands there is not followed. Not synced: after a power cut no host lives
      await Deno.writeFile(this.#temporary, bytes, { createNew: true, mode: 0o600 });
      await Deno.rename(this.#temporary, this.path);
      this.#failing = false;
    } catch (error) {
      await Deno.remove(this.#temporary).catch(() => {}); // never made, or nothing can be written
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    const now = performance.now();
    const again = !this.#failing && now - this.#warnedAt >= WARN_AGAIN_MS;
    this.#failing = true;
    if (!again) return;
    this.#warnedAt = now;
    const message = error instanceof Error ? error.message : String(error);
    try {
      this.#logger.warn("Cannot write the status of the host: the command top shows an old one", {
        path: this.path,
        error: escapeText(message, MAX_MESSAGE),
      });
    } catch {
      // an application's logger that throws must not end the host either
    }
  }
}

/**
 * Writes a status as JSON within the limits of the file.
 *
 * What is too long is cut. Where there is too much, the past and the samples are left out first, and
 * then plugins.
 */
export function encodeStatus(status: HostStatus): Uint8Array {
  const whole = encode(status, status.plugins.slice(0, MAX_STATUS_PLUGINS).map(boundedPlugin));
  if (whole.length <= MAX_STATUS_BYTES) return whole;
  let plugins = status.plugins.slice(0, MAX_STATUS_PLUGINS).map((plugin) => {
    const { history: _history, sample: _sample, ...rest } = boundedPlugin(plugin);
    return rest;
  });
  for (;;) {
    const bytes = encode(status, plugins);
    if (bytes.length <= MAX_STATUS_BYTES) return bytes;
    plugins = plugins.slice(0, plugins.length >> 1);
  }
}

function encode(status: HostStatus, plugins: readonly PluginStatus[]): Uint8Array {
  const omitted = status.plugins.length - plugins.length;
  const written = { ...status, plugins, ...(omitted === 0 ? {} : { omitted }) };
  let json = JSON.stringify(written);
  // a rate over no time became null: absent is better than a file that no reader takes
  if (json.includes("null")) json = JSON.stringify(written, withoutInfinite);
  return new TextEncoder().encode(`${json}\n`);
}

function withoutInfinite(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? undefined : value;
}

function boundedPlugin(plugin: PluginStatus): PluginStatus {
  const { name, history, error } = plugin;
  return {
    ...plugin,
    name: name.slice(0, MAX_NAME),
    ...(history === undefined
      ? {}
      : { history: history.slice(-MAX_HISTORY).filter(Number.isFinite).map(toTenth) }),
    ...(error === undefined
      ? {}
      : { error: { code: error.code, message: error.message.slice(0, MAX_MESSAGE) } }),
  };
}

function toTenth(value: number): number {
  return Math.round(value * 10) / 10;
}
