// A small host for host_permissions_test.ts, run with few permissions.
import { SallyportError } from "../../src/errors.ts";
import { PluginContext } from "../../src/services/context.ts";
import { caller, ENDLESS } from "./kit.ts";

const [dir, mode] = Deno.args;
await using services = new PluginContext({ dir, databaseTimeoutMs: 60_000 });
const who = caller("p", {
  request: { config: "read", log: "read", kv: "readwrite", database: "readwrite" },
});

async function outcome(key: string, method: string, ...args: unknown[]): Promise<string> {
  try {
    await services.call(who, key, method, args);
    return "ok";
  } catch (error) {
    return error instanceof SallyportError ? `${error.code}: ${error.message}` : String(error);
  }
}

function write(text: string): Promise<number> {
  return Deno.stdout.write(new TextEncoder().encode(text));
}

if (mode === "try") {
  const outcomes = {
    config: await outcome("config", "get"),
    log: await outcome("log", "info", "hello"),
    kv: await outcome("kv", "set", "a", 1),
    database: await outcome("database", "execute", "CREATE TABLE IF NOT EXISTS t (a)"),
  };
  await write(JSON.stringify(outcomes));
} else {
  await services.call(who, "database", "query", ["SELECT 1 AS one"]);
  const endless = services.call(who, "database", "query", [ENDLESS]);
  // the next call waits behind it: once kv answers, the request was written
  await services.call(who, "kv", "has", ["a"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await write("running\n");
  await endless;
}
