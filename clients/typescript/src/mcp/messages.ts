// The JSON-RPC messages that a guard reads and writes, and how a denial looks in them.

import { isObject } from "../answer.js";
import { membersOf, textOf, type Denial } from "../denial.js";
import type { Params } from "./mapping.js";

/** The id of a request. */
export type Id = string | number;

/** A message as a transport hands it over: nothing about it is known. */
export type Message = Record<string, unknown>;

/** A request of a client. */
export interface RequestMessage extends Message {
  jsonrpc: "2.0";
  id: Id;
  method: string;
  params?: Params;
}

/** Where a denial stands besides the text, for tools whose results have a schema of their own. */
export const DENIAL_META = "behest/denial";

/** The envelope of SEP-2643. */
const AUTHORIZATION_META = "io.modelcontextprotocol/authorization";

const PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion";

/** How denials are written. */
export interface DenialStyle {
  /** The code of a JSON-RPC error that denies. */
  code: number;
  /** Whether results carry the envelope of SEP-2643. */
  structured: boolean;
}

/** Returns `true` for a request: an id that can be answered, and a method. */
export function isRequest(message: Message): message is RequestMessage {
  const { id, method } = message;
  const answerable = typeof id === "string" || (typeof id === "number" && Number.isFinite(id));
  return answerable && typeof method === "string";
}

/** Returns the id that a message answers, if it is an answer. */
export function answeredId(message: Message): Id | undefined {
  const { id } = message;
  if (typeof message["method"] === "string") return undefined;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}

/** Returns `true` for a request of the revision 2026-07-28 or later: its results have more members.
 * */
export function isModern(request: RequestMessage): boolean {
  const meta = request.params?.["_meta"];
  return isObject(meta) && typeof meta[PROTOCOL_VERSION] === "string";
}

/** Returns the result of a tool that was not called. */
export function deniedCall(
  request: RequestMessage,
  denial: Denial,
  style: DenialStyle,
  hasSchema: boolean,
): Message {
  const members = membersOf(denial);
  const result: Record<string, unknown> = {
    isError: true,
    content: [{ type: "text", text: textOf(denial) }],
    _meta: { [DENIAL_META]: members, ...(style.structured ? envelope(denial) : {}) },
  };
  // Clients hold structured content to the tool's own schema, and drop the whole result otherwise.
  if (!hasSchema) result["structuredContent"] = members;
  if (isModern(request)) result["resultType"] = "complete";
  return { jsonrpc: "2.0", id: request.id, result };
}

/** Returns the error of any other method that is denied. */
export function deniedRequest(id: Id, denial: Denial, style: DenialStyle): Message {
  const code =
    denial.code === "request_unmapped" ? -32602
    : denial.code === "pdp_unavailable" || denial.code === "principal_failed" ? -32603
    : style.code;
  return errorMessage(id, code, textOf(denial), membersOf(denial));
}

/** Returns an error. */
export function errorMessage(id: Id, code: number, message: string, data?: unknown): Message {
  const error = data === undefined ? { code, message } : { code, message, data };
  return { jsonrpc: "2.0", id, error };
}

/** Only what the service said can be hinted at: a remedy that no client can use is undisclosed. */
function envelope(denial: Denial): Record<string, unknown> {
  const reason = "insufficient_authorization";
  const details = denial.authorization_details;
  if (details !== undefined) {
    const hint = { type: "authorization_remediation", authorization_details: details };
    return { [AUTHORIZATION_META]: { reason, remediation: "available", remediationHints: [hint] } };
  }
  const remediation = denial.next_action === "none" ? "unavailable" : "undisclosed";
  return { [AUTHORIZATION_META]: { reason, remediation } };
}
