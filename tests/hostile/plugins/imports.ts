// IM-01–13: imports what it may not.
import { createRequire } from "node:module";
import { tryEach } from "./attempt.ts";
import type { World } from "../world.ts";

// computed, so that nothing of it is part of the static graph
// deno-lint-ignore no-explicit-any -- whatever the module exports
const load = (specifier: string, options?: ImportCallOptions): Promise<any> =>
  import(specifier, options);
const require = createRequire(import.meta.url);

function worker(specifier: string): Promise<unknown> {
  const made = new Worker(specifier, { type: "module" });
  return new Promise((resolve, reject) => {
    made.onmessage = ({ data }) => resolve(data);
    made.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  }).finally(() => made.terminate());
}

export default {
  methods: {
    outside: ({ outside }: World) =>
      tryEach({
        code: async () => (await load(`file://${outside}/module.ts`)).default,
        json: async () =>
          (await load(`file://${outside}/data.json`, { with: { type: "json" } })).default.key,
        text: async () =>
          (await load(`file://${outside}/secret.txt`, { with: { type: "text" } })).default,
        "a sibling that imports it": async () => (await load("./sibling.ts")).default,
        "data:": async () =>
          (await load(`data:text/javascript,export { default } from "file://${outside}/module.ts"`))
            .default,
        "blob:": async () => {
          const text = `export { default } from "file://${outside}/module.ts"`;
          const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
          return (await load(url)).default;
        },
      }),
    remote: ({ port }: World) =>
      tryEach({
        "http:": async () => (await load(`http://127.0.0.1:${port}/module.js`)).default,
        "the import permission": () => {
          // deno-lint-ignore no-explicit-any -- the types do not know this name
          const { state } = Deno.permissions.querySync({ name: "import" } as any);
          if (state !== "granted") throw new Error(state);
        },
      }),
    registries: () =>
      tryEach({
        "npm:": async () => await load("npm:left-pad@1.3.0"),
        "jsr:": async () => await load("jsr:@std/semver@1.0.5"),
      }),
    require: ({ outside }: World) =>
      tryEach({
        require: () => require(`${outside}/module.cjs`),
        "require a package": () => require(`${outside}/package`),
        "Module._load": () => {
          const Module = require("node:module");
          return Module._load(`${outside}/module.cjs`, null, false);
        },
        "Module.runMain": () => require.resolve(`${outside}/module.cjs`),
      }),
    workers: ({ outside, port }: World) =>
      tryEach({
        "a file": () => worker(`file://${outside}/worker.js`),
        "an address": () => worker(`http://127.0.0.1:${port}/worker.js`),
        "data: that imports": () =>
          worker(`data:text/javascript,import "file://${outside}/worker.js"`),
      }),
    /** Asks for a worker with more permissions than its own: the runtime ends the process. */
    workerPermissions: async ({ secret }: World) => {
      const source = `postMessage(Deno.readTextFileSync(${JSON.stringify(secret)}))`;
      const made = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, {
        type: "module",
        // deno-lint-ignore no-explicit-any -- an option of the unstable interface
        ...({ deno: { permissions: "inherit" } } as any),
      });
      return {
        asked: await new Promise((resolve) => made.onmessage = ({ data }) => resolve(data)),
      };
    },
    mainModule: async () => ({ names: Object.keys(await load(Deno.mainModule)) }),
    internals: () =>
      tryEach({
        "ext:": async () => await load("ext:core/mod.js"),
        "ext:runtime": async () => await load("ext:runtime/98_global_scope_shared.js"),
        "node internals": async () => await load("node:internal/options"),
        wasi: async () => {
          const { WASI } = await load("node:wasi");
          return new WASI({ version: "preview1", preopens: { "/": "/" } });
        },
      }),
  },
};
