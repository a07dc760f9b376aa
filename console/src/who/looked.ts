// What is looked for: which parts of a question are known, and which are to be found.

import type { JsonObject } from "../json";
import { Unfinished, contextOf, decoded, encoded, time } from "../question";
import { type Vocabulary, entityOf, personType } from "../wire";

export type Look = "who" | "what" | "actions" | "table";

export interface Looked {
  look: Look;
  /** The chain that asks; when somebody is looked for, those before them. */
  who: string[];
  /** When somebody is looked for: the agents that act for them, in order. */
  through: string[];
  /** The type of whom is looked for. */
  kind: string;
  action: string;
  resource: string;
  /** The type of what is looked for. */
  target: string;
  /** The arguments of a call and the rest of the context, as JSON; empty for none. Tables have none. */
  arguments: string;
  context: string;
  /** The time as of which a table is decided; empty for now. */
  now: string;
  /** Whether a call counts that some arguments would permit. */
  withArguments: boolean;
  /** The agents of a table, and parts of the names of its entities. */
  agents: string;
  like: string;
  likeAgents: string;
  likeTargets: string;
}

const PREFIX = "#/who/";

/** What is looked for at first: who may do the first thing that agents do. */
export function firstOf(words: Vocabulary): Looked {
  const action = words.actions.find((action) => action.name === "tools/call") ?? words.actions[0];
  return {
    look: "table",
    who: [],
    through: [],
    kind: personType(words),
    action: action?.name ?? "",
    resource: "",
    target: action?.resources[0] ?? "",
    arguments: "",
    context: "",
    now: "",
    withArguments: true,
    agents: words.agent_types[0] ?? "",
    like: "",
    likeAgents: "",
    likeTargets: "",
  };
}

export const toAddress = (looked: Looked): string => PREFIX + encoded(looked);

/** Reads an address: what it holds comes from anybody, so that each member is looked at. */
export function fromAddress(fragment: string, words: Vocabulary): Looked {
  const first = firstOf(words);
  const value = fragment.startsWith(PREFIX) ? decoded(fragment.slice(PREFIX.length)) : undefined;
  if (!value) return first;
  const text = (name: keyof Looked): string => (typeof value[name] === "string" ? value[name] : String(first[name]));
  const list = (name: string): string[] => {
    const items: unknown = value[name];
    return Array.isArray(items) ? items.filter((item): item is string => typeof item === "string").slice(0, 16) : [];
  };
  const look = (["who", "what", "actions", "table"] as Look[]).find((look) => look === value["look"]);
  return {
    look: look ?? first.look,
    who: list("who"),
    through: list("through"),
    kind: text("kind"),
    action: text("action"),
    resource: text("resource"),
    target: text("target"),
    arguments: text("arguments"),
    context: text("context"),
    now: text("now"),
    withArguments: value["withArguments"] !== false,
    agents: text("agents"),
    like: text("like"),
    likeAgents: text("likeAgents"),
    likeTargets: text("likeTargets"),
  };
}

/** A text that is not what it must be; none if all are. */
export function wrongOf(looked: Looked): Unfinished | undefined {
  try {
    if (looked.look !== "table") contextOf(looked);
    else if (looked.now.trim() !== "") time(looked.now);
    return undefined;
  } catch (error) {
    if (error instanceof Unfinished) return error;
    throw error;
  }
}

/** Whether a call counts that some arguments would permit: where they are known, no others are meant. */
export const isOpen = (looked: Looked): boolean => looked.withArguments && looked.arguments.trim() === "";

/** What is missing before a search can be asked; none if nothing is. */
export function missing(looked: Looked): string | undefined {
  const { look } = looked;
  const wrong = [...looked.who, ...(look === "who" ? looked.through : [])].find((name) => !entityOf(name));
  if (wrong !== undefined) return `“${wrong}” is no entity: write its type, a colon, and its id.`;
  if (look !== "who" && look !== "table" && looked.who.length === 0) return "Say who.";
  if (look !== "actions" && looked.action.trim() === "") return "Say which action.";
  if ((look === "who" || look === "actions") && !entityOf(looked.resource)) return "Say to what: its type, a colon, and its id.";
  return undefined;
}

const record = (name: string): JsonObject => {
  const entity = entityOf(name);
  return { type: entity?.type ?? "", id: entity?.id ?? "" };
};

/** Who is looked for: a type, with those before them in the chain, and those who act for them. */
function searched(looked: Looked): JsonObject {
  const subject: JsonObject = { type: looked.kind };
  if (looked.who.length > 0) subject["delegation_chain"] = looked.who.map(record);
  // The caller is outermost, and within it the one before.
  let act: JsonObject | undefined;
  for (const name of looked.through) {
    const { id, type } = record(name);
    act = { sub: id ?? "", type: type ?? "", ...(act && { act }) };
  }
  if (act) subject["properties"] = { act };
  return subject;
}

function asking(who: string[]): JsonObject {
  const chain = who.map(record);
  const last = chain.pop() ?? {};
  return chain.length > 0 ? { ...last, delegation_chain: chain } : last;
}

/** Returns the kind of the search and its body. */
export function bodyOf(looked: Looked, token: string): ["subject" | "resource" | "action", JsonObject] {
  const options: JsonObject = { reason: true };
  if (isOpen(looked)) options["unknown"] = ["arguments"];
  const whole = contextOf(looked);
  const context = Object.keys(whole).length > 0 ? { context: whole } : {};
  const page: JsonObject = token === "" ? { limit: PAGE } : { limit: PAGE, token };
  const action = { name: looked.action.trim() };
  switch (looked.look) {
    case "who":
    case "table":
      return ["subject", { subject: searched(looked), action, resource: record(looked.resource), ...context, options, page }];
    case "what":
      return ["resource", { subject: asking(looked.who), action, resource: { type: looked.target }, ...context, options, page }];
    case "actions":
      return ["action", { subject: asking(looked.who), resource: record(looked.resource), ...context, options, page }];
  }
}

/** Results on a page. */
const PAGE = 50;
