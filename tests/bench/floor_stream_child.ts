// The floor of streams: answers a call with one JSON line an item, and one write for many of them.
const WRITE_CHARACTERS = 64 * 1024;
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let rest = "";
let text = "";
for await (const chunk of Deno.stdin.readable) {
  rest += decoder.decode(chunk, { stream: true });
  const lines = rest.split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const { id, params: { method, params } } = JSON.parse(line);
    for (const item of method === "items" ? items(params) : chunks(params)) {
      text += `${JSON.stringify({ id, item })}\n`;
      if (text.length >= WRITE_CHARACTERS) await flush();
    }
    text += `${JSON.stringify({ jsonrpc: "2.0", id, result: null })}\n`;
    await flush();
  }
}

function* items({ count }: { count: number }) {
  for (let i = 0; i < count; i++) yield { i, text: "item" };
}

function* chunks({ count, bytes }: { count: number; bytes: number }) {
  const chunk = new Uint8Array(bytes).fill(7);
  for (let i = 0; i < count; i++) yield chunk.toBase64();
}

async function flush(): Promise<void> {
  const bytes = encoder.encode(text);
  text = "";
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
