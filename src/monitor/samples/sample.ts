// What one plugin uses at one moment, as plain data.

/**
 * Holds what a plugin uses. A figure that cannot be read here is absent; none is a guess.
 *
 * Rates are means since the sample before, or since the plugin came under watch.
 *
 * @category Monitoring
 */
export interface PluginSample {
  /** When it was taken, in RFC 3339. */
  readonly time: string;
  /** The plugin's name. */
  readonly plugin: string;
  /** Its version. */
  readonly version: string;
  /** The hash of its bundle. */
  readonly bundleHash: string;
  /** Its process. */
  readonly pid: number;
  /**
   * Where each figure that is measured outside the host comes from: files of the kernel's control group,
   * `/proc`, a tool of the platform, the plugin's own word, the host's egress proxy, or a count of files.
   */
  readonly sources: {
    readonly [
      figure in
        | "memoryBytes"
        | "peakMemoryBytes"
        | "heapUsedBytes"
        | "heapTotalBytes"
        | "externalBytes"
        | "cpuTimeMs"
        | "threads"
        | "fileDescriptors"
        | "connections"
        | "storageBytes"
    ]?: "cgroup" | "proc" | "platform" | "plugin" | "proxy" | "files";
  };
  /** The time that the rates are means over, in milliseconds. */
  readonly elapsedMs: number;
  /**
   * Memory in use, in bytes: as the control group counts it, file cache included, or else the resident
   * sets of the process and all below it.
   */
  readonly memoryBytes?: number;
  /** The most memory at once, in bytes; without a control group the most that was seen. */
  readonly peakMemoryBytes?: number;
  /** The part of V8's heap that is in use, in bytes, as the plugin's runtime says. */
  readonly heapUsedBytes?: number;
  /** The size of V8's heap, in bytes, as the plugin's runtime says. */
  readonly heapTotalBytes?: number;
  /** Memory outside V8's heap that its objects hold, in bytes, as the plugin's runtime says. */
  readonly externalBytes?: number;
  /** Processor time since the start, in milliseconds. */
  readonly cpuTimeMs?: number;
  /** Share of one processor, in percent; 200 is two processors. */
  readonly cpuPercent?: number;
  /**
   * How much the kernel held it back for want of processor time, in percent of the time, summed over
   * processors; only with a control group that caps it.
   */
  readonly throttledPercent?: number;
  /** Threads of the runtime and of all processes below it. */
  readonly threads?: number;
  /** How often the kernel has refused a thread or process since the start. */
  readonly refusedThreads?: number;
  /** Open descriptors of the runtime and of all processes below it. */
  readonly fileDescriptors?: number;
  /** Open network connections: those through the egress proxy, or else its TCP and UDP sockets. */
  readonly connections?: number;
  /** Size of its storage, in bytes, when the folder was last walked through. */
  readonly storageBytes?: number;
  /** Set where the storage holds more than can be counted; `storageBytes` is then the least it is. */
  readonly storageUncounted?: true;
  /** How many whole walks through the storage there were; while it grows, `storageBytes` is new. */
  readonly storageWalks?: number;
  /** Calls that wait for an answer. */
  readonly callsInFlight?: number;
  /** Calls to the plugin a second. */
  readonly callsPerSecond?: number;
  /** Messages from the plugin a second. */
  readonly messagesPerSecond?: number;
  /** Requests and notifications from the plugin a second: messages that answer nothing. */
  readonly unaskedPerSecond?: number;
  /** Messages to the plugin a second. */
  readonly messagesSentPerSecond?: number;
  /** Bytes from the plugin a second. */
  readonly bytesReceivedPerSecond?: number;
  /** Bytes to the plugin a second. */
  readonly bytesSentPerSecond?: number;
  /** Log records and lines of stderr a second, those that the host left out too. */
  readonly logLinesPerSecond?: number;
  /** What its requests and notifications took of the host's thread, in percent of the time. */
  readonly hostPercent?: number;
  /** How much the host left it waiting because they took more than their share, in percent of the time. */
  readonly hostHeldPercent?: number;
}

/** The figures of a sample that are measured outside the host. */
export type SampleFigure = keyof PluginSample["sources"];
/** Where a figure comes from. */
export type SampleSource = NonNullable<PluginSample["sources"][SampleFigure]>;
