// What HTTP adds: tokens that the service verifies, challenges, sessions, and the guards of routes
// and of A2A agents.

import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { guard as guardA2a } from "@behest/authzen/a2a";
import { guard as guardExpress } from "@behest/authzen/express";
import { guard as guardFastify } from "@behest/authzen/fastify";
import { guard as guardHono } from "@behest/authzen/hono";
import { guard } from "@behest/authzen/mcp";
import { guard as guard2, guardedMcpHandler } from "@behest/authzen/mcp-server";
import { ClientFactory } from "@a2a-js/sdk/client";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { jsonRpcHandler, UserBuilder } from "@a2a-js/sdk/server/express";
import { getRequestListener } from "@hono/node-server";
import { NodeStreamableHTTPServerTransport, toNodeHandler } from "@modelcontextprotocol/node";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";

import { behest, highLevel1, highLevel2, json, listen, pdp, permitAll, TABLE } from "./support.js";

const AUDIENCE = "https://desk.example/mcp";
const METADATA = "https://desk.example/.well-known/oauth-protected-resource/mcp";

/** An issuer whose keys are in a file, and the settings that trust it. */
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const folder = mkdtempSync(join(tmpdir(), "authzen-"));
const key = { ...publicKey.export({ format: "jwk" }), kid: "k", alg: "ES256", use: "sig" };
writeFileSync(join(folder, "keys.json"), JSON.stringify({ keys: [key] }));
writeFileSync(
  join(folder, "behest.toml"),
  `anonymous = ["decide", "search"]
[[issuers]]
issuer = "https://login.example"
preset = "standard"
keys = "file:${join(folder, "keys.json")}"
audiences = ["${AUDIENCE}"]
own_clients = ["web"]
`,
);

function token(claims = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const head = part({ alg: "ES256", typ: "at+jwt", kid: "k" });
  const body = part({
    iss: "https://login.example",
    sub: "ana",
    aud: AUDIENCE,
    client_id: "web",
    scope: "desk.read",
    iat: now,
    exp: now + 300,
    jti: randomUUID(),
    ...claims,
  });
  const signature = sign("sha256", Buffer.from(`${head}.${body}`), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${head}.${body}.${signature.toString("base64url")}`;
}

const service = await behest("--config", join(folder, "behest.toml"));
after(() => service.stop());

const SEARCH = { name: "search", arguments: { query: "vat" } };
const REFUND = { name: "refund", arguments: { order: "o-17", amount: 20 } };
const quiet = { onError: () => {} };

/** Servers over HTTP that take the token of the request, as they are without a hook. */
const SITES = {
  "sdk 1.x, a stream": (ran, options) => async (request, response) => {
    const server = guard(highLevel1(ran), options);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await server.connect(transport);
    response.on("close", () => server.close());
    await transport.handleRequest(request, response);
  },
  "sdk 1.x, JSON": (ran, options) => async (request, response) => {
    const server = guard(highLevel1(ran), options);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: undefined,
      enableJsonResponse: true,
    });
    await server.connect(transport);
    response.on("close", () => server.close());
    await transport.handleRequest(request, response);
  },
  "server 2.x, a transport of its own": (ran, options) => async (request, response) => {
    const server = guard2(highLevel2(ran), options);
    const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await server.connect(transport);
    response.on("close", () => server.close());
    await transport.handleRequest(request, response);
  },
  "server 2.x, a transport of the web": (ran, options) =>
    getRequestListener(async (request) => {
      const server = guard2(highLevel2(ran), options);
      const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined });
      await server.connect(transport);
      return transport.handleRequest(request);
    }),
  "server 2.x": (ran, options) => toNodeHandler(guardedMcpHandler(() => highLevel2(ran), options)),
};

async function send(url, message, bearer, modern = false) {
  if (modern && !Array.isArray(message)) message = newer(message);
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(modern ? { "mcp-method": "tools/call", "mcp-name": message.params.name } : {}),
      ...(modern ? { "mcp-protocol-version": "2026-07-28" } : {}),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(message),
  });
  const text = await response.text();
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  return {
    status: response.status,
    challenge: response.headers.get("www-authenticate"),
    message: data === "" ? undefined : JSON.parse(data),
  };
}

const newer = (message) => ({
  ...message,
  params: {
    ...message.params,
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  },
});

const call = (params, id = 1) => ({ jsonrpc: "2.0", id, method: "tools/call", params });

const GENERATIONS = [
  ...Object.entries(SITES).map(([name, site]) => [name, site, false]),
  ["server 2.x, of 2026-07-28", SITES["server 2.x"], true],
];

for (const [name, site, modern] of GENERATIONS) {
  describe(`tokens and challenges: ${name}`, () => {
    const ran = [];
    const post = (url, message, bearer) => send(url, message, bearer, modern);
    const started = (pdp = service.url) => {
      ran.length = 0;
      const options = { server: "desk", pdp, resourceMetadata: METADATA, ...quiet };
      return listen(http.createServer(site(ran, options)));
    };

    test("the service verifies the token, and decides by what it says", async () => {
      const { url, stop } = await started();
      assert.equal((await post(url, call(SEARCH), token())).message.result.isError, undefined);
      assert.equal(ran.length, 1);
      const eve = await post(url, call(SEARCH), token({ sub: "eve" }));
      assert.equal(eve.status, 200);
      assert.equal(eve.message.result.structuredContent.code, "tool_not_granted");
      const rogue = await post(url, call(SEARCH), token({ client_id: "rogue" }));
      assert.equal(rogue.message.result.structuredContent.code, "delegation_missing");
      assert.equal(ran.length, 1);
      await stop();
    });

    test("a request without a token is told where to get one", async () => {
      const { url, stop } = await started();
      const found = await post(url, call(SEARCH));
      assert.equal(found.status, 401);
      assert.equal(found.challenge, `Bearer resource_metadata="${METADATA}"`);
      assert.equal(found.message.error.data.code, "credential_missing");
      await stop();
    });

    test("a token that does not verify is a 401", async () => {
      const { url, stop } = await started();
      for (const [bad, code] of [
        [`${token().slice(0, -8)}AAAAAAAA`, "credential_invalid"],
        [token({ exp: Math.floor(Date.now() / 1000) - 600 }), "credential_expired"],
        [token({ aud: "https://other.example" }), "credential_invalid"],
        ["opaque", "credential_invalid"],
      ]) {
        const found = await post(url, call(SEARCH), bad);
        assert.equal(found.status, 401, code);
        assert.match(found.challenge, /^Bearer error="invalid_token", error_description="/);
        assert.equal(found.message.error.data.code, code);
      }
      assert.deepEqual(ran, []);
      await stop();
    });

    test("a scope that is wanting is a 403", async () => {
      const { url, stop } = await started();
      const found = await post(url, call(REFUND), token());
      assert.equal(found.status, 403);
      assert.match(found.challenge, /^Bearer error="insufficient_scope"/);
      assert.equal((await post(url, call(REFUND), token({ scope: "desk.refund" }))).status, 200);
      await stop();
    });

    test("with all that are wanting, and nothing that would end the header", async () => {
      const reason = {
        code: "scope_missing",
        message: 'It takes "two"\r\nscopes.',
        next_action: "step_up",
        missing_scopes: ["desk.read", "desk.refund", 'x", evil="1', 5],
      };
      const other = await pdp((to) => json(to, { decision: false, context: { reason } }));
      const { url, stop } = await started(other.url);
      const found = await post(url, call(REFUND), token());
      assert.equal(found.status, 403);
      assert.equal(
        found.challenge,
        `Bearer error="insufficient_scope", scope="desk.read desk.refund", ` +
          `error_description="It takes 'two'??scopes.", resource_metadata="${METADATA}"`,
      );
      assert.deepEqual(found.message.error.data.missing_scopes, ["desk.read", "desk.refund"]);
      await stop();
      await other.stop();
    });

    test("of several requests at once each has its own answer", { skip: modern }, async () => {
      const { url, stop } = await started();
      const found = await post(url, [call(SEARCH, 1), call(REFUND, 2)], token());
      assert.notEqual(found.status, 403);
      assert.ok(ran.every(({ name: tool }) => tool === "search"));
      await stop();
    });
  });
}

describe("a session", () => {
  /** A server with sessions, as the SDK's examples have them. */
  async function site() {
    const transports = new Map();
    const handler = async (request, response) => {
      const id = request.headers["mcp-session-id"];
      const known = transports.get(id);
      if (known !== undefined) return known.handleRequest(request, response);
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (session) => transports.set(session, transport),
      });
      await guard(highLevel1([]), { server: "desk", pdp: service.url, ...quiet }).connect(transport);
      await transport.handleRequest(request, response);
    };
    return listen(http.createServer(handler));
  }
  const connect = async (url, bearer) => {
    const client = new Client({ name: "test", version: "1.0.0" });
    const headers = { authorization: `Bearer ${bearer}` };
    const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
    await client.connect(transport);
    return { client, session: transport.sessionId };
  };

  test("is its owner's, whose token may be renewed", async () => {
    const { url, stop } = await site();
    const { client, session } = await connect(url, token());
    await client.callTool(SEARCH);
    const ask = (method, bearer) =>
      fetch(url, {
        method,
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-session-id": session,
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        },
        ...(method === "POST" ? { body: JSON.stringify(call(SEARCH, 50)) } : {}),
      });
    assert.equal((await ask("POST", token())).status, 200, "renewed");
    assert.equal((await ask("POST", token({ sub: "ben" }))).status, 404, "ben's");
    assert.equal((await ask("GET")).status, 401, "nobody's");
    assert.equal((await ask("GET", token({ sub: "ben" }))).status, 404, "ben's");
    const forged = token().replace(/\.[^.]*$/, ".AAAA");
    assert.equal((await ask("GET", forged)).status, 401, "forged");
    assert.equal((await ask("DELETE", token({ sub: "ben" }))).status, 404, "ben's");
    await client.callTool(SEARCH);
    assert.equal((await ask("DELETE", token())).status, 200, "its owner's");
    await client.close();
    await stop();
  });
});

test("a proof of possession goes with its token, once", async () => {
  const asked = await pdp(permitAll);
  const ran = [];
  const ask = async (more, method) => {
    const options = { server: "desk", pdp: asked.url, ...more, ...quiet };
    const site = await listen(http.createServer(SITES["sdk 1.x, JSON"](ran, options)));
    const response = await fetch(site.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: "DPoP token",
        dpop: "proof",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: SEARCH }),
    });
    const message = await response.json();
    await site.stop();
    return message;
  };
  const dpop = { proof: "proof", method: "POST", url: AUDIENCE };
  const credentials = [{ type: "access_token", value: "token", dpop }];
  assert.equal((await ask({ url: AUDIENCE }, "tools/call")).result.isError, undefined);
  assert.deepEqual(asked.asked[0].body.context.credentials, credentials);
  // The service takes a proof once, so that a list is one batch.
  const { result } = await ask({ url: AUDIENCE }, "tools/list");
  assert.equal(result.tools.length, TABLE.tools.length);
  assert.equal(asked.asked.length, 2);
  assert.deepEqual(asked.asked[1].body.context.credentials, credentials);
  assert.equal(asked.asked[1].body.evaluations.length, 1 + TABLE.tools.length);
  // Without the server's address a proof says nothing, and without one the token may be anybody's.
  const denied = await ask({}, "tools/call");
  assert.equal(denied.result.structuredContent.code, "principal_failed");
  assert.equal(asked.asked.length, 2);
  assert.equal(ran.length, 1);
  await asked.stop();
});

test("a session of the older transport is its owner's too", async () => {
  const sessions = new Map();
  const ran = [];
  const site = await listen(
    http.createServer(async (request, response) => {
      const { pathname, searchParams } = new URL(request.url, "http://localhost");
      if (pathname === "/messages") {
        return sessions.get(searchParams.get("sessionId")).handlePostMessage(request, response);
      }
      const transport = new SSEServerTransport("/messages", response);
      sessions.set(transport.sessionId, transport);
      await guard(highLevel1(ran), { server: "desk", pdp: service.url, ...quiet }).connect(transport);
    }),
  );
  const headers = { authorization: `Bearer ${token()}` };
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(new SSEClientTransport(new URL(`${site.url}/sse`), { requestInit: { headers } }));
  await client.callTool(SEARCH);
  assert.equal(ran.length, 1);
  const [session] = sessions.keys();
  for (const bearer of [undefined, token({ sub: "ben" })]) {
    await fetch(`${site.url}/messages?sessionId=${session}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) },
      body: JSON.stringify(call(SEARCH, 99)),
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(ran.length, 1);
  await client.close();
  await site.stop();
});

test("what has no question of its own is the owner's, in a session", async () => {
  // The handshake passes, so that no question of it verifies anything.
  const permits = await pdp(permitAll);
  const answers = [];
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID });
  const server = highLevel1([]);
  server.registerTool("ask", {}, async (extra) => {
    const requestedSchema = { type: "object", properties: { ok: { type: "boolean" } } };
    const params = { message: "Pay?", requestedSchema };
    const asked = await extra.sendRequest({ method: "elicitation/create", params }, ElicitResultSchema);
    answers.push(asked.action);
    return { content: [] };
  });
  const options = { server: "desk", pdp: permits.url, handshake: "pass", ...quiet };
  await guard(server, options).connect(transport);
  const site = await listen(http.createServer((request, response) => transport.handleRequest(request, response)));
  const owner = token({ sub: "ben" });
  const send = async (message, bearer, session) => {
    const response = await fetch(site.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...(session === undefined ? {} : { "mcp-session-id": session }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
    return { session: response.headers.get("mcp-session-id"), text: response.text() };
  };
  const clientInfo = { name: "test", version: "1.0.0" };
  const params = { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo };
  const { session } = await send({ id: 1, method: "initialize", params }, owner);
  await send({ id: 2, method: "tools/list", params: {} }, owner, session);
  const called = await send({ id: 3, method: "tools/call", params: { name: "ask" } }, owner, session);
  const accept = { id: 0, result: { action: "accept", content: { ok: true } } };
  const forged = owner.replace(/\.[^.]*$/, ".AAAA");
  for (const bearer of [undefined, forged, token({ sub: "ana" })]) {
    await send(accept, bearer, session);
    await send({ method: "notifications/cancelled", params: { requestId: 3 } }, bearer, session);
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(answers, []);
  await send(accept, owner, session);
  assert.match(await called.text, /"id":3/);
  assert.deepEqual(answers, ["accept"]);
  await server.close();
  await site.stop();
  await permits.stop();
});

/** Asks as somebody. */
const as = (who) => ({ headers: { "x-who": who } });

/** The same service on each framework. */
const FRAMEWORKS = {
  express: async (options, ran) => {
    const app = express();
    const allowed = guardExpress(options);
    const run = (name) => (_request, response) => (ran.push(name), response.json({ name }));
    app.get("/orders/:id", allowed(), run("one"));
    app.delete("/orders/:id", allowed(), run("gone"));
    const resource = { type: "tool", id: "desk/status" };
    app.get("/status", allowed({ action: "tools/call", resource, context: () => ({ arguments: {} }) }), run("status"));
    app.get("/broken", allowed({ resource: () => undefined }), run("broken"));
    const router = express.Router();
    router.get("/:id", allowed(), run("nested"));
    app.use("/orders/", router);
    app.use("/open", allowed(), run("open"));
    return listen(http.createServer(app));
  },
  hono: async (options, ran) => {
    const app = new Hono();
    const allowed = guardHono(options);
    const run = (name) => (context) => (ran.push(name), context.json({ name }));
    app.get("/orders/:id", allowed(), run("one"));
    app.delete("/orders/:id", allowed(), run("gone"));
    const resource = { type: "tool", id: "desk/status" };
    app.get("/status", allowed({ action: "tools/call", resource, context: () => ({ arguments: {} }) }), run("status"));
    app.get("/broken", allowed({ resource: () => undefined }), run("broken"));
    app.use("/open/*", allowed());
    app.get("/open/all", run("open"));
    return listen(http.createServer(getRequestListener(app.fetch)));
  },
  fastify: async (options, ran) => {
    const app = fastify();
    const allowed = guardFastify(options);
    const run = (name) => async () => (ran.push(name), { name });
    app.get("/orders/:id", { preHandler: allowed() }, run("one"));
    app.delete("/orders/:id", { preHandler: allowed() }, run("gone"));
    const resource = { type: "tool", id: "desk/status" };
    const status = { action: "tools/call", resource, context: () => ({ arguments: {} }) };
    app.get("/status", { preHandler: allowed(status) }, run("status"));
    app.get("/broken", { preHandler: allowed({ resource: () => undefined }) }, run("broken"));
    app.get("/open/*", { preHandler: allowed() }, run("open"));
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    return { url, stop: () => app.close() };
  },
};

for (const [name, start] of Object.entries(FRAMEWORKS)) {
  describe(`routes of ${name}`, () => {
    const who = (request) => TABLE.principals[request.header("x-who")];
    const options = () => ({ pdp: service.url, principal: who, ...quiet });

    test("are asked about by their templates", async () => {
      const ran = [];
      const site = await start(options(), ran);
      const status = async (path, init) => (await fetch(site.url + path, init)).status;
      assert.equal(await status("/orders/17", as("ana")), 200);
      assert.equal(await status("/status", as("eve")), 200);
      assert.deepEqual(ran, ["one", "status"]);
      assert.equal(await status("/orders/17", as("eve")), 403);
      assert.equal(await status("/orders/17", { method: "DELETE", ...as("ana") }), 403);
      assert.equal(await status("/broken", as("ana")), 403);
      assert.equal(await status("/open/all", as("ana")), 403, "a guard before the routes knows none");
      assert.deepEqual(ran, ["one", "status"]);
      await site.stop();
    });

    test("a denial is a problem that says what to do", async () => {
      const site = await start(options(), []);
      const response = await fetch(`${site.url}/orders/17`, as("eve"));
      assert.match(response.headers.get("content-type"), /^application\/problem\+json/);
      const problem = await response.json();
      assert.equal(problem.status, 403);
      assert.equal(problem.code, "not_permitted");
      assert.equal(problem.next_action, "request");
      await site.stop();
    });

    test("a route that is not known is not asked about", async () => {
      const ran = [];
      const asked = await pdp(permitAll);
      const site = await start({ ...options(), pdp: asked.url }, ran);
      for (const path of ["/open/all", "/broken"]) {
        assert.equal((await fetch(site.url + path, as("ana"))).status, 403, path);
      }
      assert.equal(asked.asked.length, 0);
      assert.deepEqual(ran, []);
      await site.stop();
      await asked.stop();
    });

    test("tokens are challenged, and a service that is down denies", async () => {
      const ran = [];
      const site = await start({ pdp: service.url, resourceMetadata: METADATA, ...quiet }, ran);
      const response = await fetch(`${site.url}/orders/17`);
      assert.equal(response.status, 401);
      assert.equal(response.headers.get("www-authenticate"), `Bearer resource_metadata="${METADATA}"`);
      const headers = { authorization: `Bearer ${token()}` };
      assert.equal((await fetch(`${site.url}/orders/17`, { headers })).status, 200);
      await site.stop();
      const gone = await pdp(permitAll);
      await gone.stop();
      const down = await start({ ...options(), pdp: gone.url }, ran);
      assert.equal((await fetch(`${down.url}/orders/17`, as("ana"))).status, 503);
      assert.deepEqual(ran, ["one"]);
      await down.stop();
    });
  });
}

test("a mounted router of Express is told where it is", async () => {
  const asked = await pdp(permitAll);
  const app = express();
  const principal = () => TABLE.principals.ana;
  const allowed = guardExpress({ pdp: asked.url, principal, ...quiet });
  const router = express.Router({ mergeParams: true });
  router.get("/known/:id", allowed({ mount: "/orders" }), (_request, response) => response.end());
  router.get("/:id", allowed(), (_request, response) => response.end());
  // With a parameter for its mount, whoever asks could say which route it is taken for.
  app.use("/:anything", router);
  const site = await listen(http.createServer(app));
  assert.equal((await fetch(`${site.url}/orders/17`)).status, 403);
  assert.equal(asked.asked.length, 0);
  assert.equal((await fetch(`${site.url}/ORDERS/known/17`)).status, 200);
  assert.equal(asked.asked[0].body.resource.id, "/orders/known/{id}");
  assert.equal((await fetch(`${site.url}/orders/known/17`, { method: "HEAD" })).status, 200);
  assert.equal(asked.asked[1].body.action.name, "GET");
  await site.stop();
  await asked.stop();
});

describe("an A2A agent", () => {
  const executor = (ran) => ({
    execute: async (context, bus) => {
      ran.push(context.userMessage.parts[0].content.value);
      const message = { ...context.userMessage, messageId: randomUUID(), role: 2 };
      bus.publish(AgentEvent.message(message));
      bus.finished();
    },
    cancelTask: async () => {},
  });
  async function site(ran, pdpUrl = service.url) {
    const app = express();
    const started = await listen(http.createServer(app));
    const card = {
      name: "scribe",
      description: "",
      version: "1.0.0",
      capabilities: { streaming: true },
      defaultInputModes: ["text"],
      defaultOutputModes: ["text"],
      skills: [],
      provider: undefined,
      documentationUrl: "",
      securitySchemes: {},
      securityRequirements: [],
      signatures: [],
      supportedInterfaces: [
        { url: `${started.url}/rpc`, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" },
      ],
    };
    const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor(ran));
    const requestHandler = guardA2a(handler, {
      agent: "scribe",
      pdp: pdpUrl,
      principal: (request) => TABLE.principals[request.header("x-who")],
      ...quiet,
    });
    app.use("/rpc", jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
    return { ...started, card, requestHandler };
  }
  const message = (value) => ({
    message: {
      messageId: randomUUID(),
      contextId: "",
      taskId: "",
      role: 1,
      parts: [{ content: { $case: "text", value }, metadata: undefined, filename: "", mediaType: "" }],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    },
    configuration: undefined,
    metadata: undefined,
    tenant: "",
  });
  const clientOf = async (card, who) => {
    const client = await new ClientFactory().createFromAgentCard(card);
    return { send: (text) => client.sendMessage(message(text), { serviceParameters: { "x-who": who } }), client };
  };

  test("is sent messages by whoever may invoke it", async () => {
    const ran = [];
    const { card, stop } = await site(ran);
    await (await clientOf(card, "ana")).send("hello");
    assert.deepEqual(ran, ["hello"]);
    await assert.rejects((await clientOf(card, "eve")).send("steal"), /Denied \(not_permitted\)/);
    await assert.rejects((await clientOf(card, "nobody")).send("steal"), /credential_missing/);
    assert.deepEqual(ran, ["hello"]);
    await stop();
  });

  test("streams, tasks and methods that nobody knows are decided too", async () => {
    const asked = await pdp((to) => json(to, { decision: false }));
    const ran = [];
    const { requestHandler, stop } = await site(ran, asked.url);
    const context = { state: new Map([["headers", { "x-who": "ana" }]]) };
    await assert.rejects(requestHandler.sendMessageStream(message("x"), context).next(), /Denied/);
    await assert.rejects(requestHandler.resubscribe({ id: "t" }, context).next(), /Denied/);
    await assert.rejects(requestHandler.getTask({ id: "t" }, context), /Denied/);
    await assert.rejects(requestHandler.listTasks({}, context), /Denied/);
    await assert.rejects(requestHandler.sendMessage(message("x"), { state: new Map() }), /credential_missing/);
    assert.equal((await requestHandler.getAgentCard()).name, "scribe");
    assert.deepEqual(
      asked.asked.map(({ body }) => [body.action.name, body.resource.type, body.resource.id]),
      [
        ["invoke", "agent", "scribe"],
        ["tasks/subscribe", "task", "scribe/t"],
        ["tasks/get", "task", "scribe/t"],
        ["tasks/list", "agent", "scribe"],
      ],
    );
    assert.deepEqual(ran, []);
    await stop();
    await asked.stop();
  });
});
