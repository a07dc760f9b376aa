// What the guards of HTTP frameworks have in common: a request to a route becomes a question, and a
// denial an answer. The default is COAZ's mapping for HTTP: the method is the action, and the
// route's template the resource.

import { challengeOf, membersOf, refusal, textOf, type Denial, type Refusal } from "./denial.js";
import { Enforcer, isDenial, traceOf, type EnforcerOptions, type Question } from "./enforcer.js";
import { bearerToken, type Asking } from "./principal.js";
import type { Resource } from "./types.js";

/** A request, as the hook that says who asks sees it. */
export interface RouteRequest<Raw> extends Asking {
  readonly method: string;
  /** The framework's own request. */
  readonly raw: Raw;
}

/** How a framework's routes are guarded. */
export interface RouteGuardOptions<Raw> extends EnforcerOptions<RouteRequest<Raw>> {
  /** The origin of this server as clients know it, for proofs of possession (DPoP). */
  origin?: string;
}

/** What one route is asked as; what is left out is the default's. */
export interface Route<Raw> {
  action?: string | ((request: Raw) => string);
  resource?: Resource | ((request: Raw) => Resource | Promise<Resource>);
  context?: (request: Raw) => Record<string, unknown> | Promise<Record<string, unknown>>;
}

/** A request, as a framework tells it. */
export interface RouteFacts<Raw> {
  raw: Raw;
  method: string;
  path: string;
  /** The route's template with its parameters in braces, where there is one. */
  template: string | undefined;
  params: Record<string, unknown>;
  header(name: string): string | undefined;
}

export class RouteGuard<Raw> {
  readonly #enforcer: Enforcer<RouteRequest<Raw>>;
  readonly #options: RouteGuardOptions<Raw>;

  constructor(options: RouteGuardOptions<Raw>) {
    this.#options = options;
    this.#enforcer = new Enforcer(options, bearerToken);
  }

  /** Decides about a request; returns the answer that denies it, or nothing for a permit. */
  async decide(facts: RouteFacts<Raw>, route: Route<Raw>): Promise<Refusal | undefined> {
    const denial = await this.#denial(facts, route);
    return denial === undefined ? undefined : this.#answer(denial);
  }

  async #denial(facts: RouteFacts<Raw>, route: Route<Raw>): Promise<Denial | undefined> {
    const { method, raw, header } = facts;
    const { origin } = this.#options;
    const http = origin === undefined ? undefined : { method, url: origin + facts.path };
    const party = await this.#enforcer.party({ method, raw, header, http });
    if (isDenial(party)) return party;
    let question: Question;
    try {
      question = await questionOf(facts, route);
    } catch (error) {
      this.#enforcer.report(error);
      return refusal("request_unmapped", "The request cannot be decided.");
    }
    const trace = traceOf(header("traceparent"), header("tracestate"));
    return this.#enforcer.denial(party, question, trace);
  }

  /** Writes a denial as a problem (RFC 9457), with a challenge where a token would help. */
  #answer(denial: Denial): Refusal {
    const challenge = challengeOf(denial, this.#options.resourceMetadata);
    const undecided = denial.code === "pdp_unavailable" || denial.code === "principal_failed";
    const status = challenge?.status ?? (undecided ? 503 : 403);
    const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
    if (challenge !== undefined) headers["WWW-Authenticate"] = challenge.header;
    const title = { 401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable" }[status];
    const body = { title, status, detail: textOf(denial), ...membersOf(denial) };
    return { status, headers, body };
  }
}

async function questionOf<Raw>(facts: RouteFacts<Raw>, route: Route<Raw>): Promise<Question> {
  const { raw, method } = facts;
  // Frameworks answer HEAD with the handler of GET.
  const own = method === "HEAD" ? "GET" : method;
  const action = typeof route.action === "function" ? route.action(raw) : (route.action ?? own);
  const named = typeof route.resource === "function" ? route.resource(raw) : route.resource;
  const resource = route.resource === undefined ? here(facts) : await named;
  if (typeof action !== "string" || typeof resource?.id !== "string") {
    throw new TypeError("a route's action is a text, and its resource has a type and an id");
  }
  const context = await route.context?.(raw);
  return context === undefined ? { action, resource } : { action, resource, context };
}

function here<Raw>(facts: RouteFacts<Raw>): Resource {
  const { template, path, params } = facts;
  if (template === undefined || template.includes("*")) {
    const remedy = "put it on each route, or say the `resource`";
    throw new TypeError(`the guard does not know which route is meant: ${remedy}`);
  }
  return { type: "http_route", id: template, properties: { path, path_params: { ...params } } };
}

/** Returns a template with `{id}` where frameworks write `:id`. */
export function braces(path: string): string {
  return path.replace(/:([A-Za-z0-9_]+)(\{[^}]*\}|\([^)]*\))?\??/g, "{$1}");
}
