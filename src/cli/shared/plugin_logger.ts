// Writes a plugin's log and stderr to the stderr of the command, under the plugin's name.
import { escapeText } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Output, toJson } from "../terminal/output.ts";

type Level = "debug" | "info" | "warn" | "error";

export function pluginLogger(output: Output): Logger {
  const write = (level: Level) => (message: string, fields: Record<string, unknown> = {}): void => {
    // the person who runs the command knows which bundle it is
    const { plugin, source, version: _version, bundleHash: _bundleHash, ...rest } = fields;
    const isPlugins = typeof plugin === "string";
    // the host reports a failed plugin with its code; the command's own error says the same
    if (isPlugins && source === undefined && "code" in rest) return;
    if (!isPlugins && (level === "debug" || level === "info")) return;
    const name = output.errStyle("dim", `[${isPlugins ? escapeText(plugin, 64) : "sallyport"}]`);
    const label = level === "info" ? "" : `${level}: `;
    const { hint, ...facts } = rest;
    const isOwnHint = source === undefined && typeof hint === "string"; // in a plugin's log it is a field like others
    const shown = isOwnHint ? facts : rest;
    const details = Object.keys(shown).length === 0 ? "" : ` ${safeJson(shown)}`;
    output.errorLine(`${name} ${label}${escapeText(message, 4_000)}${details}`);
    if (isOwnHint) output.errorLine(`  hint: ${escapeText(hint, 4_000)}`);
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
}

function safeJson(value: unknown): string {
  try {
    return escapeText(toJson(value, false), 4_000);
  } catch {
    return "[unreadable]"; // a cycle or a bigint in what the host passed: the message still stands
  }
}
