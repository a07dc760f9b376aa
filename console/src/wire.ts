// The shapes of what the service answers, as /openapi.json describes them.

import type { Json, JsonObject } from "./json";

export interface EntityRef {
  type: string;
  id: string;
  tuple?: string;
}

export interface Reason {
  code: string;
  message: string;
  principal?: EntityRef;
  next_action: string;
}

export interface Policy {
  id: string;
  effect: "permit" | "forbid";
  file: string;
  line: number;
  doc?: string;
}

export interface Condition {
  source: string;
  line: number;
  values: { path: string; value: string }[];
  error?: string;
}

export interface Relation {
  user: string;
  userset: string;
  held: boolean;
  witness: string[];
  /** Tuples that would count if their conditions held. */
  unmet?: UnmetCondition[];
}

/** A tuple whose condition does not hold, with the values that it was evaluated with. */
export interface UnmetCondition {
  tuple: string;
  condition: string;
  error?: string;
  values: { parameter: string; value: string; from: "tuple" | "request" | "service" }[];
}

export interface Leg {
  principal: EntityRef;
  outcome: "permit" | "deny";
  reason?: Reason;
  determining: Policy[];
  /** The forbids that fired, each with its conditions. */
  forbids?: { policy: Policy; conditions: Condition[] }[];
  near_misses: { policy: Policy; condition: Condition }[];
  relations: Relation[];
  errors: { policy: Policy; message: string }[];
  dropped: { member: string; why: string }[];
  /** The principal and the resource, where nobody stored them and others of their type are stored. */
  unstored?: { entity: EntityRef; nearest?: EntityRef }[];
}

export interface Explanation {
  decision_id: string;
  bundle: string;
  revision: number;
  now: string;
  action: string;
  credentials: { type: string; issuer: string; chain: EntityRef[]; proof?: string; until: string }[];
  asserted: EntityRef[];
  legs: Leg[];
}

export interface Answer {
  decision: boolean;
  context?: { reason?: Reason; explanation?: Explanation; omitted?: string[] };
}

export interface Tuple {
  user: string;
  relation: string;
  object: string;
  condition?: { name: string; context?: JsonObject };
}

export interface Case {
  file: string;
  name: string;
  expected: string;
  now: string;
  question: JsonObject;
  given: { entities?: Json[]; tuples?: Tuple[]; token?: JsonObject };
}

export interface CasePage {
  bundle: string;
  total: number;
  cases: Case[];
  next?: number;
}

export interface PolicySource extends Policy {
  source: string;
}

export interface PolicyPage {
  bundle: string;
  total: number;
  policies: PolicySource[];
  next?: number;
}

/** One thing that is wrong with a bundle, where it stands. */
export interface Problem {
  file?: string;
  line?: number;
  column?: number;
  length?: number;
  text?: string;
  message: string;
  help?: string;
}

export interface BundleState {
  bundle?: string;
  since?: string;
  failure?: { at: string; total: number; problems: Problem[] };
}

export interface EntityList {
  ids: string[];
  more: boolean;
}

export interface BundleFile {
  path: string;
  bytes: number;
  hidden: boolean;
  text?: string;
}

export interface PolicyPlace {
  id: string;
  file: string;
  line: number;
}

export interface CaseName {
  file: string;
  name: string;
}

/** What would come of edits. */
export interface Scratch {
  of_live: boolean;
  base_broken: boolean;
  total: number;
  problems: Problem[];
  warnings: Problem[];
  cases?: {
    ran: number;
    failed: number;
    more: boolean;
    failures: { file: string; name: string; line?: number; expected: string; found: string }[];
    idle: number;
    undecided: PolicyPlace[];
    decided: { policy: PolicyPlace; count: number; first: CaseName[] }[];
  };
  changes?: {
    before: Cell["outcome"];
    now: Cell["outcome"];
    case?: CaseName;
    chain?: string[];
    action?: string;
    resource?: string;
  }[];
  changed: number;
  questions: number;
  all_questions?: number;
  more_questions: boolean;
  left_out: string[];
}

export interface SearchPage {
  results: { type?: string; id?: string; name?: string }[];
  page?: { next_token: string; count?: number; properties?: { incomplete?: boolean } };
  context?: { reason?: Reason; reasons?: { policies: string[] }[]; unknown?: string[] };
}

/** The outcome of one question of a table. */
export interface Cell {
  outcome: "permitted" | "with_arguments" | "denied";
  code?: string;
}

export interface Matrix {
  bundle: string;
  revision: number;
  now: string;
  rows: (Cell | null)[][];
  more: boolean;
}

export interface Action {
  name: string;
  principals: string[];
  resources: string[];
  context: { name: string; type: string; required: boolean }[];
}

export interface Vocabulary {
  version: string;
  bundle: string;
  revision: number;
  now: string;
  policies: number;
  entities: number;
  cases: number;
  types: string[];
  principals: string[];
  agent_types: string[];
  actions: Action[];
  relations: Record<string, string[]>;
  more: boolean;
}

/** An entity as people write it. */
export const named = (entity: EntityRef): string => `${entity.type}:${entity.id}`;

/** The entity that a text names; none if it has no colon, or nothing on a side of it. */
export function entityOf(text: string): EntityRef | undefined {
  // A type may have a name space: `App::user:alice`.
  const parts = /^\s*([^:]+(?:::[^:]+)*):(?!:)([^]*)$/.exec(text);
  const type = parts?.[1]?.trim() ?? "";
  const id = parts?.[2]?.trim() ?? "";
  return type !== "" && id !== "" ? { type, id } : undefined;
}

/** The type of people: those for whom agents act. */
export const personType = (words: Vocabulary): string =>
  words.principals.find((type) => /(^|::)(user|person)$/i.test(type)) ?? words.principals.find((type) => !words.agent_types.includes(type)) ?? words.principals[0] ?? "";
