/**
 * A peer in a process of its own, which measures what it is asked for.
 *
 * @module
 */
import { denoArgs } from "./peers/packages.ts";

/** Says how a peer is run. */
export interface PeerSpec {
  /** What it is called in the results. */
  readonly name: string;
  /** Its script, in the folder `peers`. */
  readonly script: string;
  /** Whether it runs under Node. */
  readonly node?: boolean;
  /** How often its large value is measured at most, where that takes very long. */
  readonly binaryRounds?: number;
}

/** Names what a peer can measure. */
export type PeerMeasure = "roundTrip" | "throughput" | "binary" | "cold";

const PEERS = new URL("peers/", import.meta.url);
/** No measure of any peer takes nearly as long. */
const ANSWER_MS = 120_000;

/** Runs a peer and asks it for figures. */
export class PeerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncGenerator<string>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#lines = linesOf(child.stdout);
  }

  /**
   * Starts it and waits until it has answered once.
   *
   * @throws {Error} when it cannot be run, such as without Node or without its package.
   */
  static async start({ script, node = false }: PeerSpec): Promise<PeerProcess> {
    const command = node
      ? new Deno.Command("node", { args: [new URL(script, PEERS).pathname], ...PIPES })
      : new Deno.Command(Deno.execPath(), { args: denoArgs(script), ...PIPES });
    const peer = new PeerProcess(command.spawn());
    try {
      await peer.#answer();
      return peer;
    } catch (error) {
      await peer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Asks for a figure.
   *
   * @param measure What to measure.
   * @param count Round trips, windows, or bytes.
   * @throws {Error} when it failed or does not answer in time.
   */
  async ask(measure: PeerMeasure, count = 1): Promise<number> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify({ measure, count })}\n`));
    return await this.#answer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#child.status;
    clearTimeout(timer);
    await this.#lines.return(undefined);
  }

  async #answer(): Promise<number> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), ANSWER_MS);
    const { done, value: line } = await this.#lines.next();
    clearTimeout(timer);
    if (done) throw new Error("the peer ended; its message is above");
    const { value, error } = JSON.parse(line);
    if (error !== undefined) throw new Error(error);
    return value;
  }
}

const PIPES = { stdin: "piped", stdout: "piped", stderr: "inherit" } as const;

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
