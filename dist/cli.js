/* @ts-self-types="../src/cli/main.ts" */
// Made by `deno task build` from src/; do not edit.
import{denoProblem as s}from"./part_3.js";import"./part_7.js";async function c(e,o){const n=s(Deno.version.deno);if(n!==void 0)return a(`Sallyport ${n}`,e.includes("--json"),o);const{runCommand:r}=await import("./part_9.js");return await r(e,o)}function a(e,o,n){const r="Run `deno upgrade`";const d=t=>i=>{t.writeSync(new TextEncoder().encode(i))};if(o){const t={deno:Deno.version.deno};const i={error:{code:"bad-config",message:e,hint:r,details:t}};(n?.writeOut??d(Deno.stdout))(`${JSON.stringify(i)}
`)}else(n?.writeErr??d(Deno.stderr))(`error: ${e}; ${r.toLowerCase()}
`);return 1}if(import.meta.main)Deno.exit(await c(Deno.args));export{c as main};
