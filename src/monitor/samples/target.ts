// What the monitor needs to know of a plugin to watch it.
import type { CgroupFolders } from "../sources/cgroup.ts";

/** Counts since the plugin's process was started, but for what is in flight now. */
export interface TrafficCounts {
  /** Messages to the plugin. */
  readonly sent: number;
  /** Messages from it. */
  readonly received: number;
  /** Requests and notifications from it: those that answer nothing. */
  readonly unasked: number;
  /** Bytes to it. */
  readonly bytesSent: number;
  /** Bytes from it. */
  readonly bytesReceived: number;
  /** Calls that wait for an answer. */
  readonly inFlight: number;
  /** Calls and streams begun. */
  readonly calls: number;
  /** Log records and lines of stderr. */
  readonly logLines: number;
  /** Milliseconds of work that its requests and notifications took of the host's thread. */
  readonly hostMs: number;
  /** Milliseconds that it was left waiting because they took more than their share. */
  readonly hostHeldMs: number;
}

/** What the plugin's runtime says of its memory, in bytes: the plugin's own word. */
export interface HeapFigures {
  /** The part of V8's heap in use. */
  readonly heapUsedBytes: number;
  /** The size of V8's heap. */
  readonly heapTotalBytes: number;
  /** Memory outside the heap that its objects hold. */
  readonly externalBytes: number;
  /** The resident set; taken only where the host cannot read it. */
  readonly rssBytes?: number;
}

/** A plugin's process to watch; the host implements it. */
export interface MonitorTarget {
  /** The plugin's name; one target a name is watched. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** The hash of its bundle. */
  readonly bundleHash: string;
  /** The runtime's process, or the launcher's where the host may not look for that. */
  readonly pid: number;
  /** The folders of its own control groups. */
  readonly cgroup?: CgroupFolders;
  /** Its storage on the host. */
  readonly storageDir?: string;
  /** Files without a name that the host gave it, by device and inode; they are not of its storage. */
  readonly givenFiles?: ReadonlySet<string>;
  /** How much its storage may hold, in bytes; while it holds more, each sample looks again. */
  readonly storageLimitBytes?: number;
  /** How often to sample it, in milliseconds, where that differs from the monitor's own interval. */
  readonly intervalMs?: number;
  /** Counts what went over its connection. */
  traffic(): TrafficCounts;
  /** Counts its open connections through the egress proxy; absent where it has none. */
  connections?(): number;
  /**
   * Asks the runtime about its heap. It is not asked again before this has settled, so it may go on
   * after the signal: a busy plugin must not be made to answer a cancellation in time.
   */
  heap?(signal: AbortSignal): Promise<HeapFigures | undefined>;
}
