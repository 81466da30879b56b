const encoder = new TextEncoder();

/** The floor's host: sends newline JSON to an echo child and matches answers to calls by id. */
export class FloorHost implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;
  readonly #pending = new Map<number, (result: unknown) => void>();
  #nextId = 1;
  #queued = "";

  constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-config",
        new URL("floor_child.ts", import.meta.url).pathname,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Sends a call; all calls of one turn of the event loop share one write. */
  call(params: unknown): Promise<unknown> {
    const id = this.#nextId++;
    const message = {
      jsonrpc: "2.0",
      id,
      method: "plugin/call",
      params: { method: "echo", params },
    };
    if (this.#queued === "") queueMicrotask(() => this.#flush());
    this.#queued += `${JSON.stringify(message)}\n`;
    return new Promise((resolve) => this.#pending.set(id, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reading;
    await this.#child.status;
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
      rest += decoder.decode(chunk, { stream: true });
      let from = 0;
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", from)) {
        const { id, result } = JSON.parse(rest.slice(from, end));
        const resolve = this.#pending.get(id);
        this.#pending.delete(id);
        resolve?.(result);
        from = end + 1;
      }
      rest = rest.slice(from);
    }
  }
}
