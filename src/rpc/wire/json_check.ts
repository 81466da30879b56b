import type { MessageLimits } from "./limits.ts";
import { violation } from "./violation.ts";

const { isArray } = Array;
const { keys: ownKeys } = Object;

/**
 * Checks a value that came out of `JSON.parse` and drops every own `__proto__` key, so that
 * copying the value never sets a prototype. Walks level by level, because recursion on hostile depth
 * would end in a stack overflow.
 */
export function checkParsed(root: object, limits: MessageLimits): void {
  let level: object[] = [root];
  let nodes = 0;
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.maxDepth) {
      throw violation(`a message is nested deeper than ${limits.maxDepth} levels`);
    }
    const next: object[] = [];
    for (let i = 0; i < level.length; i++) {
      nodes += collectChildren(level[i]!, next);
      if (nodes > limits.maxNodes) {
        throw violation(`a message holds more than ${limits.maxNodes} values`);
      }
    }
    level = next;
  }
}

function collectChildren(container: object, next: object[]): number {
  if (isArray(container)) {
    for (let i = 0; i < container.length; i++) {
      const child: unknown = container[i];
      if (typeof child === "object" && child !== null) next[next.length] = child;
    }
    return container.length;
  }
  const record = container as Record<string, unknown>;
  const names = ownKeys(record);
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    const child = record[name];
    if (name === "__proto__") delete record[name];
    else if (typeof child === "object" && child !== null) next[next.length] = child;
  }
  return names.length;
}

/** Returns whether a text may hold a `__proto__` key: as it is, or behind an escape. */
export function mayHoldProto(text: string): boolean {
  return text.includes("__proto__") || text.includes("\\u");
}

/** Returns whether a text is so short that it can be neither too deep nor too full. */
export function isShort(text: string, limits: MessageLimits): boolean {
  return text.length <= 2 * limits.maxDepth && text.length <= limits.maxNodes;
}
