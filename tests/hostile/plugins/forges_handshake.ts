// RE-18: answers for the bootstrap, under another name.
import { writeSync } from "node:fs";

const result = { protocol: 1, name: "witness", methods: ["echo"], hooks: [], snapshot: false };
for (const id of [1, 2, 3]) writeSync(1, `${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);

export default { methods: { echo: () => "from the forger" } };
