// The guard of an MCP server. It stands between the transport and the SDK, so that it sees every
// request, whoever handles it: a tool that is registered later, or renamed, or a handler that was
// set beside it.

import type { CallOptions } from "../client.js";
import { challengeOf, refusal, type Denial, type Refusal } from "../denial.js";
import {
  Enforcer,
  traceOf,
  type EnforcerOptions,
  type Question,
} from "../enforcer.js";
import { isObject } from "../answer.js";
import { bearerToken, type Asking, type Party } from "../principal.js";
import type { Exchange } from "./exchange.js";
import {
  callOf,
  entryOf,
  HANDSHAKE,
  LISTS,
  PRIVATE_RESULTS,
  questionsOf,
  type Mapping,
  type Params,
} from "./mapping.js";
import {
  deniedCall,
  deniedRequest,
  errorMessage,
  isModern,
  type DenialStyle,
  type Message,
  type RequestMessage,
} from "./messages.js";
import { MappingError } from "./values.js";

/** A list that was narrowed for one caller may be kept this long, unless the options say otherwise:
 * rights change, and a call is decided again in any case. */
const LIST_TTL_MS = 30_000;

/** COAZ's code for a denial. */
const DENIAL_CODE = -32001;

/** A request to an MCP server, as the hook that says who asks sees it. */
export interface McpRequest extends Asking {
  readonly method: string;
  readonly params: Params;
  /** What the server's own middleware says of the token (`AuthInfo` of the SDK). */
  readonly authInfo: unknown;
  /** What the transport says of the request; its form is the SDK's. */
  readonly extra: unknown;
}

/** How an MCP server is guarded. */
export interface GuardOptions extends EnforcerOptions<McpRequest> {
  /** The server's name in questions: a tool is `<server>/<name>`. It has no slash. */
  server: string;
  /** The address of the MCP endpoint as clients know it; DPoP proofs are bound to it. */
  url?: string;
  /** Whether `initialize` and `server/discover` are asked about, or passed on to whoever can
   * connect; `ask` without it. */
  handshake?: "ask" | "pass";
  /** Mappings of methods of one's own, or others than the default ones; not of `tools/call`,
   * of lists that are narrowed, and of what is passed on: the guard decides these itself. */
  methods?: Readonly<Record<string, Mapping>>;
  /** The code of a JSON-RPC error that denies, -32001 without it. */
  denialCode?: number;
  /** Whether denials carry the envelope of SEP-2643. */
  structuredDenials?: boolean;
  /** Milliseconds that a client may keep a list, at most; 30 000 without it. */
  listTtlMs?: number;
}

/** Decides about the requests to one server. */
export class Guard {
  readonly enforcer: Enforcer<McpRequest>;
  readonly style: DenialStyle;
  readonly #options: GuardOptions;
  /** Tools that were listed with a schema of their results. */
  readonly #withSchema = new Set<string>();

  constructor(options: GuardOptions) {
    const { server } = options;
    if (typeof server !== "string" || !/^[\x21-\x2e\x30-\x7e]{1,200}$/.test(server)) {
      throw new TypeError("`server` is the server's name in questions: printable, with no slash");
    }
    this.#options = options;
    for (const method of Object.keys(options.methods ?? {})) {
      if (method === "tools/call" || Object.hasOwn(LISTS, method) || this.passes(method)) {
        throw new TypeError(`\`methods\` may not map \`${method}\`: the guard decides it itself`);
      }
    }
    this.enforcer = new Enforcer(options, bearerToken);
    this.style = {
      code: options.denialCode ?? DENIAL_CODE,
      structured: options.structuredDenials ?? false,
    };
  }

  get server(): string {
    return this.#options.server;
  }

  /** Finds out who sent a request. */
  party(message: RequestMessage, extra: unknown): Promise<Party | Denial> {
    return this.enforcer.party(requestOf(message, extra, this.#options.url));
  }

  /** Returns `true` for what is passed on without a question. */
  passes(method: string): boolean {
    return method === "ping" || (this.#options.handshake === "pass" && HANDSHAKE.has(method));
  }

  /** Decides about any request but a call of a tool; returns why it is denied. */
  async decide(message: RequestMessage, party: Party): Promise<Denial | undefined> {
    const { method, params = {} } = message;
    let questions: Question[] | undefined;
    try {
      questions = questionsOf(method, params, this.server, this.#options.methods ?? {});
    } catch (error) {
      if (!(error instanceof MappingError)) throw error;
      return refusal("request_unmapped", `The request cannot be decided: ${error.message}.`);
    }
    if (questions === undefined) {
      return refusal("method_unknown", `Nothing says who may ask for \`${method}\`.`);
    }
    const [first, ...rest] = questions;
    const call = callOptions(message);
    if (first !== undefined && rest.length === 0) {
      return this.enforcer.denial(party, first, call);
    }
    const denials = await this.enforcer.denials(party, questions, call);
    return denials.find((denial) => denial !== undefined);
  }

  /** Decides about a call, with the arguments that the tool runs with. */
  decideCall(message: RequestMessage, party: Party, name: string, args: unknown) {
    const question = callOf(this.server, name, args);
    return this.enforcer.denial(party, question, callOptions(message));
  }

  /** Says why a call may not even be tried, whatever its arguments; nothing if some could do. */
  async decideSome(
    message: RequestMessage,
    party: Party,
    name: string,
  ): Promise<Denial | undefined> {
    const question = entryOf(this.server, "tools/list", name);
    const outcome = await this.enforcer.list(party, question, [], true, callOptions(message));
    return Array.isArray(outcome) ? undefined : outcome;
  }

  /** Decides about a list, and in the same batch about the entries that are known before it is
   * made. Returns why it is denied, or the entries that may be shown. */
  async decideList(
    message: RequestMessage,
    party: Party,
    entries: readonly string[],
  ): Promise<Denial | Map<string, boolean>> {
    const { method } = message;
    const first: Question = { action: method, resource: { type: "mcp_server", id: this.server } };
    const questions = entries.map((entry) => entryOf(this.server, method, entry));
    const unknown = method === "tools/list";
    const call = callOptions(message);
    const outcome = await this.enforcer.list(party, first, questions, unknown, call);
    if (!Array.isArray(outcome)) return outcome;
    return new Map(entries.map((entry, at) => [entry, outcome[at] === true]));
  }

  /** Narrows what a method answered to what its caller may see, and keeps it from other callers. */
  async answer(
    message: RequestMessage,
    party: Party | undefined,
    visible: ReadonlyMap<string, boolean> | undefined,
    answer: Message,
  ): Promise<Message> {
    const { method } = message;
    const { result } = answer;
    if (!PRIVATE_RESULTS.has(method) || !isObject(result)) return answer;
    if (!Object.hasOwn(LISTS, method)) return { ...answer, result: this.#private(message, result) };
    try {
      if (party === undefined || visible === undefined) throw new TypeError("nobody asked for it");
      const narrowed = await this.#narrowed(message, party, visible, result);
      return { ...answer, result: this.#private(message, narrowed) };
    } catch (error) {
      this.enforcer.report(error);
      // Neither the whole list, nor an empty one: it is not known what may be seen.
      const denial = refusal("pdp_unavailable", "The list could not be decided about.", "retry");
      return deniedRequest(message.id, denial, this.style);
    }
  }

  /** Writes a denial, and what the HTTP request that it came with is answered. */
  denied(message: RequestMessage, denial: Denial, exchange: Exchange | undefined): Message {
    const answer = this.#written(message, denial);
    const refusal = this.refusal(message, denial);
    if (refusal !== undefined) exchange?.refuse(refusal);
    return answer;
  }

  /** Returns the HTTP answer of a denial that says more by it than within JSON-RPC. */
  refusal(message: RequestMessage, denial: Denial): Refusal | undefined {
    const body = deniedRequest(message.id, denial, this.style);
    // The protocol's word for a session that is none of the caller's: open another.
    if (denial.code === "session_of_another") return { status: 404, headers: {}, body };
    const challenge = challengeOf(denial, this.#options.resourceMetadata);
    if (challenge === undefined) return undefined;
    return { status: challenge.status, headers: { "WWW-Authenticate": challenge.header }, body };
  }

  /** Notes that results of a tool are held to a schema. */
  hasSchema(name: string): void {
    this.#withSchema.add(name);
  }

  #written(message: RequestMessage, denial: Denial): Message {
    if (message.method !== "tools/call" || denial.code === "request_unmapped") {
      return deniedRequest(message.id, denial, this.style);
    }
    const name = message.params?.["name"];
    const hasSchema = typeof name === "string" && this.#withSchema.has(name);
    return deniedCall(message, denial, this.style, hasSchema);
  }

  async #narrowed(
    message: RequestMessage,
    party: Party,
    visible: ReadonlyMap<string, boolean>,
    result: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    const list = LISTS[message.method];
    const entries = list === undefined ? undefined : result[list.member];
    if (list === undefined || !Array.isArray(entries)) {
      throw new TypeError(`the server's answer to \`${message.method}\` has no list`);
    }
    const keys = entries.map((entry: unknown) => {
      const key = isObject(entry) ? entry[list.key] : undefined;
      if (typeof key !== "string") throw new TypeError("an entry of the list has no name");
      if (isObject(entry) && entry["outputSchema"] !== undefined) this.hasSchema(key);
      return key;
    });
    const decided = new Map(visible);
    const others = [...new Set(keys.filter((key) => !decided.has(key)))];
    if (others.length > 0) {
      const outcome = await this.decideList(message, party, others);
      if (!(outcome instanceof Map)) throw outcome.failure ?? new Error(outcome.message);
      for (const [key, shown] of outcome) decided.set(key, shown);
    }
    const shown = entries.filter((_, at) => decided.get(keys[at] ?? "") === true);
    return { ...result, [list.member]: shown };
  }

  #private(message: RequestMessage, result: Record<string, unknown>): Record<string, unknown> {
    const hinted = isModern(message) || "cacheScope" in result || "ttlMs" in result;
    if (!hinted) return result;
    const cap = this.#options.listTtlMs ?? LIST_TTL_MS;
    const ttlMs = typeof result["ttlMs"] === "number" ? Math.min(result["ttlMs"], cap) : 0;
    return { ...result, ttlMs, cacheScope: "private" };
  }
}

/** Returns the answer to a call whose arguments do not fit the tool's schema. */
export function invalidCall(message: RequestMessage, error: unknown): Message {
  const text = error instanceof Error ? error.message : String(error);
  const result: Record<string, unknown> = { content: [{ type: "text", text }], isError: true };
  if (isModern(message)) result["resultType"] = "complete";
  return { jsonrpc: "2.0", id: message.id, result };
}

/** Returns the answer to a request that is none. */
export function invalidRequest(message: RequestMessage, text: string): Message {
  return errorMessage(message.id, -32600, text);
}

function callOptions(message: RequestMessage): CallOptions {
  const meta = message.params?.["_meta"];
  return isObject(meta) ? traceOf(meta["traceparent"], meta["tracestate"]) : {};
}

/** Both SDKs say where a request came from, in different forms. */
function requestOf(message: RequestMessage, extra: unknown, url: string | undefined): McpRequest {
  const { authInfo, requestInfo, request } = (isObject(extra) ? extra : {}) as {
    authInfo?: unknown;
    requestInfo?: { headers?: Record<string, unknown> };
    request?: { headers?: unknown };
  };
  const token = isObject(authInfo) ? authInfo["token"] : undefined;
  return {
    method: message.method,
    params: message.params ?? {},
    authInfo,
    extra,
    token: typeof token === "string" ? token : undefined,
    http: url === undefined ? undefined : { method: "POST", url },
    header: (name) => headerOf(request?.headers ?? requestInfo?.headers, name),
  };
}

function headerOf(headers: unknown, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  if (!isObject(headers)) return undefined;
  const value = headers[name.toLowerCase()];
  // Two of one header are none: nobody can say which counts.
  return typeof value === "string" ? value : undefined;
}
