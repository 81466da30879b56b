/** A server on the loopback whose answers never end, so that a connection stays open. */
export class EndlessServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #abort = new AbortController();

  private constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, signal: this.#abort.signal, onListen() {} },
      () => new Response(endless()),
    );
  }

  /** Starts it. */
  static start(): EndlessServer {
    return new EndlessServer();
  }

  /** Where it listens. */
  get port(): number {
    return this.#server.addr.port;
  }

  /** Ends it with its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#server.finished;
  }
}

function endless(): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval> | undefined;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => controller.enqueue(new Uint8Array(1_000)), 20);
    },
    cancel() {
      clearInterval(timer);
    },
  });
}
