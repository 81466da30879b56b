/**
 * A plugin that asks for nothing in its manifest and then tries more.
 *
 * @module
 */
import { definePlugin, type PluginContext } from "@sallyport/host/plugin";

let context: PluginContext;

export default definePlugin({
  init(ctx) {
    context = ctx;
  },

  methods: {
    /** Reads a file of its own bundle, which every plugin may. */
    readOwn(): Promise<string> {
      return Deno.readTextFile(new URL("plugin.json", import.meta.url));
    },

    /** Tries to read any file. */
    readFile({ path }: { path: string }): Promise<string> {
      return Deno.readTextFile(path);
    },

    /** Tries to use a service that its manifest does not declare, and says how that failed. */
    async query({ sql }: { sql: string }): Promise<string> {
      try {
        await context.get("database").query(sql);
        return "allowed";
      } catch (error) {
        return (error as { code: string }).code;
      }
    },

    /** Tries to reach a host. */
    async connect({ host }: { host: string }): Promise<number> {
      return (await fetch(`http://${host}/`)).status;
    },

    /** Tries to start a program. */
    async run({ program }: { program: string }): Promise<number> {
      return (await new Deno.Command(program).output()).code;
    },

    /** Tries to read the environment. */
    env(): Record<string, string> {
      return Deno.env.toObject();
    },
  },
});
