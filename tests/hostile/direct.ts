/**
 * Runs methods of a hostile module where nothing protects, one after another:
 * `direct.ts <module> <storage> <file for the answers> <calls as JSON>`.
 */

type Method = (params: unknown) => unknown;

interface HostileModule {
  readonly default: {
    readonly methods: Readonly<Record<string, Method>>;
    init?(ctx: unknown): unknown;
  };
}

const [path, storage, answers, calls] = Deno.args;

// what follows must go on when the module has broken whatever it could reach
const { stringify } = JSON;
const { create, keys } = Object;
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
const file = Deno.openSync(answers!, { write: true, append: true });
const write = file.writeSync.bind(file);

/** Copies records, so that nothing is inherited. */
function bare(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const copy = create(null);
  const names = keys(value);
  for (let n = 0; n < names.length; n++) {
    copy[names[n]!] = bare((value as Record<string, unknown>)[names[n]!]);
  }
  return copy;
}

function report(value: unknown): void {
  write(encode(`${stringify(bare(value))}\n`));
}

/** A main module can be imported; this shows that it was this one. */
export const secretOfMain = "secret";

report({ begun: true });
try {
  const { default: plugin }: HostileModule = await import(`file://${path}`);
  await plugin.init?.({ storage });
  const list = JSON.parse(calls!) as { method: string; params: unknown }[];
  for (let n = 0; n < list.length; n++) {
    const { method, params } = list[n]!;
    report({ answer: await plugin.methods[method]!(params) ?? null });
  }
} catch (error) {
  report({ error: { code: (error as Error).name, message: (error as Error).message } });
}
