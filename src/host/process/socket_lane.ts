/**
 * The host's end of the socket lane: a socket that takes one connection, from the bootstrap of one process.
 *
 * @module
 */
import { SallyportError } from "../../errors.ts";
import { fitsSocket, MAX_SOCKET_PATH_BYTES } from "../../io/socket_path.ts";
import { settledWithin } from "../../process/stop.ts";
import { type ByteDuplex, socketDuplex } from "../../rpc/transport/duplex.ts";

/** Names how messages travel: over a Unix socket, or over standard input and output. */
export type Lane = "socket" | "stdio";

/** A socket that waits for its one connection; disposing it closes what nobody has taken. */
export interface LaneOffer extends Disposable {
  /** Where it listens. */
  readonly path: string;
  /** Whether the process speaks over it. */
  readonly isTaken: boolean;
  /**
   * Gives the connection, once the process says that it has moved to it.
   *
   * @throws {SallyportError} `protocol-violation` when it has not connected.
   */
  take(): Promise<ByteDuplex>;
}

/** Takes the reason for which there is no socket. */
export type NoLane = (reason: string) => void;

/** A process that has connected is found within one turn of the event loop. */
const ACCEPT_MS = 5_000;

/** Listens for one connection; the socket is removed as soon as it has come. */
export function offerLane(path: string, onNone: NoLane): LaneOffer | undefined {
  const listener = listen(path);
  if (typeof listener !== "string") return new Offer(path, listener);
  onNone(listener);
  return undefined;
}

/** Gives the reason for which there can be no socket, as far as that can be told without making one. */
export function laneProblem(path: string): string | undefined {
  if (Deno.build.os === "windows") return "this system has no Unix sockets for Deno";
  if (!fitsSocket(path)) {
    return `a socket's path would have more than ${MAX_SOCKET_PATH_BYTES} bytes: a shorter dataDir helps`;
  }
  return mayListen(path) ? undefined : "the host may not listen on a Unix socket in its folder";
}

/** Gives a reason where that cannot be. */
function listen(path: string): Deno.UnixListener | string {
  const problem = laneProblem(path);
  if (problem !== undefined) return problem;
  let listener: Deno.UnixListener | undefined;
  try {
    listener = Deno.listen({ transport: "unix", path });
    Deno.chmodSync(path, 0o600);
    return listener;
  } catch (error) {
    listener?.close();
    return `no socket can be made in the host's folder: ${String(error)}`;
  }
}

/** Looks before it listens, so that nobody at a terminal is asked for a permission. */
function mayListen(path: string): boolean {
  const needs: readonly Deno.PermissionDescriptor[] = [
    { name: "net", host: `unix:${path}` },
    { name: "read", path },
    { name: "write", path },
  ];
  return needs.every((each) => Deno.permissions.querySync(each).state === "granted");
}

class Offer implements LaneOffer {
  readonly path: string;
  readonly #accepted: Promise<Deno.UnixConn>;
  #listener: Deno.UnixListener | undefined;
  #conn: Deno.UnixConn | undefined;
  isTaken = false;

  constructor(path: string, listener: Deno.UnixListener) {
    this.path = path;
    this.#listener = listener;
    this.#accepted = this.#accept(listener);
    this.#accepted.catch(() => {}); // whoever takes it is told
  }

  async take(): Promise<ByteDuplex> {
    if (!await settledWithin(this.#accepted, ACCEPT_MS) || this.#conn === undefined) {
      throw new SallyportError(
        "protocol-violation",
        "The peer broke the protocol: it moved to a socket that it has not connected to",
      );
    }
    const conn = this.#conn;
    this.#conn = undefined;
    this.isTaken = true;
    return socketDuplex(conn);
  }

  [Symbol.dispose](): void {
    this.#stopListening();
    this.#conn?.close();
    this.#conn = undefined;
  }

  async #accept(listener: Deno.UnixListener): Promise<Deno.UnixConn> {
    const conn = await listener.accept();
    this.#stopListening();
    this.#conn = conn;
    return conn;
  }

  #stopListening(): void {
    if (this.#listener === undefined) return;
    this.#listener.close();
    this.#listener = undefined;
    try {
      Deno.removeSync(this.path);
    } catch {
      // gone with its folder
    }
  }
}
