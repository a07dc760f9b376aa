// How a request of MCP becomes questions: the default mappings of COAZ's MCP binding, for both
// revisions of the protocol, and what they leave out where a server of the newer one needs it.
//
// INVARIANT: the table is total. A method that it does not know is denied, and never passed on.

import { isObject } from "../answer.js";
import type { Question } from "../enforcer.js";
import { MappingError } from "./values.js";

/** The parameters of a request. */
export type Params = Record<string, unknown>;

/** A mapping of one method: the questions of which all must be permitted. */
export type Mapping = (params: Params, server: string, method: string) => Question[];

/** The methods whose answer lists what else could be asked for, and how an entry is named. */
export const LISTS: Readonly<Record<string, { member: string; key: string }>> = {
  "tools/list": { member: "tools", key: "name" },
  "prompts/list": { member: "prompts", key: "name" },
  "resources/list": { member: "resources", key: "uri" },
};

/** Answers that were decided for one caller: no cache may show them to another. */
export const PRIVATE_RESULTS: ReadonlySet<string> = new Set([
  ...Object.keys(LISTS),
  "resources/templates/list",
  "resources/read",
]);

/** Methods before which nothing else can be asked. */
export const HANDSHAKE: ReadonlySet<string> = new Set(["initialize", "server/discover"]);

/** How many resources one `subscriptions/listen` may name. */
const MAX_LISTENED = 200;

const PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion";

const MAPPINGS: Readonly<Record<string, Mapping>> = {
  initialize: (params, server, method) => [
    onServer(server, method, { protocol_version: params["protocolVersion"] }),
  ],
  "tasks/list": plain,
  "prompts/get": (params, server, method) => [
    { action: method, resource: promptOf(server, text(params, "name")) },
  ],
  "resources/read": onUri,
  "resources/subscribe": onUri,
  "resources/unsubscribe": onUri,
  "completion/complete": (params, server, method) => [
    { action: method, resource: completed(params, server) },
  ],
  "logging/setLevel": (params, server, method) => [
    onServer(server, method, { level: text(params, "level") }),
  ],
  "tasks/get": onTask,
  "tasks/result": onTask,
  "tasks/cancel": onTask,
  // Extensions of COAZ: without them no server of the newer revision could be asked anything.
  "tasks/update": onTask,
  "resources/templates/list": plain,
  "server/discover": (params, server, method) => {
    const meta = isObject(params["_meta"]) ? params["_meta"] : {};
    return [onServer(server, method, { protocol_version: meta[PROTOCOL_VERSION] })];
  },
  "subscriptions/listen": (params, server, method) => {
    const filter = params["notifications"];
    if (!isObject(filter)) throw new MappingError("`notifications` is no object");
    const uris = filter["resourceSubscriptions"] ?? [];
    if (!Array.isArray(uris)) throw new MappingError("`resourceSubscriptions` is no array");
    if (uris.length > MAX_LISTENED) {
      throw new MappingError(`\`resourceSubscriptions\` names more than ${MAX_LISTENED} URIs`);
    }
    const each = uris.map((uri) => ({
      action: "resources/subscribe",
      resource: resourceOf(text({ uri }, "uri")),
    }));
    return [onServer(server, method), ...each];
  },
};

/** Returns the question of a call, with the arguments that the tool runs with. */
export function callOf(server: string, name: string, args: unknown): Question {
  return {
    action: "tools/call",
    resource: { type: "tool", id: `${server}/${name}` },
    context: { arguments: args },
  };
}

/** Returns the question about an entry of a list. */
export function entryOf(server: string, list: string, key: string): Question {
  switch (list) {
    case "tools/list":
      return { action: "tools/call", resource: { type: "tool", id: `${server}/${key}` } };
    case "prompts/list":
      return { action: "prompts/get", resource: promptOf(server, key) };
    default:
      return { action: "resources/read", resource: resourceOf(key) };
  }
}

/** Returns the questions of any other method, or nothing for one that nobody has mapped. */
export function questionsOf(
  method: string,
  params: Params,
  server: string,
  own: Readonly<Record<string, Mapping>>,
): Question[] | undefined {
  const mappings = Object.hasOwn(own, method) ? own : MAPPINGS;
  if (!Object.hasOwn(mappings, method)) return undefined;
  const questions = mappings[method]?.(params, server, method) ?? [];
  if (questions.length === 0) throw new MappingError(`the mapping of \`${method}\` asks nothing`);
  return questions;
}

/** Returns the URI as a server looks it up, so that two spellings of one are not two. */
export function normalized(uri: string): string {
  try {
    return new URL(uri).toString();
  } catch {
    return uri;
  }
}

/** Returns a member that must be a text. */
export function text(params: Params, name: string): string {
  const value = Object.hasOwn(params, name) ? params[name] : undefined;
  if (typeof value !== "string" || value === "") {
    throw new MappingError(`\`${name}\` is missing, or no text`);
  }
  return value;
}

function plain(_params: Params, server: string, method: string): Question[] {
  return [onServer(server, method)];
}

function onServer(server: string, action: string, more: Record<string, unknown> = {}): Question {
  const context = Object.fromEntries(
    Object.entries(more).filter(([, value]) => typeof value === "string"),
  );
  const resource = { type: "mcp_server", id: server };
  return Object.keys(context).length === 0 ? { action, resource } : { action, resource, context };
}

function onUri(params: Params, _server: string, method: string): Question[] {
  return [{ action: method, resource: resourceOf(text(params, "uri")) }];
}

function onTask(params: Params, server: string, method: string): Question[] {
  const id = `${server}/${text(params, "taskId")}`;
  return [{ action: method, resource: { type: "task", id } }];
}

function promptOf(server: string, name: string): { type: string; id: string } {
  return { type: "prompt", id: `${server}/${name}` };
}

function resourceOf(uri: string): { type: string; id: string } {
  return { type: "resource", id: normalized(uri) };
}

function completed(params: Params, server: string): { type: string; id: string } {
  const ref = params["ref"];
  if (!isObject(ref)) throw new MappingError("`ref` is no object");
  switch (ref["type"]) {
    case "ref/prompt":
      return promptOf(server, text(ref, "name"));
    case "ref/resource":
      // A template is compared as it is written; it is no address yet.
      return { type: "resource", id: text(ref, "uri") };
    default:
      throw new MappingError("`ref.type` is neither a prompt nor a resource");
  }
}
