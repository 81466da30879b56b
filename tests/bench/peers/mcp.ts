// The MCP SDK over stdio: a tool that gives back its text. It carries JSON, so bytes go as base64.
import { denoArgs, MCP_SDK } from "./packages.ts";
import { servePeer } from "./serve.mjs";

/** The SDK's own cap of 10 MiB is below what is sent. */
const MAX_BYTES = 64 * 1024 * 1024;

const { Client } = await import(MCP_SDK.client);
const { StdioClientTransport } = await import(MCP_SDK.clientStdio);

await servePeer(async () => {
  const client = new Client({ name: "bench", version: "1.0.0" });
  const cache = Deno.env.get("DENO_DIR");
  await client.connect(
    new StdioClientTransport({
      command: Deno.execPath(),
      args: denoArgs("mcp_child.ts"),
      maxBufferSize: MAX_BYTES,
      ...(cache === undefined ? {} : { env: { DENO_DIR: cache } }),
    }),
  );
  const call = async (text: string): Promise<string> => {
    const { content } = await client.callTool({ name: "echo", arguments: { text } });
    return content[0].text;
  };
  return {
    call,
    echo: async (bytes: Uint8Array) => Uint8Array.fromBase64(await call(bytes.toBase64())),
    close: () => client.close(),
  };
});
