import assert from "node:assert/strict";
import { Connection, type ConnectionOptions } from "../../src/rpc/connection.ts";
import type { ByteDuplex } from "../../src/rpc/transport/duplex.ts";
import { memoryPipe } from "../helpers/memory_pipe.ts";

const encoder = new TextEncoder();

/** Plays the peer by hand: sends any bytes, and sees each message as it is on the wire. */
export class RawPeer {
  readonly #io: ByteDuplex;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(io: ByteDuplex) {
    this.#io = io;
  }

  /** Sends text, or an object as one line. */
  send(message: string | object | Uint8Array): void {
    const bytes = message instanceof Uint8Array
      ? message
      : encoder.encode(typeof message === "string" ? message : `${JSON.stringify(message)}\n`);
    void this.#io.write(bytes);
  }

  /** Returns the next message; `undefined` at the end of the stream. */
  // deno-lint-ignore no-explicit-any -- tests look into messages of every shape
  async next(): Promise<any> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return JSON.parse(line);
      }
      const chunk = await this.#io.read();
      if (chunk === null) return undefined;
      this.#text += this.#decoder.decode(chunk, { stream: true });
    }
  }

  /** Ends the peer's side. */
  async end(): Promise<void> {
    await this.#io.end?.();
  }
}

/** Connects a connection to a peer that is played by hand. */
export function connectRaw(
  options: Partial<ConnectionOptions> = {},
): { connection: Connection; peer: RawPeer } {
  const [mine, theirs] = memoryPipe();
  const connection = new Connection({ io: mine, role: "host", ...options });
  return { connection, peer: new RawPeer(theirs) };
}

/** Connects a host's and a plugin's end. */
export function connectPair(
  plugin: Partial<ConnectionOptions>,
  host: Partial<ConnectionOptions> = {},
): { host: Connection; plugin: Connection } & AsyncDisposable {
  const [left, right] = memoryPipe();
  const ends = {
    host: new Connection({ io: left, role: "host", ...host }),
    plugin: new Connection({ io: right, role: "plugin", methods: ["test"], ...plugin }),
  };
  return {
    ...ends,
    async [Symbol.asyncDispose]() {
      await ends.host[Symbol.asyncDispose]();
      await ends.plugin[Symbol.asyncDispose]();
    },
  };
}

/** Asserts that a connection was closed for a violation that says what happened. */
export async function assertViolation(connection: Connection, pattern: RegExp): Promise<void> {
  const reason = await connection.closed;
  assert.equal(reason?.code, "protocol-violation", String(reason));
  assert.match(reason!.message, pattern);
}
