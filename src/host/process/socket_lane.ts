// The host's end of the socket lane: a socket that takes one connection, from the bootstrap of one process.
import { SallyportError } from "../../errors.ts";
import { settledWithin } from "../../process/stop.ts";
import { laneProblem } from "../settings/lane.ts";
import { type ByteDuplex, socketDuplex } from "../../rpc/transport/duplex.ts";

/** A socket that waits for its one connection; disposing it closes what nobody has taken. */
export interface LaneOffer extends Disposable {
  /** Where it listens. */
  readonly path: string;
  /** Whether the process speaks over it. */
  readonly isTaken: boolean;
  /**
   * Returns the connection, once the process says that it has moved to it.
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

/** Returns a reason where that cannot be. */
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
