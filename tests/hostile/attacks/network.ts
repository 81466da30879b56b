import assert from "node:assert/strict";
import { allowed, type Attack, denied, ended, type Report, type Stage } from "../attack.ts";

function talks(rows: string[], what: string, method: string, rest: Partial<Attack> = {}): Attack {
  return {
    rows,
    what,
    plugin: "network",
    group: "network",
    call: [method],
    contained: denied,
    control: { by: "direct", succeeded: allowed },
    ...rest,
  };
}

const granted = (...net: string[]): Pick<Attack, "manifest" | "policy"> => ({
  manifest: { permissions: { net } },
  policy: { grant: { net } },
});

/** Tries to reach from the host what the plugin listens on. */
async function reachable({ world }: Stage): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port: world.freePort })).close();
    return true;
  } catch {
    return false;
  }
}

/** Some of the runtime's own sockets leave the refusal to nobody, which ends the process. */
function deniedOrCrashed(report: Report): void {
  if (report.error === undefined) denied(report);
  else ended("crashed")(report);
}

/** Attacks on the network. */
export const NETWORK_ATTACKS: readonly Attack[] = [
  talks(["NE-01", "NE-02", "NE-03", "NE-04"], "connects", "connects"),
  talks(["NE-02"], "sends datagrams", "datagrams", {
    group: undefined,
    contained: deniedOrCrashed,
  }),
  talks(["NE-04"], "resolves names", "resolves"),
  talks(["NE-03"], "listens", "listens", { group: undefined, contained: deniedOrCrashed }),
  talks(["NE-05"], "stretches its grant", "stretches", {
    ...granted("127.0.0.1:PORT"),
    group: "granted",
    contained(report) {
      denied(report);
      assert.deepEqual(report.after, { http: `ok: hello` }, "what is granted works");
      assert.ok(report.events.includes("connection"), "connections are events");
    },
    after: ({ plugin, world }) => plugin!.call("granted", world),
    control: {
      by: "direct",
      succeeded: ({ answer }) => {
        const ways = answer as Record<string, string>;
        for (const way of ["another port", "a redirect", "another name", "a Unix socket"]) {
          assert.match(ways[way]!, /^ok/, way);
        }
      },
    },
  }),
  talks(["NE-05"], "asks the way out itself", "asksTheRelay", {
    ...granted("127.0.0.1:PORT"),
    group: "granted",
    control: {
      by: "nothing",
      because: "there is a way out only in the sandbox; `stretches` shows what is granted to pass",
    },
  }),
  talks(["NE-06"], "listens on the address that it was granted", "impersonates", {
    ...granted("127.0.0.1:FREE_PORT"),
    group: "impersonates",
    contained: ({ after }) => assert.equal(after, false),
    after: reachable,
    control: { by: "plain", succeeded: ({ after }) => assert.equal(after, true) },
  }),
];
