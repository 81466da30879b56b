// The floor of a start: the shortest child that imports a plugin it is told of and answers its calls. The
// entry is imported by a module that names it, for the namespace of a plugin may have a `then`.
const buffer = new Uint8Array(64 * 1024);
const decoder = new TextDecoder();
const encoder = new TextEncoder();
type Methods = Record<string, (params: unknown) => unknown>;
let methods: Methods = {};
let rest = "";
for (;;) {
  const count = await Deno.stdin.read(buffer);
  if (count === null) break;
  const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const { id, entry, params } = JSON.parse(line);
    if (entry !== undefined) {
      const source = `import * as m from ${JSON.stringify(entry)}; export { m };`;
      const { m } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
      methods = m.default.methods;
    }
    const result = entry === undefined ? await methods[params.method]!(params.params) : null;
    const answer = encoder.encode(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
    for (let at = 0; at < answer.length;) at += await Deno.stdout.write(answer.subarray(at));
  }
}
