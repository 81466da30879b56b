/**
 * A running plugin as the monitor sees it.
 *
 * @module
 */
import type { MonitorPolicy } from "../../permissions/policy.ts";
import { findCgroupFolders } from "../../monitor/sources/cgroup.ts";
import type { MonitorTarget } from "../../monitor/samples/target.ts";
import type { Serving } from "../plugin/active_process.ts";

/** Describes the process that serves a plugin. */
export function pluginTarget(
  { instance, prepared }: Serving,
  policy: MonitorPolicy = {},
): MonitorTarget {
  const { manifest, bundleHash } = prepared.verified;
  const cgroup = instance.sandbox.cgroup ? findCgroupFolders(instance.pid) : undefined;
  const proxied = instance.openConnections !== undefined;
  return {
    name: manifest.name,
    version: manifest.version,
    bundleHash,
    pid: instance.pid,
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(prepared.storageDir === undefined ? {} : { storageDir: prepared.storageDir }),
    givenFiles: instance.sharedFiles,
    storageLimitBytes: prepared.permissions.limits.storageBytes,
    ...(policy.intervalMs === undefined ? {} : { intervalMs: policy.intervalMs }),
    traffic: () => instance.counts,
    ...(proxied ? { connections: () => instance.openConnections ?? 0 } : {}),
    heap: (signal) => instance.heap(signal),
  };
}
