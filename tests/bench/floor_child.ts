// The floor: what somebody would write by hand to echo newline JSON over stdio, with one write for all
// that a read brought. No checks, no caps, no cancellation.
const buffer = new Uint8Array(64 * 1024);
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let rest = "";
for (;;) {
  const count = await Deno.stdin.read(buffer);
  if (count === null) break;
  const text = decoder.decode(buffer.subarray(0, count), { stream: true });
  let from = 0;
  let answers = "";
  // only what is new is searched: a long line would be searched again for each of its reads
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
    const { id, params } = JSON.parse(rest + text.slice(from, end));
    answers += `${JSON.stringify({ jsonrpc: "2.0", id, result: params.params })}\n`;
    rest = "";
    from = end + 1;
  }
  rest += text.slice(from);
  if (answers !== "") await writeAll(encoder.encode(answers));
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
