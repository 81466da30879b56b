/** What `deno task bench` gives, in its quickest form: its shape, never its times. */
import assert from "node:assert/strict";
import { drawChart } from "./chart.ts";
import { type Figure, figure, least, missing, most } from "./figures.ts";
import { parseOptions } from "./options.ts";
import { formatTable } from "./table.ts";

const decoder = new TextDecoder();

async function bench(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("main.ts", import.meta.url).pathname, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("bench --json gives each figure with its floor, their ratio and its bar", async () => {
  const { code, stdout, stderr } = await bench(
    "--json",
    "--quick",
    "--rounds=1",
    "--only",
    "first,reload,rpc,streams",
  );
  assert.equal(code, 0, stderr);
  const { machine, quick, rounds, seconds, figures } = JSON.parse(stdout);
  assert.equal(machine.deno, Deno.version.deno);
  assert.equal(quick, true);
  assert.equal(rounds, 1);
  assert.equal(typeof seconds, "number");
  assert.deepEqual([...new Set(figures.map((each: Figure) => each.bench))], [
    "first",
    "reload",
    "rpc",
    "streams",
  ]);
  const names = figures.map((each: Figure) => `${each.figure}, ${each.subject}, ${each.floorName}`);
  assert.equal(new Set(names).size, names.length, "a figure is there once");
  for (const { figure, subject, value, floor, ratio, bar, reached, note } of figures) {
    const where = `${figure}, ${subject}`;
    if (value === null) {
      assert.deepEqual({ floor, ratio, reached }, { floor: null, ratio: null, reached: null });
      assert.equal(typeof note, "string", `${where}: why is it not there?`);
      continue;
    }
    for (const number of [value, floor, ratio]) assert.ok(number > 0, where);
    if (bar === undefined) assert.equal(reached, null, where);
    else assert.equal(reached, bar.is === "most" ? ratio <= bar.ratio : ratio >= bar.ratio, where);
  }
  const stdio = figures.filter(({ subject }: Figure) => subject === "stdio");
  assert.ok(stdio.length > 0 && stdio.every(({ value }: Figure) => value !== null));
  assert.match(stderr, /rpc: begins/);
});

Deno.test("bench refuses what it does not know, with how it is called", async () => {
  const { code, stdout, stderr } = await bench("--only", "weather");
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /there is no bench "weather"[\s\S]*--only NAME/);
});

Deno.test("parseOptions() checks every option", () => {
  const names = ["rpc", "peers"];
  assert.deepEqual(parseOptions(["--only=rpc", "--rounds", "3", "--json", "--quick"], names), {
    json: true,
    quick: true,
    rounds: 3,
    only: new Set(["rpc"]),
    svg: undefined,
  });
  const wrong = [
    ["--rounds", "0"],
    ["--rounds"],
    ["--fast"],
    ["--only", "rpc", "--svg", "chart.svg"],
  ];
  for (const args of wrong) assert.throws(() => parseOptions(args, names), RangeError);
});

const SPEC = {
  bench: "peers",
  figure: "round trip, median",
  unit: "µs",
  floorName: "hand-written echo",
} as const;
const FIGURES: readonly Figure[] = [
  figure({ ...SPEC, subject: "Sallyport, socket", bar: most(0.75) }, [60, 80, 70], [100, 90, 110]),
  figure({ ...SPEC, subject: "Sallyport, stdio", bar: least(2) }, [120], [100]),
  missing({ ...SPEC, subject: "peer <one> & only", bar: most(1) }, "it is not there"),
  figure({ ...SPEC, subject: "peer <two>" }, [9_000], [100]),
];

Deno.test("a ratio is the median of the rounds' own, and is held against its bar", () => {
  const [reached, missed, unknown, unbound] = FIGURES;
  assert.equal(reached!.ratio, 70 / 110);
  assert.deepEqual([reached!.reached, missed!.reached], [true, false]);
  assert.deepEqual([unknown!.reached, unbound!.reached], [null, null]);
});

Deno.test("the table marks what is reached, in at most 100 columns", () => {
  const lines = formatTable(FIGURES);
  for (const line of lines) assert.ok(line.length <= 100, line);
  assert.ok(lines.some((line) => /Sallyport, socket .* 0\.64 +≤ 0\.75 +✓$/.test(line)));
  assert.ok(lines.some((line) => /Sallyport, stdio .* 1\.20 +≥ 2 +✗$/.test(line)));
  assert.ok(lines.some((line) => /peer <one> .* n\/a/.test(line)));
  assert.equal(lines.at(-1), "1 of 2 ratios are what they must be; 1 could not be measured");
});

Deno.test("the chart draws what was measured, escaped, and its bars", () => {
  const svg = drawChart(FIGURES);
  assert.match(svg, /^<svg [^>]*viewBox="0 0 \d+ \d+"/);
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.equal(svg.match(/class="ours"/g)?.length, 2);
  assert.equal(svg.match(/class="peer"/g)?.length, 1);
  assert.equal(svg.match(/class="bar"/g)?.length, 2);
  assert.match(svg, /peer &lt;two>/);
  assert.doesNotMatch(svg, /peer <|peer &lt;one>|NaN|undefined/);
});
