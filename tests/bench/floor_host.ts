/**
 * The floor's host: what somebody would write by hand to call a child over newline JSON.
 *
 * @module
 */
const encoder = new TextEncoder();

/** Sends newline JSON to a child and matches answers to calls by id. */
export class FloorHost implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;
  readonly #pending = new Map<number, (result: unknown) => void>();
  readonly #listeners = new Map<number, (item: unknown) => void>();
  #nextId = 1;
  #queued = "";

  /**
   * Starts the child.
   *
   * @param script The child's script, in this folder.
   */
  constructor(script = "floor_child.ts") {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-config", new URL(script, import.meta.url).pathname],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** The child's process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Calls the echo; all calls of one turn of the event loop share one write. */
  call(params: unknown): Promise<unknown> {
    return this.#send("echo", params);
  }

  /** Calls a method that gives items, one a line; settles behind the last. */
  stream(method: string, params: unknown, onItem: (item: unknown) => void): Promise<unknown> {
    this.#listeners.set(this.#nextId, onItem);
    return this.#send(method, params);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reading;
    await this.#child.status;
  }

  #send(method: string, params: unknown): Promise<unknown> {
    const id = this.#nextId++;
    const message = { jsonrpc: "2.0", id, method: "plugin/call", params: { method, params } };
    if (this.#queued === "") queueMicrotask(() => this.#flush());
    this.#queued += `${JSON.stringify(message)}\n`;
    return new Promise((resolve) => this.#pending.set(id, resolve));
  }

  #flush(): void {
    const text = this.#queued;
    this.#queued = "";
    void this.#writer.write(encoder.encode(text));
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      const text = decoder.decode(chunk, { stream: true });
      let from = 0;
      // only what is new is searched: a long line would be searched again for each of its reads
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
        this.#take(rest + text.slice(from, end));
        rest = "";
        from = end + 1;
      }
      rest += text.slice(from);
    }
  }

  #take(line: string): void {
    const { id, item, result } = JSON.parse(line);
    if (item !== undefined) return this.#listeners.get(id)?.(item);
    const resolve = this.#pending.get(id);
    this.#pending.delete(id);
    this.#listeners.delete(id);
    resolve?.(result);
  }
}
