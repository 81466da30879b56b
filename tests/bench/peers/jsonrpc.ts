// vscode-jsonrpc, as its readme shows it: two processes over stdio. It carries JSON, so bytes go as base64.
import { spawn } from "node:child_process";
import { denoArgs, VSCODE_JSONRPC } from "./packages.ts";
import { servePeer } from "./serve.mjs";

const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = await import(
  VSCODE_JSONRPC
);

await servePeer(() => {
  const child = spawn(Deno.execPath(), denoArgs("jsonrpc_child.ts"), {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  return Promise.resolve({
    call: (text: string) => connection.sendRequest("echo", { text }),
    async echo(bytes: Uint8Array) {
      const { text } = await connection.sendRequest("echo", { text: bytes.toBase64() });
      return Uint8Array.fromBase64(text);
    },
    async close() {
      connection.dispose();
      child.stdin.end();
      await new Promise((resolve) => child.once("exit", resolve));
    },
  });
});
