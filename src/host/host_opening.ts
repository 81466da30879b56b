// What a host is made of that must be opened first: its folder, its audit log, trust, launchers.
import { commandLine } from "../command_line.ts";
import type { AuditLog } from "../audit/write/audit_log.ts";
import { type Launchers, openLaunchers } from "../sandbox/launchers.ts";
import { openAudit } from "./settings/audit_options.ts";
import { AuditRecorder } from "./events/audit_recorder.ts";
import { DataDir } from "./data/data_dir.ts";
import type { HostSettings } from "./settings/host_options.ts";
import { untestedDeno } from "../version.ts";
import { MachineMemory } from "../sandbox/machine/memory.ts";
import { openTrust } from "./admission/trust_opening.ts";
import type { TrustSource } from "./admission/trust_source.ts";

/** What was opened for a host. */
export interface OpenedParts {
  /** Its folder. */
  readonly data: DataDir;
  /** What starts processes here. */
  readonly launchers: Launchers;
  /** Decides what is trusted. */
  readonly trust: TrustSource;
  /** The audit log, where one is kept. */
  readonly audit: AuditLog | undefined;
  /** Writes to it. */
  readonly recorder: AuditRecorder | undefined;
}

/**
 * Opens what a host needs, as far as can be at the same time.
 *
 * @throws {SallyportError} as `PluginHost.open` does.
 */
export async function openParts(
  settings: HostSettings,
  undo: AsyncDisposableStack,
): Promise<OpenedParts> {
  const data = undo.use(await DataDir.open(settings.dataDir, settings.logger));
  const opening = openLaunchers({
    isolation: settings.isolation,
    executable: settings.executable,
    scratchDir: data.scratch,
    ...(data.temporary
      ? {}
      : { memory: new MachineMemory(data.kept), devicesDir: `${data.root}/devices` }),
  });
  undo.defer(async () => await (await opening.catch(() => undefined))?.[Symbol.asyncDispose]());
  opening.catch(() => {}); // it is awaited below, unless something else fails first
  // before the trust list, so that one that is refused is recorded
  const audit = await openAudit(settings.audit, data.root, settings.logger);
  if (audit !== undefined) undo.use(audit);
  const recorder = audit && new AuditRecorder(audit);
  const trusting = openTrust(settings, `${data.root}/trust`, recorder);
  trusting.catch(() => {}); // it is awaited below, unless something else fails first
  const launchers = await opening;
  const untested = untestedDeno(settings.denoVersion);
  if (untested !== undefined) settings.logger.warn(untested);
  const { strongest } = launchers;
  if (!strongest.privateRoot && settings.isolation !== "plain") {
    settings.logger.warn("Plugins run without an operating-system sandbox", {
      missing: strongest.report().missing,
      hint: `Run "${commandLine(["doctor"])}" for the remedy`,
    });
  }
  return { data, launchers, trust: await trusting, audit, recorder };
}
