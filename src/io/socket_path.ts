// How long the path of a Unix socket may be, and folders in which one is short.

/** What `sun_path` takes, in bytes, but for its final NUL. */
export const MAX_SOCKET_PATH_BYTES = Deno.build.os === "linux" ? 107 : 103;

/** Tells whether a socket can have a path. */
export function fitsSocket(path: string): boolean {
  return new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES;
}

/** Names folders for sockets whose own place has too long a path, the best first; not all have to be there. */
export function shortFolders(): string[] {
  return [fromEnvironment("XDG_RUNTIME_DIR"), fromEnvironment("TMPDIR"), "/tmp"]
    .filter((path) => path !== undefined && path.startsWith("/")) as string[];
}

function fromEnvironment(variable: string): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return undefined;
  return Deno.env.get(variable);
}
