import { makeBundle, type ManifestFields, signDir, type TestKeys } from "../helpers/signing.ts";

/** A plugin that hosts of the soak load. */
interface SoakPlugin {
  /** Its module. */
  readonly main: string;
  /** What it asks for; `PORT` stands for the server's. */
  readonly manifest?: ManifestFields;
}

const SPIN = "const spin = () => { for (;;); };\n";
/** What makes its own end hard. */
const STUBBORN = `for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.addSignalListener(name, () => {});
}
addEventListener("beforeunload", (event) => event.preventDefault());
`;

/** The plugins by name. */
const PLUGINS = {
  /** Behaves, and is loaded again and again. */
  echo: { main: "export default { methods: { echo: (value: unknown) => value } };\n" },
  /** Writes into its storage and through the services, one of which is a process of its own. */
  stored: {
    main: `let ctx: any;
export default {
  init(given: unknown) { ctx = given; },
  methods: {
    async write(value: number) {
      Deno.writeTextFileSync(\`\${ctx.storage}/file-\${value}\`, "x".repeat(100_000));
      await ctx.get("kv").set("key", value);
      await ctx.get("database").execute("CREATE TABLE IF NOT EXISTS t (n)");
      await ctx.get("database").execute("INSERT INTO t VALUES (?)", [value]);
      return value;
    },
  },
};
`,
    manifest: {
      storage: { quotaBytes: 1_048_576 },
      permissions: { read: ["$STORAGE"], write: ["$STORAGE"] },
      context: [{ key: "kv", access: "readwrite" }, { key: "database", access: "readwrite" }],
    },
  },
  /** Reads an answer that never ends, through the egress proxy. */
  proxied: {
    main: `export default {
  methods: {
    async read(url: string) {
      const response = await fetch(url);
      let length = 0;
      for await (const chunk of response.body!) length += chunk.length;
      return length;
    },
  },
};
`,
    manifest: { permissions: { net: ["127.0.0.1:PORT"] } },
  },
  /** Sees no message and no signal. */
  busy: { main: `${STUBBORN}${SPIN}export default { methods: { spin } };\n` },
  /** Is busy in threads of its own. */
  workers: {
    main: `${SPIN}const url = "data:text/javascript,for(;;);";
export default {
  methods: {
    start(count: number) {
      for (let n = 0; n < count; n++) new Worker(url, { type: "module" });
      return count;
    },
    spin,
  },
};
`,
  },
  /** Takes more memory than it may have, outside of V8's heap; on a slow machine no other limit is to end it. */
  hungry: {
    manifest: { limits: { cpuPercent: 1_000 } },
    main: `const kept: Uint8Array[] = [];
export default {
  methods: {
    async eat(mib: number) {
      for (let n = 0; n < mib; n += 16) {
        kept.push(new Uint8Array(16 * 1024 * 1024).fill(1));
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      return kept.length;
    },
  },
};
`,
  },
} satisfies Record<string, SoakPlugin>;

/** Names a plugin of the soak. */
export type PluginName = keyof typeof PLUGINS;

/** Those that live on, in the order in which they are loaded. */
export const PLUGIN_NAMES: readonly PluginName[] = ["echo", "stored", "proxied", "busy", "workers"];

/**
 * Writes the bundles and signs them.
 *
 * @param dir The folder for them.
 * @param keys Who signs.
 * @param port The port of the server that one of them reads from.
 */
export async function stagePlugins(dir: string, keys: TestKeys, port: number): Promise<void> {
  for (const [name, { main, manifest }] of Object.entries<SoakPlugin>(PLUGINS)) {
    const fields = JSON.parse(JSON.stringify(manifest ?? {}).replaceAll("PORT", String(port)));
    await makeBundle(`${dir}/${name}`, { "main.ts": main }, { name, ...fields });
    await signDir(`${dir}/${name}`, keys);
  }
}
