// What a fresh process does in its sandbox before plugin code exists: it opens what it was granted for this
// alone, and gives those permissions up at once, also where opening fails.
import type { Connection } from "../rpc/connection.ts";
import { socketDuplex } from "../rpc/transport/duplex.ts";
import { type SharedFile, sharedFile } from "../rpc/transport/shared_file.ts";
import { warmUp } from "./definition.ts";
import { type RelayOptions, startRelay } from "./relay.ts";
import { installSeccomp } from "./seccomp_install.ts";

/** What the host asks of a fresh process in a sandbox. */
export interface EnterParams {
  /** The socket to move to, and the permissions on it that are nobody's but the lane's. */
  lane?: { path: string; revoke: readonly ("net" | "read" | "write")[] };
  /** The files that large values travel in. */
  shared?: SharedParams;
  /** The filter to load, where nobody else could. */
  seccomp?: { filter: Uint8Array; library: string };
  /** The loopback port to relay to the host's egress proxy. */
  relay?: RelayOptions;
  /** The entry to make ready with, where the plugin comes later. */
  warm?: string;
}

/** The files that large values travel in: the host writes one, this process the other. */
export interface SharedParams {
  down: SharedEnd;
  up: SharedEnd;
}

interface SharedEnd {
  path: string;
  bytes: number;
  /** Whether the permission on the path is nobody's but ours. */
  revoke: boolean;
}

/** Goes where there is no way back. */
export async function enter(
  connection: Connection,
  { lane, shared, seccomp, relay, warm }: EnterParams,
): Promise<unknown> {
  if (lane !== undefined) await move(connection, lane);
  const shares = shared !== undefined && enterShared(connection, shared);
  if (relay !== undefined) startRelay(relay);
  if (seccomp !== undefined) installSeccomp(seccomp.filter, Deno.build.arch, seccomp.library);
  if (warm !== undefined) await warmUp(warm);
  return shares ? { shared: true } : {};
}

async function move(
  connection: Connection,
  { path, revoke }: NonNullable<EnterParams["lane"]>,
): Promise<void> {
  let conn: Deno.Conn | undefined;
  try {
    conn = await Deno.connect({ transport: "unix", path });
  } catch {
    // the host sees which lane is used
  } finally {
    for (const name of revoke) {
      Deno.permissions.revokeSync(
        name === "net" ? { name, host: `unix:${path}` } : { name, path },
      );
    }
  }
  if (conn !== undefined) connection.moveTo(socketDuplex(conn));
}

/** Opens both files; returns whether that went well. */
export function enterShared({ shared }: Connection, { down, up }: SharedParams): boolean {
  let input: SharedFile | undefined;
  try {
    input = sharedFile(Deno.openSync(down.path, { read: true }), down.bytes);
    const output = sharedFile(Deno.openSync(up.path, { write: true }), up.bytes);
    shared.readFrom(input);
    shared.writeTo(output);
    return true;
  } catch {
    input?.close();
    return false;
  } finally {
    if (down.revoke) Deno.permissions.revokeSync({ name: "read", path: down.path });
    if (up.revoke) Deno.permissions.revokeSync({ name: "write", path: up.path });
  }
}
