// The floor of `app.ts`: as many hand-written children as its argument says, one call to each.
import { FloorHost } from "../floor_host.ts";
import { report } from "./report.ts";

const floors = Array.from({ length: Number(Deno.args[0]) }, () => new FloorHost());
await Promise.all(floors.map((floor) => floor.call({ text: "hello" })));
await report(() => Promise.all(floors.map((floor) => floor[Symbol.asyncDispose]())));
