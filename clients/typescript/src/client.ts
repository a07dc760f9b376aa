// The AuthZEN client: evaluation, batches, searches and metadata, against any service that speaks
// the Authorization API 1.0.
//
// INVARIANT: an evaluation never throws for what a service did, and permits only by an answer that
// says so. A search and the metadata throw instead: there is no list that means "we do not know".

import { randomUUID } from "node:crypto";

import {
  decisionOf,
  decisionsOf,
  decisionsUntil,
  isObject,
  objectOf,
  pageOf,
  undecided,
  type Decision,
  type Ids,
} from "./answer.js";
import { Connection, type Incoming, type TlsOptions } from "./connection.js";
import { asFailure, AuthZenError } from "./errors.js";
import type {
  Action,
  ActionSearchRequest,
  EvaluationRequest,
  EvaluationsRequest,
  Metadata,
  Resource,
  ResourceSearchRequest,
  SearchPage,
  Subject,
  SubjectSearchRequest,
} from "./types.js";

/** A decision of an agent's next step waits for this, so it is short. */
const TIMEOUT_MS = 2_000;

/** A page of a thousand results, or an explanation, fits into this many times over. */
const MAX_BYTES = 4 * 1024 * 1024;

/** A search that has not ended after this many pages is taken for one that never does. */
const MAX_PAGES = 10_000;

const WELL_KNOWN = "/.well-known/authzen-configuration";

const PATHS = {
  evaluation: "/access/v1/evaluation",
  evaluations: "/access/v1/evaluations",
  subjectSearch: "/access/v1/search/subject",
  resourceSearch: "/access/v1/search/resource",
  actionSearch: "/access/v1/search/action",
} as const;

type Endpoint = keyof typeof PATHS;

/** Where a service is, and how it is asked. */
export interface ClientOptions {
  /** `https://pdp.example`, `http://127.0.0.1:8181`, or `unix:/run/behest/behest.sock`. */
  url: string;
  /** The caller's key or access token, sent as `Authorization: Bearer`; a function is asked anew
   * for each request. */
  token?: string | (() => string | Promise<string>);
  /** Sent with each request, beside what the client itself sends. */
  headers?: Record<string, string>;
  /** Milliseconds until there must be an answer, from the first byte sent to the last one read;
   * 2000 without it. */
  timeoutMs?: number;
  /** The most bytes of an answer; 4 MiB without it. */
  maxBytes?: number;
  tls?: TlsOptions;
  /** Whether plain `http` may leave this machine, as inside a mesh that encrypts by itself. */
  insecure?: boolean;
  /** Endpoints by other paths than the usual ones, or that the service lacks (`false`). A service
   * without batches is asked item by item. */
  endpoints?: Partial<Record<Endpoint, string | false>>;
}

/** What belongs to one request alone. */
export interface CallOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  /** `X-Request-ID`; a random one without it. */
  requestId?: string;
  /** W3C Trace Context, as the request that this question is about brought it. */
  traceparent?: string;
  tracestate?: string;
}

export class AuthZenClient {
  readonly #connection: Connection;
  readonly #options: ClientOptions;
  readonly #prefix: string;

  constructor(options: ClientOptions | string) {
    this.#options = typeof options === "string" ? { url: options } : options;
    const { url, tls, insecure = false } = this.#options;
    if (url.startsWith("unix:")) {
      const socketPath = url.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
      this.#connection = new Connection({ socketPath });
      this.#prefix = "";
      return;
    }
    const origin = checkedUrl(url, insecure);
    this.#connection = new Connection(origin, tls);
    this.#prefix = origin.pathname.replace(/\/+$/, "");
  }

  /**
   * Asks a service for its metadata, and returns a client of the endpoints that it names.
   *
   * `options.url` is the service's identifier, byte for byte as the metadata repeat it. An endpoint
   * of another origin is refused, since the key would be sent there.
   */
  static async discover(options: ClientOptions | string): Promise<AuthZenClient> {
    const given = typeof options === "string" ? { url: options } : options;
    const first = new AuthZenClient(given);
    try {
      const metadata = await first.metadata();
      return new AuthZenClient({ ...given, endpoints: endpointsOf(metadata, given.url) });
    } finally {
      first.close();
    }
  }

  /** Asks one question. The answer is an object, and true as such: look at its `decision`. */
  async evaluation(request: EvaluationRequest, call: CallOptions = {}): Promise<Decision> {
    try {
      const [value, ids] = await this.#ask("evaluation", request, call);
      return decisionOf(value, ids);
    } catch (error) {
      return denial(error);
    }
  }

  /** Asks one question, and returns `true` for a permit and for nothing else. */
  async permits(request: EvaluationRequest, call: CallOptions = {}): Promise<boolean> {
    return (await this.evaluation(request, call)).decision === true;
  }

  /** Asks several questions, and returns as many decisions, in their order. */
  async evaluations(request: EvaluationsRequest, call: CallOptions = {}): Promise<Decision[]> {
    const items = request.evaluations;
    const asked = items.length;
    // An empty batch is one question by AuthZEN, and here there is none.
    if (asked === 0) return [];
    if (this.#path("evaluations") === undefined) return this.#oneByOne(request, call);
    try {
      const [value, ids] = await this.#ask("evaluations", request, call);
      switch (request.options?.evaluations_semantic) {
        case "deny_on_first_deny":
          return decisionsUntil(value, asked, false, ids);
        case "permit_on_first_permit":
          return decisionsUntil(value, asked, true, ids);
        default:
          return decisionsOf(value, asked, ids);
      }
    } catch (error) {
      const denied = denial(error);
      return items.map(() => denied);
    }
  }

  /** Finds who may do this to that: one page. */
  searchSubject(
    request: SubjectSearchRequest,
    call: CallOptions = {},
  ): Promise<SearchPage<Subject>> {
    return this.#search("subjectSearch", request, call, entity(request.subject.type));
  }

  /** Finds to what the subject may do this: one page. */
  searchResource(
    request: ResourceSearchRequest,
    call: CallOptions = {},
  ): Promise<SearchPage<Resource>> {
    return this.#search("resourceSearch", request, call, entity(request.resource.type));
  }

  /** Finds what the subject may do to that: one page. */
  searchAction(request: ActionSearchRequest, call: CallOptions = {}): Promise<SearchPage<Action>> {
    return this.#search("actionSearch", request, call, action);
  }

  /** Finds who may do this to that, through all pages. */
  subjects(request: SubjectSearchRequest, call?: CallOptions): AsyncGenerator<Subject, void> {
    return pages(request, (page) => this.searchSubject(page, call));
  }

  /** Finds to what the subject may do this, through all pages. */
  resources(request: ResourceSearchRequest, call?: CallOptions): AsyncGenerator<Resource, void> {
    return pages(request, (page) => this.searchResource(page, call));
  }

  /** Finds what the subject may do to that, through all pages. */
  actions(request: ActionSearchRequest, call?: CallOptions): AsyncGenerator<Action, void> {
    return pages(request, (page) => this.searchAction(page, call));
  }

  /** Reads what the service says of itself; throws where that is of another service. */
  async metadata(call: CallOptions = {}): Promise<Metadata> {
    const { url } = this.#options;
    const incoming = await this.#send("GET", WELL_KNOWN + this.#prefix, undefined, call);
    const value = objectOf(incoming.answer);
    if (!url.startsWith("unix:") && value["policy_decision_point"] !== url) {
      const other = String(value["policy_decision_point"]);
      throw new AuthZenError("nonsense", `the metadata are of \`${other}\`, not of \`${url}\``);
    }
    if (typeof value["access_evaluation_endpoint"] !== "string") {
      throw new AuthZenError("nonsense", "the metadata name no `access_evaluation_endpoint`");
    }
    return value as Metadata;
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.#connection.close();
  }

  #path(endpoint: Endpoint): string | undefined {
    const own = this.#options.endpoints?.[endpoint];
    if (own === false) return undefined;
    return own ?? this.#prefix + PATHS[endpoint];
  }

  async #ask(
    endpoint: Endpoint,
    body: unknown,
    call: CallOptions,
  ): Promise<[Record<string, unknown>, Ids]> {
    const path = this.#path(endpoint);
    if (path === undefined) {
      throw new AuthZenError("unaskable", `the service has no endpoint for \`${endpoint}\``);
    }
    const { answer, requestId } = await this.#send("POST", path, body, call);
    try {
      const value = objectOf(answer);
      const decisionId = answer.headers["behest-decision"];
      const ids = typeof decisionId === "string" ? { requestId, decisionId } : { requestId };
      return [value, ids];
    } catch (error) {
      throw named(error, requestId);
    }
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    body: unknown,
    call: CallOptions,
  ): Promise<{ answer: Incoming; requestId: string }> {
    const requestId = call.requestId ?? randomUUID();
    try {
      const { token } = this.#options;
      const headers = this.#headers(
        requestId,
        call,
        typeof token === "function" ? await token() : token,
      );
      const outgoing = { method, path, headers };
      const answer = await this.#connection.send(
        body === undefined ? outgoing : { ...outgoing, body: textOf(body) },
        {
          timeoutMs: call.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS,
          maxBytes: this.#options.maxBytes ?? MAX_BYTES,
          signal: call.signal,
        },
      );
      const echo = answer.headers["x-request-id"];
      if (echo !== undefined && echo !== requestId) {
        throw new AuthZenError("nonsense", "the answer has the `X-Request-ID` of another question");
      }
      return { answer, requestId };
    } catch (error) {
      throw named(error, requestId);
    }
  }

  #headers(requestId: string, call: CallOptions, token: string | undefined) {
    const headers: Record<string, string> = { ...this.#options.headers };
    headers["content-type"] = "application/json";
    headers["x-request-id"] = requestId;
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    if (call.traceparent !== undefined) headers["traceparent"] = call.traceparent;
    if (call.tracestate !== undefined) headers["tracestate"] = call.tracestate;
    return headers;
  }

  async #oneByOne(request: EvaluationsRequest, call: CallOptions): Promise<Decision[]> {
    const { evaluations, options, ...defaults } = request;
    const { evaluations_semantic: semantic, ...each } = options ?? {};
    const rest = new AuthZenError("not_evaluated", "the batch stopped before this item");
    const decisions: Decision[] = [];
    for (const item of evaluations) {
      const question = { ...defaults, ...item, options: each } as EvaluationRequest;
      const decision = await this.evaluation(question, call);
      decisions.push(decision);
      if (semantic === "deny_on_first_deny" && !decision.decision) break;
      if (semantic === "permit_on_first_permit" && decision.decision) break;
    }
    while (decisions.length < evaluations.length) decisions.push(undecided(rest));
    return decisions;
  }

  async #search<Result>(
    endpoint: Endpoint,
    request: unknown,
    call: CallOptions,
    result: (item: unknown) => Result,
  ): Promise<SearchPage<Result>> {
    const [value] = await this.#ask(endpoint, request, call);
    return pageOf(value, result);
  }
}

async function* pages<Request extends { page?: { token?: string } }, Result>(
  request: Request,
  search: (page: Request) => Promise<SearchPage<Result>>,
): AsyncGenerator<Result, void> {
  const seen = new Set<string>();
  let page = await search(request);
  for (;;) {
    yield* page.results;
    const token = page.nextToken;
    if (token === undefined) return;
    if (seen.has(token) || seen.size >= MAX_PAGES) {
      throw new AuthZenError("nonsense", "the pages of the search never end");
    }
    seen.add(token);
    page = await search({ ...request, page: { ...request.page, token } });
  }
}

function entity(type: string): (item: unknown) => { type: string; id: string } {
  return (item) => {
    if (!isObject(item) || item["type"] !== type || typeof item["id"] !== "string") {
      throw new AuthZenError("nonsense", `a result is no \`${type}\``);
    }
    return item as { type: string; id: string };
  };
}

function action(item: unknown): Action {
  if (!isObject(item) || typeof item["name"] !== "string") {
    throw new AuthZenError("nonsense", "a result is no action");
  }
  return item as unknown as Action;
}

/** Plain `http` leaves this machine only where that was allowed: keys and tokens go with it. */
function checkedUrl(text: string, insecure: boolean): URL {
  const url = new URL(text);
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  const plain = url.protocol === "http:" && (loopback || insecure);
  if (url.protocol !== "https:" && !plain) {
    throw new TypeError(
      `\`${text}\` is neither https nor on this machine; inside a mesh set \`insecure: true\``,
    );
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new TypeError("the url of a service has no user, query or fragment; see `token`");
  }
  return url;
}

function endpointsOf(metadata: Metadata, identifier: string): Record<Endpoint, string | false> {
  const origin = identifier.startsWith("unix:") ? undefined : new URL(identifier).origin;
  const path = (value: unknown): string | false => {
    if (value === undefined) return false;
    if (typeof value !== "string") throw new AuthZenError("nonsense", "an endpoint is no text");
    const url = new URL(value);
    if (origin !== undefined && url.origin !== origin) {
      throw new AuthZenError("nonsense", `the endpoint \`${value}\` has another origin`);
    }
    return url.pathname + url.search;
  };
  return {
    evaluation: path(metadata.access_evaluation_endpoint),
    evaluations: path(metadata.access_evaluations_endpoint),
    subjectSearch: path(metadata.search_subject_endpoint),
    resourceSearch: path(metadata.search_resource_endpoint),
    actionSearch: path(metadata.search_action_endpoint),
  };
}

function textOf(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    throw new AuthZenError("unaskable", "the question does not fit into JSON", { cause });
  }
}

function named(error: unknown, requestId: string): AuthZenError {
  const failure = asFailure(error);
  failure.requestId ??= requestId;
  return failure;
}

function denial(error: unknown): Decision {
  const failure = asFailure(error);
  const { requestId } = failure;
  return undecided(failure, requestId === undefined ? {} : { requestId });
}
