// JSON whose objects name no member twice: of two decisions in one object, readers pick different
// ones.

import { AuthZenError } from "./errors.js";

/** Reads a text as JSON; refuses what is none, and an object that has a member twice. */
export function parseStrict(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AuthZenError("nonsense", "the answer is not JSON", { cause });
  }
  const twice = repeatedName(text);
  if (twice !== undefined) {
    throw new AuthZenError("nonsense", `the answer has the member \`${twice}\` twice`);
  }
  return value;
}

/** Returns a name that one object has twice. The text is known to be JSON. */
function repeatedName(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case "{":
        open.push(new Set());
        break;
      case "[":
        open.push(undefined);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const end = endOfString(text, at);
        const names = open[open.length - 1];
        if (names !== undefined && isName(text, end)) {
          const name = JSON.parse(text.slice(at, end)) as string;
          if (names.has(name)) return name;
          names.add(name);
        }
        at = end - 1;
      }
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isName(text: string, end: number): boolean {
  let at = end;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return text[at] === ":";
}
