// What a guarded call costs over an unguarded one, beside the bare HTTP round trip to the service.
// The three are measured in turn, so that whatever else the machine does meets all of them. With
// `--stub` the service is one that permits at once, which is the strictest to compare with.

import { fork } from "node:child_process";
import { once } from "node:events";
import * as http from "node:http";

import { guard } from "@behest/authzen/mcp";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";

import { as, behest, highLevel1, principal, TABLE } from "../tests/support.js";

const ROUNDS = Number(process.env.ROUNDS ?? 3000);
const WARM = 300;
const CALL = { name: "search", arguments: { query: "vat" } };

const service = process.argv.includes("--stub") ? await stub() : await behest();
const { hostname, port } = new URL(service.url);
const agent = new http.Agent({ keepAlive: true });
const body = JSON.stringify({
  subject: TABLE.principals.ana.subject,
  action: { name: "tools/call" },
  resource: { type: "tool", id: "desk/search" },
  context: { arguments: { query: "vat", limit: 20 } },
  options: { reason: true },
});

async function stub() {
  const child = fork(new URL("stub.js", import.meta.url));
  const [url] = await once(child, "message");
  return { url, stop: () => child.kill() };
}

/** One question by `node:http` and nothing else. */
function bare() {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const path = "/access/v1/evaluation";
    const request = http.request({ hostname, port, agent, method: "POST", path, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve(JSON.parse(text).decision));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function connected(guarded) {
  const server = highLevel1([]);
  if (guarded) guard(server, { server: "desk", pdp: service.url, principal });
  const [near, far] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "bench", version: "1.0.0" });
  await server.connect(far);
  await client.connect(as(near, "ana"));
  return client;
}

const plain = await connected(false);
const guarded = await connected(true);
const measured = {
  "bare round trip": { run: bare, times: [] },
  "unguarded call": { run: () => plain.callTool(CALL), times: [] },
  "guarded call": { run: () => guarded.callTool(CALL), times: [] },
};
for (let round = 0; round < ROUNDS + WARM; round++) {
  for (const { run, times } of Object.values(measured)) {
    const began = performance.now();
    await run();
    if (round >= WARM) times.push(performance.now() - began);
  }
}

const at = (times, share) => times.sort((a, b) => a - b)[Math.floor(times.length * share)];
const microseconds = (ms) => `${Math.round(ms * 1000)} µs`;
for (const [name, { times }] of Object.entries(measured)) {
  console.log(`${name.padEnd(16)} p50 ${microseconds(at(times, 0.5))}, p99 ${microseconds(at(times, 0.99))}`);
}
const p50 = (name) => at(measured[name].times, 0.5);
const overhead = p50("guarded call") - p50("unguarded call");
const ratio = overhead / p50("bare round trip");
console.log(`overhead p50 ${microseconds(overhead)}: ${ratio.toFixed(2)} times the bare round trip`);

await plain.close();
await guarded.close();
agent.destroy();
await service.stop();
process.exit(ratio <= 1.3 ? 0 : 1);
