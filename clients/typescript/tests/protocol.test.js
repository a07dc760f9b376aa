// Every method of both revisions as a question, tasks, and stdio.

import assert from "node:assert/strict";
import { test, describe } from "node:test";

import { guard } from "@behest/authzen/mcp";
import { guard as guard2, guardedMcpHandler, serveGuardedStdio } from "@behest/authzen/mcp-server";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { createMcpHandler, McpServer as McpServer2 } from "@modelcontextprotocol/server";
import * as z from "zod";

import { highLevel2, json, pdp, permitAll, TABLE } from "./support.js";

const INFO = { name: "test", version: "1.0.0" };
const principal = () => TABLE.principals.ana;
const quiet = { onError: () => {} };
const pause = (ms = 100) => new Promise((resolve) => setTimeout(resolve, ms));

/** What each method is asked as, in the order in which it is asked. */
const QUESTIONS = [
  ["initialize", { protocolVersion: "2025-11-25" }, "initialize mcp_server:desk", { protocol_version: "2025-11-25" }],
  ["server/discover", { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } }, "server/discover mcp_server:desk", { protocol_version: "2026-07-28" }],
  ["resources/templates/list", {}, "resources/templates/list mcp_server:desk"],
  ["tasks/list", {}, "tasks/list mcp_server:desk"],
  ["logging/setLevel", { level: "debug" }, "logging/setLevel mcp_server:desk", { level: "debug" }],
  ["tools/call", { name: "a/b", arguments: { c: 1 } }, "tools/call tool:desk/a/b", { arguments: { c: 1 } }],
  ["tools/call", { name: "a" }, "tools/call tool:desk/a", { arguments: {} }],
  ["prompts/get", { name: "p", arguments: { a: "b" } }, "prompts/get prompt:desk/p"],
  ["resources/read", { uri: "DESK://a/../b" }, "resources/read resource:desk://a/b"],
  ["resources/subscribe", { uri: "desk://a" }, "resources/subscribe resource:desk://a"],
  ["resources/unsubscribe", { uri: "not an address" }, "resources/unsubscribe resource:not an address"],
  ["completion/complete", { ref: { type: "ref/prompt", name: "p" }, argument: {} }, "completion/complete prompt:desk/p"],
  ["completion/complete", { ref: { type: "ref/resource", uri: "desk://{a}" }, argument: {} }, "completion/complete resource:desk://{a}"],
  ["tasks/get", { taskId: "t" }, "tasks/get task:desk/t"],
  ["tasks/result", { taskId: "t" }, "tasks/result task:desk/t"],
  ["tasks/cancel", { taskId: "t" }, "tasks/cancel task:desk/t"],
  ["tasks/update", { taskId: "t" }, "tasks/update task:desk/t"],
  ["tools/list", {}, "tools/list mcp_server:desk"],
  ["prompts/list", {}, "prompts/list mcp_server:desk"],
  ["resources/list", {}, "resources/list mcp_server:desk"],
];

/** Not mapped, or not to be mapped: denied without a question. */
const UNMAPPED = [
  ["resources/read", {}, "request_unmapped"],
  ["resources/read", { uri: 5 }, "request_unmapped"],
  ["prompts/get", { name: "" }, "request_unmapped"],
  ["completion/complete", { ref: { type: "ref/other" } }, "request_unmapped"],
  ["completion/complete", {}, "request_unmapped"],
  ["tasks/get", { taskId: ["t"] }, "request_unmapped"],
  ["subscriptions/listen", {}, "request_unmapped"],
  ["subscriptions/listen", { notifications: { resourceSubscriptions: "desk://a" } }, "request_unmapped"],
  ["sampling/createMessage", {}, "method_unknown"],
  ["constructor", {}, "method_unknown"],
  ["__proto__", {}, "method_unknown"],
  ["Tools/Call", { name: "a" }, "method_unknown"],
  ["tools/call ", { name: "a" }, "method_unknown"],
];

describe("methods", () => {
  async function asked(method, params) {
    const service = await pdp((to, body) => {
      if (body.evaluations === undefined) return json(to, { decision: false });
      json(to, { evaluations: body.evaluations.map(() => ({ decision: false })) });
    });
    const server = new Server(INFO, { capabilities: { tools: {} } });
    const ran = [];
    server.fallbackRequestHandler = (request) => (ran.push(request), {});
    guard(server, { server: "desk", pdp: service.url, principal, ...quiet });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    const answers = [];
    near.onmessage = (message) => answers.push(message);
    await near.start();
    await near.send({ jsonrpc: "2.0", id: 1, method, params });
    while (answers.length === 0) await pause(5);
    await near.close();
    await service.stop();
    assert.deepEqual(ran, []);
    return { questions: service.asked.map(({ body }) => body), answer: answers[0] };
  }

  for (const [method, params, question, context] of QUESTIONS) {
    test(`${method} ${JSON.stringify(params)}`, async () => {
      const { questions, answer } = await asked(method, params);
      assert.equal(questions.length, 1);
      const [body] = questions;
      const one = body.evaluations?.[0] ?? body;
      assert.equal(`${one.action.name} ${one.resource.type}:${one.resource.id}`, question);
      assert.deepEqual(one.context ?? {}, context ?? {});
      assert.ok(answer.error !== undefined || answer.result.isError === true);
    });
  }

  for (const [method, params, code] of UNMAPPED) {
    test(`${method} ${JSON.stringify(params)} is denied unasked`, async () => {
      const { questions, answer } = await asked(method, params);
      assert.deepEqual(questions, []);
      assert.equal(answer.error.data.code, code);
    });
  }

  test("subscriptions/listen names at most 200 addresses", async () => {
    const listen = async (count) => {
      const resourceSubscriptions = Array.from({ length: count }, (_, at) => `desk://${at}`);
      return asked("subscriptions/listen", { notifications: { resourceSubscriptions } });
    };
    assert.equal((await listen(200)).questions.length, 1);
    const { questions, answer } = await listen(201);
    assert.deepEqual(questions, []);
    assert.equal(answer.error.data.code, "request_unmapped");
    assert.match(answer.error.message, /more than 200/);
  });

  test("subscriptions/listen is asked about for each address", async () => {
    const notifications = { toolsListChanged: true, resourceSubscriptions: ["desk://a", "DESK://b"] };
    const { questions } = await asked("subscriptions/listen", { notifications });
    assert.deepEqual(
      questions[0].evaluations.map(({ action, resource }) => `${action.name} ${resource.type}:${resource.id}`),
      ["subscriptions/listen mcp_server:desk", "resources/subscribe resource:desk://a", "resources/subscribe resource:desk://b"],
    );
  });
});

describe("tasks of the SDK 1.x", () => {
  async function connected(answer, taskSupport, ran) {
    const service = await pdp(answer);
    const taskStore = new InMemoryTaskStore();
    const capabilities = { tools: {}, tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } };
    const server = new McpServer(INFO, { capabilities, taskStore });
    const inputSchema = { amount: z.number().default(7) };
    server.experimental.tasks.registerToolTask("pay", { inputSchema, execution: { taskSupport } }, {
      createTask: async (args, extra) => {
        ran.push(args);
        const task = await extra.taskStore.createTask({ ttl: 60_000, pollInterval: 10 });
        const result = { content: [{ type: "text", text: "paid" }] };
        await extra.taskStore.storeTaskResult(task.taskId, "completed", result);
        return { task };
      },
      getTask: async (_args, extra) => extra.taskStore.getTask(extra.taskId),
      getTaskResult: async (_args, extra) => extra.taskStore.getTaskResult(extra.taskId),
    });
    guard(server, { server: "desk", pdp: service.url, principal, ...quiet });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    const client = new Client(INFO, { capabilities: { tasks: {} } });
    await client.connect(near);
    return { client, service, stop: async () => (await client.close(), taskStore.cleanup(), await service.stop()) };
  }
  const denying = (to, body) => {
    if (body.action?.name !== "tools/call") return permitAll(to, body);
    json(to, { decision: false });
  };

  test("a tool that is polled for is decided about with its defaults", async () => {
    const ran = [];
    const { client, service, stop } = await connected(permitAll, "optional", ran);
    const result = await client.callTool({ name: "pay", arguments: {} });
    assert.equal(result.content[0].text, "paid");
    assert.deepEqual(ran, [{ amount: 7 }]);
    assert.deepEqual(service.asked.at(-1).body.context.arguments, { amount: 7 });
    await stop();
    const denied = await connected(denying, "optional", ran);
    assert.equal((await denied.client.callTool({ name: "pay", arguments: {} })).isError, true);
    assert.equal(ran.length, 1);
    await denied.stop();
  });

  test("a call that becomes a task is decided about, and so is what is done to the task", async () => {
    const ran = [];
    const { client, service, stop } = await connected(permitAll, "required", ran);
    await client.listTools();
    const events = [];
    const stream = client.experimental.tasks.callToolStream({ name: "pay", arguments: {} });
    for await (const event of stream) events.push(event.type);
    assert.equal(events.at(-1), "result");
    const methods = service.asked.map(({ body }) => body.action?.name).filter((name) => name !== undefined);
    assert.deepEqual(methods, ["initialize", "tools/call", "tasks/get", "tasks/result"]);
    assert.deepEqual(ran, [{ amount: 7 }]);
    await stop();
  });

  test("a list cannot be hidden in a task's queue", async () => {
    const ran = [];
    const { client, stop } = await connected((to, body) => {
      if (body.evaluations === undefined) return permitAll(to, body);
      json(to, { evaluations: body.evaluations.map((_, at) => ({ decision: at === 0 })) });
    }, "required", ran);
    const _meta = { "io.modelcontextprotocol/related-task": { taskId: "t" } };
    const { tools } = await client.request({ method: "tools/list", params: { _meta } }, z.any());
    assert.deepEqual(tools, []);
    await stop();
  });
});

describe("stdio of the SDK 2.x", () => {
  const META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  async function wired(answer, ran = []) {
    const service = await pdp(answer);
    const [near, far] = InMemoryTransport.createLinkedPair();
    const capabilities = { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } };
    const make = () => highLevel2(ran, { capabilities });
    const handle = serveGuardedStdio(make, { server: "desk", pdp: service.url, principal, ...quiet }, { transport: far });
    const answers = [];
    near.onmessage = (message) => answers.push(message);
    await near.start();
    let id = 0;
    const ask = async (method, params) => {
      const had = answers.length;
      await near.send({ jsonrpc: "2.0", id: (id += 1), method, params: { ...params, _meta: META } });
      while (answers.length === had) await pause(5);
      return answers.at(-1);
    };
    return { ask, service, stop: async () => (await handle.close(), await service.stop()) };
  }
  const notifications = { toolsListChanged: true, resourceSubscriptions: ["desk://handbook"] };

  test("is guarded, and so is listening", async () => {
    const ran = [];
    const { ask, service, stop } = await wired(permitAll, ran);
    const call = await ask("tools/call", { name: "search", arguments: { query: "vat" } });
    assert.equal(call.result.content[0].text, "search done");
    assert.deepEqual(service.asked.at(-1).body.context.arguments, { query: "vat", limit: 20 });
    const heard = await ask("subscriptions/listen", { notifications });
    assert.deepEqual(heard.params.notifications, notifications);
    assert.equal(service.asked.at(-1).body.evaluations.length, 2);
    await stop();
  });

  test("a denial of listening is answered, and nothing is heard", async () => {
    const { ask, stop } = await wired((to, body) => {
      if (body.evaluations === undefined) return permitAll(to, body);
      json(to, { evaluations: body.evaluations.map((_, at) => ({ decision: at === 0 })) });
    });
    await ask("server/discover", {});
    const denied = await ask("subscriptions/listen", { notifications });
    assert.equal(denied.error.code, -32001);
    await stop();
  });
});

describe("factories", () => {
  const request = (method = "tools/list") =>
    new Request("http://127.0.0.1/mcp", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: {} }),
    });

  test("may return a server again that they returned before", async () => {
    const service = await pdp(permitAll);
    const server = new McpServer2(INFO);
    server.registerTool("a", {}, () => ({ content: [] }));
    const handler = guardedMcpHandler(() => server, { server: "desk", pdp: service.url, principal, ...quiet });
    for (let at = 0; at < 3; at++) {
      const text = await (await handler.fetch(request())).text();
      assert.match(text, /"name":"a"/);
      await pause(50);
    }
    assert.equal(service.asked.length, 3);
    await service.stop();
  });

  test("but not one that has another guard", async () => {
    const service = await pdp(permitAll);
    const options = { server: "desk", pdp: service.url, principal, ...quiet };
    const handler = guardedMcpHandler(() => guard2(highLevel2([]), options), options);
    assert.equal((await handler.fetch(request())).status, 500);
    await service.stop();
  });

  test("the guard of the one generation, on a server of the other, lets nobody listen either", async () => {
    const service = await pdp(permitAll);
    const capabilities = { tools: { listChanged: true } };
    const options = { server: "desk", pdp: service.url, principal, ...quiet };
    const handler = createMcpHandler(() => guard(highLevel2([], { capabilities }), options));
    const method = "subscriptions/listen";
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const listen = new Request("http://127.0.0.1/mcp", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { notifications: { toolsListChanged: true }, _meta } }),
    });
    const text = await (await handler.fetch(listen)).text();
    assert.match(text, /"notifications":\{\}/);
    await service.stop();
  });
});
