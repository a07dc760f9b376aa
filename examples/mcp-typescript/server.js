// The server of a support desk. Its guard is `guardedMcpHandler` and the lines of options below it:
// everything else is what the server would be without one.

import { createServer } from "node:http";

import { guardedMcpHandler } from "@behest/authzen/mcp-server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";

/** Serves the desk on a free port of this machine; `ran` is told of every tool that runs. */
export async function serve(pdp, ran) {
  const handler = guardedMcpHandler(() => desk(ran), {
    server: "desk",
    pdp,
    resourceMetadata: "https://desk.example/.well-known/oauth-protected-resource/mcp",
    onError: () => {},
  });
  const server = createServer(toNodeHandler(handler));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: new URL(`http://127.0.0.1:${server.address().port}/mcp`),
    stop: () => (server.closeAllConnections(), server.close()),
  };
}

function desk(ran) {
  const server = new McpServer({ name: "desk", version: "1.0.0" });
  const tool = (name, description, shape) =>
    server.registerTool(name, { description, inputSchema: z.object(shape) }, (args) => {
      ran(name, args);
      return { content: [{ type: "text", text: `${name} is done` }] };
    });
  tool("status", "Says whether the desk is open.", {});
  tool("search", "Finds tickets.", { query: z.string(), limit: z.number().int().default(20) });
  tool("refund", "Pays an order back.", { order: z.string(), amount: z.number() });
  tool("close", "Closes a ticket.", { ticket: z.string() });
  tool("export", "Exports the customers.", { format: z.string().default("full") });
  server.registerResource("salaries", "desk://salaries", {}, (uri) => {
    ran("salaries", {});
    return { contents: [{ uri: uri.href, text: "a lot" }] };
  });
  return server;
}
