// Keeps the signals of a terminal, or of a service manager, from what the host starts.
import { isAbsolute } from "node:path";

/**
 * Starts a process in a session of its own: what is sent to the host's group (Ctrl+C, a closed terminal) is
 * for the host alone, which then ends its processes in order. On Windows the runtime ties to the host only
 * what is not detached.
 */
export const OWN_SESSION = { detached: Deno.build.os !== "windows" } as const;

const SETSID_PATHS = ["/usr/bin/setsid", "/bin/setsid"];
let setsid: string | null | undefined;

/**
 * The same for what is started often, by `setsid` where this host may run it: to detach a process, the runtime
 * copies the page tables of the host for it, which takes milliseconds.
 */
export function inOwnSession(
  command: string,
  args: readonly string[],
): { command: string; args: string[]; detached: boolean } {
  setsid ??= Deno.build.os === "linux" ? SETSID_PATHS.find(isProgram) ?? null : null;
  if (setsid === null || !isAbsolute(command) || !isProgram(command) || !mayRun(setsid, command)) {
    return { command, args: [...args], ...OWN_SESSION };
  }
  return { command: setsid, args: [command, ...args], detached: false };
}

function mayRun(...commands: readonly string[]): boolean {
  return commands.every((command) =>
    Deno.permissions.querySync({ name: "run", command }).state === "granted"
  );
}

function isProgram(path: string): boolean {
  // not tried where it is not granted, since that may ask the person at the terminal
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return false;
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode ?? 0) % 2 === 1; // for everybody: then nobody's rights need to be known
  } catch {
    return false;
  }
}
