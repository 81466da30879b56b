// Bringing up the loopback of a new network namespace, which only privileged code can do.

/**
 * Sets IFF_UP on `lo` through libc: `ioctl(socket, SIOCSIFFLAGS, {"lo", IFF_UP | IFF_RUNNING})`.
 * @see https://man7.org/linux/man-pages/man7/netdevice.7.html
 */
const MODULE = `const { symbols: { socket, ioctl } } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
});
const request = new Uint8Array(40);
request.set([108, 111]);
request[16] = 1 | 64;
if (ioctl(socket(2, 2, 0), 0x8914n, request) !== 0) Deno.exit(1);`;

/** Returns a command that brings up the loopback of the namespace that it is run in. */
export function bringUpLoopback(ip: string | undefined, executable: string): string[] {
  if (ip !== undefined) return [ip, "link", "set", "lo", "up"];
  const module = `data:text/javascript,${encodeURIComponent(MODULE)}`;
  return [executable, "run", "--quiet", "--no-config", "--no-lock", "--allow-ffi", module];
}
