import assert from "node:assert/strict";
import { type Place, sample, withLines } from "./kit.ts";

const at = ({ file, line, seq }: Place) => `${file} line ${line} #${seq}`;

Deno.test("verifyAuditLog() finds every edited line and says which", async () => {
  await using log = await sample();
  for (const [index, place] of log.places.entries()) {
    const edits = {
      time: place.text.replace(/"time":"2/, '"time":"1'),
      type: place.text.replace(/"type":"./, '"type":"x'),
      hash: place.text.replace(/"prev":"(.)/, (_, digit) => `"prev":"${digit === "0" ? "1" : "0"}`),
      seq: place.text.replace(/"seq":\d+/, `"seq":${place.seq + 40}`),
      json: place.text.replace('"', "'"),
      space: place.text.replace(",", ", "),
      ...(place.type === "checkpoint"
        ? {
          signature: place.text.replace(/"signature":"(.)/, (_, c) =>
            `"signature":"${c === "A" ? "B" : "A"}`),
        }
        : {}),
    };
    for (const [what, text] of Object.entries(edits)) {
      assert.notEqual(text, place.text);
      const found = await withLines(log, (lines) => lines[index] = { ...place, text });
      const label = `${what} of ${at(place)}: ${found.join("; ")}`;
      const right = ["edited", "bad-signature"].some((kind) =>
        found.includes(`${kind} ${at(place)}`)
      );
      assert.ok(right, label);
      assert.ok(found.length <= 2, label);
    }
  }
});

Deno.test("verifyAuditLog() finds every removed line and says which", async () => {
  await using log = await sample();
  for (const [index, place] of log.places.entries()) {
    const found = await withLines(log, (lines) => lines.splice(index, 1));
    const kind = index === log.places.length - 1 ? "truncated" : "removed";
    assert.equal(found.length, 1, `${at(place)}: ${found}`);
    assert.ok(
      found[0]!.startsWith(kind) && found[0]!.endsWith(`#${place.seq}`),
      `${at(place)}: ${found}`,
    );
  }
});

Deno.test("verifyAuditLog() finds every run of removed lines", async () => {
  await using log = await sample();
  for (let from = 0; from < log.places.length; from++) {
    for (const count of [2, 5]) {
      if (from + count > log.places.length) continue;
      const found = await withLines(log, (lines) => lines.splice(from, count));
      const kind = from + count === log.places.length ? "truncated" : "removed";
      assert.ok(
        found.some((problem) =>
          problem.startsWith(kind) && problem.endsWith(`#${log.places[from]!.seq}`)
        ),
        `${count} from ${at(log.places[from]!)}: ${found}`,
      );
    }
  }
});

Deno.test("verifyAuditLog() finds every line that was duplicated or inserted, and says where", async () => {
  await using log = await sample();
  for (const [index, place] of log.places.entries()) {
    const twice = await withLines(log, (lines) => lines.splice(index, 0, place));
    assert.equal(twice.length, 1, `${at(place)}: ${twice}`);
    assert.match(twice[0]!, new RegExp(`^inserted ${place.file} line \\d+ #${place.seq}$`));
    // an old line, a line of another log, and one that carries the right number and hash
    const { prev } = JSON.parse(place.text);
    const forged = [
      log.places[(index + 11) % log.places.length]!.text,
      '{"seq":1,"time":"2026-01-01T00:00:00.000Z","type":"denied","prev":"' + "a".repeat(128) +
      '"}\n',
      JSON.stringify({ seq: place.seq, time: "2026-01-01T00:00:00.000Z", type: "loaded", prev }) +
      "\n",
      "no line at all\n",
      "\n",
    ];
    for (const text of forged) {
      const found = await withLines(log, (lines) => lines.splice(index, 0, { ...place, text }));
      assert.ok(found.length > 0, `${at(place)}: ${text}`);
      assert.ok(
        found.some((problem) => problem.includes(`${place.file} line ${place.line} `)),
        `${at(place)}: ${text}${found}`,
      );
    }
  }
});

Deno.test("verifyAuditLog() finds every two lines that were swapped, and names both", async () => {
  await using log = await sample();
  for (let one = 0; one < log.places.length; one++) {
    for (let other = one + 1; other < log.places.length; other++) {
      const [a, b] = [log.places[one]!, log.places[other]!];
      const found = await withLines(log, (lines) => {
        lines[one] = { ...a, text: b.text };
        lines[other] = { ...b, text: a.text };
      });
      const label = `${at(a)} and ${at(b)}: ${found.join("; ")}`;
      assert.ok(found.length > 0 && found.length <= 4, label);
      const named = found.filter((problem) =>
        problem.endsWith(`#${a.seq}`) || problem.endsWith(`#${b.seq}`)
      );
      assert.ok(named.length > 0, label);
      assert.ok(found.some((problem) => /^(reordered|edited|inserted)/.test(problem)), label);
    }
  }
});
