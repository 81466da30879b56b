import assert from "node:assert/strict";
import * as host from "@sallyport/host";
import * as plugin from "@sallyport/host/plugin";
import * as testing from "@sallyport/host/testing";
import * as cli from "../../cli.ts";
import denoJson from "../../deno.json" with { type: "json" };

Deno.test("the package exports exactly these values", () => {
  assert.deepEqual(Object.keys(host).sort(), [
    "HOOK_PRIORITY",
    "HookRegistry",
    "PluginContext",
    "PluginHandle",
    "PluginHost",
    "SallyportError",
    "TrustList",
    "VERSION",
    "createLogger",
    "createTrustListContent",
    "inspectBundle",
    "manifestJsonSchema",
    "parseManifest",
    "parsePolicy",
    "policyJsonSchema",
    "readAuditLog",
    "silentLogger",
    "verifyAuditLog",
  ]);
  assert.deepEqual(Object.keys(plugin), ["definePlugin"]);
  assert.deepEqual(Object.keys(testing).sort(), ["loadForTest", "signForTest"]);
  assert.deepEqual(Object.keys(cli), ["main"]);
});

Deno.test("the package has exactly these entry points, and says its own version", () => {
  assert.deepEqual(Object.keys(denoJson.exports), [".", "./plugin", "./testing", "./cli"]);
  assert.equal(host.VERSION, denoJson.version);
});
