// What a host writes to its audit log: verdicts, grants, and what happens to plugins and to trust.
import type { AuditLog } from "../../audit/write/audit_log.ts";
import type { AuditEntry } from "../../audit/chain/entry.ts";
import { sha3_512Hex } from "../../crypto/digest.ts";
import { SallyportError } from "../../errors.ts";
import { describeChange, type TrustChange } from "../../trust/list/diff.ts";
import { refusedBundle } from "../../trust/verify/refusal.ts";
import type { VerifiedPlugin } from "../../trust/verify/verify.ts";
import type { HostEvent } from "./events.ts";
import type { ResolvedPermissions } from "../../permissions/resolve.ts";

/** Tells that a host opened a revision of a trust list that it had not seen. */
export interface TrustOpening {
  /** Whether it is the first that the host sees, or another than it saw last. */
  readonly status: "opened" | "updated";
  /** The revision. */
  readonly revision: number;
  /** The SHA-512 of its JSON. */
  readonly listHash: string;
  /** The revision that was seen last. */
  readonly before?: number;
  /** What differs from that, where it is still kept beside the list. */
  readonly changes?: readonly TrustChange[];
}

/** What a plugin gets. */
interface Granted {
  readonly verified: VerifiedPlugin;
  readonly permissions: ResolvedPermissions;
  readonly containment: { readonly launcher: { readonly name: string }; readonly network: string };
}

/** Identifies a bundle in the log. */
interface Identity {
  readonly version: string;
  readonly bundleHash: string;
}

const MAX_CHANGES = 200;

/** Writes to the audit log; nothing here throws or waits. */
export class AuditRecorder {
  #log: AuditLog;
  /** What was started last. */
  #running = new Map<string, Identity>();
  /** What has taken up service; stays when the start of another version fails. */
  #serving = new Map<string, Identity>();
  /** What was found good last: what a load or reload that fails before its start is about. */
  #judged = new Map<string, Identity>();
  /** Errors that are in the log already: one refusal is told as several events. */
  #told = new WeakSet<Error>();

  /** Begins to write. */
  constructor(log: AuditLog) {
    this.#log = log;
  }

  /** Records that the trust list is one that this host had not seen. */
  trustOpened({ changes, ...opening }: TrustOpening): void {
    const known = changes === undefined ? { changesKnown: false } : describeChanges(changes);
    this.#log.append({
      type: "trust",
      ...opening,
      ...(opening.status === "opened" ? {} : known),
    });
  }

  /** Records that the trust list was refused, and so the host was not opened. */
  trustRefused(error: unknown): void {
    this.#log.append({ type: "trust", status: "refused", ...this.#reasonOf(error) });
  }

  /** Records a bundle that was found good. */
  accepted({ manifest, bundleHash, signers, root }: VerifiedPlugin): void {
    this.#judged.set(manifest.name, { version: manifest.version, bundleHash });
    this.#log.append({
      type: "verdict",
      plugin: manifest.name,
      version: manifest.version,
      bundleHash,
      accepted: true,
      signers,
      path: root,
    });
  }

  /** Records a bundle that was refused. */
  refused(path: string, error: unknown): void {
    if (error instanceof SallyportError && error.code === "cancelled") return;
    const name = error instanceof SallyportError ? error.details.plugin : undefined;
    this.#log.append({
      type: "verdict",
      ...(typeof name === "string" ? { plugin: name } : {}),
      ...refusedBundle(error),
      accepted: false,
      ...this.#reasonOf(error),
      path,
    });
  }

  /** Records what a plugin gets. */
  granted(
    { verified, permissions, containment }: Granted,
    command: readonly string[],
  ): void {
    const { manifest, bundleHash } = verified;
    const identity = { version: manifest.version, bundleHash };
    this.#running.set(manifest.name, identity);
    const { net, read, write, sys, hooks, context, limits, dropped } = permissions;
    this.#log.append({
      type: "granted",
      plugin: manifest.name,
      ...identity,
      permissions: { net, read, write, sys, hooks, context: Object.fromEntries(context), limits },
      ...(dropped.length === 0
        ? {}
        : { dropped: dropped.map(({ family, value }) => `${family} ${value}`) }),
      launcher: containment.launcher.name,
      network: containment.network,
      commandHash: hashOf(command),
    });
  }

  /** Records an event, if it is one that belongs in the log. */
  take(event: HostEvent): void {
    const entry = this.#entryOf(event);
    if (entry !== undefined) this.#log.append(entry);
    if (event.type === "unloaded") {
      this.#running.delete(event.plugin);
      this.#serving.delete(event.plugin);
    }
  }

  #entryOf(event: HostEvent): AuditEntry | undefined {
    switch (event.type) {
      case "loaded":
      case "reloaded": {
        const { plugin, version, bundleHash, pid } = event;
        const replaced = event.type === "reloaded"
          ? { replaced: true, ...(event.rollback ? { rollback: true } : {}) }
          : {};
        this.#running.set(plugin, { version, bundleHash });
        this.#serving.set(plugin, { version, bundleHash });
        return { type: "loaded", plugin, version, bundleHash, pid, ...replaced };
      }
      case "unloaded": {
        const { reason, refusal } = event;
        const code = refusal === undefined ? {} : { code: refusal.code };
        return { type: "unloaded", ...this.#who(event.plugin), reason, ...code };
      }
      case "untrusted":
      case "failed":
        if (this.#told.has(event.error)) return undefined;
        return {
          type: "failed",
          ...this.#who(event.plugin, event.error),
          ...this.#reasonOf(event.error),
        };
      case "reload-failed": {
        const { plugin, error, serving = "" } = event;
        const who = { ...this.#who(plugin), ...this.#judged.get(plugin), ...refusedBundle(error) };
        const identity = this.#serving.get(plugin);
        if (identity !== undefined) this.#running.set(plugin, identity);
        if (this.#told.has(error)) return undefined;
        const type = error.code === "permission-denied" ? "denied" : "failed";
        return { type, ...who, ...this.#reasonOf(error), serving };
      }
      case "violation": {
        const { plugin, error, action, violation } = event;
        const { kind, severity, measured, limit, unit } = violation;
        const figures = { kind, severity, measured, limit, unit, action };
        return { type: "violation", ...this.#who(plugin), ...this.#reasonOf(error), ...figures };
      }
      case "quarantined":
        return { type: event.type, ...this.#who(event.plugin), reason: event.reason };
      case "released":
        return { type: event.type, plugin: event.plugin };
      case "restarting": {
        const { type, plugin, attempt, delayMs } = event;
        return { type, ...this.#who(plugin), attempt, delayMs };
      }
      case "denied":
      case "crashed":
        return {
          type: event.type,
          ...this.#who(event.plugin, event.error),
          ...this.#reasonOf(event.error),
        };
      case "connection": {
        const { type, time: _time, plugin, ...connection } = event;
        return { type, ...this.#who(plugin), ...connection };
      }
      case "trust": {
        const { type, status, revision, changes, problem } = event;
        const reason = problem === undefined ? {} : this.#reasonOf(problem);
        return { type, status, revision, ...describeChanges(changes), ...reason };
      }
      default:
        return undefined;
    }
  }

  /** Says whom an entry is about, as far as is known; an error may be about another bundle. */
  #who(plugin: string, error?: unknown): { readonly plugin: string } & Partial<Identity> {
    const identity = this.#running.get(plugin) ?? this.#judged.get(plugin);
    return { plugin, ...identity, ...refusedBundle(error) };
  }

  /** Returns code and message; never details or causes, which may carry what a plugin wrote. */
  #reasonOf(error: unknown): { readonly code: string; readonly message: string } {
    if (error instanceof Error) this.#told.add(error);
    return error instanceof SallyportError
      ? { code: error.code, message: error.message }
      : { code: "failed", message: String(error) };
  }
}

function describeChanges(changes: readonly TrustChange[]): Record<string, unknown> {
  if (changes.length === 0) return {};
  const described = changes.slice(0, MAX_CHANGES).map(describeChange);
  if (changes.length > MAX_CHANGES) described.push(`${changes.length - MAX_CHANGES} more`);
  return { changes: described };
}

function hashOf(words: readonly string[]): string {
  return sha3_512Hex(new TextEncoder().encode(JSON.stringify(words)));
}
