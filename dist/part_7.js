// Made by `deno task build` from src/; do not edit.
var o=Object.defineProperty;var _=Object.getOwnPropertyNames;var p=(r,e)=>function t(){return e||(0,r[_(r)[0]])((e={exports:{}}).exports,e),e.exports};var n=(r,e)=>{for(var t in e)o(r,t,{get:e[t],enumerable:true})};export{p as __commonJS,n as __export};
