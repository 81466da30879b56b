// The floor: what somebody would write by hand to echo newline JSON over stdio, with one write for all
// that a read brought. No checks, no caps, no cancellation.
const buffer = new Uint8Array(64 * 1024);
const decoder = new TextDecoder();
const encoder = new TextEncoder();
let rest = "";
for (;;) {
  const count = await Deno.stdin.read(buffer);
  if (count === null) break;
  rest += decoder.decode(buffer.subarray(0, count), { stream: true });
  let from = 0;
  let answers = "";
  for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", from)) {
    const { id, params } = JSON.parse(rest.slice(from, end));
    answers += `${JSON.stringify({ jsonrpc: "2.0", id, result: params.params })}\n`;
    from = end + 1;
  }
  rest = rest.slice(from);
  if (answers !== "") await Deno.stdout.write(encoder.encode(answers));
}
