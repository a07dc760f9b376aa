// What the tests share: the service as a process, services that misbehave, and the server of the
// table of cases in each form that an SDK has.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import * as http from "node:http";
import { fileURLToPath } from "node:url";

import { Server as LowLevel1 } from "@modelcontextprotocol/sdk/server/index.js";
import { McpServer as McpServer1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  CallToolRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServer2 } from "@modelcontextprotocol/server";
import * as z from "zod";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The bundle and the table that all clients are tested with. */
export const BUNDLE = here("../../testdata/bundle");
export const TABLE = JSON.parse(readFileSync(here("../../testdata/table.json"), "utf8"));

/** Starts the service with the bundle of the table; `stop()` ends it. */
export async function behest(...more) {
  const binary = process.env.BEHEST_BINARY ?? here("../../../target/debug/behest");
  const given = more.includes("--listen") ? more : ["--listen", "127.0.0.1:0", ...more];
  const permissions = more.includes("--config") ? [] : ["--anonymous", "decide,search"];
  // The service takes every variable that begins like this for a setting.
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith("BEHEST_"));
  const child = spawn(binary, ["--bundle", BUNDLE, ...permissions, ...given], {
    cwd: here("."),
    env: Object.fromEntries(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const address = await new Promise((resolve, reject) => {
    let log = "";
    const read = (chunk) => {
      log += chunk;
      const found = /"message":"serving: [^\n]*"address":"([^"]+)"/.exec(log);
      if (found !== null) resolve(found[1]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`behest ended with ${code}: ${log}`)));
  });
  const url = address.startsWith("unix:") ? address : `http://${address}`;
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        child.on("exit", resolve);
        child.kill("SIGTERM");
      }),
  };
}

/** What a test that fails leaves behind ends with its file. */
const servers = new Set();
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  const { after } = await import("node:test");
  after(() => {
    for (const server of servers) {
      server.closeAllConnections?.();
      server.close();
    }
  });
}

/** Listens on a free port of this machine. */
export async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.add(server);
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () =>
      new Promise((resolve) => {
        servers.delete(server);
        server.closeAllConnections?.();
        server.close(resolve);
      }),
  };
}

/** A service that answers as the function says, and keeps what it was asked. */
export async function pdp(answer) {
  const asked = [];
  const server = http.createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      const body = text === "" ? undefined : JSON.parse(text);
      asked.push({ path: request.url, headers: request.headers, body });
      answer(response, body, request);
    });
  });
  return { ...(await listen(server)), asked, server };
}

/** Answers with JSON. */
export function json(response, value, status = 200, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(typeof value === "string" ? value : JSON.stringify(value));
}

/** A service that permits everything, and batches too. */
export function permitAll(response, body) {
  if (body.evaluations === undefined) return json(response, { decision: true });
  return json(response, { evaluations: body.evaluations.map(() => ({ decision: true })) });
}

/** A tool's arguments by the table's schema, with its defaults. */
const SHAPES = {
  status: {},
  search: { query: z.string(), limit: z.number().int().default(20) },
  refund: { order: z.string(), amount: z.number() },
  close: { ticket: z.string() },
  export: { format: z.string().default("full") },
};

const done = (name) => ({ content: [{ type: "text", text: `${name} done` }] });
const contents = (uri) => ({ contents: [{ uri: String(uri), text: "text" }] });
const praise = () => ({ messages: [{ role: "user", content: { type: "text", text: "text" } }] });

/** Fills an `McpServer` of either generation; what runs is pushed into `ran`. */
function fill(server, ran) {
  for (const { name, description } of TABLE.tools) {
    const inputSchema = server instanceof McpServer2 ? z.object(SHAPES[name]) : SHAPES[name];
    server.registerTool(name, { description, inputSchema }, (args) => {
      ran.push({ name, args });
      return done(name);
    });
  }
  for (const uri of TABLE.resources) {
    server.registerResource(uri, uri, {}, () => {
      ran.push({ name: uri });
      return contents(uri);
    });
  }
  for (const name of TABLE.prompts) {
    server.registerPrompt(name, {}, () => {
      ran.push({ name });
      return praise();
    });
  }
  return server;
}

/** `McpServer` of the SDK 1.x. */
export const highLevel1 = (ran) =>
  fill(new McpServer1({ name: "desk", version: "1.0.0" }), ran);

/** `McpServer` of the SDK 2.x. */
export const highLevel2 = (ran, options = {}) =>
  fill(new McpServer2({ name: "desk", version: "1.0.0" }, options), ran);

/** A server of the SDK 1.x whose handlers are its own, and give defaults themselves. */
export function lowLevel1(ran) {
  const capabilities = { tools: {}, resources: {}, prompts: {} };
  const server = new LowLevel1({ name: "desk", version: "1.0.0" }, { capabilities });
  const handle = (schema, handler) => server.setRequestHandler(schema, handler);
  handle(ListToolsRequestSchema, () => ({ tools: TABLE.tools }));
  handle(CallToolRequestSchema, ({ params }) => {
    ran.push({ name: params.name, args: params.arguments });
    return done(params.name);
  });
  handle(ListResourcesRequestSchema, () => ({
    resources: TABLE.resources.map((uri) => ({ uri, name: uri })),
  }));
  handle(ReadResourceRequestSchema, ({ params }) => {
    ran.push({ name: params.uri });
    return contents(params.uri);
  });
  handle(ListPromptsRequestSchema, () => ({ prompts: TABLE.prompts.map((name) => ({ name })) }));
  handle(GetPromptRequestSchema, ({ params }) => {
    ran.push({ name: params.name });
    return praise();
  });
  return server;
}

/** Who asks, by the name that the test sends. */
export const principal = (request) =>
  TABLE.principals[request.header("x-who") ?? request.authInfo?.clientId];

/** Makes a client's messages those of somebody, where there are no headers. */
export function as(transport, who) {
  const send = transport.send.bind(transport);
  const authInfo = { token: "", clientId: who, scopes: [] };
  transport.send = (message, options) => send(message, { ...options, authInfo });
  return transport;
}

/** What came of a request: whether it was permitted, and else the members of the denial. */
export async function outcome(client, method, params) {
  try {
    const result = await METHODS[method](client, params);
    if (method !== "tools/call" || result.isError !== true) return { permitted: true, result };
    return { permitted: false, result, ...result._meta?.["behest/denial"] };
  } catch (error) {
    return { permitted: false, error, ...error.data };
  }
}

const METHODS = {
  "tools/call": (client, params) => client.callTool(params),
  "tools/list": (client) => client.listTools(),
  "resources/read": (client, params) => client.readResource(params),
  "resources/list": (client) => client.listResources(),
  "prompts/get": (client, params) => client.getPrompt(params),
  "prompts/list": (client) => client.listPrompts(),
};

/** The names in a list. */
export function namesOf(method, result) {
  const list = result[{ "tools/list": "tools", "resources/list": "resources", "prompts/list": "prompts" }[method]];
  return list.map((entry) => (method === "resources/list" ? entry.uri : entry.name)).sort();
}
