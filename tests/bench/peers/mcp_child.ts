import process from "node:process";
import { MCP_SDK } from "./packages.ts";

const MAX_BYTES = 64 * 1024 * 1024;

const { Server } = await import(MCP_SDK.server);
const { StdioServerTransport } = await import(MCP_SDK.serverStdio);
const { CallToolRequestSchema } = await import(MCP_SDK.types);
const server = new Server({ name: "echo", version: "1.0.0" }, { capabilities: { tools: {} } });
server.setRequestHandler(
  CallToolRequestSchema,
  ({ params }: { params: { arguments: { text: string } } }) => ({
    content: [{ type: "text", text: params.arguments.text }],
  }),
);
process.stdin.on("end", () => process.exit());
await server.connect(
  new StdioServerTransport(process.stdin, process.stdout, { maxBufferSize: MAX_BYTES }),
);
