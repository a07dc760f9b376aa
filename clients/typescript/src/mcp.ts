// The guard for `@modelcontextprotocol/sdk` 1.x.

import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Server } from "@modelcontextprotocol/sdk/server/index.js";

import { putOn } from "./mcp/connect.js";
import { Guard, type GuardOptions } from "./mcp/guard.js";

export type { GuardOptions, McpRequest } from "./mcp/guard.js";
export type { Mapping, Params } from "./mcp/mapping.js";
export { DENIAL_META } from "./mcp/messages.js";
export { MappingError } from "./mcp/values.js";

/**
 * Guards a server, and returns it: every request is decided before it is handled.
 *
 * Put it on before `connect()`. Tools may be registered before or after. Throws where the server
 * has a guard, is connected, or is of a version that the guard does not know.
 */
export function guard<Guarded extends McpServer | Server>(
  server: Guarded,
  options: GuardOptions,
): Guarded {
  putOn(new Guard(options), server);
  return server;
}
