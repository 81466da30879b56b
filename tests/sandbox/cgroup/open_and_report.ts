// Says what openCgroups() finds.
import { openCgroups } from "../../../src/sandbox/cgroup/manager.ts";

const { manager, missing } = await openCgroups();
const report = { kind: manager?.kind, missing };
await manager?.[Symbol.asyncDispose]();
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(report)));
