/** Tries the acts named in its arguments and prints, as JSON, which Deno allowed. */
const acts = {
  read: (path) => Deno.readDirSync(path)[Symbol.iterator]().next(),
  write: (path) => Deno.writeTextFileSync(`${path}/written`, "x"),
  net: async (address) => {
    const at = address.lastIndexOf(":");
    const hostname = address.slice(0, at);
    (await Deno.connect({ hostname, port: Number(address.slice(at + 1)) })).close();
  },
  sys: (kind) => Deno[kind](),
  env: (name) => Deno.env.get(name),
  run: (command) => new Deno.Command(command, { args: ["--version"], stdout: "null" }).outputSync(),
  ffi: (path) => {
    try {
      Deno.dlopen(path, {});
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error; // no such library: it was tried
    }
  },
  import: (url) => import(url),
  wasm: () => new WebAssembly.Memory({ initial: 1 }),
  heap: async (mib) => {
    const { getHeapStatistics } = await import("node:v8");
    if (getHeapStatistics().heap_size_limit > 2 * Number(mib) * 1024 * 1024) throw new Error("big");
  },
};

const results = {};
for (const argument of Deno.args) {
  const at = argument.indexOf("=");
  try {
    await acts[argument.slice(0, at)](argument.slice(at + 1));
    results[argument] = "done";
  } catch (error) {
    results[argument] = error.name;
  }
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(results)));
