// A skeleton of JSON for what the schema declares.

import type { Json, JsonObject } from "./json";
import type { Action } from "./wire";

/** LIMIT: how deep records are followed. */
const MOST_DEPTH = 4;

/** Members of the context that the service itself fills in, and the arguments, which have a field of their own. */
const OWN = ["arguments", "delegation", "now", "token", "action_properties"];

/** A member of a record as the schema declares it. */
interface Member {
  name: string;
  type: string;
  isRequired: boolean;
}

/** Splits `{a: Long,b?: {c: String,},}` into its members; none if it is no record. */
function membersOf(type: string): Member[] | undefined {
  const text = type.trim();
  if (!text.startsWith("{") || !text.endsWith("}")) return undefined;
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let part = "";
  for (const char of text.slice(1, -1)) {
    if (char === '"') quoted = !quoted;
    if (!quoted && "{<".includes(char)) depth += 1;
    if (!quoted && "}>".includes(char)) depth -= 1;
    if (char === "," && depth === 0 && !quoted) {
      parts.push(part);
      part = "";
    } else part += char;
  }
  parts.push(part);
  return parts.flatMap((part): Member[] => {
    const found = /^\s*("(?:[^"\\]|\\.)*"|[^":?\s]+)(\??):\s*([^]+)$/.exec(part);
    if (!found) return [];
    const name = (found[1] ?? "").replace(/^"|"$/g, "");
    return [{ name, type: (found[3] ?? "").trim(), isRequired: found[2] === "" }];
  });
}

function example(type: string, depth = 0): Json {
  const members = membersOf(type);
  if (members) {
    const needed = depth < MOST_DEPTH ? members.filter((member) => member.isRequired) : [];
    return Object.fromEntries(needed.map((member) => [member.name, example(member.type, depth + 1)]));
  }
  if (type.startsWith("Set<")) return [];
  switch (type) {
    case "Long":
      return 0;
    case "Bool":
      return false;
    case "decimal":
      return 0.5;
    case "datetime":
      return "2026-10-01T09:00:00Z";
    case "duration":
      return "1h";
    case "ipaddr":
      return "192.0.2.1";
    case "String":
      return "";
    default:
      return { type, id: "" };
  }
}

/** What an action declares, as people read it and as a skeleton of what it needs. */
export interface Declared {
  told: string;
  skeleton: JsonObject;
}

const told = (members: Member[]): string => members.map(({ name, type, isRequired }) => `${name}${isRequired ? "" : "?"}: ${type.replaceAll(",}", "}")}`).join(", ");

/** The arguments that an action declares; none if the vocabulary does not tell them. */
export function argumentsOf(action: Action | undefined): Declared | undefined {
  const type = action?.context.find((member) => member.name === "arguments")?.type ?? "";
  const members = membersOf(type);
  return members && members.length > 0 ? { told: told(members), skeleton: example(type) as JsonObject } : undefined;
}

/** The other members of the context that a caller can send. */
export function contextOf(action: Action | undefined): Declared | undefined {
  const members = (action?.context ?? []).filter(({ name }) => !OWN.includes(name)).map(({ name, type, required }) => ({ name, type, isRequired: required }));
  if (members.length === 0) return undefined;
  return { told: told(members), skeleton: Object.fromEntries(members.map((member) => [member.name, example(member.type, 1)])) };
}
