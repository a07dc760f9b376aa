// The guard for A2A agents (`@a2a-js/sdk`): it stands before the request handler, which all
// transports share, so that JSON-RPC, REST and gRPC are guarded alike.

import type { A2ARequestHandler, ServerCallContext } from "@a2a-js/sdk/server";
import { A2AError } from "@a2a-js/sdk/errors";

import { refusal, textOf, type Denial } from "./denial.js";
import { Enforcer, isDenial, traceOf, type EnforcerOptions, type Question } from "./enforcer.js";
import { bearerToken, type Asking } from "./principal.js";

/** A request to an agent, as the hook that says who asks sees it. */
export interface A2aRequest extends Asking {
  /** The name of the handler's method, such as `sendMessage`. */
  readonly method: string;
  readonly params: unknown;
  readonly context: ServerCallContext;
}

/** How an agent is guarded. */
export interface A2aGuardOptions extends EnforcerOptions<A2aRequest> {
  /** The agent's name in questions: messages are `invoke` on `agent` `<name>`. */
  agent: string;
  /** The type of an agent in questions, `agent` without it. */
  type?: string;
}

/** A denial, as an A2A server answers it. Its metadata say the code and what would help. */
export class DeniedError extends A2AError {
  constructor(readonly denial: Denial) {
    const metadata = { code: denial.code, next_action: denial.next_action };
    const scopes = denial.missing_scopes?.join(" ");
    super({
      message: textOf(denial),
      metadata: scopes === undefined ? metadata : { ...metadata, missing_scopes: scopes },
    });
  }
}

type Method = keyof A2ARequestHandler;

/** What each method is asked as; a method that is not here is denied. */
const ACTIONS: Readonly<Record<Exclude<Method, "getAgentCard">, string>> = {
  sendMessage: "invoke",
  sendMessageStream: "invoke",
  getAuthenticatedExtendedAgentCard: "card/get",
  listTasks: "tasks/list",
  getTask: "tasks/get",
  cancelTask: "tasks/cancel",
  resubscribe: "tasks/subscribe",
  createTaskPushNotificationConfig: "tasks/pushNotificationConfig/set",
  getTaskPushNotificationConfig: "tasks/pushNotificationConfig/get",
  listTaskPushNotificationConfigs: "tasks/pushNotificationConfig/list",
  deleteTaskPushNotificationConfig: "tasks/pushNotificationConfig/delete",
};

/** Methods that answer with a stream: a denial is its first event. */
const STREAMS = new Set<Method>(["sendMessageStream", "resubscribe"]);

/** Returns a handler that decides about every request before the given one sees it. */
export function guard(handler: A2ARequestHandler, options: A2aGuardOptions): A2ARequestHandler {
  const enforcer = new Enforcer<A2aRequest>(options, bearerToken);
  const decide = async (method: Method, params: unknown, context: ServerCallContext) => {
    const denial = await denialOf(enforcer, options, method, params, context);
    if (denial !== undefined) throw new DeniedError(denial);
  };
  return new Proxy(handler, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      // The public card is for everybody: it says how to sign in.
      if (name === "getAgentCard") return member.bind(target) as unknown;
      const method = name as Method;
      type Handle = (params: unknown, context: ServerCallContext) => unknown;
      const handle = member.bind(target) as Handle;
      if (STREAMS.has(method)) {
        return async function* (params: unknown, context: ServerCallContext) {
          await decide(method, params, context);
          yield* handle(params, context) as AsyncGenerator;
        };
      }
      return async (params: unknown, context: ServerCallContext) => {
        await decide(method, params, context);
        return handle(params, context);
      };
    },
  });
}

async function denialOf(
  enforcer: Enforcer<A2aRequest>,
  options: A2aGuardOptions,
  method: Method,
  params: unknown,
  context: ServerCallContext,
): Promise<Denial | undefined> {
  const header = headersOf(context);
  const party = await enforcer.party({ method, params, context, header });
  if (isDenial(party)) return party;
  const question = questionOf(options, method, params);
  if (question === undefined) {
    return refusal("method_unknown", `Nothing says who may ask for \`${method}\`.`);
  }
  return enforcer.denial(party, question, traceOf(header("traceparent"), header("tracestate")));
}

function questionOf(
  options: A2aGuardOptions,
  method: Method,
  params: unknown,
): Question | undefined {
  const { agent, type = "agent" } = options;
  const action = Object.hasOwn(ACTIONS, method)
    ? ACTIONS[method as keyof typeof ACTIONS]
    : undefined;
  if (action === undefined) return undefined;
  const task = taskOf(method, params);
  if (task === undefined) return { action, resource: { type, id: agent } };
  return { action, resource: { type: "task", id: `${agent}/${task}` } };
}

/** Returns the task that a request is about; a message to one is still a message to the agent. */
function taskOf(method: Method, params: unknown): string | undefined {
  if (!ACTIONS[method as keyof typeof ACTIONS].startsWith("tasks/") || method === "listTasks") {
    return undefined;
  }
  const { id, taskId } = (params ?? {}) as { id?: unknown; taskId?: unknown };
  // A push configuration has an id of its own, beside that of its task.
  const task = method.includes("PushNotification") ? taskId : id;
  return typeof task === "string" ? task : "";
}

function headersOf(context: ServerCallContext): (name: string) => string | undefined {
  const headers = context?.state?.get("headers") as Record<string, unknown> | undefined;
  return (name) => {
    const value = headers?.[name.toLowerCase()];
    return typeof value === "string" ? value : undefined;
  };
}
