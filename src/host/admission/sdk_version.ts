// Keeps out plugins that are made for another version of the host.
import { isInRange } from "../../bundle/manifest/version_range.ts";
import { SallyportError } from "../../errors.ts";
import { noteBundle } from "../../trust/verify/refusal.ts";
import type { VerifiedPlugin } from "../../trust/verify/verify.ts";
import { VERSION } from "../../version.ts";

/**
 * Compares the range of host versions that a plugin asks for with this one.
 *
 * @throws {SallyportError} `manifest-invalid` when it needs another version.
 */
export function checkSdk({ manifest, bundleHash }: VerifiedPlugin): void {
  if (manifest.sdk === undefined || isInRange(VERSION, manifest.sdk)) return;
  const error = new SallyportError(
    "manifest-invalid",
    `Cannot load plugin "${manifest.name}": it needs host API ${manifest.sdk}, this is ${VERSION}`,
    {
      hint: "Install a version of the plugin for this host, or update the host",
      details: { plugin: manifest.name, sdk: manifest.sdk, version: VERSION },
    },
  );
  throw noteBundle(error, { version: manifest.version, bundleHash });
}
