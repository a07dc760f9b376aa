// The guard for Express.

import type { Request, RequestHandler } from "express";

import { braces, RouteGuard, type Route, type RouteGuardOptions } from "./routes.js";

export type { Route, RouteGuardOptions, RouteRequest } from "./routes.js";

/** What one route of Express is asked as. */
export interface ExpressRoute extends Route<Request> {
  /** Where the route's router is mounted, as the application says it. Express knows only what the
   * request has in that place, which may be written in other ways, or be a parameter's value. */
  mount?: string;
}

/** Returns what makes a middleware for a route: `app.get("/orders/:id", guard(), handler)`. */
export function guard(
  options: RouteGuardOptions<Request>,
): (route?: ExpressRoute) => RequestHandler {
  const own = new RouteGuard(options);
  return (route = {}) =>
    async (request, response, next) => {
      const path: unknown = request.route?.path;
      const mount = route.mount ?? (request.baseUrl === "" ? "" : undefined);
      const known = typeof path === "string" && mount !== undefined;
      const template = known ? braces(mount + path) : undefined;
      const refused = await own.decide(
        {
          raw: request,
          method: request.method,
          path: request.baseUrl + request.path,
          template,
          params: request.params,
          header: (name) => request.get(name),
        },
        route,
      );
      if (refused === undefined) return next();
      response.status(refused.status).set(refused.headers).send(JSON.stringify(refused.body));
    };
}
