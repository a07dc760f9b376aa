// The table of cases, at servers of both generations of the SDK, through clients of both, in memory
// and over streamable HTTP.

import assert from "node:assert/strict";
import * as http from "node:http";
import { after, before, describe, test } from "node:test";

import { guard as guard1 } from "@behest/authzen/mcp";
import { guard as guard2, guardedMcpHandler } from "@behest/authzen/mcp-server";
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

import {
  as,
  behest,
  highLevel1,
  highLevel2,
  listen,
  lowLevel1,
  namesOf,
  outcome,
  principal,
  TABLE,
} from "./support.js";

const INFO = { name: "test", version: "1.0.0" };
const MODERN = { versionNegotiation: { mode: "auto" } };

const service = await behest();
after(() => service.stop());

const options = () => ({ server: "desk", pdp: service.url, principal });

/** Connects two ends in memory. */
const inMemory = (make, guard, Client) => (ran) => ({
  connect: async (who) => {
    const server = guard(make(ran), options());
    const [near, far] = InMemoryTransport.createLinkedPair();
    const client = new Client(INFO);
    await server.connect(far);
    await client.connect(as(near, who));
    return client;
  },
  stop: () => {},
});

/** Serves over HTTP with a server for each request. */
const overHttp = (handlerOf, connect) => async (ran) => {
  const site = await listen(http.createServer(handlerOf(ran)));
  const url = new URL(`${site.url}/mcp`);
  return {
    connect: (who) => connect(url, { requestInit: { headers: { "x-who": who } } }),
    stop: () => site.stop(),
  };
};

const stateless1 = (make) => (ran) => async (request, response) => {
  const server = guard1(make(ran), options());
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  await server.connect(transport);
  response.on("close", () => server.close());
  await transport.handleRequest(request, response);
};

const stateless2 = (ran) => toNodeHandler(guardedMcpHandler(() => highLevel2(ran), options()));

const connect1 = async (url, init) => {
  const client = new Client1(INFO);
  await client.connect(new Http1(url, init));
  return client;
};

const connect2 = (more) => async (url, init) => {
  const client = new Client2(INFO, more);
  await client.connect(new Http2(url, init));
  return client;
};

const SETUPS = {
  "sdk 1.x in memory": inMemory(highLevel1, guard1, Client1),
  "sdk 1.x, a server of one's own handlers, in memory": inMemory(lowLevel1, guard1, Client1),
  "sdk 1.x over HTTP": overHttp(stateless1(highLevel1), connect1),
  "sdk 1.x, one's own handlers, client 2.x over HTTP": overHttp(stateless1(lowLevel1), connect2()),
  "server 2.x in memory, client 1.x": inMemory(highLevel2, guard2, Client1),
  "server 2.x over HTTP, client 1.x": overHttp(stateless2, connect1),
  "server 2.x over HTTP, client 2.x of 2025-11-25": overHttp(stateless2, connect2()),
  "server 2.x over HTTP, client 2.x of 2026-07-28": overHttp(stateless2, connect2(MODERN)),
};

for (const [name, setUp] of Object.entries(SETUPS)) {
  describe(name, { timeout: 60_000 }, () => {
    const ran = [];
    const clients = new Map();
    let site;
    before(async () => (site = await setUp(ran)));
    after(async () => {
      for (const client of clients.values()) await client.then((it) => it.close(), () => {});
      await site.stop();
    });
    const clientOf = (who) => {
      if (!clients.has(who)) clients.set(who, site.connect(who));
      return clients.get(who);
    };
    const ask = async ({ as: who, method, params }) => {
      ran.length = 0;
      try {
        return await outcome(await clientOf(who), method, params);
      } catch (error) {
        // Who may do nothing at all may not connect either.
        return { permitted: false, ...error.data, message: error.message };
      }
    };

    // Defaults are the SDK's: a server that reads arguments itself has none to decide about.
    const own = name.includes("one's own handlers");
    const rows = own ? TABLE.cases.filter((row) => row.runs_with?.format === undefined) : TABLE.cases;
    for (const row of rows) {
      test(row.name, async () => {
        const found = await ask(row);
        if (row.expect.permit === true) {
          assert.equal(found.permitted, true, JSON.stringify(found));
          assert.equal(ran.length, 1);
          if (row.method !== "tools/call") return;
          const sent = row.params.arguments ?? {};
          assert.deepEqual(ran[0].args ?? {}, own ? sent : (row.runs_with ?? sent));
          return;
        }
        assert.equal(found.permitted, false);
        if (found.code === undefined) assert.match(found.message, new RegExp(row.expect.deny));
        else assert.equal(found.code, row.expect.deny, JSON.stringify(found));
        if (found.code && row.expect.next_action) {
          assert.equal(found.next_action, row.expect.next_action);
        }
        assert.deepEqual(ran, []);
      });
    }
    for (const row of TABLE.lists) {
      test(`${row.method} of ${row.as}`, async () => {
        const found = await ask(row);
        assert.equal(found.permitted, true, JSON.stringify(found));
        assert.deepEqual(namesOf(row.method, found.result), [...row.expect].sort());
      });
    }
  });
}
