/**
 * `sallyport trust`: makes, changes and shows the encrypted list of whom and what an operator trusts.
 *
 * @module
 */
import type { Command } from "commander";
import { type CliContext, withProgram } from "./command.ts";
import { addTrustAccept } from "./trust_accept.ts";
import { addTrustAdd } from "./trust_add.ts";
import { addTrustInit } from "./trust_init.ts";
import { addTrustList } from "./trust_list.ts";
import { addTrustRemove } from "./trust_remove.ts";
import { addTrustRevoke } from "./trust_revoke.ts";
import { addTrustRotate } from "./trust_rotate.ts";
import { addTrustSet } from "./trust_set.ts";
import { addTrustShow } from "./trust_show.ts";

const HELP = `
Each command takes the list's file first, or as --trust-list FILE, and its secret from
--passphrase-file, --key-file or a prompt. A change is shown first; at a terminal it must be
confirmed, a script goes ahead. None of them needs a network.

  sallyport trust init trust.list --expires 365d
  sallyport trust add trust.list --key keys/alice.pub
  sallyport trust add trust.list --plugin plugins/word-count --note "looked at by me"
  sallyport trust revoke trust.list --key alice --reason "laptop stolen"
  sallyport run plugins/word-count --trust-list trust.list --call count`;

/** Adds the command and those below it. */
export function addTrust(program: Command, context: CliContext): void {
  const trust = program.command("trust")
    .description(
      "the encrypted trust list: init, add, set, remove, revoke, accept, rotate, list, show",
    )
    .addHelpText("after", withProgram(HELP));
  addTrustInit(trust, context);
  addTrustAdd(trust, context);
  addTrustSet(trust, context);
  addTrustRemove(trust, context);
  addTrustRevoke(trust, context);
  addTrustAccept(trust, context);
  addTrustRotate(trust, context);
  addTrustList(trust, context);
  addTrustShow(trust, context);
}
