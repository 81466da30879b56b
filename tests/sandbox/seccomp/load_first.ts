/** Loads the filter in the file `Deno.args[0]`, then runs the workload with the other arguments. */
import { installSeccomp } from "../../../src/plugin/seccomp_install.ts";

const [filter, ...args] = Deno.args;
installSeccomp(Deno.readFileSync(filter!), Deno.build.arch);
Object.defineProperty(Deno, "args", { value: args });
await import("./workload.ts");
