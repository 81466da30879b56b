import type { Attack } from "./attack.ts";
import { FILE_ATTACKS } from "./attacks/files.ts";
import { IMPORT_ATTACKS } from "./attacks/imports.ts";
import { INFORMATION_ATTACKS } from "./attacks/information.ts";
import { LAUNCHER_ATTACKS } from "./attacks/launcher.ts";
import { NETWORK_ATTACKS } from "./attacks/network.ts";
import { PROCESS_ATTACKS } from "./attacks/processes.ts";
import { PROTOCOL_ATTACKS } from "./attacks/protocol.ts";
import { REALM_ATTACKS } from "./attacks/realm.ts";
import { RESOURCE_ATTACKS } from "./attacks/resources.ts";

/** Every attack that a plugin makes through its host. */
export const ATTACKS: readonly Attack[] = [
  ...FILE_ATTACKS,
  ...IMPORT_ATTACKS,
  ...PROCESS_ATTACKS,
  ...INFORMATION_ATTACKS,
  ...NETWORK_ATTACKS,
  ...REALM_ATTACKS,
  ...PROTOCOL_ATTACKS,
  ...RESOURCE_ATTACKS,
  ...LAUNCHER_ATTACKS,
];

/** Whether an attack is on the host's own code, for which it is no matter as whom it runs. */
export function ofTheHost(attack: Attack): boolean {
  return PROTOCOL_ATTACKS.includes(attack) || REALM_ATTACKS.includes(attack);
}

/** The table of threats: how many rows each class has. */
export const CLASSES: Readonly<Record<string, number>> = {
  FS: 27,
  IM: 13,
  PR: 20,
  IN: 6,
  NE: 6,
  RE: 19,
  RP: 30,
  RS: 20,
  LA: 7,
};

/** Rows that no attack of the table covers, and why. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  "FS-21": "every lane checks that no new file is on the machine outside of what was granted",
  "FS-27": "as FS-21",
  "PR-08": "a test of its own kills the host",
  "IN-05": "a fine timer and shared memory are what a language gives; the process holds no secret",
  "RP-17": "no service takes a path: there is nothing to escape from",
  "LA-07":
    "an exploit of engine or kernel cannot be a test; what is left then is tested with all permissions granted",
};
