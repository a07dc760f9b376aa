// Puts a guard on a server: every message of every transport that the server is connected to from
// then on goes through it, in both directions.

import type { Denial, Refusal } from "../denial.js";
import { isDenial } from "../enforcer.js";
import { isObject } from "../answer.js";
import type { Party } from "../principal.js";
import { exchanges, guardHttp, type Exchange } from "./exchange.js";
import { invalidCall, invalidRequest, type Guard } from "./guard.js";
import { LISTS, normalized, text, type Params } from "./mapping.js";
import {
  answeredId,
  deniedRequest,
  errorMessage,
  isRequest,
  type Id,
  type Message,
  type RequestMessage,
} from "./messages.js";
import {
  partsOf,
  run,
  type Call,
  type LowLevelServer,
  type OpenTransport,
  type RegisteredTool,
  type Tools,
} from "./sdk.js";
import { OPENING, Session } from "./session.js";
import { hideSubscriptions } from "./subscriptions.js";
import { MappingError, toJson } from "./values.js";

/** A server has one guard: of two, neither would know what the other let through. */
const GUARDED = Symbol.for("@behest/authzen guard");

/** A request that was not answered yet. */
interface Pending {
  message: RequestMessage;
  party: Party | undefined;
  /** The entries of a list that were decided about before it was made. */
  visible: ReadonlyMap<string, boolean> | undefined;
  cancelled: boolean;
  forwarded: boolean;
  /** A denial that came up while the request was handled; it is answered in any case. */
  denial: Denial | undefined;
}

/** Requests whose resource is an address, of which there are several spellings. */
const BY_URI = new Set(["resources/read", "resources/subscribe", "resources/unsubscribe"]);

/** How a server that a guard is put on is served. */
export interface Serving {
  /** Whether it comes from a factory, which may return one that it has returned before. */
  factory?: boolean;
  /** Whether the entry asks the guard about requests to listen. */
  listening?: boolean;
}

/** Guards a server from its next connection on. */
export function putOn(guard: Guard, server: unknown, serving: Serving = {}): void {
  const { low, tools } = partsOf(server);
  const marked = low as unknown as Record<symbol, unknown>;
  if (serving.factory === true && marked[GUARDED] === guard) return;
  if (marked[GUARDED] !== undefined) throw new Error("this server has a guard already");
  if (low.transport !== undefined) {
    throw new Error("this server is connected already: put the guard on before connect()");
  }
  marked[GUARDED] = guard;
  if (serving.listening !== true) hideSubscriptions(guard, low);
  const known = tools?.();
  const connect = low.connect.bind(low);
  low.connect = async (transport) => {
    const link = new Link(guard, low, known, transport);
    await link.open(connect);
  };
}

/** One connection of a guarded server. */
class Link {
  readonly #pending = new Map<Id, Pending>();
  #inner: ((message: Message, extra?: unknown) => void) | undefined;
  readonly #send: OpenTransport["send"];
  readonly #session: Session;

  constructor(
    readonly guard: Guard,
    readonly low: LowLevelServer,
    readonly tools: Tools | undefined,
    readonly transport: OpenTransport,
  ) {
    this.#send = transport.send.bind(transport);
    this.#session = new Session(guard);
  }

  async open(connect: LowLevelServer["connect"]): Promise<void> {
    const { transport } = this;
    const start = transport.start.bind(transport);
    transport.send = async (message, options) => this.#send(await this.#outgoing(message), options);
    // The SDK takes messages from here on, and the transport has none before it is started.
    transport.start = async () => {
      this.#inner = transport.onmessage;
      transport.onmessage = (message, extra) => this.#incoming(message, extra);
      transport.start = start;
      await start();
    };
    guardHttp(transport, (extra) => this.#admit(extra));
    await connect(transport);
    if (this.#inner === undefined) {
      throw new Error("this version of the MCP SDK connects in a way that the guard does not know");
    }
  }

  #incoming(message: Message, extra: unknown): void {
    if (!isObject(message) || typeof message["method"] !== "string") {
      // An answer to the server's own question, or nothing that the SDK would act on.
      this.#unasked(message, extra);
      return;
    }
    if (!Object.hasOwn(message, "id")) {
      if (message["method"].startsWith("notifications/")) this.#unasked(message, extra);
      else this.#drop("a notification by the name of a request is dropped");
      return;
    }
    if (!isRequest(message)) {
      this.#drop("a request without an id that can be answered is dropped");
      return;
    }
    if (this.#pending.has(message.id)) {
      // Its answer could not be told from the other's, and so neither what may be shown of it.
      const answer = invalidRequest(message, "a request with this id is not answered yet");
      this.#send(answer).catch((error: unknown) => this.guard.enforcer.report(error));
      return;
    }
    const pending: Pending = {
      message,
      party: undefined,
      visible: undefined,
      cancelled: false,
      forwarded: false,
      denial: undefined,
    };
    this.#pending.set(message.id, pending);
    const exchange = exchanges.getStore();
    const decided = this.#request(pending, extra, exchange);
    exchange?.add(decided);
  }

  #drop(why: string): void {
    this.guard.enforcer.report(new Error(why));
  }

  /** Decides about a request; hands it on, or answers it. */
  async #request(pending: Pending, extra: unknown, exchange: Exchange | undefined): Promise<void> {
    const { message } = pending;
    try {
      const forward = await this.#decided(pending, extra);
      if (pending.cancelled || this.low.transport !== this.transport) {
        this.#pending.delete(message.id);
      } else if ("code" in forward) {
        await this.#answer(this.guard.denied(message, forward, exchange));
      } else if (typeof forward.handle === "function") {
        pending.forwarded = true;
        if (pending.party !== undefined && this.transport.sessionId !== undefined) {
          this.#session.permitted(pending.party);
        }
        run(forward.handle, forward.call);
      } else {
        await this.#answer(forward.answer);
      }
    } catch (error) {
      this.guard.enforcer.report(error);
      pending.forwarded = false;
      await this.#answer(errorMessage(message.id, -32603, "the request could not be decided"));
    }
  }

  async #decided(pending: Pending, extra: unknown): Promise<Denial | Forward> {
    const { guard } = this;
    const { message } = pending;
    const { method, params } = message;
    if (params !== undefined && !isObject(params)) {
      return { answer: errorMessage(message.id, -32602, "`params` is no object") };
    }
    const pass = (changed: RequestMessage) => ({ handle: () => this.#inner?.(changed, extra) });
    if (guard.passes(method)) return pass(message);
    const party = await guard.party(message, extra);
    if (isDenial(party)) return party;
    pending.party = party;
    const denial = this.#session.intrusion(party);
    if (denial !== undefined) return denial;
    if (method === "tools/call") return this.#call(pending, party, extra);
    if (Object.hasOwn(LISTS, method)) {
      const listed = this.tools?.listed(method) ?? [];
      const outcome = await guard.decideList(message, party, listed);
      if (!(outcome instanceof Map)) return outcome;
      pending.visible = outcome;
      return pass(message);
    }
    const asked = BY_URI.has(method) ? withUri(message) : message;
    return (await guard.decide(asked, party)) ?? pass(asked);
  }

  /** Decides about a GET or a DELETE. */
  async #admit(extra: unknown): Promise<Refusal | undefined> {
    const { guard } = this;
    const denial = await this.#session.denial(extra);
    if (denial === undefined) return undefined;
    const body = deniedRequest(OPENING.id, denial, guard.style);
    return guard.refusal(OPENING, denial) ?? { status: 403, headers: {}, body };
  }

  /** Hands on what has no question of its own, in a session only from its owner. */
  #unasked(message: Message, extra: unknown): void {
    if (!this.#session.isOpen) {
      this.#deliver(message, extra);
      return;
    }
    const { enforcer } = this.guard;
    this.#session
      .denial(extra)
      .then((denial) => {
        if (denial === undefined) this.#deliver(message, extra);
        else this.#drop(`a message without an id is dropped: ${denial.message}`);
      })
      .catch((error: unknown) => enforcer.report(error));
  }

  #deliver(message: Message, extra: unknown): void {
    if (message["method"] === "notifications/cancelled" && isObject(message["params"])) {
      const pending = this.#pending.get(message["params"]["requestId"] as Id);
      if (pending !== undefined) pending.cancelled = true;
      // The SDK knows nothing yet of a request that is being decided.
      if (pending?.forwarded === false) return;
      if (pending !== undefined) this.#pending.delete(pending.message.id);
    }
    this.#inner?.(message, extra);
  }

  /** Decides about a call with the arguments that the tool runs with, and hands on these. */
  async #call(pending: Pending, party: Party, extra: unknown): Promise<Denial | Forward> {
    const { guard, tools } = this;
    const { message } = pending;
    let name: string;
    let sent: unknown;
    let json: unknown;
    let tool: RegisteredTool | undefined;
    try {
      name = text(message.params ?? {}, "name");
      sent = message.params?.["arguments"] ?? {};
      if (!isObject(sent)) throw new MappingError("`arguments` is no object");
      tool = tools?.find(name);
      if (tool === undefined) json = toJson(sent, "arguments");
    } catch (error) {
      return unmapped(error);
    }
    if (tools === undefined || tool === undefined) {
      const denial = await guard.decideCall(message, party, name, json);
      return denial ?? { handle: () => this.#inner?.(message, extra) };
    }
    if (tool.outputSchema !== undefined) guard.hasSchema(name);
    let args: unknown;
    try {
      args = await tools.validate(tool, sent, name);
    } catch (error) {
      // Who may not call it learns nothing of its schema.
      const denial = await guard.decideSome(message, party, name);
      return denial ?? { answer: invalidCall(message, error) };
    }
    const denial = await this.#arguments(message, party, name, args);
    if (denial !== undefined) return denial;
    const params: Params = { ...message.params, name, arguments: args ?? {} };
    return {
      handle: () => this.#inner?.({ ...message, params }, extra),
      call: { tools, tool, args, used: false, decide: this.#again(pending, party) },
    };
  }

  /** Returns what decides about a call once more, while it is handled. */
  #again(pending: Pending, party: Party): Call["decide"] {
    return async (name, args) => {
      const denial = await this.#arguments(pending.message, party, name, args);
      if (denial === undefined) return;
      pending.denial = denial;
      throw new Error(denial.message);
    };
  }

  async #arguments(
    message: RequestMessage,
    party: Party,
    name: string,
    args: unknown,
  ): Promise<Denial | undefined> {
    let json: unknown;
    try {
      json = toJson(args ?? {}, "arguments");
    } catch (error) {
      return unmapped(error);
    }
    return this.guard.decideCall(message, party, name, json);
  }

  async #answer(message: Message): Promise<void> {
    const id = answeredId(message);
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id !== undefined && pending?.forwarded === false) this.#pending.delete(id);
    try {
      await this.#send(message);
    } catch (error) {
      this.guard.enforcer.report(error);
    }
  }

  /** Looks at what the server answers: lists are narrowed, and what nobody asked for is not sent.
   * */
  async #outgoing(message: Message): Promise<Message> {
    const id = answeredId(message);
    if (id === undefined) return message;
    const pending = this.#pending.get(id);
    if (pending?.forwarded !== true) {
      if (!("result" in message)) return message;
      return errorMessage(id, -32603, "an answer to a request that was not permitted is held back");
    }
    this.#pending.delete(id);
    if (pending.denial !== undefined) {
      return this.guard.denied(pending.message, pending.denial, undefined);
    }
    return this.guard.answer(pending.message, pending.party, pending.visible, message);
  }
}

/** What becomes of a request that is not denied: it is handled, or answered at once. */
type Forward =
  | { handle: () => void; call?: Call; answer?: never }
  | { handle?: never; call?: never; answer: Message };

function withUri(message: RequestMessage): RequestMessage {
  const uri = message.params?.["uri"];
  if (typeof uri !== "string") return message;
  return { ...message, params: { ...message.params, uri: normalized(uri) } };
}

function unmapped(error: unknown): Denial {
  if (!(error instanceof MappingError)) throw error;
  return {
    code: "request_unmapped",
    message: `The call cannot be decided: ${error.message}.`,
    next_action: "none",
  };
}
