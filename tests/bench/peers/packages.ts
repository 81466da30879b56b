/**
 * The packages that are measured beside us, in exact versions; `peers.lock` holds their integrity. They
 * are imported by these constants, so that nothing but a run of the benchmarks ever fetches them.
 *
 * @module
 */

/** The module of `vscode-jsonrpc` for processes. */
export const VSCODE_JSONRPC = "npm:vscode-jsonrpc@10.0.0/node";

const MCP = "npm:@modelcontextprotocol/sdk@1.32.2";

/** The modules of the MCP SDK. */
export const MCP_SDK = {
  client: `${MCP}/client/index.js`,
  clientStdio: `${MCP}/client/stdio.js`,
  server: `${MCP}/server/index.js`,
  serverStdio: `${MCP}/server/stdio.js`,
  types: `${MCP}/types.js`,
} as const;

const LOCK = new URL("peers.lock", import.meta.url).pathname;

/** Gives the arguments of `deno` that run a script of this folder. */
export function denoArgs(script: string): string[] {
  const path = new URL(script, import.meta.url).pathname;
  return ["run", "-A", "--no-config", `--lock=${LOCK}`, "--frozen", path];
}
