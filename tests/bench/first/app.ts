// An application as short as one can be: it opens a host, loads each plugin and calls it, tells when the
// last has answered, and closes. Arguments: data folder, isolation, public key, folders of bundles.
import { PluginHost } from "@sallyport/host";
import { report } from "./report.ts";

const [dataDir, isolation, key, ...dirs] = Deno.args;
const host = await PluginHost.open({
  dataDir,
  isolation: isolation as "plain" | "unshare" | "bwrap",
  keys: [key!],
});
await Promise.all(dirs.map(async (dir) => {
  const plugin = await host.load(dir);
  await plugin.call("echo", { text: "hello" });
}));
await report(() => host.close());
