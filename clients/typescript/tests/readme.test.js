// The README's servers run as they stand there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Client } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

import { behest } from "./support.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const readme = readFileSync(here("../README.md"), "utf8");
const blocks = [...readme.matchAll(/```js\n([^]*?)```/g)].map(([, block]) => block);
const service = await behest();
after(() => service.stop());

/** Runs a program that says where it listens, and ends it after the test. */
async function run(name, program, ask) {
  const file = here(`.${name}.tmp.js`);
  writeFileSync(file, program);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const url = await new Promise((resolve, reject) => {
      child.stdout.once("data", (line) => resolve(String(line).trim()));
      child.once("exit", (code) => reject(new Error(`the program ended with ${code}`)));
    });
    await ask(url);
  } finally {
    child.kill();
    rmSync(file);
  }
}

test("the server with a guard", async () => {
  const block = blocks.find((text) => text.includes("guardedMcpHandler("));
  const lines = block.split("\n").filter((line) => /guarded|pdp:/.test(line));
  assert.ok(lines.length <= 10, "the guard is at most ten lines");
  // The service here has no issuer, so that who asks is said in a header.
  const hook = `principal: (request) => ({ subject: { type: "user", id: request.header("x-who") } }),`;
  const program = block
    .replace('pdp: "http://127.0.0.1:8181"', `pdp: "${service.url}", ${hook}`)
    .replace(/createServer\((.*)\)\.listen\(3000, "127.0.0.1"\);/, (_, handler) =>
      `const site = createServer(${handler}).listen(0, "127.0.0.1", () =>
        console.log(\`http://127.0.0.1:\${site.address().port}/mcp\`));`,
    );
  assert.notEqual(program, block);
  await run("readme", program, async (url) => {
    const as = async (who, versionNegotiation) => {
      const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation });
      const requestInit = { headers: { "x-who": who } };
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
      return client;
    };
    for (const revision of [undefined, { mode: "auto" }]) {
      const ana = await as("ana", revision);
      const call = { name: "search", arguments: { query: "vat" } };
      assert.equal((await ana.callTool(call)).content[0].text, "20 tickets about vat");
      const many = { name: "search", arguments: { query: "vat", limit: 101 } };
      assert.equal((await ana.callTool(many)).structuredContent.code, "too_many_results");
      assert.equal((await ana.listTools()).tools.length, 1);
      const eve = await as("eve", revision);
      assert.equal((await eve.listTools()).tools.length, 0);
      await ana.close();
      await eve.close();
    }
  });
});

test("the client", async () => {
  const block = blocks.find((text) => text.includes("new AuthZenClient("));
  const url = `url: "${service.url}"`;
  const program = block
    .replace('url: "https://pdp.example", token: () => readKey()', url)
    .replace("serve()", 'console.log("permitted")')
    .replace("show(tool.id)", "void tool.id")
    .concat("process.exit(decision === true && reason === undefined && failure === undefined ? 0 : 1);\n");
  await run("client", program, async (line) => assert.equal(line, "permitted"));
});

test("every block is one that Node can read", () => {
  for (const block of blocks) {
    const imports = [...block.matchAll(/from "(@behest[^"]*)"/g)].map(([, name]) => name);
    for (const name of imports) assert.ok(import.meta.resolve(name).includes("/dist/"), name);
  }
});
