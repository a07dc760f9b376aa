// The HTTP side of a guarded connection. A guard answers in JSON-RPC, but a client gets a new token
// only when HTTP tells it so: 401 or 403 with `WWW-Authenticate`. By the time of the decision the
// SDK may have begun to answer with 200, so the head of the answer is held back until it is made.
// And a GET or a DELETE on a session has no message that the guard would see.

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";

import { isObject } from "../answer.js";
import type { Refusal } from "../denial.js";

/** What a guard has to say about one HTTP request. */
export class Exchange {
  #requests = 0;
  readonly #decisions: Promise<unknown>[] = [];
  #refusal: Refusal | undefined;

  /** Notes a request that is being decided. */
  add(decision: Promise<unknown>): void {
    this.#requests += 1;
    this.#decisions.push(decision);
  }

  /** Refuses the exchange, if the request is the only one in it: others may have run. */
  refuse(refusal: Refusal): void {
    this.#refusal = refusal;
  }

  get undecided(): boolean {
    return this.#decisions.length > 0;
  }

  /** Waits for all decisions; returns the refusal, if there is one. */
  async refusal(): Promise<Refusal | undefined> {
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

/** Decides about a request without a message, by what an SDK would say of one. */
export type Admit = (extra: unknown) => Promise<Refusal | undefined>;

/** Makes a transport of HTTP answer with the status of the denial; others are left alone. */
export function guardHttp(transport: HttpTransport, admit: Admit): void {
  for (const name of ["handleRequest", "handleMessage"] as const) {
    const handle = transport[name];
    if (typeof handle !== "function") continue;
    transport[name] = async (...parameters: never[]): Promise<unknown> => {
      const [request, second] = parameters as unknown[];
      const response = isServerResponse(second) ? second : undefined;
      const bare = response === undefined ? webExtra(request, second) : nodeExtra(request);
      const refusal = bare === undefined ? undefined : await admit(bare);
      if (refusal !== undefined) {
        return response === undefined ? webAnswer(refusal) : write(response, refusal);
      }
      const exchange = new Exchange();
      if (response !== undefined) hold(response, exchange);
      const answer = await exchanges.run(exchange, () => handle.apply(transport, parameters));
      return answer instanceof Response ? challenged(answer, exchange) : answer;
    };
  }
}

/** Says of a request without a message what an SDK says of a message, for any other: nothing. */
function webExtra(request: unknown, options: unknown): unknown {
  if (!(request instanceof Request) || request.method === "POST") return undefined;
  return { request, authInfo: isObject(options) ? options["authInfo"] : undefined };
}

function nodeExtra(request: unknown): unknown {
  const { method, headers, auth } = request as IncomingMessage & { auth?: unknown };
  return method === "POST" ? undefined : { requestInfo: { headers }, authInfo: auth };
}

async function challenged(answer: Response, exchange: Exchange): Promise<Response> {
  const refusal = await exchange.refusal();
  if (refusal === undefined) return answer;
  // The body holds the same denial in JSON-RPC, and ends with it.
  await answer.body?.cancel().catch(() => {});
  return webAnswer(refusal);
}

function webAnswer({ status, headers, body }: Refusal): Response {
  return Response.json(body, { status, headers });
}

function write(response: ServerResponse, { status, headers, body }: Refusal): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
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
    write(response, refusal);
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
