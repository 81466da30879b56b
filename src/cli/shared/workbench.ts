/**
 * A loader with a temporary data folder, for commands that look at a plugin without starting it.
 *
 * @module
 */
import { DataDir } from "../../host/data/data_dir.ts";
import { Admission } from "../../host/admission/admit.ts";
import { type HostSettings, parseHostOptions } from "../../host/settings/host_options.ts";
import { TrustSource } from "../../host/admission/trust_source.ts";
import { type Launchers, openLaunchers } from "../../sandbox/launchers.ts";
import type { Output } from "../terminal/output.ts";
import { pluginLogger } from "./plugin_logger.ts";
import { trustedHostOptions, type TrustOptions } from "./trust_options.ts";

/** Stands for the folder that a host would keep its files in. */
export const DATA_PLACEHOLDER = "<data>";

/** Holds the very parts that a host loads plugins with. */
export class Workbench implements AsyncDisposable {
  /** Keys and policy. */
  readonly settings: HostSettings;
  /** The temporary data folder. */
  readonly data: DataDir;
  /** The host's loader. */
  readonly admission: Admission;
  /** The deno executable that would run the plugin. */
  readonly executable: string;

  /** What starts processes here. */
  readonly launchers: Launchers;
  /** Decides what is trusted. */
  readonly trust: TrustSource;

  private constructor(
    settings: HostSettings,
    data: DataDir,
    launchers: Launchers,
    trust: TrustSource,
  ) {
    this.settings = settings;
    this.data = data;
    this.executable = settings.executable;
    this.launchers = launchers;
    this.trust = trust;
    this.admission = new Admission(settings, data, launchers, { trust });
  }

  /**
   * Opens one.
   *
   * @throws {SallyportError} `bad-config` as `PluginHost.open` does.
   */
  static async open(options: TrustOptions, output: Output): Promise<Workbench> {
    const settings = await parseHostOptions({
      ...trustedHostOptions(options),
      logger: pluginLogger(output),
      audit: false,
    });
    const { dataDir } = settings;
    // what the host on that folder remembers counts, but looking at a plugin leaves no trace there
    const trust = await TrustSource.open(settings, {
      ...(dataDir === undefined ? {} : { markDir: `${dataDir}/trust` }),
      remember: false,
    });
    await using undo = new AsyncDisposableStack();
    const data = undo.use(await DataDir.open());
    const launchers = await openLaunchers({
      isolation: settings.isolation,
      executable: settings.executable,
      scratchDir: data.scratch,
    });
    undo.move();
    return new Workbench(settings, data, launchers, trust);
  }

  /** Writes a text, or every text in plain data, with a placeholder for the temporary folder. */
  show<T>(value: T): T {
    if (typeof value === "string") {
      const text = value.replaceAll(this.data.scratch, `${DATA_PLACEHOLDER}/run/<run>`)
        .replaceAll(this.data.root, DATA_PLACEHOLDER);
      return text as T & string;
    }
    if (Array.isArray(value)) return value.map((inner) => this.show(inner)) as T;
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([key, inner]) => [key, this.show(inner)]);
    return Object.fromEntries(entries) as T;
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.launchers[Symbol.asyncDispose]();
    await this.data[Symbol.asyncDispose]();
  }
}
