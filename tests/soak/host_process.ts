import type { ExitStatus } from "../../src/process/child.ts";
import { settledWithin } from "../../src/process/stop.ts";
import type { TestChild } from "../helpers/process.ts";
import { within } from "./bounds.ts";

/** How long a process takes to end that has nothing left to do, on a machine that is busy. */
const ENDS_WITHIN_MS = 20_000;

/** A host in a process of its own, with what it has said so far. */
export class HostProcess implements AsyncDisposable {
  /** Its lines, in order. */
  readonly lines: string[] = [];
  readonly #child: TestChild;
  readonly #reading: Promise<void>;
  #heard = Promise.withResolvers<void>();
  #ended = false;

  /** Follows a host that was started. */
  constructor(child: TestChild) {
    this.#child = child;
    this.#reading = this.#read();
  }

  /** Its id. */
  get pid(): number {
    return this.#child.child.pid;
  }

  /** Whether it has not ended, as far as its output says. */
  get runs(): boolean {
    return !this.#ended;
  }

  /** What it is at. */
  get last(): string {
    return this.lines.findLast((line) => !line.startsWith("connection ")) ?? "start";
  }

  /** The end of what it wrote to its error output. */
  get complaint(): string {
    return this.#child.child.stderr.text().trim();
  }

  /**
   * Waits for a line.
   *
   * @param start How the line begins.
   * @param from Which lines count: those from this number on.
   * @param timeoutMs How long.
   * @returns The line; `undefined` when the host has ended or the time is over.
   */
  async said(start: string, from = 0, timeoutMs = 30_000): Promise<string | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), timeoutMs);
    });
    try {
      for (;;) {
        const line = this.lines.slice(from).find((each) =>
          each === start || each.startsWith(`${start} `)
        );
        if (line !== undefined || this.#ended) return line;
        if (await Promise.race([this.#heard.promise, late]) === "late") return undefined;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Kills it with SIGKILL and waits for its end. */
  async kill(): Promise<void> {
    this.#child.child.kill("SIGKILL");
    await this.ended("the end of a host that was killed");
  }

  /** Tells it to close. */
  async close(): Promise<void> {
    await this.#child.endInput();
  }

  /**
   * Waits for its end, and for the end of its output unless somebody else holds that open.
   *
   * @param what What this waits for, for the error when it takes more than 20 seconds.
   */
  async ended(what: string = "the end of a host that has closed"): Promise<ExitStatus> {
    const status = await within(
      ENDS_WITHIN_MS,
      `${what}, last at "${this.last}"`,
      () => this.#child.child.exited,
    );
    await settledWithin(this.#reading, 2_000);
    return status;
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        this.lines.push(await this.#child.line());
        this.#wake();
      }
    } catch {
      this.#ended = true; // the end of its output
      this.#wake();
    }
  }

  #wake(): void {
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }

  /** Kills it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await within(ENDS_WITHIN_MS, "the end of a host's pipes", async () => {
      await this.#child[Symbol.asyncDispose]();
      await this.#reading;
    });
  }
}
