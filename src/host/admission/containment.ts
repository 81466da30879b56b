// Chooses what contains one plugin: launcher, network and system call filter.
import { commandLine } from "../../command_line.ts";
import { SallyportError } from "../../errors.ts";
import type { PolicyEntry } from "../../permissions/policy/policy_schema.ts";
import type { NetworkMode, SeccompProfile } from "../../sandbox/launch/launch_spec.ts";
import type { Launcher } from "../../sandbox/launch/launcher.ts";

/** Says what is to contain one plugin. */
export interface ContainmentChoice {
  /** What starts its process. */
  readonly launcher: Launcher;
  /** How it reaches the hosts that it was granted. */
  readonly network: NetworkMode;
  /** The system call filter. */
  readonly seccomp: SeccompProfile;
}

/**
 * Chooses by the policy what a launcher is to do.
 *
 * A plugin without granted hosts has no network, one with granted hosts has the host's proxy, and only
 * a policy that says so gives it the machine's network.
 *
 * @throws {SallyportError} `bad-config` when the policy asks for what would not be in force.
 */
export function chooseContainment(
  plugin: string,
  entry: PolicyEntry,
  launcher: Launcher,
  hasNet: boolean,
): ContainmentChoice {
  const { isolation, network, seccomp } = entry;
  if (!launcher.privateRoot) {
    const missing = network !== undefined && network !== "host"
      ? `network "${network}"`
      : seccomp !== undefined && seccomp !== "off"
      ? `seccomp "${seccomp}"`
      : undefined;
    if (missing === undefined) return { launcher, network: "host", seccomp: "off" };
    throw new SallyportError(
      "bad-config",
      `Cannot load plugin "${plugin}": its policy asks for ${missing}, and isolation here is "${launcher.name}"`,
      {
        hint: "Take it out of the policy to run the plugin with less containment, or run " +
          `"${commandLine(["doctor"])}" for the remedy`,
        details: { plugin, isolation, network, seccomp, launcher: launcher.name },
      },
    );
  }
  const reached = network ?? (hasNet ? "proxied" : "isolated");
  return {
    launcher,
    network: reached === "proxied" && !hasNet ? "isolated" : reached,
    seccomp: seccomp ?? "strict",
  };
}
