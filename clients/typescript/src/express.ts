// The guard for Express.

import type { Request, RequestHandler } from "express";

import { braces, RouteGuard, type Route, type RouteGuardOptions } from "./routes.js";

export type { Route, RouteGuardOptions, RouteRequest } from "./routes.js";

/** Returns what makes a middleware for a route: `app.get("/orders/:id", guard(), handler)`. */
export function guard(
  options: RouteGuardOptions<Request>,
): (route?: Route<Request>) => RequestHandler {
  const own = new RouteGuard(options);
  return (route = {}) =>
    async (request, response, next) => {
      const path: unknown = request.route?.path;
      const template = typeof path === "string" ? braces(request.baseUrl + path) : undefined;
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
