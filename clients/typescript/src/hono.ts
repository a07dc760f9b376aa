// The guard for Hono.

import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";

import { braces, RouteGuard, type Route, type RouteGuardOptions } from "./routes.js";

export type { Route, RouteGuardOptions, RouteRequest } from "./routes.js";

/** Returns what makes a middleware for a route: `app.get("/orders/:id", guard(), handler)`. */
export function guard(
  options: RouteGuardOptions<Context>,
): (route?: Route<Context>) => MiddlewareHandler {
  const own = new RouteGuard(options);
  return (route = {}) =>
    async (context, next) => {
      const refused = await own.decide(
        {
          raw: context,
          method: context.req.method,
          path: context.req.path,
          template: braces(routePath(context)),
          params: context.req.param(),
          header: (name) => context.req.header(name),
        },
        route,
      );
      if (refused === undefined) return next();
      const { status, headers, body } = refused;
      return new Response(JSON.stringify(body), { status, headers });
    };
}
