// What users write must be typed as the documents say. It is compiled, and never run.

import { McpServer as McpServer1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServer2 } from "@modelcontextprotocol/server";
import express from "express";
import { Hono } from "hono";
import { fastify } from "fastify";
import type { A2ARequestHandler } from "@a2a-js/sdk/server";

import { AuthZenClient, type Decision, type Principal } from "@behest/authzen";
import { guard as guard1, type GuardOptions } from "@behest/authzen/mcp";
import { guard as guard2, guardedMcpHandler, serveGuardedStdio } from "@behest/authzen/mcp-server";
import { guard as guardExpress } from "@behest/authzen/express";
import { guard as guardHono } from "@behest/authzen/hono";
import { guard as guardFastify } from "@behest/authzen/fastify";
import { guard as guardA2a } from "@behest/authzen/a2a";

const info = { name: "desk", version: "1.0.0" };
const options: GuardOptions = {
  server: "desk",
  pdp: new AuthZenClient({ url: "https://pdp.example", token: async () => "key" }),
  principal: async (request): Promise<Principal | undefined> => {
    const id = request.header("x-who");
    return id === undefined ? undefined : { subject: { type: "user", id } };
  },
};
export const one: McpServer1 = guard1(new McpServer1(info), options);
export const two: McpServer2 = guard2(new McpServer2(info), options);
export const handler = guardedMcpHandler(() => new McpServer2(info), options, { legacy: "reject" });
export const stdio = () => serveGuardedStdio(() => new McpServer2(info), options);

const pdp = "http://127.0.0.1:8181";
express().get("/orders/:id", guardExpress({ pdp })(), (_request, response) => void response.end());
new Hono().get("/orders/:id", guardHono({ pdp })(), (context) => context.text(""));
fastify().get("/orders/:id", { preHandler: guardFastify({ pdp })() }, async () => "");
export const a2a = (inner: A2ARequestHandler) => guardA2a(inner, { agent: "scribe", pdp });

export async function decided(client: AuthZenClient): Promise<boolean> {
  const decision: Decision = await client.evaluation({
    subject: { type: "user", id: "ana" },
    action: { name: "read" },
    resource: { type: "note", id: "n1" },
    options: { reason: true },
  });
  return decision.decision && decision.reason?.next_action !== "request";
}
