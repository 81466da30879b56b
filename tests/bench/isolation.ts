/**
 * What can contain a plugin on this machine.
 *
 * @module
 */
import { PluginHost, SallyportError, silentLogger } from "@sallyport/host";

/** Names what contains the plugin that is measured. */
export type BenchIsolation = "plain" | "bwrap" | "unshare";

const MODES: readonly BenchIsolation[] = ["plain", "unshare", "bwrap"];

/** Finds what can contain a plugin here. */
export async function workingModes(): Promise<BenchIsolation[]> {
  const working: BenchIsolation[] = [];
  for (const mode of MODES) {
    try {
      await (await PluginHost.open({ isolation: mode, logger: silentLogger })).close();
      working.push(mode);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
    }
  }
  return working;
}
