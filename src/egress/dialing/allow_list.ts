// The grants of one plugin, as the proxy compares them.
import { escapeText, SallyportError } from "../../errors.ts";
import { addressBits, type IpAddress } from "../../permissions/scopes/ip.ts";
import {
  formatNetScope,
  netCovers,
  type NetScope,
  parseNetScope,
} from "../../permissions/scopes/net_scope.ts";

export class AllowList {
  readonly #scopes: readonly NetScope[];

  constructor(plugin: string, grants: readonly string[]) {
    this.#scopes = grants.map((grant) => {
      const parsed = parseNetScope(grant);
      if ("problem" in parsed || formatNetScope(parsed.value) !== grant) {
        const problem = "problem" in parsed ? parsed.problem : "is not in normal form";
        const shown = escapeText(grant, 200);
        const message = `Cannot open the egress proxy of plugin "${plugin}": "${shown}" ${problem}`;
        throw new SallyportError("bad-config", message, { details: { plugin, grant } });
      }
      return parsed.value;
    });
  }

  /** Returns whether a grant covers what a request asks for; a name is only ever covered by names. */
  covers(scope: NetScope): boolean {
    return this.#scopes.some((grant) => netCovers(grant, scope));
  }

  /** Returns whether an address is granted as such, or within a range, at a port. */
  coversAddress(address: IpAddress, port: number): boolean {
    const prefix = addressBits(address.version);
    return this.covers({ kind: "range", address, prefix, port });
  }
}
