// `sallyport trust`: makes, changes and shows the encrypted list of whom and what an operator trusts.
import type { Command } from "commander";
import { type CliContext, withProgram } from "../shared/context.ts";
import { addTrustAccept } from "./accept.ts";
import { addTrustAdd } from "./add.ts";
import { addTrustInit } from "./init.ts";
import { addTrustList } from "./list.ts";
import { addTrustRemove } from "./remove.ts";
import { addTrustRevoke } from "./revoke.ts";
import { addTrustRotate } from "./rotate.ts";
import { addTrustSet } from "./set.ts";
import { addTrustShow } from "./show.ts";

const COMMANDS: readonly ((trust: Command, context: CliContext) => void)[] = [
  ...[addTrustInit, addTrustAdd, addTrustSet, addTrustRemove, addTrustRevoke, addTrustAccept],
  ...[addTrustRotate, addTrustList, addTrustShow],
];

const HELP = `
Each command takes the list's file first, or as --trust-list FILE, and its secret from
--passphrase-file, --key-file or a prompt. A change is shown first; at a terminal it must be
confirmed, a script goes ahead. None of them needs a network.

  sallyport trust init trust.list --expires 365d
  sallyport trust add trust.list --key keys/alice.pub
  sallyport trust add trust.list --plugin plugins/word-count --note "looked at by me"
  sallyport trust revoke trust.list --key alice --reason "laptop stolen"
  sallyport run plugins/word-count --trust-list trust.list --call count`;

export function addTrust(program: Command, context: CliContext): void {
  const trust = program.command("trust")
    .description(
      "the encrypted trust list: init, add, set, remove, revoke, accept, rotate, list, show",
    )
    .addHelpText("after", withProgram(HELP));
  for (const add of COMMANDS) add(trust, context);
}
