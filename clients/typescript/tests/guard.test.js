// The guard against services that fail, and against every way around it that we could think of.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { AuthZenClient } from "@behest/authzen";
import { guard } from "@behest/authzen/mcp";
import { guard as guard2, guardedMcpHandler } from "@behest/authzen/mcp-server";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, McpServer as McpServer2 } from "@modelcontextprotocol/server";
import * as z from "zod";

import {
  as,
  behest,
  highLevel1,
  highLevel2,
  json,

  lowLevel1,
  outcome,
  pdp,
  permitAll,
  principal,
} from "./support.js";

const INFO = { name: "test", version: "1.0.0" };
const SEARCH = { name: "search", arguments: { query: "vat" } };

const service = await behest();
after(() => service.stop());

/** Connects a client to a guarded server; errors of the guard are kept in `errors`. */
async function connected(server, options = {}, { who = "ana", put = guard, Ends = InMemoryTransport } = {}) {
  const errors = [];
  put(server, {
    server: "desk",
    pdp: service.url,
    principal,
    onError: (error) => errors.push(error.message),
    ...options,
  });
  const [near, far] = Ends.createLinkedPair();
  await server.connect(far);
  const client = new Client(INFO);
  await client.connect(as(near, who));
  return { client, errors, near, far };
}

/** Answers as the first function until the client is connected, then as the second. */
function until(first, then) {
  let connected = false;
  const answer = (to, body, request) => (connected ? then : first)(to, body, request);
  return { answer, now: () => (connected = true) };
}

describe("a service that fails denies, and says so", () => {
  const FAILURES = {
    "no answer": () => {},
    "an error": (to) => json(to, { error: { code: "overloaded" } }, 503),
    "no key": (to) => json(to, { error: { code: "unauthorized" } }, 401),
    HTML: (to) => (to.writeHead(200, { "Content-Type": "text/html" }), to.end("<b>ok</b>")),
    "a text for a decision": (to) => json(to, { decision: "true" }),
    "no decision": (to) => json(to, {}),
    "a batch of another length": (to) => json(to, { evaluations: [{ decision: true }] }),
    "a decision for a batch": (to) => json(to, { decision: true, evaluations: "all" }),
    "a body that is cut off": (to) => {
      to.writeHead(200, { "Content-Type": "application/json", "Content-Length": "90" });
      to.write('{"decision":true,"evaluations":[{"decision":true}]}');
      setTimeout(() => to.destroy(), 20);
    },
    "a huge body": (to) => json(to, `{"decision":true,"a":"${"a".repeat(2_000_000)}"}`),
    "a closed connection": (to) => to.destroy(),
  };
  for (const [name, failure] of Object.entries(FAILURES)) {
    test(name, async () => {
      const phase = until(permitAll, failure);
      const down = await pdp(phase.answer);
      const asked = new AuthZenClient({ url: down.url, timeoutMs: 1_000, maxBytes: 1_000_000 });
      const ran = [];
      const { client, errors } = await connected(highLevel1(ran), { pdp: asked });
      phase.now();
      const single = name === "a decision for a batch";
      const call = await outcome(client, "tools/call", SEARCH);
      if (!single) {
        assert.equal(call.code, "pdp_unavailable", JSON.stringify(call));
        assert.equal(call.next_action, "retry");
        assert.equal(call.result.isError, true);
        assert.match(call.result.content[0].text, /Denied \(pdp_unavailable\)/);
        assert.deepEqual(call.result.structuredContent.code, "pdp_unavailable");
        assert.equal(call.failure, undefined, "the cause is the operator's");
        assert.deepEqual(ran, []);
      }
      for (const method of ["tools/list", "resources/list", "prompts/list"]) {
        const list = await outcome(client, method);
        assert.equal(list.permitted, false, `${method} is neither empty nor full`);
        assert.equal(list.error.code, -32603);
      }
      if (!single) {
        const read = await outcome(client, "resources/read", { uri: "desk://handbook" });
        assert.equal(read.code, "pdp_unavailable");
        assert.equal(read.error.code, -32603);
      }
      assert.ok(errors.length > 0, "the operator is told");
      await client.close();
      asked.close();
      await down.stop();
    });
  }

  test("a service that is gone", async () => {
    const gone = await pdp(permitAll);
    const ran = [];
    const { client } = await connected(highLevel1(ran), { pdp: gone.url });
    await gone.stop();
    assert.equal((await outcome(client, "tools/call", SEARCH)).code, "pdp_unavailable");
    assert.deepEqual(ran, []);
  });

  for (const [name, context, code] of [
    ["an obligation", { obligations: [{ id: "o", type: "step-up" }] }, "obligation_unknown"],
    ["obligations that are no list", { obligations: {} }, "obligation_unknown"],
    ["an answer about some arguments", { unknown: ["arguments"] }, "decision_unknown"],
  ]) {
    test(`a permit on terms: ${name}`, async () => {
      const phase = until(permitAll, (to) => json(to, { decision: true, context }));
      const other = await pdp(phase.answer);
      const ran = [];
      const { client } = await connected(highLevel1(ran), { pdp: other.url });
      phase.now();
      assert.equal((await outcome(client, "tools/call", SEARCH)).code, code);
      assert.deepEqual(ran, []);
      await other.stop();
    });
  }
});

describe("who asks", () => {
  test("nobody is denied, and the service is not asked", async () => {
    const other = await pdp(permitAll);
    await assert.rejects(connected(highLevel1([]), { pdp: other.url, principal: () => undefined }));
    assert.equal(other.asked.length, 0);
    await other.stop();
  });
  for (const [name, hook] of Object.entries({
    "a hook that throws": () => {
      throw new Error("boom");
    },
    "a hook that rejects": () => Promise.reject(new Error("boom")),
    "no subject": () => ({}),
    "a subject without an id": () => ({ subject: { type: "user" } }),
    "no credentials": () => ({ credentials: [] }),
    "an answer that is asked about": () => ({
      subject: { type: "user", id: "ana" },
      context: { protocol_version: "mine" },
    }),
  })) {
    test(`${name} denies`, async () => {
      const other = await pdp(permitAll);
      await assert.rejects(connected(highLevel1([]), { pdp: other.url, principal: hook }));
      assert.equal(other.asked.length, 0);
      await other.stop();
    });
  }

  test("the default hands on the token, and asserts nothing", async () => {
    const other = await pdp(permitAll);
    const server = highLevel1([]);
    guard(server, { server: "desk", pdp: other.url });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    const send = near.send.bind(near);
    const authInfo = { token: "eyJ.a.b", clientId: "mallory", scopes: [], extra: { sub: "ben" } };
    near.send = (message, options) => send(message, { ...options, authInfo });
    const client = new Client(INFO);
    await client.connect(near);
    await client.callTool(SEARCH);
    const { body } = other.asked.at(-1);
    assert.deepEqual(body, {
      subject: { type: "credential", id: "0" },
      action: { name: "tools/call" },
      resource: { type: "tool", id: "desk/search" },
      context: {
        arguments: { query: "vat", limit: 20 },
        credentials: [{ type: "access_token", value: "eyJ.a.b" }],
      },
      options: { reason: true },
    });
    await client.close();
    await other.stop();
  });
});

describe("ways around it", () => {
  test("a guard that is put on twice is refused", () => {
    const server = highLevel1([]);
    guard(server, { server: "desk", pdp: service.url });
    assert.throws(() => guard(server, { server: "desk", pdp: service.url }), /already/);
    assert.throws(() => guard(server.server, { server: "desk", pdp: service.url }), /already/);
  });

  test("so is one that comes too late", async () => {
    const server = highLevel1([]);
    const [, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    assert.throws(() => guard(server, { server: "desk", pdp: service.url }), /connected already/);
  });

  test("and one of something else, or with a name that is none", () => {
    assert.throws(() => guard({}, { server: "desk", pdp: service.url }), TypeError);
    for (const server of ["", "a/b", "a b", "é", undefined]) {
      assert.throws(() => guard(highLevel1([]), { server, pdp: service.url }), TypeError);
    }
  });

  test("and a mapping of a method that the guard decides itself", () => {
    const mapped = (method, more = {}) => {
      const methods = { [method]: () => [] };
      guard(highLevel1([]), { server: "desk", pdp: service.url, methods, ...more });
    };
    for (const method of ["tools/call", "tools/list", "prompts/list", "resources/list", "ping"]) {
      assert.throws(() => mapped(method), /`methods` may not map/);
    }
    for (const method of ["initialize", "server/discover"]) {
      assert.throws(() => mapped(method, { handshake: "pass" }), /`methods` may not map/);
      mapped(method);
    }
  });

  test("an SDK that keeps its tools elsewhere is refused", () => {
    const server = highLevel1([]);
    server.validateToolInput = undefined;
    assert.throws(() => guard(server, { server: "desk", pdp: service.url }), /does not know/);
  });

  test("a tool that is registered later is guarded", async () => {
    const ran = [];
    const server = highLevel1(ran);
    const { client } = await connected(server, {}, { who: "eve" });
    server.registerTool("late", { inputSchema: { a: z.string() } }, () => {
      ran.push("late");
      return { content: [] };
    });
    const { code } = await outcome(client, "tools/call", { name: "late", arguments: { a: "b" } });
    assert.equal(code, "tool_not_granted");
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name), ["status"]);
    assert.deepEqual(ran, []);
  });

  test("a tool that is renamed is asked about by its new name", async () => {
    const other = await pdp(permitAll);
    const ran = [];
    const server = new McpServer(INFO);
    const tool = server.registerTool("one", {}, () => (ran.push(1), { content: [] }));
    const { client } = await connected(server, { pdp: other.url });
    tool.update({ name: "two" });
    await client.callTool({ name: "two" });
    assert.equal(other.asked.at(-1).body.resource.id, "desk/two");
    assert.equal(ran.length, 1);
    await other.stop();
  });

  test("a tool that takes another's place during the decision is decided about anew", async () => {
    let swap;
    const other = await pdp((to, body) => {
      if (body.action?.name === "tools/call") swap?.();
      json(to, { decision: body.context?.arguments?.amount !== 2490 });
    });
    const ran = [];
    const server = new McpServer(INFO);
    const run = (args) => (ran.push(args), { content: [] });
    const tool = server.registerTool("pay", { inputSchema: { amount: z.number() } }, run);
    const { client } = await connected(server, { pdp: other.url });
    swap = () => {
      swap = undefined;
      tool.remove();
      const inputSchema = { amount: z.number().transform(() => 2490) };
      server.registerTool("pay", { inputSchema }, run);
    };
    const { permitted } = await outcome(client, "tools/call", { name: "pay", arguments: { amount: 1 } });
    assert.equal(permitted, false);
    assert.deepEqual(ran, []);
    await other.stop();
  });

  test("handlers of one's own are guarded, whenever they are set", async () => {
    const ran = [];
    const server = highLevel1(ran);
    const { client } = await connected(server, {}, { who: "eve" });
    server.server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
      ran.push(params);
      return { content: [] };
    });
    server.server.fallbackRequestHandler = (request) => {
      ran.push(request);
      return {};
    };
    assert.equal((await outcome(client, "tools/call", SEARCH)).code, "tool_not_granted");
    await assert.rejects(client.request({ method: "acme/drop", params: {} }, z.any()), /method_unknown/);
    await assert.rejects(client.request({ method: "notifications/x", params: {} }, z.any()), /method_unknown/);
    assert.deepEqual(ran, []);
  });

  test("a handler of one's own gets the arguments that were decided about", async () => {
    const other = await pdp(permitAll);
    const ran = [];
    const server = highLevel1([]);
    server.server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
      ran.push(params.arguments);
      return { content: [] };
    });
    const { client } = await connected(server, { pdp: other.url });
    // `force` is none of the tool's schema, and so none of what the service saw.
    await client.callTool({ name: "search", arguments: { query: "vat", force: true } });
    const { arguments: decided } = other.asked.at(-1).body.context;
    assert.deepEqual(decided, { query: "vat", limit: 20 });
    assert.deepEqual(ran, [decided]);
    await other.stop();
  });

  test("defaults that change each time are those that were decided about", async () => {
    const other = await pdp(permitAll);
    const ran = [];
    const server = new McpServer(INFO);
    let next = 0;
    const inputSchema = { n: z.number().default(() => next++) };
    server.registerTool("count", { inputSchema }, (args) => (ran.push(args), { content: [] }));
    const { client } = await connected(server, { pdp: other.url });
    await client.callTool({ name: "count", arguments: {} });
    assert.deepEqual(other.asked.at(-1).body.context.arguments, ran[0]);
    assert.equal(next, 1, "the schema is read once");
    await other.stop();
  });

  test("a connection that does not go through the guard runs no tool", async () => {
    const ran = [];
    const server = guard(highLevel1(ran), { server: "desk", pdp: service.url, principal });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await Server.prototype.connect.call(server.server, far);
    const client = new Client(INFO);
    await client.connect(near);
    const result = await client.callTool({ name: "status", arguments: {} });
    assert.match(result.content[0].text, /gone around the guard/);
    assert.deepEqual(ran, []);
  });

  test("nor does one from within a call that was decided at another server", async () => {
    const ran = [];
    const other = guard(highLevel1(ran), { server: "desk", pdp: service.url, principal });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await Server.prototype.connect.call(other.server, far);
    const inner = new Client(INFO);
    await inner.connect(near);
    const server = new McpServer(INFO);
    server.registerTool("status", {}, () => inner.callTool({ name: "status", arguments: {} }));
    const { client } = await connected(server);
    const result = await client.callTool({ name: "status", arguments: {} });
    assert.match(result.content[0].text, /gone around the guard/);
    assert.deepEqual(ran, []);
  });

  test("two requests of one id are not answered for each other", async () => {
    const ran = [];
    const { near } = await connected(highLevel1(ran), {}, { who: "eve" });
    const answers = [];
    near.onmessage = (message) => answers.push(message);
    const send = (method, params) => near.send({ jsonrpc: "2.0", id: 77, method, params });
    await Promise.all([send("tools/list", {}), send("ping"), send("resources/read", { uri: "desk://handbook" })]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const lists = answers.filter(({ result }) => result?.tools);
    assert.deepEqual(lists.map(({ result }) => result.tools.map(({ name }) => name)), [["status"]]);
    assert.equal(answers.filter(({ error }) => error?.code === -32600).length, 2);
  });

  test("a request that is called off while it is decided does not run", async () => {
    const waiting = [];
    const phase = until(permitAll, (to) => waiting.push(to));
    const other = await pdp(phase.answer);
    const ran = [];
    const { client, near } = await connected(highLevel1(ran), { pdp: other.url });
    phase.now();
    near.send({ jsonrpc: "2.0", id: 99, method: "tools/call", params: SEARCH });
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    near.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 99 } });
    json(waiting[0], { decision: true });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(ran, []);
    await client.close();
    await other.stop();
  });

  test("a server that is closed while it is decided runs nothing", async () => {
    const waiting = [];
    const phase = until(permitAll, (to) => waiting.push(to));
    const other = await pdp(phase.answer);
    const ran = [];
    const server = highLevel1(ran);
    const { near } = await connected(server, { pdp: other.url });
    phase.now();
    near.send({ jsonrpc: "2.0", id: 99, method: "tools/call", params: SEARCH });
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.close();
    json(waiting[0], { decision: true });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(ran, []);
    await other.stop();
  });

  for (const [name, message] of Object.entries({
    "without an id": { method: "tools/call", params: SEARCH },
    "with an id of null": { id: null, method: "tools/call", params: SEARCH },
    "with an object for an id": { id: {}, method: "tools/call", params: SEARCH },
    "with a result as well": { id: 5, method: "tools/call", params: SEARCH, result: {} },
    "with params that are no object": { id: 6, method: "tools/call", params: [SEARCH] },
    "with a name that is none": { id: 7, method: "tools/call", params: { name: ["search"] } },
    "with arguments that are none": { id: 8, method: "tools/call", params: { name: "status", arguments: [] } },
    "with another prototype": {
      id: 9,
      method: "tools/call",
      params: JSON.parse('{"name":"search","arguments":{"query":"a","__proto__":{"limit":5}}}'),
    },
    "without a name of its own": { id: 10, method: "tools/call", params: Object.create(SEARCH) },
    "with a number that is none": {
      id: 11,
      method: "tools/call",
      params: { name: "search", arguments: { query: "a", limit: Number.NaN } },
    },
  })) {
    test(`a call ${name} does not run unasked`, async () => {
      const other = await pdp((to, body) => {
        if (body.action?.name !== "tools/call") return permitAll(to, body);
        json(to, { decision: false });
      });
      const ran = [];
      const { near } = await connected(lowLevel1(ran), { pdp: other.url });
      await near.send({ jsonrpc: "2.0", ...message });
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.deepEqual(ran, []);
      await other.stop();
    });
  }

  test("arguments that would be another's prototype are refused", async () => {
    const other = await pdp(permitAll);
    const ran = [];
    const { near } = await connected(lowLevel1(ran), { pdp: other.url });
    const asked = other.asked.length;
    const answers = [];
    near.onmessage = (message) => answers.push(message);
    // The service would see no limit, and a tool that copies its arguments would have one.
    const params = JSON.parse('{"name":"search","arguments":{"a":{"__proto__":{"limit":5}}}}');
    await near.send({ jsonrpc: "2.0", id: 9, method: "tools/call", params });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(answers[0].error.data.code, "request_unmapped");
    assert.equal(other.asked.length, asked);
    assert.deepEqual(ran, []);
    await other.stop();
  });

  test("two spellings of an address are one", async () => {
    const ran = [];
    const { client } = await connected(highLevel1(ran), {}, { who: "ana" });
    for (const uri of ["DESK://salaries", "desk://salaries", "Desk://salaries"]) {
      assert.equal((await outcome(client, "resources/read", { uri })).code, "not_permitted", uri);
    }
    const found = await outcome(client, "resources/read", { uri: "DESK://handbook" });
    assert.equal(found.permitted, true, "the server looks it up in the same spelling");
    assert.deepEqual(ran, [{ name: "desk://handbook" }]);
  });

  test("a list of one's own is narrowed, page by page; one without names is an error", async () => {
    const server = new Server(INFO, { capabilities: { tools: {} } });
    const tool = (name) => ({ name, inputSchema: { type: "object" } });
    let tools = [tool("status"), tool("export")];
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools, nextCursor: "more" }));
    const { client } = await connected(server, {}, { who: "eve" });
    const page = await client.listTools();
    assert.deepEqual(page.tools.map(({ name }) => name), ["status"]);
    assert.equal(page.nextCursor, "more");
    tools = [tool("status"), { inputSchema: { type: "object" } }];
    assert.equal((await outcome(client, "tools/list")).error.code, -32603);
  });

  test("arguments that do not fit the schema say so only to whoever may call the tool", async () => {
    const ran = [];
    const bad = { name: "search", arguments: { query: 5 } };
    const { client: eve } = await connected(highLevel1(ran), {}, { who: "eve" });
    assert.equal((await outcome(eve, "tools/call", bad)).code, "tool_not_granted");
    const { client: ana } = await connected(highLevel1(ran));
    const { result } = await outcome(ana, "tools/call", bad);
    assert.match(result.content[0].text, /Invalid arguments/);
    assert.deepEqual(ran, []);
  });

  test("arguments that no question can hold are refused", async () => {
    const other = await pdp(permitAll);
    const ran = [];
    const server = new McpServer(INFO);
    const run = (args) => (ran.push(args), { content: [] });
    const tools = {
      map: z.string().transform(() => new Map()),
      infinite: z.string().transform(() => Infinity),
      big: z.string().transform(() => 1n),
      lazy: z.string().transform(() => ({ get a() { return Math.random(); } })),
      date: z.string().transform((text) => new Date(text)),
    };
    for (const [name, a] of Object.entries(tools)) server.registerTool(name, { inputSchema: { a } }, run);
    const { client } = await connected(server, { pdp: other.url });
    for (const name of ["map", "infinite", "big", "lazy"]) {
      const { error, code } = await outcome(client, "tools/call", { name, arguments: { a: "" } });
      assert.equal(code, "request_unmapped", name);
      assert.equal(error.code, -32602);
    }
    assert.deepEqual(ran, []);
    await client.callTool({ name: "date", arguments: { a: "2026-01-02T03:04:05Z" } });
    assert.deepEqual(other.asked.at(-1).body.context.arguments, { a: "2026-01-02T03:04:05.000Z" });
    assert.ok(ran[0].a instanceof Date);
    await other.stop();
  });
});

describe("what a denial looks like", () => {
  test("a tool with a schema of its results has the members beside it", async () => {
    const server = new McpServer(INFO);
    const config = { inputSchema: {}, outputSchema: { total: z.number() } };
    server.registerTool("total", config, () => ({ content: [], structuredContent: { total: 1 } }));
    const { client } = await connected(server);
    const listed = await outcome(client, "tools/list");
    assert.deepEqual(listed.result.tools, []);
    // A client that knows the schema, from a time when the caller was permitted, checks results.
    client.cacheToolMetadata?.([{ name: "total", inputSchema: { type: "object" }, outputSchema: { type: "object", properties: { total: { type: "number" } }, required: ["total"] } }]);
    const { result, code } = await outcome(client, "tools/call", { name: "total" });
    assert.equal(code, "tool_not_granted");
    assert.equal(result.structuredContent, undefined);
  });

  test("it says who, why and what to do; SEP-2643's envelope is behind a switch", async () => {
    const { client } = await connected(highLevel1([]), { structuredDenials: true }, { who: "ana" });
    const call = { name: "refund", arguments: { order: "o-1", amount: 900 } };
    const { result } = await outcome(client, "tools/call", call);
    assert.equal(result.structuredContent.code, "refund_over_cap");
    assert.deepEqual(result.structuredContent.principal, { type: "user", id: "ana" });
    assert.equal(result.structuredContent.next_action, "request");
    assert.match(result.content[0].text, /A refund above 500.00 is for a lead/);
    assert.match(result.content[0].text, /ask for access/);
    assert.deepEqual(result._meta["io.modelcontextprotocol/authorization"], {
      reason: "insufficient_authorization",
      remediation: "undisclosed",
    });
    const { client: plain } = await connected(highLevel1([]));
    const { result: other } = await outcome(plain, "tools/call", call);
    assert.equal(other._meta["io.modelcontextprotocol/authorization"], undefined);
  });

  test("the code of errors can be another", async () => {
    const { client } = await connected(highLevel1([]), { denialCode: -31000 }, { who: "ana" });
    const { error } = await outcome(client, "prompts/get", { name: "praise" });
    assert.equal(error.code, -31000);
    assert.equal(error.data.code, "not_permitted");
  });

  test("decisions are told, and a log that fails changes none", async () => {
    const told = [];
    const onDecision = (event) => {
      told.push(event);
      throw new Error("the disk is full");
    };
    const { client } = await connected(highLevel1([]), { onDecision });
    await client.callTool(SEARCH);
    await outcome(client, "prompts/get", { name: "praise" });
    assert.deepEqual(
      told.map(({ question, permitted }) => [question.action, permitted]),
      [["initialize", true], ["tools/call", true], ["prompts/get", false]],
    );
  });

  test("the trace of a request goes on", async () => {
    const other = await pdp(permitAll);
    const { client } = await connected(highLevel1([]), { pdp: other.url });
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await client.callTool({ ...SEARCH, _meta: { traceparent } });
    assert.equal(other.asked.at(-1).headers.traceparent, traceparent);
    await other.stop();
  });
});

describe("methods of one's own, and the handshake", () => {
  test("are asked about as the options say", async () => {
    const other = await pdp(permitAll);
    const server = highLevel1([]);
    server.server.setRequestHandler(
      z.object({ method: z.literal("acme/drop"), params: z.any() }),
      () => ({ dropped: true }),
    );
    const methods = {
      "acme/drop": (params) => [{ action: "drop", resource: { type: "table", id: params.table } }],
    };
    const { client } = await connected(server, { pdp: other.url, methods });
    const request = { method: "acme/drop", params: { table: "t" } };
    assert.deepEqual(await client.request(request, z.any()), { dropped: true });
    assert.deepEqual(other.asked.at(-1).body.resource, { type: "table", id: "t" });
    await other.stop();
  });

  test("the handshake can pass, and nothing else does", async () => {
    const ran = [];
    const options = { handshake: "pass", principal: () => undefined };
    const { client } = await connected(highLevel1(ran), options);
    await client.ping();
    assert.equal((await outcome(client, "tools/call", SEARCH)).code, "credential_missing");
    assert.equal((await outcome(client, "tools/list")).code, "credential_missing");
    assert.deepEqual(ran, []);
  });
});

describe("the newer revision", () => {
  const META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": INFO,
  };
  async function post(handler, who, method, params = {}, headers = {}) {
    const name = params.name ?? params.uri;
    const request = new Request("http://127.0.0.1/mcp", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        ...(name === undefined ? {} : { "mcp-name": name }),
        "x-who": who,
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: META } }),
    });
    const response = await handler.fetch(request);
    const text = await firstOf(response);
    const data = /^data: (.*)$/m.exec(text)?.[1] ?? text;
    return { status: response.status, message: JSON.parse(data) };
  }
  /** A subscription never ends, so only its first event is read. */
  async function firstOf(response) {
    const reader = response.body.getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (value) text += new TextDecoder().decode(value);
      if (done || /\n\n/.test(text)) break;
    }
    reader.cancel().catch(() => {});
    return text;
  }
  const options = () => ({ server: "desk", pdp: service.url, principal, onError: () => {} });
  const hints = { "tools/list": { ttlMs: 3_600_000, cacheScope: "public" } };

  test("lists are for their caller alone, and not for long", async () => {
    const handler = guardedMcpHandler(() => highLevel2([], { cacheHints: hints }), options());
    const { message } = await post(handler, "eve", "tools/list");
    assert.deepEqual(message.result.tools.map(({ name }) => name), ["status"]);
    assert.equal(message.result.cacheScope, "private");
    assert.equal(message.result.ttlMs, 30_000);
    const open = createMcpHandler(() => highLevel2([], { cacheHints: hints }));
    const { message: unguarded } = await post(open, "eve", "tools/list");
    assert.equal(unguarded.result.cacheScope, "public");
    const { message: read } = await post(handler, "eve", "resources/read", { uri: "desk://handbook" });
    assert.equal(read.result.cacheScope, "private");
    await handler.close();
  });

  test("a denial is a whole result", async () => {
    const handler = guardedMcpHandler(() => highLevel2([]), options());
    const { message } = await post(handler, "eve", "tools/call", SEARCH);
    assert.equal(message.result.resultType, "complete");
    assert.equal(message.result.structuredContent.code, "tool_not_granted");
    await handler.close();
  });

  const listChanged = { capabilities: { tools: { listChanged: true }, resources: { subscribe: true } } };
  const filter = (uri) => ({ notifications: { toolsListChanged: true, resourceSubscriptions: [uri] } });

  test("who may listen is asked, for each address", async () => {
    const handler = guardedMcpHandler(() => highLevel2([], listChanged), options());
    const ana = await post(handler, "ana", "subscriptions/listen", filter("desk://handbook"));
    assert.deepEqual(ana.message.params.notifications, filter("desk://handbook").notifications);
    const salaries = await post(handler, "ana", "subscriptions/listen", filter("desk://salaries"));
    assert.equal(salaries.message.error.data.code, "not_permitted");
    const zoe = await post(handler, "zoe", "subscriptions/listen", { notifications: { toolsListChanged: true } });
    assert.equal(zoe.message.error.data.code, "not_permitted");
    await handler.close();
  });

  test("a guard on the server alone lets nobody listen", async () => {
    const errors = [];
    const more = { ...options(), onError: (error) => errors.push(error.message) };
    const handler = createMcpHandler(() => guard2(highLevel2([], listChanged), more));
    const { message } = await post(handler, "ben", "subscriptions/listen", filter("desk://handbook"));
    assert.deepEqual(message.params.notifications, {});
    assert.match(errors.join(), /guardedMcpHandler/);
    // Everything else is guarded, and what the server can is known to whoever asks it.
    const found = await post(handler, "ben", "server/discover");
    assert.equal(found.message.result.capabilities.tools.listChanged, true);
    await handler.close();
  });

  test("a header that hides a request to listen finds nothing", async () => {
    const handler = guardedMcpHandler(() => highLevel2([], listChanged), options());
    const hidden = `=?base64?${Buffer.from("subscriptions/listen").toString("base64")}?=`;
    for (const method of [hidden, "tools/list", " subscriptions/listen", "Subscriptions/Listen"]) {
      const { message } = await post(handler, "zoe", "subscriptions/listen", filter("desk://salaries"), {
        "mcp-method": method,
      });
      const honored = message.params?.notifications ?? {};
      assert.deepEqual(honored, {}, method);
    }
    await handler.close();
  });
});

test("a service without batches narrows lists all the same", async () => {
  const other = await pdp((to, body) => json(to, { decision: body.resource.id !== "desk/export" }));
  const client = new AuthZenClient({ url: other.url, endpoints: { evaluations: false } });
  const { client: mcp } = await connected(highLevel1([]), { pdp: client });
  const { tools } = await mcp.listTools();
  assert.deepEqual(tools.map(({ name }) => name).sort(), ["close", "refund", "search", "status"]);
  client.close();
  await other.stop();
});

test("an entry that could not be decided about fails the list", async () => {
  const other = await pdp((to, body) => {
    const broken = body.resource.id === "desk/close";
    json(to, broken ? { error: {} } : { decision: true }, broken ? 503 : 200);
  });
  const client = new AuthZenClient({ url: other.url, endpoints: { evaluations: false } });
  const { client: mcp } = await connected(highLevel1([]), { pdp: client });
  const list = await outcome(mcp, "tools/list");
  assert.equal(list.code, "pdp_unavailable", "a list without it would look whole");
  client.close();
  await other.stop();
});

test("a server of the SDK 2.x decides again after a question to the user", async () => {
  let decisions = 0;
  const other = await pdp((to, body) => {
    if (body.action?.name === "tools/call") decisions += 1;
    permitAll(to, body);
  });
  const { inputRequired } = await import("@modelcontextprotocol/server");
  const server = new McpServer2(INFO);
  let rounds = 0;
  server.registerTool("pay", { inputSchema: z.object({ amount: z.number() }) }, (_args, ctx) => {
    rounds += 1;
    if (ctx.mcpReq.inputResponses !== undefined) return { content: [{ type: "text", text: "paid" }] };
    const requestedSchema = { type: "object", properties: { ok: { type: "boolean" } } };
    return inputRequired({ inputRequests: { ok: inputRequired.elicit({ message: "Pay?", requestedSchema }) } });
  });
  guard2(server, { server: "desk", pdp: other.url, principal });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  const client = new Client(INFO, { capabilities: { elicitation: {} } });
  const { ElicitRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { ok: true } }));
  await client.connect(as(near, "ana"));
  const result = await client.callTool({ name: "pay", arguments: { amount: 5 } });
  assert.equal(result.content[0].text, "paid");
  assert.equal(rounds, 2);
  assert.equal(decisions, 2);
  await client.close();
  await other.stop();
});

