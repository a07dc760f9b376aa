// `subscriptions/listen` of the revision 2026-07-28. The SDK's entries answer it themselves, from
// what the server says that it can, and the server never sees it: a guard on the server alone would
// not either. So a guarded server says nothing of what can be listened to, unless the entry is
// guarded too.

import { AsyncLocalStorage } from "node:async_hooks";

import { readRequestBody } from "@modelcontextprotocol/server";

import { isObject } from "../answer.js";
import { isDenial } from "../enforcer.js";
import type { Guard } from "./guard.js";
import { deniedRequest, isRequest, type Message, type RequestMessage } from "./messages.js";
import { isHandling } from "./sdk.js";

const LISTEN = "subscriptions/listen";

/** The most bytes of a request to listen; it holds a few addresses. */
const MAX_BYTES = 1024 * 1024;

/** Set while a request to listen is answered that was permitted. */
const listening = new AsyncLocalStorage<true>();

/** A server that says what it can. */
interface Capable {
  getCapabilities(): object;
  close(): Promise<void>;
  readonly transport?: unknown;
}

/** Hides from the SDK's entries what can be listened to; `decided` entries ask the guard. */
export function hideSubscriptions(guard: Guard, low: Capable, decided: boolean): void {
  if (decided) return;
  const real = low.getCapabilities.bind(low);
  const close = low.close.bind(low);
  let discarded = false;
  low.close = () => {
    discarded ||= low.transport === undefined;
    return close();
  };
  low.getCapabilities = () => {
    if (isHandling() || listening.getStore() === true) return real();
    // Whoever registers a tool looks at once; an entry keeps it, or has thrown the server away.
    let fresh = true;
    queueMicrotask(() => (fresh = false));
    return viewOf(real(), () => {
      if (fresh && !discarded) return true;
      const remedy = "use guardedMcpHandler() or serveGuardedStdio()";
      guard.enforcer.report(new Error(`\`${LISTEN}\` would go around the guard: ${remedy}`));
      return false;
    });
  };
}

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

/** Shows what a server can, and what can be listened to only for as long as `shown` says so. */
function viewOf(capabilities: object, shown: () => boolean): object {
  const view: Record<string, unknown> = { ...capabilities };
  for (const kind of ["tools", "prompts", "resources"]) {
    const own = view[kind];
    if (!isObject(own)) continue;
    const part: Record<string, unknown> = { ...own };
    for (const name of ["listChanged", "subscribe"]) {
      const value = own[name];
      if (value !== true) continue;
      const get = () => (shown() ? value : undefined);
      Object.defineProperty(part, name, { get, enumerable: true });
    }
    view[kind] = part;
  }
  return view;
}
