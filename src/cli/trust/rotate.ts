// `sallyport trust rotate`: changes the passphrase, key or root of a trust list.
import type { Command } from "commander";
import { MAX_SIGNATURES } from "../../bundle/reading/envelope.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { isPresent } from "../../io/is_present.ts";
import { diffRoots } from "../../trust/list/diff.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import { type CliContext, collect, parseCount, withProgram } from "../shared/context.ts";
import { readPublicKey } from "../shared/read_keys.ts";
import { readNewSecret } from "../shared/secrets.ts";
import { UsageError } from "../terminal/failure.ts";
import { addChangeOptions, type ChangeOptions, proposeChange, readRootKeys } from "./change.ts";
import { onlyFile, openList } from "./list_file.ts";

interface RotateOptions extends ChangeOptions {
  newPassphraseFile?: string;
  newKeyFile?: string;
  root?: string[];
  rootThreshold?: number;
}

const NOTES = `
Without --root it seals the list with another secret: --new-key-file, --new-passphrase-file, or a
prompt. With --root it replaces the list's root; enough keys of the old root and of the new one must
sign, so pass the private keys of both as --root-key.`;

const ROOT_KEYS_HINT =
  "Pass --root-key FILE for enough keys of the new root, and of the old one where there is one";

export function addTrustRotate(trust: Command, context: CliContext): void {
  const command = trust.command("rotate")
    .usage("FILE [--new-passphrase-file FILE | --new-key-file FILE | --root PUB…] [options]")
    .description("seal the list with another passphrase or key file, or replace its root")
    .addHelpText("after", withProgram(NOTES))
    .option("--new-passphrase-file <file>", "the file with the new passphrase (none: asked for)")
    .option("--new-key-file <file>", "make a new key of 32 bytes there, instead of a passphrase")
    .option(
      "--root <pub>",
      "a key of the new root: a .pub file or 64 hex digits (repeatable)",
      collect,
    )
    .option(
      "--root-threshold <n>",
      "how many of them must sign (default: as now)",
      parseCount(MAX_SIGNATURES),
    );
  addChangeOptions(command)
    .action(async (argument: string | undefined, options: RotateOptions) => {
      const { root, rootThreshold, newKeyFile, newPassphraseFile } = options;
      const file = onlyFile(argument, options);
      if (root === undefined && rootThreshold !== undefined) {
        const hint = "Name the root's public keys";
        throw new UsageError("Cannot set a threshold without --root", hint);
      }
      if (root !== undefined && (newKeyFile ?? newPassphraseFile) !== undefined) {
        throw new UsageError(
          "Cannot rotate the secret and the root at once",
          "Run the command twice, once for each",
        );
      }
      const list = await openList(file, options, context);
      if (root === undefined) await rotateSecret(list, options, context);
      else await rotateRoot(list, root, options, context);
    });
}

async function rotateRoot(
  list: TrustList,
  root: readonly string[],
  options: RotateOptions,
  context: CliContext,
): Promise<void> {
  const keys = await Promise.all(root.map(async (text) => (await readPublicKey(text)).hex));
  const threshold = options.rootThreshold ?? list.root?.threshold ?? 1;
  const version = (list.root?.version ?? 0) + 1;
  const changes = diffRoots(list.root, { version, keys, threshold });
  if (options.rootKey === undefined && options.dryRun !== true) {
    throw new UsageError("Cannot replace the root of the list without --root-key", ROOT_KEYS_HINT);
  }
  await proposeChange(list, { changes }, options, context, async () => {
    const rootKeys = await readRootKeys(options, context);
    return await list.rotateRoot({ keys, threshold, rootKeys }).catch((error) => {
      if (!(error instanceof SallyportError) || error.code !== "signature-invalid") throw error;
      const { code, message, details } = error;
      throw new SallyportError(code, message, { hint: ROOT_KEYS_HINT, details, cause: error });
    });
  });
}

async function rotateSecret(
  list: TrustList,
  { newKeyFile, newPassphraseFile, dryRun }: RotateOptions,
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const file = escapeText(list.file);
  if (dryRun) {
    return output.result(
      { revision: list.revision, changes: [], dryRun, secretChanged: false },
      () => [`${file} would be sealed with another secret; nothing was written`],
    );
  }
  const secret = await readNewSecret(
    { passphraseFile: newPassphraseFile, newKeyFile },
    context,
    `"${list.file}"`,
    "--new-passphrase-file or --new-key-file",
  );
  const { revision } = await list.changeSecret(secret).catch(async (error) => {
    if (newKeyFile !== undefined) await Deno.remove(newKeyFile); // it opens nothing
    throw error;
  });
  const what = newKeyFile === undefined ? "the new passphrase" : escapeText(newKeyFile);
  output.result(
    { revision, changes: [], secretChanged: true },
    () => [`Sealed ${file} with ${what} (revision ${revision})`],
  );
  const previous = `${list.file}.previous`;
  if (isPresent(previous)) {
    output.warn(
      `${previous} still opens with the old secret: remove it, and other copies, if that has leaked`,
    );
  }
}
