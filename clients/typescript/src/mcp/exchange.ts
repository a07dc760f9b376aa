// The HTTP status of a denial. A guard answers in JSON-RPC, but a client gets a new token only when
// HTTP tells it so: 401 or 403 with `WWW-Authenticate`. By the time of the decision the SDK may have
// begun to answer with 200, so the head of the answer is held back until it is made.

import { AsyncLocalStorage } from "node:async_hooks";
import type { ServerResponse } from "node:http";

import type { Challenge } from "../denial.js";
import type { Message } from "./messages.js";

/** What a guard has to say about one HTTP request. */
export class Exchange {
  #requests = 0;
  readonly #decisions: Promise<unknown>[] = [];
  #refusal: { challenge: Challenge; answer: Message } | undefined;

  /** Notes a request that is being decided. */
  add(decision: Promise<unknown>): void {
    this.#requests += 1;
    this.#decisions.push(decision);
  }

  /** Refuses the exchange, if the request is the only one in it: others may have run. */
  refuse(challenge: Challenge, answer: Message): void {
    this.#refusal = { challenge, answer };
  }

  get undecided(): boolean {
    return this.#decisions.length > 0;
  }

  /** Waits for all decisions; returns the refusal, if there is one. */
  async refusal(): Promise<{ challenge: Challenge; answer: Message } | undefined> {
    await Promise.allSettled(this.#decisions);
    return this.#requests === 1 ? this.#refusal : undefined;
  }
}

/** The HTTP request that is being handled. */
export const exchanges = new AsyncLocalStorage<Exchange>();

/** What the transports of both SDKs may have, in all their forms. */
export interface HttpTransport {
  handleRequest?: (...parameters: never[]) => Promise<unknown>;
  handleMessage?: (...parameters: never[]) => Promise<unknown>;
}

/** Makes a transport of HTTP answer with the status of the denial; others are left alone. */
export function challengeOverHttp(transport: HttpTransport): void {
  for (const name of ["handleRequest", "handleMessage"] as const) {
    const handle = transport[name];
    if (typeof handle !== "function") continue;
    transport[name] = async (...parameters: never[]): Promise<unknown> => {
      const exchange = new Exchange();
      const response: unknown = parameters[1];
      if (isServerResponse(response)) hold(response, exchange);
      const answer = await exchanges.run(exchange, () => handle.apply(transport, parameters));
      return answer instanceof Response ? challenged(answer, exchange) : answer;
    };
  }
}

async function challenged(answer: Response, exchange: Exchange): Promise<Response> {
  const refusal = await exchange.refusal();
  if (refusal === undefined) return answer;
  // The body holds the same denial in JSON-RPC, and ends with it.
  await answer.body?.cancel().catch(() => {});
  const { status, header } = refusal.challenge;
  return Response.json(refusal.answer, { status, headers: { "WWW-Authenticate": header } });
}

type Write = "writeHead" | "flushHeaders" | "write" | "end";

const WRITES: readonly Write[] = ["writeHead", "flushHeaders", "write", "end"];

/** Holds back what is written until it is decided; then lets it go, or writes the refusal. */
function hold(response: ServerResponse, exchange: Exchange): void {
  const own = response as unknown as Record<Write, (...parameters: unknown[]) => unknown>;
  const original = Object.fromEntries(WRITES.map((name) => [name, own[name]]));
  const held: [Write, unknown[]][] = [];
  let waiting = false;
  const release = () => {
    for (const name of WRITES) own[name] = original[name] as (typeof own)[Write];
  };
  const settle = async () => {
    const refusal = await exchange.refusal();
    release();
    if (refusal === undefined) {
      for (const [name, parameters] of held) own[name](...parameters);
      return;
    }
    const { status, header } = refusal.challenge;
    response.writeHead(status, {
      "Content-Type": "application/json",
      "WWW-Authenticate": header,
    });
    response.end(JSON.stringify(refusal.answer));
    // What the SDK writes after this belongs to the answer that was not given.
    own.writeHead = () => response;
    own.flushHeaders = () => {};
    own.write = () => true;
    own.end = () => response;
  };
  for (const name of WRITES) {
    own[name] = (...parameters: unknown[]) => {
      if (!exchange.undecided) {
        release();
        return own[name](...parameters);
      }
      held.push([name, parameters]);
      if (!waiting) {
        waiting = true;
        void settle();
      }
      return name === "write" ? true : response;
    };
  }
}

function isServerResponse(value: unknown): value is ServerResponse {
  return typeof (value as Partial<ServerResponse> | undefined)?.writeHead === "function";
}
