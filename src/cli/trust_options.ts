/**
 * The options that say whom and what to trust, the same for every command that loads a plugin.
 *
 * @module
 */
import { type Command, Option } from "commander";
import type { PluginHostOptions } from "../host/options.ts";
import type { IsolationMode } from "../sandbox/choose.ts";
import { collect } from "./command.ts";

/** Holds the values of the options. */
export interface TrustOptions {
  /** Public keys: files or hex digits. */
  key?: string[];
  /** The file with the policy. */
  policy?: string;
  /** How the plugin is isolated. */
  isolation?: IsolationMode;
}

/**
 * Adds the options to a command.
 *
 * @param command The command.
 * @returns The command.
 */
export function addTrustOptions(command: Command): Command {
  return command
    .option(
      "--key <pub>",
      "a public key to trust: a .pub file or 64 hex digits (repeatable)",
      collect,
    )
    .option("--policy <file>", "the policy: what plugins may have (none: their own bundle only)")
    .addOption(
      new Option("--isolation <mode>", "how the plugin is isolated (default: auto)")
        .choices(["auto", "bwrap", "unshare", "plain"]),
    );
}

/**
 * Turns the options into those of a host.
 *
 * @param options The options as given.
 * @returns Options of `PluginHost.open`.
 */
export function trustedHostOptions(
  options: TrustOptions,
): Pick<PluginHostOptions, "keys" | "policy" | "isolation"> {
  const { key = [], policy, isolation } = options;
  return {
    keys: key,
    ...(policy === undefined ? {} : { policy }),
    ...(isolation === undefined ? {} : { isolation }),
  };
}
