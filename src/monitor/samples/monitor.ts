// Samples what every plugin uses, all of them by one timer.
import { type Logger, silentLogger } from "../../log.ts";
import { MONITOR_BOUNDS } from "../../permissions/policy/watch_policy.ts";
import { EntryBudget } from "./entry_budget.ts";
import { HeapQuestion } from "./heap_question.ts";
import type { PluginSample } from "./sample.ts";
import { readPlatformTable } from "../sources/platform.ts";
import { mayReadProc } from "../sources/proc.ts";
import { ProcessTable } from "../sources/process_table.ts";
import type { MonitorTarget } from "./target.ts";
import { type RoundSources, TargetSampler } from "./target_sampler.ts";
import { type MonitorEvent, type SampleReader, sampleReader, type WatchOptions } from "./watch.ts";

/** Options of {@linkcode ResourceMonitor}. */
export interface ResourceMonitorOptions {
  /**
   * How often each plugin is sampled, in milliseconds: 100 to 3,600,000.
   *
   * @default {10_000}
   */
  intervalMs?: number;
  /**
   * Samples that are kept of each plugin, 1 to 10,000.
   *
   * @default {60}
   */
  history?: number;
  /**
   * Takes every sample as it is taken, and the one before of the same process; unlike a reader it never
   * misses one. What it throws is logged.
   */
  onSample?: (sample: PluginSample, previous: PluginSample | undefined) => void;
  /** Takes the monitor's own complaints. */
  logger?: Logger;
}

interface Watched {
  readonly target: MonitorTarget;
  readonly sampler: TargetSampler;
  readonly heap: HeapQuestion;
  readonly intervalMs: number;
  readonly samples: PluginSample[];
  previous: PluginSample | undefined;
  dueMs: number;
}

/** Is how often plugins are sampled unless the options say otherwise, in milliseconds. */
export const DEFAULT_INTERVAL_MS = 10_000;

const DEFAULT_HISTORY = 60;
const MAX_HISTORY = 10_000;
/** How long a round waits for the plugins' own word; a busy one must not hold up the others' samples. */
const ANSWER_MS = 250;
/** How long a round may hold up the host's other work at a stretch. */
const SLICE_MS = 2;
/** A sample younger than this is as good as a new one. */
const FRESH_MS = 100;
/** `ps` costs more than all of `/proc`: it is asked no more often than this. */
const PLATFORM_EVERY_MS = 1_000;

/**
 * Watches plugins: one timer, samples that never overlap, a bounded history of each.
 *
 * It keeps no process alive. Sampling 50 idle plugins once a second takes less than 1 % of a processor.
 */
export class ResourceMonitor implements Disposable {
  readonly #intervalMs: number;
  readonly #history: number;
  readonly #onSample: ResourceMonitorOptions["onSample"];
  readonly #logger: Logger;
  readonly #watched = new Map<string, Watched>();
  /** Readers, and the one plugin that each is for. */
  readonly #readers = new Map<SampleReader, string | undefined>();
  readonly #entries = new EntryBudget();
  readonly #table: ProcessTable | undefined;
  #platform: RoundSources["platform"];
  #platformMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerMs = Infinity;
  #round: Promise<void> | undefined;
  #disposed = false;

  /**
   * Makes a monitor that watches nothing yet.
   *
   * @throws {RangeError} naming the option that is out of bounds.
   */
  constructor(options: ResourceMonitorOptions = {}) {
    const { intervalMs = DEFAULT_INTERVAL_MS, history = DEFAULT_HISTORY } = options;
    const { min, max } = MONITOR_BOUNDS.intervalMs;
    this.#intervalMs = whole("intervalMs", intervalMs, min, max);
    this.#history = whole("history", history, 1, MAX_HISTORY);
    this.#onSample = options.onSample;
    this.#logger = options.logger ?? silentLogger;
    this.#table = mayReadProc() ? new ProcessTable() : undefined;
  }

  /**
   * Watches a plugin from now on, in place of another process of the same name; the samples of that stay.
   *
   * @throws {RangeError} When its interval is out of bounds.
   * @throws {TypeError} When the monitor is disposed of.
   */
  add(target: MonitorTarget): void {
    if (this.#disposed) throw new TypeError("Cannot watch a plugin: the monitor is disposed of");
    const { min, max } = MONITOR_BOUNDS.intervalMs;
    const intervalMs = whole("intervalMs", target.intervalMs ?? this.#intervalMs, min, max);
    this.#watched.set(target.name, {
      target,
      sampler: new TargetSampler(target, this.#sources()),
      heap: new HeapQuestion(target),
      intervalMs,
      samples: this.#watched.get(target.name)?.samples ?? [],
      previous: undefined,
      dueMs: nextDue(performance.now(), intervalMs),
    });
    this.#schedule();
  }

  /** Watches a plugin no more and forgets its samples. */
  remove(name: string, target?: MonitorTarget): boolean {
    if (target !== undefined && this.#watched.get(name)?.target !== target) return false;
    const removed = this.#watched.delete(name);
    this.#schedule(); // no timer is left for what is gone
    return removed;
  }

  /** Returns the samples of a plugin. */
  samples(name: string): readonly PluginSample[] {
    return [...this.#watched.get(name)?.samples ?? []];
  }

  /** Returns the latest sample of every plugin that has one. */
  *latest(): Generator<PluginSample, void, undefined> {
    for (const { samples } of this.#watched.values()) {
      const sample = samples.at(-1);
      if (sample !== undefined) yield sample;
    }
  }

  /**
   * Samples a plugin now; the sample counts among the others. One younger than 100 ms is given as it is.
   */
  async measure(name: string): Promise<PluginSample | undefined> {
    while (this.#round !== undefined) await this.#round;
    const watched = this.#watched.get(name);
    if (watched === undefined) return undefined;
    const latest = watched.previous;
    if (latest !== undefined && performance.now() - watched.sampler.lastMs < FRESH_MS) {
      return latest;
    }
    await this.#begin([watched], true);
    return watched.previous === latest ? undefined : watched.previous;
  }

  /**
   * Follows samples from now on. A slow reader loses the oldest and is told how many.
   *
   * @throws {RangeError} When `maxQueued` is out of bounds.
   */
  watch(options: WatchOptions = {}): AsyncIterableIterator<MonitorEvent> {
    const reader: SampleReader = sampleReader(options, () => this.#readers.delete(reader));
    if (this.#disposed || options.signal?.aborted) reader.end();
    else this.#readers.set(reader, options.plugin);
    return reader;
  }

  /** Stops: no timer is left, and readers end after what they have not yet read. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#watched.clear();
    for (const reader of [...this.#readers.keys()]) reader.end();
  }

  #schedule(): void {
    if (this.#disposed || this.#round !== undefined) return; // the end of the round comes here again
    let nextMs = Infinity;
    for (const { dueMs } of this.#watched.values()) nextMs = Math.min(nextMs, dueMs);
    if (nextMs === this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = nextMs;
    if (nextMs === Infinity) return;
    this.#timer = unref(setTimeout(() => this.#tick(), Math.max(0, nextMs - performance.now())));
  }

  #tick(): void {
    this.#timerMs = Infinity;
    const now = performance.now();
    const due = [...this.#watched.values()].filter(({ dueMs }) => dueMs <= now + 1);
    if (this.#round === undefined) this.#begin(due, false);
  }

  #begin(due: readonly Watched[], fresh: boolean): Promise<void> {
    return this.#round = this.#take(due, fresh).catch((error) => {
      this.#logger.error("Cannot sample plugins", { error });
    }).finally(() => {
      this.#round = undefined;
      this.#schedule();
    });
  }

  async #take(due: readonly Watched[], fresh: boolean): Promise<void> {
    await this.#ask(due, fresh);
    const sources = this.#sources();
    // a control group lists its own members
    if (due.some(({ target }) => target.cgroup === undefined)) this.#table?.refresh();
    let sliceMs = performance.now();
    for (const watched of due) {
      if (this.#disposed) return;
      watched.dueMs = nextDue(performance.now(), watched.intervalMs);
      if (this.#watched.get(watched.target.name) !== watched) continue; // removed meanwhile
      this.#sample(watched, sources);
      if (performance.now() - sliceMs < SLICE_MS) continue;
      await new Promise<void>((resolve) => unref(setTimeout(resolve, 0)));
      sliceMs = performance.now();
    }
  }

  #sample(watched: Watched, sources: RoundSources): void {
    const { sampler, heap, samples, previous } = watched;
    const sample = sampler.take(sources, heap.answer);
    if (sample === undefined) return;
    watched.previous = sample;
    samples.push(sample);
    if (samples.length > this.#history) samples.shift();
    for (const [reader, plugin] of this.#readers) {
      if (plugin === undefined || plugin === sample.plugin) reader.push({ type: "sample", sample });
    }
    try {
      this.#onSample?.(sample, previous);
    } catch (error) {
      this.#logger.error("Cannot handle a sample", { plugin: sample.plugin, error });
    }
  }

  /** Asks what only others know, and waits a bounded time for the answers. */
  async #ask(due: readonly Watched[], fresh: boolean): Promise<void> {
    const controller = new AbortController();
    const questions = due.map(({ heap }) => heap.ask(controller.signal, fresh))
      .filter((question) => question !== undefined);
    if (this.#table === undefined && performance.now() - this.#platformMs >= PLATFORM_EVERY_MS) {
      this.#platformMs = performance.now();
      // bounded by itself; without it there is little to sample
      this.#platform = await readPlatformTable();
    }
    if (questions.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = unref(setTimeout(() => {
      controller.abort();
      resolve();
    }, ANSWER_MS));
    await Promise.race([Promise.all(questions), promise]);
    clearTimeout(timer);
  }

  #sources(): RoundSources {
    return {
      table: this.#table,
      platform: this.#platform,
      takeEntries: (wanted) => this.#entries.take(wanted),
    };
  }
}

/** Plugins of one interval fall due together, on a grid, so that one wake serves them all. */
function nextDue(nowMs: number, intervalMs: number): number {
  return (Math.floor((nowMs + 1) / intervalMs) + 1) * intervalMs;
}

function unref(timer: ReturnType<typeof setTimeout>): ReturnType<typeof setTimeout> {
  Deno.unrefTimer(timer as unknown as number);
  return timer;
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`"${name}" must be a whole number from ${min} to ${max}: ${value}`);
}
