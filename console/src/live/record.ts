// What a decision record holds, and the question that can be put together from it.

import type { Json, JsonObject } from "../json";
import { EMPTY, type Question } from "../question";
import { type EntityRef, named } from "../wire";

export interface DecisionRecord {
  id: string;
  time: string;
  caller: string;
  request_id?: string;
  trace_id?: string;
  chain?: EntityRef[];
  asserted?: EntityRef[];
  credentials?: { type: string; issuer: string; chain: EntityRef[]; proof?: string; until: string }[];
  subject?: EntityRef;
  action: string;
  resource?: EntityRef;
  unknown?: string[];
  inputs: Record<string, string>;
  from_properties?: string[];
  cut?: string[];
  decision: "permit" | "deny";
  reason?: { code: string; message: string; principal?: EntityRef; next_action: string };
  policies: string[];
  bundle: string;
  revision: number;
  /** How many microseconds it took to decide. */
  took_us?: number;
}

/** Codes of denials because something failed. */
const FAILURES = ["policy_error", "relation_error", "credential_unavailable"];

export const isFailure = (record: DecisionRecord): boolean => FAILURES.includes(record.reason?.code ?? "");

/** Who wanted it: the chain, or the subject of a request whose chain was refused. */
export const whoOf = (record: DecisionRecord): EntityRef[] => record.chain ?? (record.subject ? [record.subject] : []);

/** Members of the context that the engine supplies. */
const FACTS = ["delegation", "now", "token"];

/**
 * Returns the question that a record answers, at its time; none if it had no chain that could be read. `isWhole` says whether
 * everything that policies read of the request is in it.
 */
export function questionOf(record: DecisionRecord): { question: Question; isWhole: boolean } | undefined {
  if (!record.chain || !record.resource) return undefined;
  const context: JsonObject = {};
  const properties: JsonObject = {};
  let isWhole = !record.cut && !record.unknown && !record.credentials?.length;
  for (const [path, written] of Object.entries(record.inputs)) {
    const place = /^legs\[\d+\]\.(context|resource|principal)\.([^[\]"]+)$/.exec(path);
    const [, root, names] = place ?? [];
    const isSaid = record.from_properties?.includes(path) ?? false;
    if (root === "resource" && !isSaid) continue;
    if (root === "principal") {
      isWhole &&= !isSaid;
      continue;
    }
    const parts = names?.split(".") ?? [];
    if (root === "context" && FACTS.includes(parts[0] ?? "")) continue;
    const value = jsonOf(written);
    if (value === undefined || !put(root === "context" ? context : properties, parts, value)) isWhole = false;
  }
  const { arguments: known, ...others } = context;
  const text = (value: Json | undefined): string => (value === undefined ? "" : JSON.stringify(value, null, 2));
  const some = (value: JsonObject): Json | undefined => (Object.keys(value).length > 0 ? value : undefined);
  const question: Question = {
    ...EMPTY,
    who: record.chain.map(named),
    action: record.action,
    resource: named(record.resource),
    arguments: text(known),
    context: text(some(others)),
    properties: text(some(properties)),
    now: record.time,
  };
  return { question, isWhole };
}

/** Reads a value as Cedar writes it, where JSON writes it in the same way. */
function jsonOf(written: string): Json | undefined {
  // A value of Cedar's is read from the text that it is made of.
  const made = /^(?:decimal|datetime|duration|ip)\((".*")\)$/.exec(written);
  try {
    return JSON.parse(made?.[1] ?? written) as Json;
  } catch {
    return undefined;
  }
}

function put(to: JsonObject, names: string[], value: Json): boolean {
  const last = names.at(-1);
  if (last === undefined || last === "") return false;
  let at: JsonObject = to;
  for (const name of names.slice(0, -1)) {
    const next = Object.hasOwn(at, name) ? at[name] : undefined;
    const inner: JsonObject = typeof next === "object" && next !== null && !Array.isArray(next) ? next : {};
    Object.defineProperty(at, name, { value: inner, enumerable: true, configurable: true, writable: true });
    at = inner;
  }
  Object.defineProperty(at, last, { value, enumerable: true, configurable: true, writable: true });
  return true;
}
