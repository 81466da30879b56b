// From a target to a connection: resolve once, check every address, dial one that was checked.
import { formatIp, type IpAddress } from "../../permissions/scopes/ip.ts";
import { refusedKind } from "./address_policy.ts";
import type { AllowList } from "./allow_list.ts";
import { within } from "./deadline.ts";
import { Refusal } from "../http/refusal.ts";
import type { Resolver } from "./resolver.ts";
import type { Target } from "../http/target.ts";

const MAX_ATTEMPTS = 4;

export interface DialContext {
  readonly allowList: AllowList;
  readonly resolver: Resolver;
  /** How long resolving may take, and then dialling, in milliseconds. */
  readonly dialMs: number;
  readonly signal: AbortSignal;
}

export async function allowedAddresses(
  target: Target,
  context: DialContext,
): Promise<readonly IpAddress[]> {
  if (target.address !== undefined) return [target.address];
  const { host, port } = target;
  const found = await context.resolver.addresses(host, context.dialMs, context.signal);
  if (found.length === 0) throw new Refusal(502, `the name "${host}" has no address`);
  const kinds = found.map((address) =>
    context.allowList.coversAddress(address, port) ? undefined : refusedKind(address)
  );
  const allowed = found.filter((_, index) => kinds[index] === undefined);
  if (allowed.length > 0) return allowed;
  const address = formatIp(found[0]!);
  throw new Refusal(
    403,
    `the name "${host}" leads to an address that is not public, and no grant names that address`,
    { reason: `"${host}" leads to ${address} (${kinds[0]}), and "${address}:${port}" is no grant` },
  );
}

/** Connects to the first of some addresses that answers; nothing is resolved here. */
export async function dial(
  addresses: readonly IpAddress[],
  port: number,
  context: DialContext,
  onAttempt: (address: string) => void,
): Promise<Deno.TcpConn> {
  const tried = addresses.slice(0, MAX_ATTEMPTS);
  let failure: unknown;
  for (const address of tried) {
    const hostname = formatIp(address).replace(/^\[|\]$/g, "");
    onAttempt(hostname);
    try {
      return await within(
        context.dialMs / tried.length,
        context.signal,
        () => new Refusal(504, "the host did not answer in time"),
        (signal) => Deno.connect({ hostname, port, signal }),
        (conn) => conn.close(),
      );
    } catch (error) {
      if (context.signal.aborted) throw error;
      failure = error;
    }
  }
  if (failure instanceof Refusal) throw failure;
  const short = "the host could not be reached";
  const why = failure instanceof Deno.errors.NotCapable
    ? "the host process may not: it needs --allow-net for the address"
    : failure instanceof Error
    ? failure.name
    : String(failure);
  throw new Refusal(502, short, { reason: `${short}: ${why}`, cause: failure });
}
