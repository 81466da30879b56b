// What the host refused a plugin, so that the plugin's own words about it can be checked.
import { escapeText, SallyportError } from "../../errors.ts";

const MAX_DENIALS = 32;

/** Remembers the latest denied service calls of one plugin, and reports every denial. */
export class Denials {
  #plugin: string;
  #report: (error: SallyportError) => void;
  #known: SallyportError[] = [];

  /** Starts with none. */
  constructor(plugin: string, report: (error: SallyportError) => void) {
    this.#plugin = plugin;
    this.#report = report;
  }

  /** Reports and remembers a denied service call. */
  add(error: SallyportError): void {
    this.#report(error);
    this.#known.push(error);
    if (this.#known.length > MAX_DENIALS) this.#known.shift();
  }

  /** Reports a connection that the egress proxy refused. */
  addConnection(host: string, port: number, reason: string): void {
    const plugin = this.#plugin;
    const message = `Plugin "${plugin}" may not connect to ${
      escapeText(host, 300)
    }:${port}: ${reason}`;
    this.#report(
      new SallyportError("permission-denied", message, {
        hint: `Grant it in plugins.${plugin}.grant.net of the policy, if it is meant to`,
        details: { plugin, family: "net", host, port, reason },
      }),
    );
  }

  /**
   * Says of a failure that the plugin only passed on what the host or the runtime refused, and what
   * to do about it.
   */
  explain(error: SallyportError): SallyportError {
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
    return name === "NotCapable" ? this.#explainRefusal(error, String(message)) : error;
  }

  /**
   * That the runtime refused something is the plugin's own word: the runtime tells nobody else, and a
   * plugin that catches the error need not pass it on.
   */
  #explainRefusal(error: SallyportError, message: string): SallyportError {
    const plugin = this.#plugin;
    const family = /\b(net|read|write|sys|env|run|ffi|import) access\b/.exec(message)?.[1];
    const hint = family !== undefined && ["env", "run", "ffi", "import"].includes(family)
      ? "No plugin gets env, run, ffi or import: the application may offer a service instead"
      : `Declare it in plugin.json and grant it in plugins.${plugin}.grant of the policy`;
    const told = escapeText(message, 500);
    this.#report(
      new SallyportError("permission-denied", `Deno refused plugin "${plugin}": ${told}`, {
        hint,
        details: { plugin, family, message: told, reportedBy: "plugin" },
        cause: error,
      }),
    );
    return new SallyportError(error.code, error.message, {
      hint,
      details: error.details,
      cause: error,
    });
  }
}
