// The guard for Fastify.

import type { FastifyRequest, preHandlerAsyncHookHandler } from "fastify";

import { braces, RouteGuard, type Route, type RouteGuardOptions } from "./routes.js";

export type { Route, RouteGuardOptions, RouteRequest } from "./routes.js";

/** Returns what makes a hook for a route: `app.get("/orders", { preHandler: guard() }, …)`. */
export function guard(
  options: RouteGuardOptions<FastifyRequest>,
): (route?: Route<FastifyRequest>) => preHandlerAsyncHookHandler {
  const own = new RouteGuard(options);
  return (route = {}) =>
    async (request, reply) => {
      const url = request.routeOptions.url;
      const refused = await own.decide(
        {
          raw: request,
          method: request.method,
          path: new URL(request.url, "http://localhost").pathname,
          template: url === undefined ? undefined : braces(url),
          params: request.params as Record<string, unknown>,
          header: (name) => {
            const value = request.headers[name.toLowerCase()];
            return typeof value === "string" ? value : undefined;
          },
        },
        route,
      );
      if (refused === undefined) return;
      await reply.code(refused.status).headers(refused.headers).send(JSON.stringify(refused.body));
    };
}
