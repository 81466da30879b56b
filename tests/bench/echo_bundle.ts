/**
 * The echo plugin of the benchmarks, loaded as applications load plugins.
 *
 * @module
 */
import { type PluginHandle, PluginHost, silentLogger } from "@sallyport/host";
import { signForTest } from "@sallyport/host/testing";

/** A loaded plugin that goes with its host. */
export interface EchoPlugin extends AsyncDisposable {
  /** Calls a method. */
  call: PluginHandle["call"];
}

/** Loads a plugin whose method `echo` gives back what it gets. */
export async function loadEchoPlugin(): Promise<EchoPlugin> {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  await Deno.writeTextFile(
    `${dir}/plugin.json`,
    JSON.stringify({ name: "echo", version: "1.0.0", entry: "main.ts" }),
  );
  await Deno.writeTextFile(
    `${dir}/main.ts`,
    "export default { methods: { echo: (params: unknown) => params } };\n",
  );
  await using signed = await signForTest(dir);
  await Deno.remove(dir, { recursive: true });
  const host = await PluginHost.open({
    keys: [signed.publicKey],
    isolation: "plain",
    logger: silentLogger,
  });
  const plugin = await host.load(signed.dir);
  return {
    call: (method, ...args) => plugin.call(method, ...args),
    [Symbol.asyncDispose]: () => host.close(),
  };
}
