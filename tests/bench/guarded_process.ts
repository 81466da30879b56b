/**
 * The process of a hand-written child: a line of JSON to it, a line back.
 *
 * @module
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Runs a child, and kills it when it is disposed. */
export class GuardedProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

  /**
   * Starts it.
   *
   * @param command Its command, with pipes to write to and to read from.
   */
  constructor(command: Deno.Command) {
    this.#child = command.spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.getReader();
  }

  /** Sends a message and waits for its answer. */
  async ask(message: unknown): Promise<unknown> {
    await this.#writer.write(encoder.encode(`${JSON.stringify(message)}\n`));
    let text = "";
    while (!text.endsWith("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("The hand-written child has ended");
      text += decoder.decode(value, { stream: true });
    }
    return JSON.parse(text).result;
  }

  /** Lets it end by itself. */
  async exit(): Promise<void> {
    await this.#writer.close();
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
    // what runs in namespaces of its own ends behind the process that was started
    while (!(await this.#reader.read()).done);
    await this.#writer.abort().catch(() => {});
  }
}
