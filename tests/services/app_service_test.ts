import assert from "node:assert/strict";
import { appService } from "../../src/services/app_service.ts";
import { recordingLogger } from "../helpers/host.ts";
import { caller } from "./kit.ts";

Deno.test("disposing of a plugin's object waits no longer than its time, and its failure is logged", async () => {
  const log = recordingLogger();
  const ends: Record<string, () => unknown> = {
    hangs: () => new Promise(() => {}),
    throws: () => {
      throw new Error("stuck");
    },
    rejects: () => Promise.reject(new Error("stuck")),
    works: () => {},
  };
  for (const [key, end] of Object.entries(ends)) {
    const make = () => ({ get: () => 1, [Symbol.asyncDispose]: end });
    const service = appService(key, make, { log, releaseMs: 10 });
    service.table!(caller("sample"));
    await service.held!.close();
    await service.held!.close(); // there is nothing left
  }
  assert.deepEqual(log.entries.map(({ message }) => message), [
    'Disposing of service "hangs" failed: Error: not done after 10 ms',
    'Disposing of service "throws" failed: Error: stuck',
    'Disposing of service "rejects" failed: Error: stuck',
  ]);
});
