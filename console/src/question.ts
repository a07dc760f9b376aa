// A question as a person puts it together, and its other forms: a request's body, a link, a command, a case.

import { type Json, type JsonObject, isObject, line, parse, pretty } from "./json";
import { type Answer, type Case, type EntityRef, type Tuple, entityOf, named } from "./wire";

/** What is on the form. Texts stay as they were typed, so that nothing is lost while it is half written. */
export interface Question {
  /** The chain in order: who wants it, and the agents that act for them. */
  who: string[];
  action: string;
  resource: string;
  /** `context.arguments`, as JSON; empty for none. */
  arguments: string;
  /** The rest of the context, as JSON; empty for none. */
  context: string;
  /** The resource's properties, as JSON; empty for none. */
  properties: string;
  /** The whole request as JSON, where the form cannot say it; it then replaces the fields above. */
  body: string | null;
  /** RFC 3339; empty for now. */
  now: string;
  /** The case whose time and fixtures are assumed. */
  from: { file: string; name: string } | null;
  /** Tuples that are assumed to be there, and not to be there. */
  tuples: Tuple[];
  without: Tuple[];
  /** Entities that are assumed, as a JSON list; empty for none. */
  entities: string;
}

export const EMPTY: Question = {
  who: [],
  action: "",
  resource: "",
  arguments: "",
  context: "",
  properties: "",
  body: null,
  now: "",
  from: null,
  tuples: [],
  without: [],
  entities: "",
};

/** A text of the form that is not what it must be, and where it stands. */
export class Unfinished extends Error {
  constructor(
    readonly field: keyof Question,
    message: string,
    /** Whether something is missing rather than wrong. */
    readonly isMissing = false,
  ) {
    super(message);
  }
}

const record = (entity: EntityRef): JsonObject => ({ type: entity.type, id: entity.id });

function object(field: keyof Question, text: string): JsonObject | undefined {
  const value = json(field, text);
  if (value === undefined) return undefined;
  if (!isObject(value)) throw new Unfinished(field, "must be an object: { … }");
  return value;
}

function json(field: keyof Question, text: string): Json | undefined {
  if (text.trim() === "") return undefined;
  try {
    return parse(text);
  } catch (error) {
    throw new Unfinished(field, `is not JSON: ${error instanceof Error ? error.message : "it cannot be read"}`);
  }
}

function entity(field: keyof Question, text: string): EntityRef {
  const found = entityOf(text);
  if (found) return found;
  throw new Unfinished(field, `“${text}” is no entity: write its type, a colon, and its id`);
}

/** Returns the request's body, without what is assumed; throws what is unfinished. */
export function bodyOf(question: Question): JsonObject {
  if (question.body !== null) {
    const body = object("body", question.body);
    if (!body) throw new Unfinished("body", "The request is empty.", true);
    return body;
  }
  if (question.who.length === 0) throw new Unfinished("who", "Say who wants to do it.", true);
  if (question.action.trim() === "") throw new Unfinished("action", "Say what they want to do.", true);
  if (question.resource.trim() === "") throw new Unfinished("resource", "Say to what.", true);
  const chain = question.who.map((text) => entity("who", text));
  const last = chain.pop() as EntityRef;
  const subject = record(last);
  if (chain.length > 0) subject["delegation_chain"] = chain.map(record);
  const resource = record(entity("resource", question.resource));
  const properties = object("properties", question.properties);
  if (properties) resource["properties"] = properties;
  const context = contextOf(question);
  const body: JsonObject = { subject, action: { name: question.action.trim() }, resource };
  if (Object.keys(context).length > 0) body["context"] = context;
  return body;
}

/** Returns the context, arguments among it; throws what is unfinished. */
export function contextOf(question: Pick<Question, "arguments" | "context">): JsonObject {
  const context: JsonObject = { ...object("context", question.context) };
  const known = json("arguments", question.arguments);
  if (known !== undefined) context["arguments"] = known;
  return context;
}

/** Returns what is assumed; `undefined` if nothing is. */
export function assumed(question: Question): JsonObject | undefined {
  const assume: JsonObject = {};
  if (question.from) assume["case"] = { ...question.from };
  if (question.now.trim() !== "") assume["now"] = time(question.now);
  if (question.tuples.length > 0) assume["tuples"] = question.tuples as unknown as Json;
  if (question.without.length > 0) assume["without"] = question.without as unknown as Json;
  const entities = json("entities", question.entities);
  if (entities !== undefined) {
    if (!Array.isArray(entities)) throw new Unfinished("entities", "must be a list: [ { … } ]");
    assume["entities"] = entities;
  }
  return Object.keys(assume).length > 0 ? assume : undefined;
}

/** Returns a time as it is sent; throws if it is none. */
export function time(text: string): string {
  const value = text.trim();
  if (!/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value)) {
    throw new Unfinished("now", "is no time: write it like 2026-10-01T09:00:00Z");
  }
  return value.replace(" ", "T");
}

/** Returns what is sent. */
export function sent(question: Question): JsonObject {
  const body = bodyOf(question);
  const assume = assumed(question);
  return assume ? { ...body, assume } : body;
}

/** Whether something is assumed beside the time and what a case is given. */
export const hasChanges = (question: Question): boolean =>
  question.tuples.length > 0 || question.without.length > 0 || question.entities.trim() !== "";

/** The same question without what was added to or taken from what is so. */
export const unchanged = (question: Question): Question => ({ ...question, tuples: [], without: [], entities: "" });

/** Members of a context that say who acts: the form has its chips for that. */
const CARRIERS = ["agent", "user", "act", "actor", "credentials", "delegation", "delegation_chain", "on_behalf_of"];

const only = (value: Json | undefined, names: string[]): value is JsonObject =>
  isObject(value) && Object.keys(value).every((name) => names.includes(name));

const plain = (value: Json | undefined): EntityRef | undefined =>
  only(value, ["type", "id"]) && typeof value["type"] === "string" && typeof value["id"] === "string"
    ? { type: value["type"], id: value["id"] }
    : undefined;

/** Returns a request on the form if the form can say it, and otherwise as its body. */
export function onForm(body: JsonObject): Question {
  const whole: Question = { ...EMPTY, body: JSON.stringify(body, null, 2) };
  const { subject, action, resource, context, ...rest } = body;
  if (Object.keys(rest).length > 0) return whole;
  if (!only(subject, ["type", "id", "delegation_chain"])) return whole;
  if (!only(action, ["name"]) || typeof action["name"] !== "string") return whole;
  if (!only(resource, ["type", "id", "properties"])) return whole;
  const { delegation_chain: before = [], ...last } = subject;
  if (!Array.isArray(before)) return whole;
  const chain = [...before, last].map(plain);
  const { properties, ...target } = resource;
  const object = plain(target);
  if (!object || (properties !== undefined && !isObject(properties))) return whole;
  if (context !== undefined && !isObject(context)) return whole;
  const { arguments: known, ...others } = context ?? {};
  if (CARRIERS.some((name) => name in others)) return whole;
  const question: Question = {
    ...EMPTY,
    who: chain.map((member) => (member ? named(member) : "")),
    action: action["name"],
    resource: named(object),
    arguments: known === undefined ? "" : pretty(known),
    context: Object.keys(others).length === 0 ? "" : pretty(others),
    properties: properties === undefined ? "" : pretty(properties),
  };
  // The form is taken only if it says the very same: ids with spaces at their ends, for one, are not kept by it.
  try {
    const { context: empty, ...bare } = body;
    const compared = isObject(empty) && Object.keys(empty).length === 0 ? bare : body;
    return line(sorted(bodyOf(question))) === line(sorted(compared)) ? question : whole;
  } catch {
    return whole;
  }
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name] as Json)]));
}

/** Returns a case of the bundle as a question. */
export function ofCase(it: Case): Question {
  return { ...onForm(it.question), now: it.now, from: { file: it.file, name: it.name } };
}

// ---- links

const PREFIX = "#/try/";

/** Returns the fragment of a link that opens the question again. It never holds a key. */
export function toFragment(question: Question): string {
  const kept = Object.entries(question).filter(([name, value]) => {
    const none = EMPTY[name as keyof Question];
    return JSON.stringify(value) !== JSON.stringify(none);
  });
  if (kept.length === 0) return PREFIX.slice(0, -1);
  return PREFIX + encoded(Object.fromEntries(kept));
}

/** Writes an object as the part of a link. */
export function encoded(value: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Reads the part of a link as an object; none if it is not of its form. */
export function decoded(part: string): Record<string, unknown> | undefined {
  try {
    const text = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the fragment of a link: what it holds comes from anybody, so that each member is looked at. */
export function fromFragment(fragment: string): Question | undefined {
  if (!fragment.startsWith(PREFIX)) return undefined;
  const value = decoded(fragment.slice(PREFIX.length));
  return value && checked(value);
}

/** How much of a list in a link is taken. */
const MOST_LISTED = 100;

function checked(value: Record<string, unknown>): Question {
  const text = (name: string): string => (typeof value[name] === "string" ? value[name] : "");
  const list = (name: string): unknown[] => (Array.isArray(value[name]) ? value[name].slice(0, MOST_LISTED) : []);
  const from = value["from"] as { file?: unknown; name?: unknown } | null | undefined;
  const isCase = typeof from?.file === "string" && typeof from.name === "string";
  return {
    who: list("who").filter((member): member is string => typeof member === "string"),
    action: text("action"),
    resource: text("resource"),
    arguments: text("arguments"),
    context: text("context"),
    properties: text("properties"),
    body: typeof value["body"] === "string" ? value["body"] : null,
    now: text("now"),
    from: isCase ? { file: String(from.file), name: String(from.name) } : null,
    tuples: list("tuples").filter(isTuple),
    without: list("without").filter(isTuple),
    entities: text("entities"),
  };
}

function isTuple(value: unknown): value is Tuple {
  const tuple = value as Partial<Record<string, unknown>> | null;
  return typeof tuple === "object" && tuple !== null && ["user", "relation", "object"].every((name) => typeof tuple[name] === "string");
}

// ---- commands

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Returns the question as a call of curl. A key is read from the environment, and is not in the text. */
export function asCurl(question: Question, origin: string, needsKey: boolean): string {
  const body = bodyOf(question);
  const assume = assumed(question);
  const [path, content] = assume
    ? ["/explain/v1/evaluation", { ...body, assume }]
    : ["/access/v1/evaluation", { ...body, options: { explain: true } }];
  const key = needsKey ? ` \\\n  -H "Authorization: Bearer $BEHEST_KEY"` : "";
  return `curl -sS ${origin}${path} \\\n  -H 'Content-Type: application/json'${key} \\\n  -d ${quoted(JSON.stringify(content))}`;
}

/**
 * Returns the question as a call of the command line, which asks the service that this page asks: what is assumed stands in the
 * request, so that the answer is the one that is shown.
 */
export function asCommand(question: Question, origin: string): string {
  const body = sent(question);
  const isShort =
    question.body === null &&
    body["assume"] === undefined &&
    question.properties.trim() === "" &&
    !question.who.some((member) => member.includes(">"));
  if (!isShort) return `behest explain ${quoted(JSON.stringify(body))} --url ${origin}`;
  const context = body["context"] === undefined ? "" : ` --context ${quoted(JSON.stringify(body["context"]))}`;
  const parts = [question.who.join(" > "), question.action.trim(), question.resource.trim()].map(quoted);
  return `behest explain ${parts.join(" ")}${context} --url ${origin}`;
}

/** What a case would be given for this question. */
function fixtureOf(question: Question, given: Case["given"] | undefined): JsonObject {
  const entities = [...(given?.entities ?? []), ...((json("entities", question.entities) as Json[] | undefined) ?? [])];
  const tuples = [...(given?.tuples ?? []), ...question.tuples];
  const fixture: JsonObject = {};
  if (entities.length > 0) fixture["entities"] = entities;
  if (tuples.length > 0) fixture["tuples"] = tuples as unknown as Json;
  if (given?.token) fixture["token"] = given.token;
  return fixture;
}

/** Returns the question, with the answer that it got, as a case for a bundle. */
export function asCase(question: Question, answer: Answer | undefined, given: Case["given"] | undefined): string {
  const body = bodyOf(question);
  const lines = [`- name: ${JSON.stringify(question.from ? `as ${question.from.name}` : "say what it shows")}`];
  const put = (name: string, value: Json): void => void lines.push(`  ${name}: ${line(value)}`);
  if (question.body !== null || question.properties.trim() !== "") put("request", body);
  else {
    put("who", question.who.join(" > "));
    put("does", question.action.trim());
    put("to", question.resource.trim());
    if (body["context"] !== undefined) put("context", body["context"]);
  }
  if (question.now.trim() !== "") put("now", time(question.now));
  const fixture = fixtureOf(question, given);
  if (Object.keys(fixture).length > 0) put("given", fixture);
  if (question.without.length > 0) {
    const names = question.without.map((tuple) => `${tuple.object}#${tuple.relation}@${tuple.user}`);
    lines.push(`  # a case cannot take tuples away: ${names.join(", ")}`);
  }
  if (answer) put("expect", expectation(answer));
  return lines.join("\n");
}

function expectation(answer: Answer): JsonObject {
  const legs = answer.context?.explanation?.legs ?? [];
  const counted = answer.decision ? legs : legs.filter((leg) => leg.outcome === "deny").slice(0, 1);
  const policies = [...new Set(counted.flatMap((leg) => leg.determining.map((policy) => policy.id)))];
  const code = answer.context?.reason?.code;
  return answer.decision ? { permit: true, policies } : { deny: code ?? true, policies };
}
