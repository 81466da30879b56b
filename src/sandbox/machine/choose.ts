// The isolation modes, and the check of what a caller asks for.
import { escapeText, SallyportError } from "../../errors.ts";

/**
 * Names an isolation mode: one launcher, or the strongest that works here.
 *
 * @category Isolation
 */
export type IsolationMode = "auto" | "bwrap" | "unshare" | "plain";

/** How plugins are to be isolated; with `require` a host fails rather than run without a sandbox. */
export interface IsolationOptions {
  mode?: IsolationMode;
  require?: boolean;
}

const MODES: readonly string[] = ["auto", "bwrap", "unshare", "plain"];
const SETPRIV_PATHS = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Finds `setpriv` where it exists and this host may run it. */
export function findSetpriv(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return SETPRIV_PATHS.find((path) => {
    const run = Deno.permissions.querySync({ name: "run", command: path });
    if (run.state !== "granted") return false;
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false; // absent, or not readable for this host: either way it cannot be relied on
    }
  });
}

/**
 * Checks an isolation mode.
 *
 * @throws {SallyportError} `bad-config` when it is unknown.
 */
export function checkMode(mode: IsolationMode): IsolationMode {
  if (MODES.includes(mode)) return mode;
  const name = typeof mode === "string" ? escapeText(mode, 100) : typeof mode;
  throw new SallyportError("bad-config", `Cannot isolate plugins: unknown mode "${name}"`, {
    hint: `Use one of ${MODES.map((name) => `"${name}"`).join(", ")}`,
    details: { mode: name },
  });
}

/**
 * Checks what a caller asks for. What is misspelt is refused: an ignored `require` would be a sandbox
 * that nobody notices is missing.
 *
 * @throws {SallyportError} `bad-config` when the mode is unknown.
 * @throws {TypeError} when an option is unknown or of the wrong type.
 */
export function checkIsolation(
  isolation: IsolationMode | IsolationOptions = "auto",
): Required<IsolationOptions> {
  if (typeof isolation === "string") return { mode: checkMode(isolation), require: false };
  if (typeof isolation !== "object" || isolation === null) {
    throw new TypeError("Cannot isolate plugins: isolation is neither a mode nor an object");
  }
  for (const name of Object.keys(isolation)) {
    if (name === "mode" || name === "require") continue;
    throw new TypeError(`Cannot isolate plugins: unknown option "${escapeText(name, 100)}"`);
  }
  const { mode = "auto", require = false } = isolation;
  if (typeof require !== "boolean") {
    throw new TypeError("Cannot isolate plugins: require must be true or false");
  }
  return { mode: checkMode(mode), require };
}
