// How messages travel between the host and a plugin process.
import { fitsSocket, MAX_SOCKET_PATH_BYTES } from "../../io/socket_path.ts";

/** Returns the reason for which there can be no socket, as far as that can be told without making one. */
export function laneProblem(path: string): string | undefined {
  if (Deno.build.os === "windows") return "this system has no Unix sockets for Deno";
  if (!fitsSocket(path)) {
    return `a socket's path would have more than ${MAX_SOCKET_PATH_BYTES} bytes: a shorter dataDir helps`;
  }
  return mayListen(path) ? undefined : "the host may not listen on a Unix socket in its folder";
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
