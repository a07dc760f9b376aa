// From a decision to what is told: who is permitted, and to everybody else why not and what would
// help, as text for a model, as members for a program, and as a challenge for an HTTP client.

import type { Decision } from "./answer.js";
import { AuthZenError } from "./errors.js";
import type { NextAction, Reason } from "./types.js";

/** Codes of the guard itself, beside those of the service. */
export type OwnCode =
  /** Nobody is named by the request. */
  | "credential_missing"
  /** The hook that says who asks failed. */
  | "principal_failed"
  /** There is no decision: the service is down, slow, or makes no sense. */
  | "pdp_unavailable"
  /** The service permits on terms that this program does not know. */
  | "obligation_unknown"
  /** The service answered another question: what some arguments could permit. */
  | "decision_unknown"
  /** Nothing says how this request becomes a question. */
  | "method_unknown"
  /** The request does not fit into a question. */
  | "request_unmapped"
  /** Somebody else has opened the session. */
  | "session_of_another";

/** Why something was denied. */
export interface Denial {
  code: OwnCode | (string & {});
  message: string;
  next_action: NextAction;
  principal?: { type: string; id: string; tuple?: string };
  doc?: string;
  missing_scopes?: string[];
  authorization_details?: Record<string, unknown>[];
  /** Stronger authentication that the service asks for (RFC 9470). */
  acr_values?: string;
  /** The name of the answer in behest's decision record. */
  decision?: string;
  /** The id of the question, `X-Request-ID`. */
  request?: string;
  /** What went wrong, for logs: it is not shown to whoever asked. */
  failure?: AuthZenError;
}

/** Returns why a decision denies, or `undefined` for a permit that can be kept to. */
export function denialOf(decision: Decision): Denial | undefined {
  const ids = {
    ...(decision.decisionId === undefined ? {} : { decision: decision.decisionId }),
    ...(decision.requestId === undefined ? {} : { request: decision.requestId }),
  };
  if (decision.failure !== undefined) return { ...unavailable(decision.failure), ...ids };
  if (decision.decision === true) {
    const terms = termsOf(decision);
    return terms === undefined ? undefined : { ...terms, ...ids };
  }
  return { ...denied(decision), ...ids };
}

/** Returns the denial of a request that cannot be asked about, or was not. */
export function refusal(code: OwnCode, message: string, next: NextAction = "none"): Denial {
  return { code, message, next_action: next };
}

/** Says it to whoever asked, in a sentence or two. */
export function textOf(denial: Denial): string {
  const advice: Record<NextAction, string> = {
    request: "Somebody else can grant this: ask for access, and do not try again before.",
    step_up: "It takes a stronger or wider sign-in: get a new token, then try again.",
    retry: "Try again with other arguments, a fresh token, or later.",
    none: "Trying again will not help.",
  };
  const scopes =
    denial.missing_scopes === undefined ? "" : ` Missing: ${denial.missing_scopes.join(" ")}.`;
  const doc = denial.doc === undefined ? "" : ` ${denial.doc}`;
  return `Denied (${denial.code}): ${denial.message}${scopes}${doc} ${advice[denial.next_action]}`;
}

/** Says it to a program: the members that whoever asked may see. */
export function membersOf(denial: Denial): Record<string, unknown> {
  const { failure: _, ...shown } = denial;
  return shown;
}

/** What an HTTP client is told before anything else, where a token would help. */
export interface Challenge {
  status: 401 | 403;
  /** The value of `WWW-Authenticate`. */
  header: string;
}

/** An HTTP answer in place of the one that a server would have given. */
export interface Refusal {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

const TOKEN_CODES = new Set([
  "credential_missing",
  "credential_invalid",
  "credential_expired",
  "credential_mismatch",
  "proof_invalid",
  "token_missing",
]);

/** Returns the challenge of a denial that another token, or more scopes, could lift. */
export function challengeOf(denial: Denial, resourceMetadata?: string): Challenge | undefined {
  const metadata: [string, string][] =
    resourceMetadata === undefined ? [] : [["resource_metadata", resourceMetadata]];
  const described: [string, string] = ["error_description", denial.message];
  const scopes: [string, string][] =
    denial.missing_scopes === undefined ? [] : [["scope", denial.missing_scopes.join(" ")]];
  if (denial.code === "credential_missing") {
    // RFC 6750, 3: a request without a token is told how to get one, and of no error.
    return { status: 401, header: bearer([...scopes, ...metadata]) };
  }
  if (denial.missing_scopes !== undefined || denial.code === "scope_missing") {
    const error: [string, string] = ["error", "insufficient_scope"];
    return { status: 403, header: bearer([error, ...scopes, described, ...metadata]) };
  }
  if (TOKEN_CODES.has(denial.code)) {
    return { status: 401, header: bearer([["error", "invalid_token"], described, ...metadata]) };
  }
  if (denial.acr_values !== undefined) {
    const error: [string, string] = ["error", "insufficient_user_authentication"];
    const values: [string, string] = ["acr_values", denial.acr_values];
    return { status: 401, header: bearer([error, values, described, ...metadata]) };
  }
  return undefined;
}

function bearer(parameters: [string, string][]): string {
  if (parameters.length === 0) return "Bearer";
  return `Bearer ${parameters.map(([name, value]) => `${name}="${quotable(value)}"`).join(", ")}`;
}

/** Leaves out what a quoted parameter may not hold (RFC 6750, 3). */
function quotable(value: string): string {
  return value.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, "?");
}

function unavailable(failure: AuthZenError): Denial {
  return {
    code: "pdp_unavailable",
    message: "There is no decision: the authorization service could not be asked.",
    next_action: "retry",
    failure,
  };
}

/** A permit counts only where its terms are understood: obligations are not, and what could be
 * permitted with some arguments permits no call. */
function termsOf(decision: Decision): Denial | undefined {
  const context = decision.context ?? {};
  if (context["unknown"] !== undefined && context["unknown"] !== null) {
    return refusal("decision_unknown", "The service did not decide about these arguments.");
  }
  const { obligations } = context;
  const none =
    obligations === undefined ||
    obligations === null ||
    (Array.isArray(obligations) && obligations.length === 0);
  if (none) return undefined;
  return refusal("obligation_unknown", "It is permitted on terms that this service cannot keep.");
}

function denied(decision: Decision): Denial {
  const { reason, context } = decision;
  const denial: Denial = {
    code: reason?.code ?? "denied",
    message: text(reason?.message) ?? "This is not permitted.",
    next_action: nextAction(reason),
  };
  if (reason?.principal !== undefined) denial.principal = reason.principal;
  const doc = text(reason?.doc);
  if (doc !== undefined) denial.doc = doc;
  const scopes = scopesOf(reason?.missing_scopes);
  if (scopes !== undefined) denial.missing_scopes = scopes;
  const details = reason?.["authorization_details"];
  if (Array.isArray(details) && details.length > 0) denial.authorization_details = details;
  const acr = text(context?.["acr_values"]);
  if (acr !== undefined) denial.acr_values = acr;
  return denial;
}

function nextAction(reason: Reason | undefined): NextAction {
  switch (reason?.next_action) {
    case "request":
    case "step_up":
    case "retry":
      return reason.next_action;
    default:
      return "none";
  }
}

/** Scopes are words of RFC 6749: anything else could end the header that they go into. */
function scopesOf(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const word = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
  const scopes = value.filter(
    (scope): scope is string => typeof scope === "string" && word.test(scope),
  );
  return scopes.length === 0 ? undefined : scopes;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
