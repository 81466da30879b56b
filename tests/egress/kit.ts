import {
  type EgressConnection,
  type EgressProxy,
  type EgressProxyOptions,
  openEgressProxy,
} from "../../src/egress/proxy.ts";
import type { EgressTuning } from "../../src/egress/tuning.ts";
import { until } from "../helpers/process.ts";
import { tempDir } from "../helpers/signing.ts";

const encoder = new TextEncoder();

/** Bytes as text of one character a byte. */
export function text(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** Text of one byte a character as bytes. */
export function bytesOf(value: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(value, (character) => character.charCodeAt(0));
}

/** A proxy under test in a folder of its own. */
export interface TestProxy extends AsyncDisposable {
  readonly proxy: EgressProxy;
  readonly socketPath: string;
  /** What was reported so far. */
  readonly reports: EgressConnection[];
  /** Waits for as many reports. */
  reported(count: number): Promise<void>;
  /** Connects as a plugin would. */
  connect(): Promise<RawClient>;
  /** Sends bytes, and gives all that comes back until the end. */
  exchange(request: string): Promise<string>;
}

/** Opens a proxy: `host.test` names this machine's loopback unless `resolve` says otherwise. */
export async function openProxy(
  options: Partial<EgressProxyOptions> & { grants: readonly string[] },
  tuning: Partial<EgressTuning> = {},
): Promise<TestProxy> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const reports: EgressConnection[] = [];
  const socketPath = dir.join("egress.sock");
  const proxy = stack.use(
    await openEgressProxy({
      plugin: "sample",
      socketPath,
      maxConnections: 50,
      onConnection: (report) => void reports.push(report),
      resolve: () => Promise.resolve(["127.0.0.1"]),
      ...options,
    }, { lingerMs: 200, ...tuning }),
  );
  const owned = stack.move();
  const connect = async () =>
    new RawClient(await Deno.connect({ transport: "unix", path: socketPath }));
  return {
    proxy,
    socketPath,
    reports,
    reported: (count) => until(() => reports.length >= count, `${count} reports`),
    connect,
    async exchange(request) {
      using client = await connect();
      await client.send(request);
      return await client.rest();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A plugin's end of a connection, byte by byte. */
export class RawClient implements Disposable {
  readonly conn: Deno.Conn;
  #closed = false;

  constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  /** Sends text of one byte a character. */
  async send(value: string): Promise<void> {
    const bytes = bytesOf(value);
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  /** Reads until a text has come, or the end. */
  async until(end: string): Promise<string> {
    let got = "";
    const buffer = new Uint8Array(1);
    while (!got.endsWith(end)) {
      const read = await this.conn.read(buffer);
      if (read === null) break;
      got += text(buffer);
    }
    return got;
  }

  /** Reads to the end; a reset is an end. */
  async rest(): Promise<string> {
    let got = "";
    const buffer = new Uint8Array(65_536);
    try {
      for (
        let read = await this.conn.read(buffer);
        read !== null;
        read = await this.conn.read(buffer)
      ) {
        got += text(buffer.subarray(0, read));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
    return got;
  }

  /** Ends what is sent; what comes is still read. */
  async end(): Promise<void> {
    await this.conn.closeWrite();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.conn.close();
  }
}

/** A TCP server whose connections a test scripts. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** How many connections came. */
  readonly accepted: number;
}

/** Serves TCP on loopback; what a connection throws ends that connection only. */
export function serveTcp(
  serve: (conn: Deno.TcpConn) => Promise<void>,
  { hostname = "127.0.0.1", port = 0 }: { hostname?: string; port?: number } = {},
): TestServer {
  const listener = Deno.listen({ hostname, port });
  const open = new Set<Deno.TcpConn>();
  const running = new Set<Promise<void>>();
  let accepted = 0;
  const accepting = (async () => {
    for await (const conn of listener) {
      accepted++;
      open.add(conn);
      const one = serve(conn).catch(() => {}).finally(() => {
        if (open.delete(conn)) closeConn(conn);
        running.delete(one);
      });
      running.add(one);
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    get accepted() {
      return accepted;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) closeConn(conn);
      await accepting;
      await Promise.all(running);
    },
  };
}

function closeConn(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // closed by the test
  }
}

/** Sends back what comes, and the end of it. */
export async function echo(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let read = await conn.read(buffer); read !== null; read = await conn.read(buffer)) {
    for (let at = 0; at < read;) at += await conn.write(buffer.subarray(at, read));
  }
  await conn.closeWrite();
}

/** A server that notes each byte it gets and answers the first request it reads. */
export interface Recorder extends TestServer {
  /** What each connection sent, in order of connecting. */
  readonly requests: string[];
}

/**
 * Serves recorded connections: answers once the head has come, then goes on noting until the end.
 *
 * @param answer What to send; it may contain any number of heads.
 * @param hold Keeps the connection open after the answer, as a server does that ignores `close`.
 */
export function record(answer = okResponse("hello"), { hold = false } = {}): Recorder {
  const requests: string[] = [];
  const server = serveTcp(async (conn) => {
    const index = requests.push("") - 1;
    const buffer = new Uint8Array(65_536);
    let answered = false;
    for (let read = await conn.read(buffer); read !== null; read = await conn.read(buffer)) {
      requests[index] += text(buffer.subarray(0, read));
      if (answered || !requests[index]!.includes("\r\n\r\n")) continue;
      answered = true;
      await conn.write(bytesOf(answer));
      if (!hold) await conn.closeWrite();
    }
  });
  return Object.assign(server, { requests });
}

/** A response with a body. */
export function okResponse(body: string, headers = ""): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${
    encoder.encode(body).length
  }\r\n${headers}\r\n${body}`;
}
