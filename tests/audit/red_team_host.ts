/**
 * A host that refuses bundles, so that there is something in its audit log: `red_team_host.ts DATA BUNDLE
 * COUNT KEEP`. It says `written` and waits: a line on stdin closes it, SIGKILL does not.
 */
import { PluginHost } from "../../src/host/host.ts";

const [data = "", bundle = "", count = "", keep = ""] = Deno.args;
const host = await PluginHost.open({
  dataDir: data,
  isolation: "plain",
  audit: { maxFileBytes: 4_096, ...(keep === "" ? {} : { keepFiles: Number(keep) }) },
});
for (let n = 0; n < Number(count); n++) await host.load(bundle).catch(() => {});
Deno.stdout.writeSync(new TextEncoder().encode("written\n"));
await Deno.stdin.read(new Uint8Array(1));
await host.close();
