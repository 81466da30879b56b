// The floor of a start: the shortest child that imports a plugin it is told of and answers its calls. The
// entry is imported by a module that names it, for the namespace of a plugin may have a `then`.
const buffer = new Uint8Array(64 * 1024);
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const call = { signal: new AbortController().signal };
let methods: Record<string, (params: unknown, call: unknown) => unknown> = {};
let rest = "";
for (;;) {
  const count = await Deno.stdin.read(buffer);
  if (count === null) break;
  const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const { id, entry, method, params } = JSON.parse(line);
    if (entry !== undefined) await load(entry);
    const result = entry === undefined ? await methods[method]!(params, call) : null;
    const answer = encoder.encode(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
    for (let at = 0; at < answer.length;) at += await Deno.stdout.write(answer.subarray(at));
  }
}

async function load(entry: string): Promise<void> {
  const source = `import * as plugin from ${JSON.stringify(entry)}; export { plugin };`;
  const { plugin } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  methods = plugin.default.methods;
}
