// The tuples about an agent, and the changes of them that the page makes.

import { Refused, explain, readTuples } from "../api";
import type { JsonObject } from "../json";
import { type Tuple, type Vocabulary, entityOf } from "../wire";

/** What the packs call it. */
const DELEGATE = "delegate";
const SUSPENDED = "suspended";
const PLATFORM = "platform";
const PLATFORM_ID = "platform:main";
/** The condition of a grant with an end. */
const UNTIL = "grant_until";
/** LIMIT: types whose tuples are asked for, and tuples of each. */
const MOST_TYPES = 40;

/** An entity as tuples write it. */
export function spelled(name: string): string {
  const entity = entityOf(name);
  if (!entity) return name;
  const id = entity.id.replace(/[:#*%\s\u0000-\u001f\u007f]/gu, (char) => encodeURIComponent(char).replace("*", "%2A"));
  return `${entity.type.replaceAll("::", "/")}:${id}`;
}

/** A name in a tuple as it is shown. */
export function unspelled(name: string): string {
  const at = name.indexOf(":");
  try {
    return `${name.slice(0, at).replaceAll("/", "::")}:${decodeURIComponent(name.slice(at + 1))}`;
  } catch {
    return name;
  }
}

export interface AgentRelations {
  /** Who lets the agent act for them, and agents that it lets act for itself. */
  from: Tuple[];
  to: Tuple[];
  /** Who answers for it. */
  owners: Tuple[];
  /** The tuple that suspends it; `null` if there is none. */
  suspended: Tuple | null;
  others: Tuple[];
  more: boolean;
}

/** Whether the bundle's model has what a button needs. */
export const canSuspend = (words: Vocabulary): boolean => (words.relations[PLATFORM] ?? []).includes(SUSPENDED);
export const grantors = (words: Vocabulary): string[] => words.principals.filter((type) => (words.relations[type] ?? []).includes(DELEGATE));

export const suspension = (agent: string): Tuple => ({ user: spelled(agent), relation: SUSPENDED, object: PLATFORM_ID });

export function grant(agent: string, by: string, until: string): Tuple {
  const tuple: Tuple = { user: spelled(agent), relation: DELEGATE, object: spelled(by) };
  return until === "" ? tuple : { ...tuple, condition: { name: UNTIL, context: { until } } };
}

export const keyOf = (tuple: Tuple): string => `${tuple.object}#${tuple.relation}@${tuple.user}`;

/** Reads the tuples that name an agent itself. */
export async function relationsOf(agent: string, words: Vocabulary, signal: AbortSignal): Promise<AgentRelations> {
  const name = spelled(agent);
  const types = Object.keys(words.relations);
  // One is asked first: who may not read is told so once.
  const of = await readTuples({ object: name }, signal).catch((error: unknown) => {
    // A type that the model does not have has no tuples.
    if (error instanceof Refused && error.status === 400) return { tuples: [], more: false };
    throw error;
  });
  // It is asked for by itself, so that no limit of the lists leaves it out.
  const stopped = canSuspend(words) ? (await readTuples({ user: name, relation: SUSPENDED, object: PLATFORM_ID }, signal)).tuples : [];
  const by = await Promise.all(types.slice(0, MOST_TYPES).map((type) => readTuples({ user: name, object: `${type}:` }, signal)));
  const all = by.flatMap((page) => page.tuples);
  const isOwner = (tuple: Tuple): boolean => /own/.test(tuple.relation) && words.principals.includes(unspelled(tuple.object).split(":")[0] ?? "");
  const from = all.filter((tuple) => tuple.relation === DELEGATE);
  const owners = all.filter(isOwner);
  const isSuspension = (tuple: Tuple): boolean => tuple.relation === SUSPENDED && tuple.object === PLATFORM_ID;
  const suspended = stopped.find(isSuspension) ?? null;
  const known = new Set([...from, ...owners, ...all.filter(isSuspension)]);
  return {
    from,
    to: of.tuples.filter((tuple) => tuple.relation === DELEGATE),
    owners,
    suspended,
    others: [...all.filter((tuple) => !known.has(tuple)), ...of.tuples.filter((tuple) => tuple.relation !== DELEGATE)],
    more: types.length > MOST_TYPES || [of, ...by].some((page) => page.more),
  };
}

/**
 * Whether an agent is suspended, as an explanation says that looked it up: for who may not read relations. `undefined` if none
 * did.
 */
export async function lookedUp(agent: string, words: Vocabulary, signal: AbortSignal): Promise<boolean | undefined> {
  const subject = entityOf(agent);
  const action = words.actions.find((action) => action.principals.includes(subject?.type ?? "") && action.resources.length > 0);
  if (!subject || !action) return undefined;
  const target = { type: action.resources[0] ?? "", id: "any" };
  const answer = await explain({ subject: { type: subject.type, id: subject.id }, action: { name: action.name }, resource: target }, signal);
  const lookups = (answer.context?.explanation?.legs ?? []).flatMap((leg) => leg.relations);
  return lookups.find(({ user, userset }) => user === spelled(agent) && userset === `${PLATFORM_ID}#${SUSPENDED}`)?.held;
}

/** A change of the relations: what is written, or ended. */
export interface Change {
  title: string;
  button: string;
  tuple: Tuple;
  isEnd: boolean;
}

/** The change as it is assumed, and as it is written. */
export const assumedBy = (change: Change): JsonObject => {
  const { user, relation, object } = change.tuple;
  return change.isEnd ? { without: [{ user, relation, object }] } : { tuples: [change.tuple as unknown as JsonObject] };
};
export const writtenBy = (change: Change): JsonObject => {
  const { user, relation, object } = change.tuple;
  return change.isEnd
    ? { deletes: { tuple_keys: [{ user, relation, object }] } }
    : { writes: { tuple_keys: [change.tuple as unknown as JsonObject], on_duplicate: "replace" } };
};
