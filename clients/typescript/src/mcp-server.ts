// The guard for `@modelcontextprotocol/server` 2.x, which serves both revisions of the protocol.

import {
  createMcpHandler,
  type CreateMcpHandlerOptions,
  type McpHttpHandler,
  type McpServer,
  type McpServerFactory,
  type Server,
  type Transport,
} from "@modelcontextprotocol/server";
import {
  serveStdio,
  StdioServerTransport,
  type ServeStdioOptions,
  type StdioServerHandle,
} from "@modelcontextprotocol/server/stdio";

import { putOn, type Serving } from "./mcp/connect.js";
import { Guard, type GuardOptions } from "./mcp/guard.js";
import { decideListening, deniedListening } from "./mcp/listening.js";
import type { Message } from "./mcp/messages.js";

export type { GuardOptions, McpRequest } from "./mcp/guard.js";
export type { Mapping, Params } from "./mcp/mapping.js";
export { DENIAL_META } from "./mcp/messages.js";
export { MappingError } from "./mcp/values.js";

type Product = McpServer | Server;

/**
 * Guards a server, and returns it: every request is decided before it is handled.
 *
 * Put it on before `connect()`. Behind `createMcpHandler` and `serveStdio` nobody can listen to
 * what changes: they answer that without the server; use the two functions below in their stead.
 */
export function guard<Guarded extends Product>(server: Guarded, options: GuardOptions): Guarded {
  putOn(new Guard(options), server);
  return server;
}

/** Does what `createMcpHandler` does, with a guard on each server that the factory makes. */
export function guardedMcpHandler(
  factory: McpServerFactory,
  options: GuardOptions,
  handlerOptions?: CreateMcpHandlerOptions,
): McpHttpHandler {
  const own = new Guard(options);
  const handler = createMcpHandler(
    async (context) => guarded(await factory(context), own, {}),
    handlerOptions,
  );
  const fetch: McpHttpHandler["fetch"] = (request, requestOptions = {}) =>
    decideListening(own, request, requestOptions, (forwarded, parsedBody) =>
      handler.fetch(forwarded, {
        ...requestOptions,
        ...(parsedBody === undefined ? {} : { parsedBody }),
      }),
    );
  return { ...handler, fetch };
}

/** Does what `serveStdio` does, with a guard on each server that the factory makes. */
export function serveGuardedStdio(
  factory: McpServerFactory,
  options: GuardOptions,
  stdioOptions: ServeStdioOptions = {},
): StdioServerHandle {
  const own = new Guard(options);
  const transport = stdioOptions.transport ?? new StdioServerTransport();
  decideOnWire(own, transport);
  return serveStdio(async (context) => guarded(await factory(context), own, { listening: true }), {
    ...stdioOptions,
    transport,
  });
}

function guarded<Guarded extends Product>(server: Guarded, own: Guard, serving: Serving): Guarded {
  putOn(own, server, { ...serving, factory: true });
  return server;
}

/** Decides about requests to listen as they come in; all others come to the guarded server. */
function decideOnWire(own: Guard, transport: Transport): void {
  const start = transport.start.bind(transport);
  transport.start = () => {
    const inner = transport.onmessage;
    transport.onmessage = (message, extra) => {
      if ((message as Message)["method"] !== "subscriptions/listen") return inner?.(message, extra);
      void deniedListening(own, message as Message, extra)
        .then((denied) =>
          denied === undefined ? inner?.(message, extra) : transport.send(denied as never),
        )
        .catch((error: unknown) => own.enforcer.report(error));
    };
    return start();
  };
}
