// How messages and large values travel between the host and its plugins.
import { refuseUnknown } from "./known_options.ts";
import type { PluginHostOptions } from "./plugin_host_options.ts";

const MIB = 1024 * 1024;
const DEFAULT_BYTES = 64 * MIB;
const MAX_BYTES = 1024 * MIB;

type Transport = NonNullable<PluginHostOptions["transport"]>;

/** A Unix socket, or standard input and output. */
export type Lane = NonNullable<Transport["lane"]>;

/** The files that large values travel in. */
export interface SharedMemorySettings {
  /** Bytes of each direction. */
  readonly bytes: number;
  /** The folder; `undefined` to choose one. */
  readonly dir: string | undefined;
}

/** The option `transport`, checked. */
export interface TransportSettings {
  /** How messages travel where there is a choice. */
  readonly lane: Lane;
  /** The files that large values travel in; `undefined` for none. */
  readonly sharedMemory: SharedMemorySettings | undefined;
}

/**
 * Checks the option `transport`.
 *
 * @throws {TypeError} when it is of the wrong type or has an unknown member.
 * @throws {RangeError} when a number is out of range.
 */
export function parseTransport(transport: Transport = {}): TransportSettings {
  if (typeof transport !== "object" || transport === null) {
    throw new TypeError(
      'Cannot open the host: transport must be an object such as { lane: "stdio" }',
    );
  }
  const { lane = "socket", sharedMemory, ...others } = transport;
  refuseUnknown(others, "transport.");
  if (lane !== "socket" && lane !== "stdio") {
    throw new TypeError(
      `Cannot open the host: transport.lane must be "socket" or "stdio", is ${String(lane)}`,
    );
  }
  return { lane, sharedMemory: parseSharedMemory(sharedMemory) };
}

function parseSharedMemory(
  option: Transport["sharedMemory"],
): SharedMemorySettings | undefined {
  if (option === undefined || option === false) return undefined;
  if (option === true) return { bytes: DEFAULT_BYTES, dir: undefined };
  const name = "transport.sharedMemory";
  if (typeof option !== "object" || option === null) {
    throw new TypeError(`Cannot open the host: ${name} must be true, false or an object`);
  }
  const { bytes = DEFAULT_BYTES, dir, ...others } = option;
  refuseUnknown(others, `${name}.`);
  if (!Number.isSafeInteger(bytes) || bytes < MIB || bytes > MAX_BYTES) {
    throw new RangeError(
      `Cannot open the host: ${name}.bytes must be a whole number from ${MIB} to ${MAX_BYTES}, is ${bytes}`,
    );
  }
  if (dir !== undefined && (typeof dir !== "string" || !dir.startsWith("/"))) {
    throw new TypeError(`Cannot open the host: ${name}.dir must be an absolute path`);
  }
  return { bytes, dir };
}
