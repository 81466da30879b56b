/**
 * `sallyport top` on a terminal, until somebody leaves it.
 *
 * @module
 */
import { escapeText } from "../../errors.ts";
import type { CliIo, Terminal } from "../terminal/io.ts";
import type { Output } from "../terminal/output.ts";
import { clip } from "./cells.ts";
import type { TopView } from "./hosts.ts";
import { readKeys, type TopKey } from "./keys.ts";
import { topLines } from "./lines.ts";
import { Screen, type ScreenSize, screenSize } from "./screen.ts";
import { SORT_KEYS, type SortKey } from "./table.ts";

/** Says what is shown, and how. */
export interface LiveOptions {
  /** The streams. */
  readonly io: CliIo;
  /** Where keys come from. */
  readonly terminal: Terminal;
  /** For styles. */
  readonly output: Output;
  /** Looks at the data folder. */
  readonly view: () => Promise<TopView>;
  /** How often to look, in milliseconds. */
  readonly intervalMs: number;
  /** What rows are sorted by at first. */
  readonly sort: SortKey;
  /** How large the terminal is. */
  readonly size?: () => ScreenSize;
}

/** Rows above and below what can be scrolled. */
const FRAME_ROWS = 2;
const HELP = "q quit  s sort  up/down scroll";

/**
 * Shows plugins until q or Ctrl-C is pressed, or the input ends.
 *
 * @throws {InterruptedError} When a signal asks the process to end; the terminal is put back before.
 */
export async function showLive(options: LiveOptions): Promise<void> {
  await options.terminal.raw(async (read) => {
    const pager = new Pager(options.sort);
    using wake = new Wake();
    using screen = new Screen(options.io);
    let ended = false;
    let failure: { error: unknown } | undefined;
    const end = (failed?: { error: unknown }): void => {
      ended = true;
      failure ??= failed;
      wake.now();
    };
    followKeys(read, (key) => {
      pager.press(key);
      wake.now();
    }).then(() => end(), (error) => end({ error }));
    using _signals = onSignals({
      SIGWINCH() {
        screen.forget();
        wake.now();
      },
      SIGHUP: () => end(),
    });
    let view = await options.view();
    let lookedAt = performance.now();
    while (!ended) {
      screen.show(pager.frame(view, (options.size ?? screenSize)(), options.output));
      await wake.within(Math.max(0, lookedAt + options.intervalMs - performance.now()));
      if (ended || performance.now() < lookedAt + options.intervalMs) continue;
      view = await options.view();
      lookedAt = performance.now();
    }
    if (failure !== undefined) throw (failure as { error: unknown }).error;
  });
}

/** Reads keys until one of them quits, or the input ends. */
async function followKeys(
  read: () => Promise<Uint8Array | null>,
  press: (key: TopKey) => void,
): Promise<void> {
  for (;;) {
    const bytes = await read();
    if (bytes === null) return;
    for (const key of readKeys(bytes)) {
      if (key === "quit") return;
      press(key);
    }
  }
}

/** Waits for a time or for somebody who cannot wait; a call while nobody waits is kept. */
class Wake implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resolve: (() => void) | undefined;
  #called = false;

  now(): void {
    this.#called = true;
    this.#resolve?.();
  }

  async within(ms: number): Promise<void> {
    if (!this.#called) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        this.#timer = setTimeout(resolve, ms);
      });
    }
    clearTimeout(this.#timer);
    this.#resolve = undefined;
    this.#called = false;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** Keeps which part of the lines is shown, and their order. */
class Pager {
  #sort: SortKey;
  #top = 0;
  /** The greatest that the top may be, and how many lines are shown, in the frame before. */
  #last = 0;
  #page = 1;

  constructor(sort: SortKey) {
    this.#sort = sort;
  }

  press(key: TopKey): void {
    if (key === "sort") {
      const next = (SORT_KEYS.indexOf(this.#sort) + 1) % SORT_KEYS.length;
      this.#sort = SORT_KEYS[next]!;
      return;
    }
    const moved = {
      "up": this.#top - 1,
      "down": this.#top + 1,
      "page-up": this.#top - this.#page,
      "page-down": this.#top + this.#page,
      "start": 0,
      "end": this.#last,
      "quit": this.#top,
    }[key];
    this.#top = Math.max(0, Math.min(moved, this.#last));
  }

  frame(view: TopView, { columns, rows }: ScreenSize, output: Output): string[] {
    // a line as wide as the screen would lose its last character to the clearing behind it
    const width = Math.max(1, columns - 1);
    const lines = view.hosts.length > 0
      ? topLines(view, { sort: this.#sort, width }, output)
      : [clip("No host runs here any more; waiting for one", width)];
    this.#page = Math.max(1, rows - FRAME_ROWS);
    this.#last = Math.max(0, lines.length - this.#page);
    this.#top = Math.min(this.#top, this.#last);
    const shown = lines.slice(this.#top, this.#top + this.#page);
    const below = lines.length - this.#top - shown.length;
    const clock = view.time.toISOString().slice(11, 19);
    const title = `sallyport top  ${clock}Z  by ${this.#sort}  ${escapeText(view.dataDir, 500)}`;
    const more = [
      ...(this.#top > 0 ? [`${this.#top} above`] : []),
      ...(below > 0 ? [`${below} below`] : []),
    ].join(", ");
    const foot = more === "" ? HELP : `${HELP}  (${more})`;
    // the foot stands in the last row, wherever the lines end
    const filler = new Array<string>(Math.max(0, this.#page - shown.length)).fill("");
    return [
      output.style("bold", clip(title, width)),
      ...shown,
      ...filler,
      output.style("dim", clip(foot, width)),
    ].slice(0, rows);
  }
}

function onSignals(listeners: Partial<Record<Deno.Signal, () => void>>): Disposable {
  const known = Object.entries(listeners)
    .filter(([name]) => Deno.build.os !== "windows" || name === "SIGHUP") as [
      Deno.Signal,
      () => void,
    ][];
  for (const [name, listener] of known) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const [name, listener] of known) Deno.removeSignalListener(name, listener);
    },
  };
}
