// The words of Cedar, told apart for the eye.

export interface Token {
  kind: "" | "comment" | "string" | "annotation" | "keyword" | "effect" | "number";
  text: string;
}

const WORDS = new Set(["when", "unless", "in", "is", "has", "like", "if", "then", "else", "true", "false", "principal", "action", "resource", "context"]);
const EFFECTS = new Set(["permit", "forbid"]);
const PATTERN = /(\/\/[^\n]*)|("(?:[^"\\]|\\.)*"?)|(@[A-Za-z_]\w*)|([A-Za-z_]\w*)|(\d+)/g;

/** Splits a line of Cedar. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let end = 0;
  for (const match of text.matchAll(PATTERN)) {
    if (match.index > end) found.push({ kind: "", text: text.slice(end, match.index) });
    const [whole, comment, string, annotation, word, number] = match;
    let kind: Token["kind"] = "";
    if (comment !== undefined) kind = "comment";
    else if (string !== undefined) kind = "string";
    else if (annotation !== undefined) kind = "annotation";
    else if (number !== undefined) kind = "number";
    else if (word !== undefined && EFFECTS.has(word)) kind = "effect";
    else if (word !== undefined && WORDS.has(word)) kind = "keyword";
    found.push({ kind, text: whole });
    end = match.index + whole.length;
  }
  if (end < text.length) found.push({ kind: "", text: text.slice(end) });
  return found;
}
