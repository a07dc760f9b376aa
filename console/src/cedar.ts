// The words of the languages of a bundle, told apart for the eye.

export interface Token {
  kind: "" | "comment" | "string" | "annotation" | "keyword" | "effect" | "number";
  text: string;
}

export type Language = "cedar" | "schema" | "fga" | "yaml" | "toml" | "plain";

interface Grammar {
  pattern: RegExp;
  words: Set<string>;
  effects: Set<string>;
}

const CEDAR = /(\/\/[^\n]*)|("(?:[^"\\]|\\.)*"?)|(@[A-Za-z_]\w*)|([A-Za-z_]\w*)|(\d+)/g;
const HASHED = /(#[^\n]*)|("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?)|(^\s*(?:- )?[\w./-]+(?=\s*[:=])|^\s*\[[^\]]*\])|([A-Za-z_][\w-]*)|(-?\b\d[\w.:-]*)/g;
const FGA = /((?:^|\s)#(?=\s)[^\n]*)|("(?:[^"\\]|\\.)*"?)|((?<=\bdefine\s)\w+|(?<=^type\s)\w+)|([A-Za-z_][\w-]*)|(\d+)/g;

const GRAMMARS: Record<Exclude<Language, "plain">, Grammar> = {
  cedar: {
    pattern: CEDAR,
    words: new Set(["when", "unless", "in", "is", "has", "like", "if", "then", "else", "true", "false", "principal", "action", "resource", "context"]),
    effects: new Set(["permit", "forbid"]),
  },
  schema: {
    pattern: CEDAR,
    words: new Set(["in", "appliesTo", "principal", "resource", "context", "enum", "Set", "String", "Long", "Bool", "datetime", "decimal", "duration", "ipaddr", "tags"]),
    effects: new Set(["entity", "action", "type", "namespace"]),
  },
  fga: {
    pattern: FGA,
    words: new Set(["from", "or", "and", "but", "not", "with", "relations", "define", "model", "schema", "in"]),
    effects: new Set(["type", "extend", "condition", "module"]),
  },
  yaml: { pattern: HASHED, words: new Set(["true", "false", "null", "permit", "deny"]), effects: new Set() },
  toml: { pattern: HASHED, words: new Set(["true", "false"]), effects: new Set() },
};

const ENDINGS: [string, Language][] = [
  [".cedarschema", "schema"],
  [".cedar", "cedar"],
  [".fga", "fga"],
  [".yaml", "yaml"],
  [".yml", "yaml"],
  [".toml", "toml"],
  [".json", "cedar"],
];

/** The language of a file. */
export const languageOf = (path: string): Language => ENDINGS.find(([ending]) => path.endsWith(ending))?.[1] ?? "plain";

/** Splits a line. */
export function tokens(text: string, language: Language = "cedar"): Token[] {
  if (language === "plain") return [{ kind: "", text }];
  const { pattern, words, effects } = GRAMMARS[language];
  const found: Token[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) found.push({ kind: "", text: text.slice(end, match.index) });
    const [whole, comment, string, annotation, word, number] = match;
    let kind: Token["kind"] = "";
    if (comment !== undefined) kind = "comment";
    else if (string !== undefined) kind = "string";
    else if (annotation !== undefined) kind = "annotation";
    else if (number !== undefined) kind = "number";
    else if (word !== undefined && effects.has(word)) kind = "effect";
    else if (word !== undefined && words.has(word)) kind = "keyword";
    found.push({ kind, text: whole });
    end = match.index + whole.length;
  }
  if (end < text.length) found.push({ kind: "", text: text.slice(end) });
  return found;
}
