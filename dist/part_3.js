// Made by `deno task build` from src/; do not edit.
// src/version.ts
var VERSION = "0.1.0";
var OLDEST_DENO = "2.9.4";
var NEWEST_TESTED_DENO = "2.9.6";
function denoProblem(version) {
  return compareDeno(version, OLDEST_DENO) < 0 ? `needs Deno ${OLDEST_DENO} or later, this is ${version}` : void 0;
}
function untestedDeno(version) {
  const [major, minor] = NEWEST_TESTED_DENO.split(".");
  const nextLine = `${major}.${Number(minor) + 1}.0-0`;
  return compareDeno(version, nextLine) >= 0 ? `Deno ${version} is newer than ${major}.${minor}, the newest that was tested` : void 0;
}
function compareDeno(a, b) {
  const [left, right] = [
    numbers(a),
    numbers(b)
  ];
  for (const [index, number] of left.entries()) {
    if (number !== right[index]) return number - right[index];
  }
  return 0;
}
function numbers(version) {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-)?/.exec(version);
  if (match === null) return [
    -1,
    0,
    0,
    0
  ];
  return [
    Number(match[1]),
    Number(match[2]),
    Number(match[3]),
    match[4] === void 0 ? 1 : 0
  ];
}

export {
  VERSION,
  OLDEST_DENO,
  NEWEST_TESTED_DENO,
  denoProblem,
  untestedDeno
};
