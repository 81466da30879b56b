/** What attacks aim at; made by the host program of each lane, and handed to every method. */
export interface World {
  /** A folder of the host's user that no plugin was granted. */
  readonly outside: string;
  /** A file in it. */
  readonly secret: string;
  /** A name that occurs nowhere else. */
  readonly marker: string;
  /** The user id of the host. */
  readonly uid: number;
  /** The process id of the host. */
  readonly hostPid: number;
  /** The process group of the host. */
  readonly hostGroup: number;
  /** Where the machine's loopback answers on TCP, HTTP and WebSocket. */
  readonly port: number;
  /** A second such port. */
  readonly otherPort: number;
  /** A port where nobody listens. */
  readonly freePort: number;
  /** A Unix socket in the folder outside that answers. */
  readonly socket: string;
  /** The name of an abstract Unix socket that answers. */
  readonly abstractSocket: string;
  /** Texts that nothing inside may show: folders and names of the machine. */
  readonly private: readonly string[];
}
