/**
 * The plugin's ends of the files that large values travel in: opened before plugin code exists, with
 * permissions that are given up at once.
 *
 * @module
 */
import type { Connection } from "../rpc/connection.ts";
import { type SharedFile, sharedFile } from "../rpc/transport/shared_file.ts";

/** One file of the host. */
export interface SharedEndParams {
  /** Its path, as this process sees it. */
  path: string;
  /** How many bytes it may have. */
  bytes: number;
  /** Whether the permission on the path is nobody's but ours, to be given up. */
  revoke: boolean;
}

/** What the host offers. */
export interface SharedParams {
  /** What the host writes. */
  down: SharedEndParams;
  /** What this process writes. */
  up: SharedEndParams;
}

/** Opens both files and gives up the permissions that this takes, also when it fails. */
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
    return false; // the host is told
  } finally {
    if (down.revoke) Deno.permissions.revokeSync({ name: "read", path: down.path });
    if (up.revoke) Deno.permissions.revokeSync({ name: "write", path: up.path });
  }
}
