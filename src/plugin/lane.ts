/**
 * The plugin's end of the socket lane: connected before plugin code exists, with a permission that is
 * given up at once.
 *
 * @module
 */
import { type ByteDuplex, socketDuplex } from "../rpc/transport/duplex.ts";

/** What the host offers. */
export interface LaneParams {
  /** The path of the host's socket, as this process sees it. */
  path: string;
  /** The permissions on the path that are nobody's but the lane's, to be given up. */
  revoke: readonly ("net" | "read" | "write")[];
}

/**
 * Connects to the host's socket, and gives up the permissions that this takes, also when it fails.
 */
export async function connectLane(
  { path, revoke }: LaneParams,
): Promise<ByteDuplex | undefined> {
  try {
    return socketDuplex(await Deno.connect({ transport: "unix", path }));
  } catch {
    return undefined; // the host sees which lane is used
  } finally {
    for (const name of revoke) {
      Deno.permissions.revokeSync(
        name === "net" ? { name, host: `unix:${path}` } : { name, path },
      );
    }
  }
}
