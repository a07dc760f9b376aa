// `subscriptions/listen` at a guarded entry: it is decided about before the entry answers it.

import { readRequestBody } from "@modelcontextprotocol/server";

import { isObject } from "../answer.js";
import { isDenial } from "../enforcer.js";
import type { Guard } from "./guard.js";
import { deniedRequest, isRequest, type Message, type RequestMessage } from "./messages.js";
import { LISTEN, listening } from "./subscriptions.js";

/** The most bytes of a request to listen; it holds a few addresses. */
const MAX_BYTES = 1024 * 1024;

/** Decides about a request to listen, before the handler sees it. */
export async function decideListening(
  guard: Guard,
  request: Request,
  options: { authInfo?: unknown; parsedBody?: unknown },
  handle: (request: Request, parsedBody: unknown) => Promise<Response>,
): Promise<Response> {
  // Every other spelling of the header is refused by the SDK, or finds nothing to listen to.
  if (request.headers.get("mcp-method") !== LISTEN) return handle(request, options.parsedBody);
  const body = options.parsedBody ?? (await bodyOf(request));
  if (!isObject(body) || !isRequest(body) || body.method !== LISTEN) {
    return handle(request, body);
  }
  const refused = await refusalOf(guard, body, { authInfo: options.authInfo, request });
  if (refused !== undefined) return refused;
  return listening.run(true, () => handle(request, body));
}

/** Decides about a message to an entry that has no HTTP; returns the answer that denies. */
export async function deniedListening(
  guard: Guard,
  message: Message,
  extra: unknown,
): Promise<Message | undefined> {
  if (message["method"] !== LISTEN || !isRequest(message)) return undefined;
  const party = await guard.party(message, extra);
  const denial = isDenial(party) ? party : await guard.decide(message, party);
  return denial === undefined ? undefined : deniedRequest(message.id, denial, guard.style);
}

async function refusalOf(
  guard: Guard,
  message: RequestMessage,
  extra: unknown,
): Promise<Response | undefined> {
  const party = await guard.party(message, extra);
  const denial = isDenial(party) ? party : await guard.decide(message, party);
  if (denial === undefined) return undefined;
  const refusal = guard.refusal(message, denial);
  if (refusal === undefined) return Response.json(deniedRequest(message.id, denial, guard.style));
  return Response.json(refusal.body, { status: refusal.status, headers: refusal.headers });
}

async function bodyOf(request: Request): Promise<unknown> {
  const body = await readRequestBody(request, MAX_BYTES);
  if (body.tooLarge) return undefined;
  try {
    return JSON.parse(body.text) as unknown;
  } catch {
    return undefined;
  }
}
