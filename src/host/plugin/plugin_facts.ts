// What a host tells of a plugin: who signed it, what it used, what it did wrong.

/**
 * Says who signed a bundle.
 *
 * @category Host
 */
export interface Signer {
  /** The key id. */
  readonly keyId: string;
  /** The name that the operator gave the key. */
  readonly name?: string;
}

/**
 * Counts what a plugin has done and used since the host knows it.
 *
 * @category Host
 */
export interface PluginUsage {
  /** Calls and streams begun. */
  readonly calls: number;
  /** Calls and streams that failed. */
  readonly failures: number;
  /** Bytes sent to the running process. */
  readonly bytesSent: number;
  /** Bytes that came from it. */
  readonly bytesReceived: number;
  /** Milliseconds of work that its requests and notifications took of the host's thread. */
  readonly hostTimeMs: number;
  /** The most memory the process held at once, in bytes; `undefined` where the host may not read it. */
  readonly peakMemoryBytes: number | undefined;
  /** The processor time it used, in milliseconds; `undefined` where the host may not read it. */
  readonly cpuTimeMs: number | undefined;
}
