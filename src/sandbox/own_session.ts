/**
 * Keeps the signals of a terminal, or of a service manager, from what the host starts.
 *
 * @module
 */

/**
 * Starts a process in a session of its own: what is sent to the host's group (Ctrl+C, a closed terminal) is
 * for the host alone, which then ends its processes in order. On Windows the runtime ties to the host only
 * what is not detached.
 */
export const OWN_SESSION = { detached: Deno.build.os !== "windows" } as const;
