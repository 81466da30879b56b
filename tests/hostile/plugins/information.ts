// IN-01–06: learns about the machine and the host.
import os from "node:os";
import process from "node:process";
import { tryEach } from "./attempt.ts";

function some(value: string | undefined): string {
  if (!value) throw new Error("nothing");
  return value;
}

export default {
  methods: {
    environment: () =>
      tryEach({
        all: () => JSON.stringify(Deno.env.toObject()),
        one: () => some(Deno.env.get("ZOO_SECRET")),
        process: () => some(process.env.ZOO_SECRET),
        keys: () => some(Object.keys(process.env).join(" ")),
        setting: () => Deno.env.set("ZOO_SECRET", "changed"),
      }),
    machine: () =>
      tryEach({
        hostname: () => Deno.hostname(),
        "node's hostname": () => os.hostname(),
        user: () => os.userInfo().username,
        home: () => os.homedir(),
        uid: () => Deno.uid(),
        interfaces: () => JSON.stringify(Deno.networkInterfaces()),
        memory: () => Deno.systemMemoryInfo().total,
        load: () => Deno.loadavg().join(" "),
        release: () => Deno.osRelease(),
        uptime: () => Deno.osUptime(),
      }),
    /** What no permission guards. */
    place: () => {
      const shown: Record<string, string> = {};
      const show = (name: string, look: () => unknown) => {
        try {
          shown[name] = String(look());
        } catch (error) {
          shown[name] = String(error);
        }
      };
      show("cwd", () => Deno.cwd());
      show("execPath", () => Deno.execPath());
      show("argv", () => process.argv.join(" "));
      show("execArgv", () => process.execArgv.join(" "));
      show("title", () => process.title);
      show("main", () => Deno.mainModule);
      show("own", () => import.meta.url);
      show("error", () => new Error("here").stack);
      show("platform", () => os.version());
      return shown;
    },
    ids: () => ({ pid: Deno.pid, ppid: Deno.ppid }),
    frames: () => {
      const { prepareStackTrace, stackTraceLimit } = Error;
      Error.stackTraceLimit = 100;
      Error.prepareStackTrace = (_error, frames) =>
        frames.map((frame) =>
          `${frame.getFileName()} ${frame.getFunctionName()} ${frame.getThis()}`
        )
          .join("\n");
      const shown = String(new Error().stack);
      Object.assign(Error, { prepareStackTrace, stackTraceLimit });
      return { shown };
    },
  },
};
