// What the guard uses of an MCP SDK, of either generation: which parts of a server it replaces, and
// how it tells that they are there. A version without them is refused when the guard is put on.

import { AsyncLocalStorage } from "node:async_hooks";

import type { HttpTransport } from "./exchange.js";
import type { Message } from "./messages.js";

/** A transport of an SDK. */
export interface Transport extends HttpTransport {
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
  onmessage?: ((message: never, extra?: never) => void) | undefined;
}

/** A transport, as it is called. */
export interface OpenTransport extends HttpTransport {
  start(): Promise<void>;
  send(message: Message, options?: unknown): Promise<void>;
  onmessage?: ((message: Message, extra?: unknown) => void) | undefined;
  sessionId?: string | undefined;
}

/** `Server` of both SDKs. */
export interface LowLevelServer {
  connect(transport: OpenTransport): Promise<void>;
  close(): Promise<void>;
  readonly transport?: unknown;
  getCapabilities?: () => object;
}

/** A tool as `McpServer` keeps it. */
export interface RegisteredTool {
  enabled: boolean;
  outputSchema?: unknown;
}

/** What `McpServer` of both SDKs keeps to itself, and the guard needs: the tools by their names,
 * and the step that turns what was sent into what the tool runs with. */
interface Internals {
  _registeredTools: Record<string, RegisteredTool>;
  _registeredPrompts?: Record<string, { enabled: boolean }>;
  _registeredResources?: Record<string, { enabled: boolean }>;
  validateToolInput(tool: RegisteredTool, args: unknown, name: string): Promise<unknown>;
}

/** A call that was decided, while it is handled. */
export interface Call {
  tools: Tools;
  tool: RegisteredTool;
  /** The arguments that were decided about; they are given out once. */
  args: unknown;
  used: boolean;
  /** Decides about other arguments, or once more about these; throws a denial. */
  decide(name: string, args: unknown): Promise<void>;
}

/** What is handled: a call that was decided, or any other request that was let through. */
const requests = new AsyncLocalStorage<Call | "other">();

/** Handles a request that was let through. */
export function run(handle: () => void, call?: Call): void {
  requests.run(call ?? "other", handle);
}

/** Returns `true` while a request is handled that was let through. */
export function isHandling(): boolean {
  return requests.getStore() !== undefined;
}

/** The tools of an `McpServer`. */
export class Tools {
  readonly #internals: Internals;
  readonly #validate: Internals["validateToolInput"];

  constructor(internals: Internals) {
    this.#internals = internals;
    this.#validate = internals.validateToolInput.bind(internals);
    internals.validateToolInput = (tool, args, name) => this.#decided(tool, args, name);
  }

  /** Returns a tool that can be called. */
  find(name: string): RegisteredTool | undefined {
    const tools = this.#internals._registeredTools;
    const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
    return tool?.enabled === true ? tool : undefined;
  }

  /** Returns what a list is going to hold, as far as that is known beforehand. */
  listed(method: string): string[] {
    const kept = {
      "tools/list": this.#internals._registeredTools,
      "prompts/list": this.#internals._registeredPrompts,
      "resources/list": this.#internals._registeredResources,
    }[method];
    return Object.entries(kept ?? {})
      .filter(([, entry]) => entry.enabled)
      .map(([name]) => name);
  }

  /** Returns the arguments that the tool would run with; throws where they do not fit. */
  validate(tool: RegisteredTool, args: unknown, name: string): Promise<unknown> {
    return this.#validate(tool, args, name);
  }

  /**
   * Stands where the SDK reads a call's arguments, as the last step before the tool.
   *
   * INVARIANT: a tool runs with the very arguments that were decided about. A call that reached
   * this step without a decision was not seen by the guard, and does not run. One that comes here
   * again, as after a question to the user, is decided again.
   */
  async #decided(tool: RegisteredTool, args: unknown, name: string): Promise<unknown> {
    const call = requests.getStore();
    if (call === undefined || call === "other" || call.tools !== this) {
      throw new Error(`the call of \`${name}\` has gone around the guard, and is refused`);
    }
    if (call.tool === tool && !call.used) {
      call.used = true;
      return call.args;
    }
    const own = await this.#validate(tool, args, name);
    await call.decide(name, own);
    return own;
  }
}

/** Returns the server that speaks the protocol, and the tools if it keeps any. */
export function partsOf(server: unknown): { low: LowLevelServer; tools?: () => Tools } {
  const outer = server as { server?: unknown } & Partial<Internals>;
  const low = (isServer(outer) ? outer : outer.server) as LowLevelServer;
  if (!isServer(low)) {
    throw new TypeError("guard() takes an `McpServer` or a `Server` of the MCP SDK");
  }
  if (low === server) return { low };
  if (typeof outer._registeredTools !== "object" || typeof outer.validateToolInput !== "function") {
    throw new TypeError(
      "this version of the MCP SDK keeps its tools in a way that this guard does not know",
    );
  }
  return { low, tools: () => new Tools(outer as Internals) };
}

function isServer(value: unknown): value is LowLevelServer {
  const server = value as (Partial<LowLevelServer> & { setRequestHandler?: unknown }) | undefined;
  return typeof server?.connect === "function" && typeof server.setRequestHandler === "function";
}
