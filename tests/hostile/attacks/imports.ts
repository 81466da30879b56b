import assert from "node:assert/strict";
import { allowed, answered, type Attack, denied, ended, refused, type Stage } from "../attack.ts";

const direct = { by: "direct", succeeded: allowed } as const;
const files = { "sibling.ts": 'export { default } from "file://OUTSIDE/module.ts";' };

function imports(rows: string[], what: string, method: string, rest: Partial<Attack> = {}): Attack {
  return {
    rows,
    what,
    plugin: "imports",
    group: "imports",
    files,
    call: [method],
    contained: denied,
    control: direct,
    ...rest,
  };
}

/** Shows that the same bundle loads without a file. */
function without(path: string): Pick<Attack, "after" | "control"> {
  return {
    async after({ host, bundle }: Stage) {
      await Deno.remove(`${bundle}/${path}`, { recursive: true });
      return (await host.load(bundle)).state;
    },
    control: { by: "itself" },
  };
}

/** A bundle that is refused for one file, and loads without it. */
function carries(
  rows: string[],
  path: string,
  text: string,
  message: RegExp,
  how: "files" | "unsigned" = "files",
): Attack {
  return {
    rows,
    what: `ships ${how === "files" ? "" : "beside what was signed "}${path}`,
    plugin: "witness",
    [how]: { [path]: text },
    contained(report) {
      refused("bundle-invalid", message)(report);
      if (how === "unsigned") assert.equal(report.after, "active");
    },
    ...(how === "unsigned" ? without(path) : {
      control: {
        by: "nothing",
        because: "signed or not, such a file never loads; unsigned files show a bundle without",
      },
    }),
  };
}

/** Attacks by imports. */
export const IMPORT_ATTACKS: readonly Attack[] = [
  imports(["IM-01", "IM-02", "IM-04"], "imports what is outside its bundle", "outside"),
  {
    rows: ["IM-03"],
    what: "imports statically what is outside its bundle",
    plugin: "imports",
    group: "statically",
    files: {
      ...files,
      "static.ts": 'import text from "file://OUTSIDE/secret.txt" with { type: "text" };\n' +
        "export default { methods: { leak: () => ({ statically: `ok: ${text}` }) } };\n",
    },
    manifest: { entry: "static.ts" },
    call: ["leak"],
    contained: refused("launch-failed", /read access|NotCapable/),
    control: direct,
  },
  imports(["IM-05"], "imports from an address", "remote"),
  imports(["IM-05"], "imports from a registry", "registries", {
    control: { by: "nothing", because: "tests reach no registry; http: shows the same" },
  }),
  carries(["IM-06"], "deno.json", '{"imports":{"x":"/etc/passwd"}}', /deno\.json/),
  carries(["IM-07"], "package.json", '{"main":"../../../etc/passwd"}', /package\.json/),
  carries(["IM-07"], "node_modules/x/index.js", "", /node_modules/),
  imports(["IM-07"], "requires what is outside its bundle", "require"),
  imports(["IM-08"], "starts workers of what is outside its bundle", "workers"),
  imports(["IM-09"], "asks for a worker with permissions of its own", "workerPermissions", {
    group: "permissions",
    contained: ended("crashed"),
    control: {
      by: "direct",
      succeeded: answered,
      params: { flags: ["--unstable-worker-options"] },
    },
  }),
  imports(["IM-10"], "imports the bootstrap", "mainModule", {
    contained: ({ answer }) => assert.deepEqual(answer, { names: [] }),
    control: {
      by: "direct",
      succeeded: ({ answer }) => assert.deepEqual(answer, { names: ["secretOfMain"] }),
    },
  }),
  imports(["IM-11", "IM-13"], "imports internals of the runtime and WASI", "internals", {
    control: { by: "nothing", because: "the runtime gives them to nobody, whatever the flags" },
  }),
  carries(["IM-12"], "extra.ts", "export default 1;", /extra\.ts/, "unsigned"),
];
