/**
 * An exposure grade in lines for people.
 *
 * @module
 */
import { escapeText } from "../../../errors.ts";
import type { ExposureGrade, ExposureLabel } from "./grade.ts";
import type { Output, Style } from "../../terminal/output.ts";
import { hanging } from "../../terminal/wrap.ts";

const STYLES: Readonly<Record<ExposureLabel, Style>> = {
  SAFE: "green",
  OK: "green",
  MEDIUM: "yellow",
  EXPOSED: "red",
  UNSAFE: "red",
};
const MAX_TEXT = 400;

/** Writes a grade and what makes it, the worst first. */
export function gradeLines({ grade, label, lines }: ExposureGrade, output: Output): string[] {
  const adding = lines.filter(({ exposure }) => exposure > 0);
  const width = Math.max(0, ...adding.map(({ name }) => name.length));
  return [
    `  exposure: ${output.style(STYLES[label], `${grade.toFixed(1)} ${label}`)}`,
    ...adding.flatMap(({ name, description, exposure }) => {
      const head = `  ${exposure.toFixed(1).padStart(5)}  ${name.padEnd(width)}  `;
      return hanging(head, head.length, escapeText(description, MAX_TEXT));
    }),
  ];
}
