// What all guards have in common: find out who asks, ask the service, and turn what is no permit
// into a denial. A guard decides nothing by itself.

import { undecided, type Decision } from "./answer.js";
import { AuthZenClient, type CallOptions, type ClientOptions } from "./client.js";
import { denialOf, refusal, type Denial } from "./denial.js";
import { partyOf, type Asking, type Party, type Principal } from "./principal.js";
import { AuthZenError } from "./errors.js";
import type { EvaluationItem, QuestionOptions, Resource } from "./types.js";

/** Services bound their batches; more questions than these go into several. */
const MAX_BATCH = 500;

/** A request to the guarded server, as a question without its subject. */
export interface Question {
  action: string;
  resource: Resource;
  context?: Record<string, unknown>;
}

/** The service to ask: a client, or how to make one. */
export type Pdp = AuthZenClient | ClientOptions | string;

/** A decision that was enforced, for logs and metrics. */
export interface DecisionEvent {
  question: Question;
  permitted: boolean;
  denial?: Denial;
  /** Milliseconds that the service took. */
  milliseconds: number;
}

/** What every guard can be told. */
export interface EnforcerOptions<Request extends Asking> {
  /** The service to ask. */
  pdp: Pdp;
  /** Says who asks, or nothing for nobody; what it throws denies. Without it, the request's token
   * is handed to the service, which verifies it. */
  principal?: (request: Request) => Principal | undefined | Promise<Principal | undefined>;
  /** Where the metadata of the protected resource are (RFC 9728), for `WWW-Authenticate`. */
  resourceMetadata?: string;
  /** Is told of every decision; what it throws is ignored. */
  onDecision?: (event: DecisionEvent) => void;
  /** Is told of what went wrong: without it, a line on standard error. */
  onError?: (error: Error) => void;
}

export class Enforcer<Request extends Asking> {
  readonly client: AuthZenClient;
  readonly #options: EnforcerOptions<Request>;
  readonly #principal: (request: Request) => Principal | undefined | Promise<Principal | undefined>;

  constructor(
    options: EnforcerOptions<Request>,
    principal: (request: Request) => Principal | undefined | Promise<Principal | undefined>,
  ) {
    this.client = clientOf(options.pdp);
    this.#options = options;
    this.#principal = options.principal ?? principal;
  }

  /** Finds out who asks: a party, or the denial of nobody. */
  async party(request: Request): Promise<Party | Denial> {
    let principal: Principal | undefined;
    try {
      principal = await this.#principal(request);
      if (principal !== undefined) return partyOf(principal);
    } catch (error) {
      this.report(error);
      return refusal("principal_failed", "Who asks could not be found out.");
    }
    return refusal("credential_missing", "The request brings no credential.", "step_up");
  }

  /** Asks one question; returns why it is denied, or nothing for a permit. */
  async denial(party: Party, question: Question, call: CallOptions): Promise<Denial | undefined> {
    const began = performance.now();
    const context = joined(question, party);
    if (context === undefined) return this.#outcome(question, clash(), began);
    const decision = await this.client.evaluation(
      {
        subject: party.subject,
        action: { name: question.action },
        resource: question.resource,
        context,
        options: { reason: true },
      },
      call,
    );
    return this.#outcome(question, decision, began);
  }

  /** Asks several questions of one party at once; returns a denial or nothing for each. */
  async denials(
    party: Party,
    questions: readonly Question[],
    call: CallOptions,
  ): Promise<(Denial | undefined)[]> {
    const began = performance.now();
    const decisions = await this.#batch(party, questions, { reason: true }, call);
    return questions.map((question, at) => this.#outcome(question, decisions[at], began));
  }

  /**
   * Asks about a list at once: whether the first question is permitted, and which of the others
   * could be, with some arguments. Where one of them has no decision, all are denied: a list
   * without it would look whole.
   */
  async list(
    party: Party,
    first: Question,
    entries: readonly Question[],
    unknown: boolean,
    call: CallOptions,
  ): Promise<Denial | boolean[]> {
    const began = performance.now();
    const options: QuestionOptions = unknown
      ? { reason: true, unknown: ["arguments"] }
      : { reason: true };
    const decisions = await this.#batch(party, [first, ...entries], options, call);
    const failed = decisions.find((decision) => decision.failure !== undefined);
    const denial = this.#outcome(first, failed ?? known(decisions[0], unknown), began);
    if (denial !== undefined) return denial;
    return decisions.slice(1).map((decision) => {
      return denialOf(known(decision, unknown)) === undefined;
    });
  }

  /** Tells the operator what went wrong. */
  report(error: unknown): void {
    const problem = error instanceof Error ? error : new Error(String(error));
    try {
      if (this.#options.onError !== undefined) this.#options.onError(problem);
      else console.error(`behest guard: ${problem.message}`);
    } catch {
      // A log that fails changes no decision.
    }
  }

  async #batch(
    party: Party,
    questions: readonly Question[],
    options: QuestionOptions,
    call: CallOptions,
  ): Promise<Decision[]> {
    const evaluations: EvaluationItem[] = [];
    for (const question of questions) {
      const { action, resource } = question;
      // An item's own context replaces the default whole, so that each repeats who asks.
      const context = question.context === undefined ? {} : { context: joined(question, party) };
      if ("context" in context && context.context === undefined) return questions.map(clash);
      evaluations.push({ action: { name: action }, resource, ...context } as EvaluationItem);
    }
    const { subject, context } = party;
    const decisions: Decision[] = [];
    for (let at = 0; at < evaluations.length; at += MAX_BATCH) {
      const items = evaluations.slice(at, at + MAX_BATCH);
      const request = { subject, context, evaluations: items, options };
      decisions.push(...(await this.client.evaluations(request, call)));
    }
    return decisions;
  }

  #outcome(
    question: Question,
    decision: Decision | undefined,
    began: number,
  ): Denial | undefined {
    const denial = denialOf(known(decision, false));
    if (denial?.failure !== undefined) this.report(denial.failure);
    try {
      this.#options.onDecision?.({
        question,
        permitted: denial === undefined,
        ...(denial === undefined ? {} : { denial }),
        milliseconds: performance.now() - began,
      });
    } catch {
      // A log that fails changes no decision.
    }
    return denial;
  }
}

/** Returns `true` if finding out who asks came to a denial. */
export function isDenial(value: Party | Denial): value is Denial {
  return "code" in value;
}

/** Takes away the mark of an answer that left the arguments open, where that is what was asked. */
function known(decision: Decision | undefined, unknown: boolean): Decision {
  if (decision === undefined) {
    return undecided(new AuthZenError("nonsense", "a question of the batch got no answer"));
  }
  if (!unknown || decision.context === undefined) return decision;
  const { unknown: _, ...context } = decision.context;
  return { ...decision, context };
}

/** Joins what is asked with who asks. Neither may say what the other does. */
function joined(question: Question, party: Party): Record<string, unknown> | undefined {
  const { context = {} } = question;
  if (Object.keys(context).some((name) => Object.hasOwn(party.context, name))) return undefined;
  return { ...context, ...party.context };
}

function clash(): Decision {
  const message = "the principal's context and the question's have a member in common";
  return undecided(new AuthZenError("unaskable", message));
}

/** Servers that are made anew for each request share one client, and so its connections. */
const clients = new Map<string, AuthZenClient>();
const clientsOfOptions = new WeakMap<ClientOptions, AuthZenClient>();

function clientOf(pdp: Pdp): AuthZenClient {
  if (pdp instanceof AuthZenClient) return pdp;
  if (typeof pdp === "string") {
    const client = clients.get(pdp) ?? new AuthZenClient(pdp);
    clients.set(pdp, client);
    return client;
  }
  const client = clientsOfOptions.get(pdp) ?? new AuthZenClient(pdp);
  clientsOfOptions.set(pdp, client);
  return client;
}

/** Returns the trace of a request, where it is one (W3C Trace Context). */
export function traceOf(traceparent: unknown, tracestate: unknown): CallOptions {
  const parent = /^[0-9a-f]{2}(-[0-9a-f]{2,32}){3}$/;
  if (typeof traceparent !== "string" || !parent.test(traceparent)) return {};
  const state = /^[\x20-\x7e]{1,512}$/;
  if (typeof tracestate !== "string" || !state.test(tracestate)) return { traceparent };
  return { traceparent, tracestate };
}
