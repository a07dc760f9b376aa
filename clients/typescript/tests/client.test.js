// The client: what it asks, what it makes of answers, and that nothing but a permit permits.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { AuthZenClient, AuthZenError, denialOf } from "@behest/authzen";

import { behest, json, listen, pdp } from "./support.js";

const QUESTION = {
  subject: { type: "user", id: "ana" },
  action: { name: "tools/call" },
  resource: { type: "tool", id: "desk/status" },
};
const BATCH = { ...QUESTION, evaluations: [{}, { resource: { type: "tool", id: "desk/export" } }] };

/** Asks a service that answers as given, and returns what the client made of it. */
async function against(answer, ask, more = {}) {
  const service = await pdp(answer);
  const client = new AuthZenClient({ url: service.url, timeoutMs: 600, ...more });
  try {
    return { found: await ask(client), asked: service.asked };
  } finally {
    client.close();
    await service.stop();
  }
}

describe("the service itself", () => {
  let service;
  const started = behest().then((it) => (service = it));
  after(() => service.stop());
  const clientOf = async () => new AuthZenClient((await started).url);

  test("permits and denies, with a reason where it is asked for", async () => {
    const client = await clientOf();
    assert.equal(await client.permits(QUESTION), true);
    const denied = await client.evaluation({
      ...QUESTION,
      resource: { type: "tool", id: "desk/export" },
      context: { arguments: { format: "full" } },
      options: { reason: true },
    });
    assert.equal(denied.decision, false);
    assert.equal(denied.reason.code, "full_export");
    assert.match(denied.decisionId, /^[0-9a-f]{32}$/);
    assert.equal(denialOf(denied).next_action, "retry");
    client.close();
  });

  test("answers a batch in its order", async () => {
    const client = await clientOf();
    const decisions = await client.evaluations(BATCH);
    assert.deepEqual(decisions.map(({ decision }) => decision), [true, false]);
    assert.deepEqual(await client.evaluations({ ...QUESTION, evaluations: [] }), []);
    client.close();
  });

  test("stops a batch where that is asked for, and denies the rest", async () => {
    const client = await clientOf();
    const evaluations = [...BATCH.evaluations, {}];
    const options = { evaluations_semantic: "permit_on_first_permit" };
    const decisions = await client.evaluations({ ...BATCH, evaluations, options });
    assert.deepEqual(decisions.map(({ decision }) => decision), [true, false, false]);
    assert.equal(decisions[2].failure.kind, "not_evaluated");
    client.close();
  });

  test("finds through all pages", async () => {
    const client = await clientOf();
    const tools = [];
    const request = { ...QUESTION, resource: { type: "tool" }, options: { unknown: ["arguments"] } };
    for await (const tool of client.resources({ ...request, page: { limit: 1 } })) tools.push(tool.id);
    assert.deepEqual(tools.sort(), ["desk/close", "desk/refund", "desk/search", "desk/status"]);
    const first = await client.searchResource({ ...request, page: { limit: 1 } });
    assert.equal(first.results.length, 1);
    assert.notEqual(first.nextToken, undefined);
    const names = [];
    const { subject, resource } = QUESTION;
    for await (const action of client.actions({ subject, resource })) names.push(action.name);
    assert.deepEqual(names, ["tools/call"]);
    const people = [];
    const who = { ...QUESTION, subject: { type: "user" } };
    for await (const user of client.subjects(who)) people.push(user.id);
    assert.ok(people.includes("ana"), people.join());
    client.close();
  });

  test("does not answer what it cannot read", async () => {
    const client = await clientOf();
    const { decision, failure } = await client.evaluation({ ...QUESTION, action: undefined });
    assert.equal(decision, false);
    assert.equal(failure.kind, "status");
    assert.equal(failure.status, 400);
    assert.match(failure.message, /action/);
    client.close();
  });
});

test("asks over a unix socket", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "authzen-")), "behest.sock");
  const service = await behest("--listen", `unix:${path}`);
  const client = new AuthZenClient(`unix:${path}`);
  assert.equal(await client.permits(QUESTION), true);
  assert.equal(await client.permits({ ...QUESTION, subject: { type: "user", id: "" } }), false);
  client.close();
  await service.stop();
});

describe("what is no permit denies", () => {
  const NONSENSE = {
    "a text": (to) => json(to, { decision: "true" }),
    "a number": (to) => json(to, { decision: 1 }),
    null: (to) => json(to, "null"),
    "an array": (to) => json(to, [{ decision: true }]),
    "no decision": (to) => json(to, { context: { decision: true } }),
    "two decisions": (to) => json(to, '{"decision":false,"decision":true}'),
    "two decisions, one escaped": (to) => json(to, '{"decision":false,"\\u0064ecision":true}'),
    "a context that is none": (to) => json(to, { decision: true, context: "all" }),
    "no JSON": (to) => json(to, '{"decision": true'),
    "JSON and more": (to) => json(to, '{"decision":true} {"decision":true}'),
    "an empty body": (to) => json(to, ""),
    "HTML with 200": (to) => {
      to.writeHead(200, { "Content-Type": "text/html" });
      to.end('{"decision":true}');
    },
    "no type": (to) => (to.writeHead(200), to.end('{"decision":true}')),
    "another status": (to) => json(to, { decision: true }, 201),
    "an error that says yes": (to) => json(to, { decision: true }, 500),
    "a redirect": (to) => json(to, { decision: true }, 307, { Location: "/elsewhere" }),
    "bytes that are no text": (to) => {
      to.writeHead(200, { "Content-Type": "application/json" });
      to.end(Buffer.from([...Buffer.from('{"decision":true,"a":"'), 0xff, ...Buffer.from('"}')]));
    },
    "a mark before it": (to) => json(to, '\uFEFF{"decision":true}'),
    compressed: (to) => json(to, '{"decision":true}', 200, { "Content-Encoding": "gzip" }),
    "the id of another": (to) => json(to, { decision: true }, 200, { "X-Request-ID": "other" }),
    "a huge body": (to) => json(to, `{"decision":true,"a":"${"a".repeat(70_000)}"}`),
    "a huge body without a length": (to) => {
      to.writeHead(200, { "Content-Type": "application/json" });
      to.write('{"decision":true,"a":"');
      for (let at = 0; at < 70; at++) to.write("a".repeat(1000));
      to.end('"}');
    },
    "a body that is cut off": (to) => {
      to.writeHead(200, { "Content-Type": "application/json", "Content-Length": "100" });
      to.write('{"decision":true}');
      setTimeout(() => to.destroy(), 20);
    },
    "a chunk that is cut off": (to) => {
      to.writeHead(200, { "Content-Type": "application/json" });
      to.write('{"decision":true}');
      setTimeout(() => to.destroy(), 20);
    },
    "no answer": () => {},
    "an answer that never ends": (to) => {
      to.writeHead(200, { "Content-Type": "application/json" });
      to.write('{"decision":true}');
    },
    "a connection that is closed": (to) => to.destroy(),
    "a batch": (to) => json(to, { evaluations: [{ decision: true }] }),
    "a permit beside a fault": (to) =>
      json(to, { decision: true, context: { error: { status: 500, message: "no data" } } }),
    "a permit beside a fault in a word": (to) =>
      json(to, { decision: true, context: { error: "" } }),
  };
  for (const [name, answer] of Object.entries(NONSENSE)) {
    test(name, async () => {
      const { found, asked } = await against(
        answer,
        async (client) => ({
          one: await client.evaluation(QUESTION),
          permits: await client.permits(QUESTION),
          many: await client.evaluations(BATCH),
        }),
        { maxBytes: 65_536 },
      );
      assert.equal(found.one.decision, false);
      assert.ok(found.one.failure instanceof AuthZenError, "says so");
      assert.equal(found.permits, false);
      assert.equal(found.many.length, 2);
      // The items of a batch are an answer to a batch, of another length.
      for (const each of found.many) assert.equal(each.decision, false);
      assert.equal(asked.length, 3, "nothing is sent twice");
    });
  }

  test("a fault beside one decision of a batch is a failure of that one", async () => {
    const faulty = { decision: true, context: { error: { status: 500, message: "no data" } } };
    const answer = (to) => json(to, { evaluations: [{ decision: true }, faulty] });
    const { found } = await against(answer, (client) => client.evaluations(BATCH));
    assert.deepEqual(found.map(({ decision }) => decision), [true, false]);
    assert.equal(found[0].failure, undefined);
    assert.match(found[1].failure.message, /no data/);
  });

  for (const [name, evaluations] of Object.entries({
    "a shorter batch": [{ decision: true }],
    "a longer batch": [{ decision: true }, { decision: true }, { decision: true }],
    "an item that is none": [{ decision: true }, { decision: "true" }],
    "an item that is null": [{ decision: true }, null],
  })) {
    test(name, async () => {
      const answer = (to) => json(to, { evaluations });
      const { found } = await against(answer, (client) => client.evaluations(BATCH));
      assert.deepEqual(found.map(({ decision }) => decision), [false, false]);
    });
  }

  test("nobody there", async () => {
    const gone = await listen(http.createServer());
    await gone.stop();
    const found = await new AuthZenClient(gone.url).evaluation(QUESTION);
    assert.equal(found.decision, false);
    assert.equal(found.failure.kind, "unreachable");
  });

  test("something that speaks no HTTP", async () => {
    const server = await listen(net.createServer((socket) => socket.resume().end("decision: true\r\n\r\n").on("error", () => {})));
    const found = await new AuthZenClient(server.url).evaluation(QUESTION);
    assert.equal(found.failure.kind, "unreachable");
    await server.stop();
  });

  test("a question that is no JSON", async () => {
    const answer = (to) => json(to, { decision: true });
    const loop = {};
    loop.loop = loop;
    const { found, asked } = await against(answer, (client) =>
      client.evaluation({ ...QUESTION, context: loop }),
    );
    assert.equal(found.failure.kind, "unaskable");
    assert.equal(asked.length, 0);
  });

  test("a caller that gives up", async () => {
    const { found } = await against(() => {}, (client) =>
      client.evaluation(QUESTION, { signal: AbortSignal.timeout(50) }),
    );
    assert.equal(found.failure.kind, "aborted");
  });

  test("a key that cannot be had", async () => {
    const token = () => Promise.reject(new Error("no key"));
    const { found, asked } = await against(
      (to) => json(to, { decision: true }),
      (client) => client.evaluation(QUESTION),
      { token },
    );
    assert.equal(found.decision, false);
    assert.equal(asked.length, 0);
  });

  test("a batch that stops at an item that ends nothing", async () => {
    const answer = (to) => json(to, { evaluations: [{ decision: true }] });
    const options = { evaluations_semantic: "deny_on_first_deny" };
    const { found } = await against(answer, (client) => client.evaluations({ ...BATCH, options }));
    assert.deepEqual(found.map(({ decision }) => decision), [false, false]);
  });
});

describe("a search that fails is an error, and no list", () => {
  const SEARCH = { ...QUESTION, resource: { type: "tool" } };
  const all = async (client) => {
    const found = [];
    for await (const tool of client.resources(SEARCH)) found.push(tool);
    return found;
  };
  for (const [name, answer] of Object.entries({
    "an HTTP error": (to) => json(to, { results: [] }, 503),
    "no results": (to) => json(to, {}),
    "a result of another type": (to) => json(to, { results: [{ type: "user", id: "ana" }] }),
    "a result without an id": (to) => json(to, { results: [{ type: "tool" }] }),
    "a token that is none": (to) => json(to, { results: [], page: { next_token: 1 } }),
    "pages that never end": (to) => json(to, { results: [], page: { next_token: "same" } }),
    "no answer": () => {},
  })) {
    test(name, async () => {
      await assert.rejects(against(answer, all), AuthZenError);
    });
  }

  test("pages are asked for with the same question", async () => {
    const answer = (to, body) => {
      const last = body.page?.token === "two";
      json(to, { results: [{ type: "tool", id: last ? "b" : "a" }], page: { next_token: last ? "" : "two" } });
    };
    const { found, asked } = await against(answer, all);
    assert.deepEqual(found.map(({ id }) => id), ["a", "b"]);
    assert.deepEqual(asked[1].body, { ...SEARCH, page: { token: "two" } });
  });
});

describe("what is sent", () => {
  test("the key, an id and the trace", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const { asked, found } = await against(
      (to, _, { headers }) => json(to, { decision: true }, 200, { "X-Request-ID": headers["x-request-id"] }),
      (client) => client.evaluation(QUESTION, { traceparent }),
      { token: () => "behest_key" },
    );
    const [{ headers, body }] = asked;
    assert.equal(headers.authorization, "Bearer behest_key");
    assert.equal(headers.traceparent, traceparent);
    assert.equal(headers["x-request-id"], found.requestId);
    assert.deepEqual(body, QUESTION);
  });

  test("over connections that are kept", async () => {
    let connections = 0;
    const service = await pdp((to) => json(to, { decision: true }));
    service.server.on("connection", () => (connections += 1));
    const client = new AuthZenClient(service.url);
    for (let at = 0; at < 5; at++) assert.equal(await client.permits(QUESTION), true);
    assert.equal(connections, 1);
    client.close();
    await service.stop();
  });

  test("nothing by plain http to another machine", () => {
    assert.throws(() => new AuthZenClient("http://pdp.example"), /insecure/);
    assert.throws(() => new AuthZenClient("http://localhost.evil.example"), /insecure/);
    assert.throws(() => new AuthZenClient("ftp://127.0.0.1"), TypeError);
    assert.throws(() => new AuthZenClient("https://user:pass@pdp.example"), /token/);
    new AuthZenClient({ url: "http://pdp.example", insecure: true }).close();
  });
});

describe("metadata", () => {
  const document = (url, more) => ({
    policy_decision_point: url,
    access_evaluation_endpoint: `${url}/v2/ask`,
    ...more,
  });
  async function discover(make, ask) {
    const service = await pdp((to, body, { url }) => {
      if (url.startsWith("/.well-known/")) return json(to, make(service.url));
      json(to, { decision: url === "/v2/ask" });
    });
    try {
      return await ask(service.url, service.asked);
    } finally {
      await service.stop();
    }
  }

  test("say where to ask; a service without batches is asked one by one", async () => {
    await discover(
      (url) => document(url),
      async (url, asked) => {
        const client = await AuthZenClient.discover(url);
        assert.equal(await client.permits(QUESTION), true);
        const decisions = await client.evaluations(BATCH);
        assert.deepEqual(decisions.map(({ decision }) => decision), [true, true]);
        assert.deepEqual(asked.map(({ path }) => path).slice(1), ["/v2/ask", "/v2/ask", "/v2/ask"]);
        await assert.rejects(client.searchResource({ ...QUESTION, resource: { type: "tool" } }));
        client.close();
      },
    );
  });

  for (const [name, make] of Object.entries({
    "of another service": () => document("https://pdp.example"),
    "with an endpoint elsewhere": (url) =>
      document(url, { access_evaluation_endpoint: "https://evil.example/ask" }),
    "without the endpoint": (url) => ({ policy_decision_point: url }),
  })) {
    test(`${name} are refused`, async () => {
      await discover(make, (url) => assert.rejects(AuthZenClient.discover(url), AuthZenError));
    });
  }
});

