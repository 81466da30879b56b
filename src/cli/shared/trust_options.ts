// The options that say whom and what to trust, the same for every command that loads a plugin.
import { statSync } from "node:fs";
import { commandLine } from "../../command_line.ts";
import { type Command, Option } from "commander";
import type { SealSecret } from "../../crypto/sealed.ts";
import type { PluginHostOptions } from "../../host/settings/plugin_host_options.ts";
import type { IsolationMode } from "../../sandbox/machine/choose.ts";
import type { Output } from "../terminal/output.ts";
import { type CliContext, collect } from "./context.ts";
import { pluginLogger } from "./plugin_logger.ts";
import { UsageError } from "../terminal/failure.ts";
import {
  addSecretOptions,
  askPassphrase,
  readSecretFile,
  type SecretOptions,
  secretWords,
} from "./secrets.ts";

export interface TrustOptions extends SecretOptions {
  key?: string[];
  trustList?: string;
  /** What opens the trust list, where it was typed, or read from what can be read only once. */
  secret?: SealSecret;
  /** Whether versions below the highest that ran may run. */
  allowRollback?: boolean;
  dataDir?: string;
  policy?: string;
  isolation?: IsolationMode;
}

export type TrustedHostOptions = Pick<
  PluginHostOptions,
  "keys" | "trustList" | "policy" | "isolation" | "dataDir" | "logger"
>;

const COMMANDS: WeakSet<Command> = new WeakSet();

export function addTrustOptions(command: Command): Command {
  COMMANDS.add(command);
  command
    .option(
      "--key <pub>",
      "a public key to trust: a .pub file or 64 hex digits (repeatable)",
      collect,
    )
    .option("--trust-list <file>", "the trust list, instead of --key");
  return addSecretOptions(command, "the trust list's")
    .option("--data-dir <dir>", "the host's folder, kept (default: a temporary one)")
    .option("--allow-rollback", "run a version below the highest that this host has run")
    .option("--policy <file>", "the policy: what plugins may have (none: their own bundle only)")
    .addOption(
      new Option("--isolation <mode>", "how the plugin is isolated (default: auto)")
        .choices(["auto", "bwrap", "unshare", "plain"]),
    );
}

/** Checks the options before the command runs, and asks for a passphrase that no file holds. */
export function askBeforeCommands(program: Command, context: CliContext): void {
  program.hook("preAction", async (_program, command) => {
    if (!COMMANDS.has(command)) return;
    const options = command.opts<TrustOptions>();
    const { key = [], trustList } = options;
    if (trustList === undefined) return refuseWithoutList(options);
    if (key.length > 0) {
      const words = ["trust", "add", trustList, "--key", key[0]!, ...secretWords(options)];
      throw new UsageError(
        "Cannot use --key and --trust-list together",
        `Add the key to the list: ${commandLine(words)}`,
      );
    }
    const secret = await readSecretFile(options, context) ??
      { passphrase: await askPassphrase(context, `"${trustList}"`) };
    command.setOptionValue("secret", secret);
  });
}

export function trustedHostOptions(options: TrustOptions, output: Output): TrustedHostOptions {
  const { key = [], trustList, policy, isolation, dataDir } = options;
  return {
    ...(trustList === undefined ? { keys: key } : { trustList: listOptions(trustList, options) }),
    policy,
    isolation,
    dataDir,
    logger: pluginLogger(output),
  };
}

function listOptions(
  file: string,
  { secret, passphraseFile, keyFile, allowRollback }: TrustOptions,
): NonNullable<TrustedHostOptions["trustList"]> {
  // a host that knows the file keeps it from plugins and names it in hints; a pipe is read once
  const opens = isFile(keyFile)
    ? { keyFile }
    : isFile(passphraseFile)
    ? { passphraseFile }
    : secret;
  return { file, ...opens, allowRollback };
}

function isFile(path: string | undefined): path is string {
  return path !== undefined && path !== "-" &&
    statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Refuses options that would silently do nothing. */
function refuseWithoutList({ keyFile, passphraseFile, allowRollback }: TrustOptions): void {
  const [idle] = Object.entries({
    "--passphrase-file": passphraseFile,
    "--key-file": keyFile,
    "--allow-rollback": allowRollback,
  }).find(([, value]) => value !== undefined) ?? [];
  if (idle === undefined) return;
  throw new UsageError(
    `Cannot use ${idle} without --trust-list`,
    "It is about a trust list: name one with --trust-list FILE",
  );
}
