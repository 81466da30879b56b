// Tries a system call filter on a process of its own.
import { encodeBase64 } from "@std/encoding/base64";
import { fails, unseen, works } from "./probes.ts";
import { runProgram } from "./run.ts";
import { granted } from "./system.ts";
import type { Probe } from "./types.ts";
import { compileSeccomp } from "../sandbox/seccomp/filter.ts";

/**
 * Loads the filter into its own thread, with a call before and after that both profiles refuse.
 *
 * `setfsuid(-1)` changes nothing: it returns the id of now, or what the filter makes of it.
 */
const PROGRAM = `
const names = ["libc.so.6", "libc.musl-" + Deno.build.arch + ".so.1", "libc.so"];
const symbols = {
  prctl: { parameters: ["i32", "usize", "buffer", "usize", "usize"], result: "i32" },
  setfsuid: { parameters: ["u32"], result: "i32" },
};
let libc;
for (const name of names) {
  try { libc = Deno.dlopen(name, symbols).symbols; break; } catch {}
}
if (libc === undefined) throw new Error("no C library to load the filter by");
const filter = Uint8Array.from(atob(Deno.args[0]), (c) => c.charCodeAt(0));
const program = new DataView(new ArrayBuffer(16));
program.setUint16(0, filter.length / 8, true);
program.setBigUint64(8, BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter))), true);
const before = libc.setfsuid(0xffffffff);
const kept = libc.prctl(38, 1n, null, 0n, 0n);
const loaded = libc.prctl(22, 2n, new Uint8Array(program.buffer), 0n, 0n);
const after = libc.setfsuid(0xffffffff);
console.log([before >= 0, kept === 0, loaded === 0, after < 0].join(" "));
`;

export async function probeSeccomp(executable: string, denoDir: string): Promise<Probe> {
  const { arch } = Deno.build;
  if (arch !== "x86_64" && arch !== "aarch64") return fails(`no filter for ${arch}`);
  if (!granted({ name: "run", command: executable })) {
    return unseen(`needs --allow-run=${executable}`);
  }
  const filter = compileSeccomp({ profile: "strict", arch, network: false, exec: false });
  const flags = ["run", "--quiet", "--no-config", "--no-prompt", "--allow-ffi"];
  const { ok, out, why } = await runProgram([
    executable,
    ...flags,
    `data:application/javascript,${encodeURIComponent(PROGRAM)}`,
    encodeBase64(filter),
  ], { env: { DENO_DIR: denoDir, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" }, timeoutMs: 20_000 });
  if (!ok) return fails(why);
  const [control, kept, loaded, refused] = out.split(" ").map((word) => word === "true");
  if (!kept || !loaded) return fails("the kernel does not load a filter");
  if (!refused) return fails("the filter was loaded, but refuses nothing");
  const but = "the strict filter loads; what it refuses was refused before";
  return works(control ? "the strict filter loads and refuses" : but);
}
