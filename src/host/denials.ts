/**
 * What the host refused a plugin, so that the plugin's own words about it can be checked.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";

const MAX_DENIALS = 32;

/** Remembers the latest denied service calls of one plugin. */
export class Denials {
  #known: SallyportError[] = [];

  /** Remembers a denial. */
  add(error: SallyportError): void {
    this.#known.push(error);
    if (this.#known.length > MAX_DENIALS) this.#known.shift();
  }

  /**
   * Says of a failure that the plugin only passed on what the host or the runtime refused, and what
   * to do about it.
   *
   * @param plugin The plugin's name.
   * @param error The failure as it came from the plugin.
   * @returns A `service-denied` of the host's own where there was one, or the failure with a hint.
   */
  explain(plugin: string, error: SallyportError): SallyportError {
    const { name, code, message } = error.details;
    // the plugin's word that a service was denied counts only where the host did deny one
    const denial = code === "service-denied"
      ? this.#known.find((known) => known.message === message)
      : undefined;
    if (denial !== undefined) {
      return new SallyportError("service-denied", error.message, {
        hint: denial.hint,
        details: { ...denial.details, message },
        cause: denial,
      });
    }
    if (name !== "NotCapable") return error;
    const never = /\b(?:env|run|ffi|import) access\b/.test(String(message));
    return new SallyportError(error.code, error.message, {
      hint: never
        ? "No plugin gets env, run, ffi or import: the application may offer a service instead"
        : `Declare it in plugin.json and grant it in plugins.${plugin}.grant of the policy`,
      details: error.details,
      cause: error,
    });
  }
}
