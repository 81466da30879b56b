// A host that is killed: makes a group with a process in it, says where, and waits for its end.
import { openCgroups } from "../../../src/sandbox/cgroup/manager.ts";
import { LIMITS } from "./checks.ts";
import { foldersOf, startMember } from "./members.ts";

const { manager, missing } = await openCgroups();
if (manager === undefined) throw new Error(missing.join("; "));
const group = await manager.create(LIMITS);
const member = startMember(group, "trap '' TERM HUP; echo up; while :; do sleep 600; done");
await member.line();
const report = {
  kind: manager.kind,
  folders: foldersOf(group),
  prefix: group.prefix,
  pid: member.pid,
};
await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(report)}\n`));
await Deno.stdin.read(new Uint8Array(1));
