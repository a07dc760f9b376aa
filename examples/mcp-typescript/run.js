// Starts behest, an MCP server with a guard, and clients of both generations; runs the flow, attacks
// it, and ends by itself: with 0 if everything was decided as it says here.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as OlderClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OlderTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { token, trusted } from "./issuer.js";
import { serve } from "./server.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "behest-mcp-"));
const behest = await started(trusted(folder));
const ran = [];
const desk = await serve(behest.url, (tool, args) => ran.push([tool, args]));
let wrong = 0;

try {
  await flow();
  await attacks();
} finally {
  desk.stop();
  behest.stop();
  rmSync(folder, { recursive: true });
}
console.log(wrong === 0 ? "\nas expected" : `\n${wrong} steps were not as expected`);
process.exit(wrong === 0 ? 0 : 1);

async function flow() {
  console.log("The flow, with a client of the revision 2026-07-28 and one of 2025-11-25");
  for (const connect of [newer, older]) {
    const ana = await connect(token("ana", { agent: "scribe" }));
    await list("scribe, for ana, sees", ana, "close refund search status");
    await step("and searches for her", ana, "search", { query: "vat" }, "permit");
    await step("refunds 100 for her", ana, "refund", { order: "o-17", amount: 100 }, "permit");
    await step("but not 900", ana, "refund", { order: "o-17", amount: 900 }, "refund_over_cap");
    await ana.close();
    const eve = await connect(token("eve"));
    await list("eve, of no team, sees", eve, "status");
    await eve.close();
  }
}

async function attacks() {
  console.log("\nThe attacks");
  const kiosk = await newer(token("ana", { agent: "kiosk" }));
  await step("an agent calls a tool that its list hid", kiosk, "close", { ticket: "t-1" }, "not_permitted");
  await kiosk.close();

  const ben = await newer(token("ben"));
  await step("a default would export everything", ben, "export", {}, "full_export");
  const scribe = await newer(token("ben", { agent: "scribe" }));
  await step("an agent exports for a lead", scribe, "export", { format: "summary" }, "people_only");
  await read("an agent reads salaries by another spelling", scribe, "DESK://salaries", "people_only");
  await scribe.close();
  await ben.close();

  await refused("an agent that nobody granted anything", token("ana", { agent: "rogue" }), "delegation_missing");
  await refused("a suspended agent", token("ana", { agent: "halted" }), "suspended");
  await http("no token", undefined, 401, "credential_missing");
  await http("a token that ana wrote herself", token("ana").replace(/\.[^.]*$/, ".AAAA"), 401, "credential_invalid");
  await http("a token of yesterday", token("ana", { life: -90_000 }), 401, "credential_expired");
  await http("a token without the scope", token("ana", { scope: "desk.read" }), 403, "scope_missing");

  behest.stop();
  await behest.ended;
  await http("while behest is down", token("ana"), 200, "pdp_unavailable");
}

/** Calls a tool, and compares what was decided. */
async function step(what, client, name, args, expected) {
  const before = ran.length;
  const result = await client.callTool({ name, arguments: args });
  const denial = result.isError ? result.structuredContent : undefined;
  say(what, denial, expected, expected === "permit" ? ran.length === before + 1 : ran.length === before);
}

async function read(what, client, uri, expected) {
  const before = ran.length;
  const denial = await client.readResource({ uri }).then(() => undefined, (error) => error.data);
  say(what, denial, expected, ran.length === before);
}

async function list(what, client, expected) {
  const { tools } = await client.listTools();
  const names = tools.map(({ name }) => name).sort().join(" ");
  if (names !== expected) wrong += 1;
  console.log(`  ${what}: ${names}`);
}

/** Tries to connect. */
async function refused(what, bearer, expected) {
  const denial = await older(bearer).then(() => undefined, (error) => error.data);
  say(what, denial, expected, true);
}

/** Calls a tool by HTTP alone, to see the status and the challenge. */
async function http(what, bearer, status, expected) {
  const before = ran.length;
  const response = await fetch(desk.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "refund", arguments: { order: "o-17", amount: 20 } },
    }),
  });
  const text = await response.text();
  const { error, result } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text);
  const challenge = response.headers.get("www-authenticate");
  say(what, error?.data ?? result.structuredContent, expected, response.status === status && ran.length === before);
  if (challenge !== null) console.log(`      ${response.status}, ${challenge.split(",")[0]}`);
}

function say(what, denial, expected, asItShould) {
  const decided = denial?.code ?? "permit";
  const right = decided === expected && asItShould;
  if (!right) wrong += 1;
  const next = denial === undefined ? "" : `; next: ${denial.next_action}`;
  const who = denial?.principal === undefined ? "" : ` (${denial.principal.type}:${denial.principal.id})`;
  console.log(`  ${right ? "" : "WRONG "}${what}: ${decided}${who}${next}`);
  if (denial !== undefined) console.log(`      ${denial.message}`);
}

async function newer(bearer) {
  const client = new Client({ name: "agent", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  await client.connect(new StreamableHTTPClientTransport(desk.url, headers(bearer)));
  return client;
}

async function older(bearer) {
  const client = new OlderClient({ name: "agent", version: "1.0.0" });
  await client.connect(new OlderTransport(desk.url, headers(bearer)));
  return client;
}

function headers(bearer) {
  return { requestInit: { headers: { authorization: `Bearer ${bearer}` } } };
}

/** Starts the service with the desk's bundle, on a free port of this machine. */
async function started(settings) {
  const binary = process.env.BEHEST_BINARY ?? here("../../target/debug/behest");
  const bundle = here("../../clients/testdata/bundle");
  // The service takes every variable that begins like this for a setting.
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith("BEHEST_"));
  const child = spawn(binary, ["--bundle", bundle, "--config", settings, "--listen", "127.0.0.1:0"], {
    env: Object.fromEntries(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const address = await new Promise((resolve, reject) => {
    let log = "";
    const look = (chunk) => {
      log += chunk;
      const found = /"message":"serving: [^\n]*"address":"([^"]+)"/.exec(log);
      if (found !== null) resolve(found[1]);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`behest ended with ${code}: ${log}`)));
  });
  return { url: `http://${address}`, stop: () => child.kill("SIGTERM"), ended };
}
