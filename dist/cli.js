/* @ts-self-types="../src/cli/main.ts" */
// Made by `deno task build` from src/; do not edit.
import{d as c}from"./part_3.js";import"./part_7.js";async function s(n,o){let e=c(Deno.version.deno);if(e!==void 0)return a(`Sallyport ${e}`,n.includes("--json"),o);let{runCommand:r}=await import("./part_9.js");return await r(n,o)}function a(n,o,e){let r="Run `deno upgrade`",d=t=>i=>{t.writeSync(new TextEncoder().encode(i))};if(o){let t={deno:Deno.version.deno},i={error:{code:"bad-config",message:n,hint:r,details:t}};(e?.writeOut??d(Deno.stdout))(`${JSON.stringify(i)}
`)}else(e?.writeErr??d(Deno.stderr))(`error: ${n}; ${r.toLowerCase()}
`);return 1}import.meta.main&&Deno.exit(await s(Deno.args));export{s as main};
