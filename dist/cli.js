/* @ts-self-types="../src/cli/main.ts" */
// Made by `deno task build` from src/; do not edit.
import {
  denoProblem
} from "./part_3.js";
import "./part_7.js";

// src/cli/main.ts
async function main(args, io) {
  const problem = denoProblem(Deno.version.deno);
  if (problem !== void 0) return refuse(`Sallyport ${problem}`, args.includes("--json"), io);
  const { runCommand } = await import("./part_9.js");
  return await runCommand(args, io);
}
function refuse(message, json, io) {
  const hint = "Run `deno upgrade`";
  const write = (to) => (text) => {
    to.writeSync(new TextEncoder().encode(text));
  };
  if (json) {
    const details = {
      deno: Deno.version.deno
    };
    const document = {
      error: {
        code: "bad-config",
        message,
        hint,
        details
      }
    };
    (io?.writeOut ?? write(Deno.stdout))(`${JSON.stringify(document)}
`);
  } else (io?.writeErr ?? write(Deno.stderr))(`error: ${message}; ${hint.toLowerCase()}
`);
  return 1;
}
if (import.meta.main) Deno.exit(await main(Deno.args));
export {
  main
};
