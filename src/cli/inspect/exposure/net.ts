// What granted hosts add to the exposure grade.
//
// `net`: 0.6 for one host and 0.1 for each more, at most 1.4; a wildcard 1.5, of two labels 1.7, of
// one 2.3; a range of addresses from 1.5 (two) to 2.5 (all). The widest counts, since all it knows
// can leave by that. `private net` adds up: loopback, link-local, private addresses.
import { addressBits } from "../../../permissions/scopes/ip.ts";
import {
  intersectNet,
  type NetScope,
  parseNetScope,
  type RangeScope,
} from "../../../permissions/scopes/net_scope.ts";
import type { ExposurePoints } from "./containment.ts";

const NAMES_MOST = 14;
const NET_MOST = 25;

interface PrivateKind {
  readonly what: string;
  readonly points: number;
  readonly ranges: readonly string[];
  readonly names: RegExp;
}

const PRIVATE: readonly PrivateKind[] = [
  {
    what: "this machine itself",
    points: 7,
    ranges: ["0.0.0.0/8", "127.0.0.0/8", "[::]/127"],
    names: /^(?:.*\.)?localhost$/,
  },
  {
    what: "link-local addresses, where clouds keep credentials",
    points: 7,
    ranges: ["169.254.0.0/16", "[fe80::]/10"],
    names: /^(?:.*\.)?metadata\.google\.internal$/,
  },
  {
    what: "private networks",
    points: 6,
    ranges: ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "[fc00::]/7"],
    names: /^(?:(?!localhost$)[^.]+|.*\.(?:internal|local|lan|home|corp|intranet|home\.arpa))$/,
  },
];

export function netLines(net: readonly string[], reachable: boolean): ExposurePoints[] {
  const scopes = net.flatMap(scopesOf);
  const found = PRIVATE.filter((kind) => scopes.some((scope) => reaches(scope, kind)));
  const hosts = net.join(", ");
  const nothing = net.length === 0
    ? "it can send to no host"
    : `${hosts} would be granted, but its network is isolated`;
  const open = reachable && scopes.length > 0;
  const { points, how } = widest(scopes);
  return [
    [
      "net",
      open ? `it can send all it knows to ${how}: ${hosts}` : nothing,
      open ? points : 0,
      NET_MOST,
    ],
    [
      "private net",
      open && found.length > 0
        ? `it can reach ${found.map(({ what }) => what).join(" and ")}`
        : "it can reach no private address",
      open ? found.reduce((sum, kind) => sum + kind.points, 0) : 0,
      PRIVATE.reduce((sum, kind) => sum + kind.points, 0),
    ],
  ];
}

function widest(scopes: readonly NetScope[]): { points: number; how: string } {
  const single = scopes.filter(isSingle).length;
  let best = {
    points: Math.min(NAMES_MOST, 5 + single),
    how: single === 1 ? "one host" : `${single} hosts`,
  };
  for (const scope of scopes) {
    if (isSingle(scope)) continue;
    const found = scope.kind === "range"
      ? { points: rangePoints(scope), how: "a range of addresses" }
      : { points: wildcardPoints(scope.host), how: "every host beneath a name" };
    if (found.points > best.points) best = found;
  }
  return best;
}

function isSingle(scope: NetScope): boolean {
  return scope.kind === "name" ||
    (scope.kind === "range" && scope.prefix === addressBits(scope.address.version));
}

function wildcardPoints(host: string): number {
  const labels = host.split(".").length;
  return labels === 1 ? 23 : labels === 2 ? 17 : 15;
}

function rangePoints({ address, prefix }: RangeScope): number {
  return 15 + Math.round(10 * (1 - prefix / addressBits(address.version)));
}

function reaches(scope: NetScope, { names, ranges }: PrivateKind): boolean {
  if (scope.kind === "range") {
    return ranges.flatMap(scopesOf).some((range) =>
      intersectNet({ ...range, port: scope.port }, scope) !== undefined
    );
  }
  // a name of one label is a neighbour's; a wildcard of one is a whole top-level domain
  const isTopLevel = scope.kind === "wildcard" && !scope.host.includes(".");
  return names.test(isTopLevel ? `x.${scope.host}` : scope.host);
}

function scopesOf(text: string): NetScope[] {
  const parsed = parseNetScope(text);
  return "value" in parsed ? [parsed.value] : [];
}
