// Reads what a service answered. Only `{"decision": true}` in a 200 of JSON permits; whatever is
// anything else is a failure, and a failure is a denial.

import type { Incoming } from "./connection.js";
import { AuthZenError } from "./errors.js";
import { parseStrict } from "./strict-json.js";
import type { Reason, SearchPage } from "./types.js";

/** A decision, or why there is none: then `decision` is false and `failure` says what happened. */
export interface Decision {
  readonly decision: boolean;
  readonly context?: Record<string, unknown>;
  /** Why the service denied, where it said so. */
  readonly reason?: Reason;
  /** Why there is no decision. */
  readonly failure?: AuthZenError;
  /** The id under which the question was sent, `X-Request-ID`. */
  readonly requestId?: string;
  /** The name of the answer in behest's decision record. */
  readonly decisionId?: string;
}

/** What every decision of one answer has in common. */
export type Ids = Pick<Decision, "requestId" | "decisionId">;

/** Returns a denial for want of a decision. */
export function undecided(failure: AuthZenError, ids: Ids = {}): Decision {
  return { decision: false, failure, ...ids };
}

/** Returns the JSON object that a successful answer holds. */
export function objectOf(incoming: Incoming): Record<string, unknown> {
  if (incoming.status !== 200) throw statusError(incoming);
  const type = (incoming.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new AuthZenError("nonsense", `the answer is \`${type ?? ""}\` and not JSON`, {
      status: 200,
    });
  }
  const value = parseStrict(incoming.text);
  if (!isObject(value)) throw new AuthZenError("nonsense", "the answer is no object");
  return value;
}

/** Reads one decision; throws where there is none. A fault beside it is a failure of its own. */
export function decisionOf(value: unknown, ids: Ids): Decision {
  if (!isObject(value)) throw new AuthZenError("nonsense", "a decision is an object");
  const { decision, context } = value;
  if (typeof decision !== "boolean") {
    throw new AuthZenError("nonsense", "`decision` is neither true nor false");
  }
  if (context === undefined || context === null) return { decision, ...ids };
  if (!isObject(context)) throw new AuthZenError("nonsense", "`context` is no object");
  if (context["error"] !== undefined && context["error"] !== null) {
    // The service says that it failed at this question: what stands beside that is no decision.
    return { ...undecided(faultOf(context["error"]), ids), context };
  }
  const reason = reasonOf(context);
  return { decision, context, ...(reason === undefined ? {} : { reason }), ...ids };
}

/** Reads the decisions of a batch that ran to its end: as many as were asked for. */
export function decisionsOf(value: Record<string, unknown>, asked: number, ids: Ids): Decision[] {
  const { evaluations } = value;
  if (!Array.isArray(evaluations)) {
    throw new AuthZenError("nonsense", "`evaluations` is no array");
  }
  if (evaluations.length !== asked) {
    throw new AuthZenError(
      "nonsense",
      `${asked} questions were asked, and ${evaluations.length} answered`,
    );
  }
  return evaluations.map((item) => decisionOf(item, ids));
}

/** Reads the decisions of a batch that may stop early; the items behind its end are denied. */
export function decisionsUntil(
  value: Record<string, unknown>,
  asked: number,
  last: boolean,
  ids: Ids,
): Decision[] {
  const { evaluations } = value;
  const count = Array.isArray(evaluations) ? evaluations.length : 0;
  if (count === 0 || count > asked) {
    throw new AuthZenError("nonsense", `${asked} questions were asked, and ${count} answered`);
  }
  const answered = decisionsOf(value, count, ids);
  if (count < asked && answered[count - 1]?.decision !== last) {
    throw new AuthZenError("nonsense", "the batch stopped at an item that ends nothing");
  }
  const rest = new AuthZenError("not_evaluated", "the batch stopped before this item");
  return [...answered, ...Array.from({ length: asked - count }, () => undecided(rest, ids))];
}

/** Reads a page of a search; each result is checked by `result`, which throws. */
export function pageOf<Result>(
  value: Record<string, unknown>,
  result: (item: unknown) => Result,
): SearchPage<Result> {
  const { results, page, context } = value;
  if (!Array.isArray(results)) throw new AuthZenError("nonsense", "`results` is no array");
  const found: SearchPage<Result> = { results: results.map(result) };
  if (isObject(context)) found.context = context;
  if (page === undefined || page === null) return found;
  if (!isObject(page)) throw new AuthZenError("nonsense", "`page` is no object");
  const token = page["next_token"];
  if (token !== undefined && typeof token !== "string") {
    throw new AuthZenError("nonsense", "`page.next_token` is no text");
  }
  if (token !== undefined && token !== "") found.nextToken = token;
  if (typeof page["count"] === "number") found.count = page["count"];
  if (typeof page["total"] === "number") found.total = page["total"];
  return found;
}

/** Returns `true` if the value is an object of JSON, and no array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads behest's reason, or the bare code that other services give. */
function reasonOf(context: Record<string, unknown>): Reason | undefined {
  const { reason } = context;
  if (typeof reason === "string" && reason !== "") return { code: reason };
  if (!isObject(reason) || typeof reason["code"] !== "string") return undefined;
  return reason as Reason;
}

/** Returns what a service says went wrong with one question. */
function faultOf(error: unknown): AuthZenError {
  const said = isObject(error) ? (error["message"] ?? error["code"]) : error;
  const message = "the service reports a fault beside its decision";
  return new AuthZenError(
    "nonsense",
    typeof said === "string" ? `${message}: ${said.slice(0, 500)}` : message,
  );
}

function statusError(incoming: Incoming): AuthZenError {
  const { status } = incoming;
  let code: string | undefined;
  let message = `the service answered with the status ${status}`;
  try {
    const body: unknown = JSON.parse(incoming.text);
    const error = isObject(body) ? body["error"] : undefined;
    if (isObject(error)) {
      if (typeof error["code"] === "string") code = error["code"];
      if (typeof error["message"] === "string") message += `: ${error["message"].slice(0, 500)}`;
    }
  } catch {
    // What is no JSON says nothing more than its status.
  }
  return new AuthZenError("status", message, { status, ...(code === undefined ? {} : { code }) });
}
