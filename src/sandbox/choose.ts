/**
 * Chooses the launcher for an isolation mode, failing rather than degrading where that was asked.
 *
 * @module
 */
import { isAbsolute } from "node:path";
import { escapeText, SallyportError } from "../errors.ts";
import type { Launcher } from "./launcher.ts";
import type { LauncherName } from "./launch_spec.ts";
import { plainLauncher } from "./plain.ts";

/** Names an isolation mode: one launcher, or the strongest that works here. */
export type IsolationMode = "auto" | LauncherName;

/** Says how plugins are to be isolated. */
export interface IsolationOptions {
  /**
   * The launcher, or `auto` for the strongest that works here.
   *
   * @default {"auto"}
   */
  mode?: IsolationMode;
  /**
   * Whether to fail rather than run without an operating-system sandbox.
   *
   * @default {false}
   */
  require?: boolean;
}

const MODES: readonly string[] = ["auto", "bwrap", "unshare", "plain"];
const SETPRIV_PATHS = ["/usr/bin/setpriv", "/bin/setpriv"];

/**
 * Finds `setpriv` where it exists and this host may run it.
 *
 * @returns The path, or `undefined`.
 */
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
 * Chooses a launcher.
 *
 * @param isolation The mode, alone or with `require`.
 * @param executable The deno executable that it will start.
 * @returns The launcher.
 * @throws {SallyportError} `bad-config` when the mode is unknown, or asks for a sandbox that this
 * version or this machine does not have.
 * @throws {TypeError} when an option is unknown or of the wrong type.
 */
export function chooseLauncher(
  isolation: IsolationMode | IsolationOptions = "auto",
  executable: string = Deno.execPath(),
): Launcher {
  const options = typeof isolation === "string" ? { mode: isolation } : checkOptions(isolation);
  const mode = options.mode ?? "auto";
  if (!MODES.includes(mode)) {
    throw new SallyportError("bad-config", `Cannot isolate plugins: unknown mode "${mode}"`, {
      hint: `Use one of ${MODES.map((name) => `"${name}"`).join(", ")}`,
      details: { mode },
    });
  }
  if (mode === "bwrap" || mode === "unshare" || options.require === true) {
    const wanted = mode === "auto" ? "an operating-system sandbox" : `"${mode}"`;
    throw new SallyportError(
      "bad-config",
      `Cannot isolate plugins with ${wanted}: this version has only the "plain" launcher`,
      {
        hint:
          'Use isolation "plain" without `require` and run only plugins whose authors you trust',
        details: { mode, require: options.require === true },
      },
    );
  }
  const setpriv = findSetpriv();
  if (setpriv === undefined) return plainLauncher();
  // it would look for a bare name in a PATH that the cleared environment does not have
  return isAbsolute(executable)
    ? plainLauncher({ setpriv })
    : plainLauncher({ without: "no setpriv, which needs --allow-run=<the path of deno>" });
}

/** Refuses what is misspelt: an ignored `require` would be a sandbox that nobody notices is missing. */
function checkOptions(options: IsolationOptions): IsolationOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError("Cannot isolate plugins: isolation is neither a mode nor an object");
  }
  for (const name of Object.keys(options)) {
    if (name === "mode" || name === "require") continue;
    throw new TypeError(`Cannot isolate plugins: unknown option "${escapeText(name, 100)}"`);
  }
  const { require } = options;
  if (require !== undefined && typeof require !== "boolean") {
    throw new TypeError("Cannot isolate plugins: require must be true or false");
  }
  return options;
}
