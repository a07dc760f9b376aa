// @behest/authzen: an AuthZEN client. The guards are in `/mcp`, `/mcp-server`, `/express`, `/hono`,
// `/fastify` and `/a2a`.

export type { Decision } from "./answer.js";
export { AuthZenClient, type CallOptions, type ClientOptions } from "./client.js";
export type { TlsOptions } from "./connection.js";
export {
  challengeOf,
  denialOf,
  membersOf,
  textOf,
  type Challenge,
  type Denial,
} from "./denial.js";
export type { DecisionEvent, EnforcerOptions, Pdp, Question } from "./enforcer.js";
export { AuthZenError, type FailureKind } from "./errors.js";
export {
  bearerToken,
  type Asking,
  type Chain,
  type Credential,
  type Credentials,
  type Principal,
} from "./principal.js";
export type * from "./types.js";
