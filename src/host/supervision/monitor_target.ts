// A running plugin as the monitor sees it.
import type { MonitorPolicy } from "../../permissions/policy/watch_policy.ts";
import { findCgroupFolders } from "../../monitor/sources/cgroup.ts";
import type { MonitorTarget } from "../../monitor/samples/target.ts";
import type { ActiveProcess } from "../calls/active_process.ts";

/** Describes the process that serves a plugin. */
export function pluginTarget(
  { process, prepared }: ActiveProcess,
  policy: MonitorPolicy = {},
): MonitorTarget {
  const { manifest, bundleHash } = prepared.verified;
  const cgroup = process.sandbox.cgroup ? findCgroupFolders(process.pid) : undefined;
  const proxied = process.openConnections !== undefined;
  return {
    name: manifest.name,
    version: manifest.version,
    bundleHash,
    pid: process.pid,
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(prepared.storageDir === undefined ? {} : { storageDir: prepared.storageDir }),
    givenFiles: process.sharedFiles,
    storageLimitBytes: prepared.permissions.limits.storageBytes,
    ...(policy.intervalMs === undefined ? {} : { intervalMs: policy.intervalMs }),
    traffic: () => process.counts,
    ...(proxied ? { connections: () => process.openConnections ?? 0 } : {}),
    heap: (signal) => process.heap(signal),
  };
}
