import process from "node:process";
import { VSCODE_JSONRPC } from "./packages.ts";

const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = await import(
  VSCODE_JSONRPC
);
const connection = createMessageConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);
connection.onRequest("echo", (params: unknown) => params);
process.stdin.on("end", () => process.exit());
connection.listen();
