// The console in a browser, against the program and its command line.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { ask, axeViolations, endAll, folder, freePort, link, open, root, run, serve, settled, shown, told } from "./service.js";
import { createServer } from "node:http";

let origin;
let cases;
before(async () => {
  origin = await serve();
  cases = (await (await fetch(`${origin}/explain/v1/cases?limit=500`)).json()).cases;
  assert.ok(cases.length > 300, `${cases.length} cases`);
});
after(endAll);

const DENIED = { who: ["user:alice", "agent:copilot"], action: "tools/call", resource: "tool:payments/refund", arguments: '{"order": "o-17", "amount": 2490}' };
const NEAR = { who: ["user:bob", "agent:helpdesk"], action: "write", resource: "document:runbook" };
const PERMITTED = { who: ["user:alice", "agent:copilot"], action: "read", resource: "repository:checkout" };

/** Fails if a page has asked another host, broken its policy, or told an error. */
function assertClean({ wrong, hosts }, at = origin) {
  assert.deepEqual(wrong, []);
  assert.deepEqual([...hosts], [new URL(at).host]);
}

/** Does something with each item, several at a time. */
async function each(items, width, work) {
  const left = [...items.entries()];
  await Promise.all(
    Array.from({ length: width }, async (_, worker) => {
      for (let next = left.shift(); next; next = left.shift()) await work(next[1], worker);
    }),
  );
}

/** A whole number that JavaScript cannot hold, for one, is sent as it stands in the case. */
const bodyText = async (it) => {
  const page = await (await fetch(`${origin}/explain/v1/cases?limit=500&like=${encodeURIComponent(it.name)}`)).text();
  return page.slice(page.indexOf(`"name":${JSON.stringify(it.name)},`));
};

test("every case, opened as it is, shows what it expects", { timeout: 1_200_000 }, async () => {
  const pages = await Promise.all(Array.from({ length: 3 }, () => open()));
  const wrong = [];
  const at = await folder();
  await each(cases, pages.length, async (it, worker) => {
    const { page } = pages[worker];
    if (page.url() === "about:blank") await page.goto(`${origin}/console/`);
    await page.getByRole("heading", { name: "Question" }).waitFor();
    const field = page.getByRole("combobox", { name: "Open a case of the bundle" });
    await field.fill(`${it.file}: ${it.name}`);
    const option = page.getByRole("option").filter({ hasText: `${it.file}: ${it.name}` });
    await option.first().waitFor();
    const names = await option.locator("span").allTextContents();
    const states = await page.evaluate(() => Number(document.querySelector(".answer").dataset.states));
    await option.nth(names.indexOf(`${it.file}: ${it.name}`)).click();
    await settled(page, states);
    const found = await shown(page);
    const [, word, code, , list] = it.expected.match(/^(permit|deny)(?: ((?!by )\S+))?( by (.*))?$/);
    const deciding = found.legs.filter((leg) => found.decision === "permit" || leg === found.legs.find((leg) => leg.outcome === "deny"));
    const policies = [...new Set(deciding.flatMap((leg) => leg.determining))].sort().join(", ") || "no policy";
    const expects = await page.locator(".expected").textContent();
    // The command line says the same, where it is given what the case is given; others are asked of the service below.
    if (Object.keys(it.given).length > 0) {
      const given = join(at, `${cases.indexOf(it)}.yaml`);
      await writeFile(given, JSON.stringify(it.given));
      const explained = JSON.parse(await run(["explain", JSON.stringify(it.question), "--now", it.now, "--given", given, "--json"]));
      const message = found.message?.replaceAll("`", "") ?? null;
      if (!isDeepStrictEqual({ ...found, message }, told(explained))) wrong.push({ case: it.name, found, told: told(explained) });
    }
    const isRight =
      found.decision === word &&
      (code === undefined || found.code === code) &&
      (list === undefined || policies === list) &&
      expects === "✓ as the case expects";
    if (!isRight) wrong.push({ case: `${it.file}: ${it.name}`, expected: it.expected, found: found.decision, code: found.code, policies, expects });
  });
  assert.deepEqual(wrong, []);
  pages.forEach((page) => assertClean(page));
});

test("every case that is given nothing shows, now, what behest explain says", { timeout: 1_200_000 }, async () => {
  const pages = await Promise.all(Array.from({ length: 2 }, () => open()));
  const plain = cases.filter((it) => Object.keys(it.given).length === 0);
  assert.ok(plain.length > 200, `${plain.length} cases`);
  await each(plain, pages.length, async (it, worker) => {
    const { page } = pages[worker];
    const rest = await bodyText(it);
    const question = rest.slice(rest.indexOf('"question":') + 11, rest.indexOf(',"given":'));
    const explained = JSON.parse(await run(["explain", "-", "--url", origin, "--json"], question));
    await ask(page, origin, { body: question });
    const found = await shown(page);
    const message = found.message?.replaceAll("`", "");
    assert.deepEqual({ ...found, message: message ?? null }, told(explained), `${it.file}: ${it.name}`);
  });
  pages.forEach((page) => assertClean(page));
});

test("every state is accessible, in light, dark and narrow, and nothing is cut off", { timeout: 300_000 }, async () => {
  const states = {
    welcome: {},
    permitted: PERMITTED,
    denied: DENIED,
    near: NEAR,
    three: { who: ["user:alice", "agent:orchestrator", "agent:specialist"], action: "tools/call", resource: "tool:github/review", arguments: '{"x": 1}' },
    unfinished: { who: ["user:alice"] },
    wrong: { who: ["user:alice"], action: "read", resource: "document" },
    refused: { ...PERMITTED, tuples: [{ user: "user:bob", relation: "nothing", object: "team:payments" }] },
    assumed: { ...NEAR, tuples: [{ user: "user:bob", relation: "editor", object: "document:runbook" }], without: [{ user: "agent:helpdesk", relation: "delegate", object: "user:bob" }] },
    body: { body: '{"subject": {"type": "user", "id": "alice", "act": {"sub": "copilot"}}, "action": {"name": "read"}, "resource": {"type": "repository", "id": "checkout"}}' },
  };
  for (const options of [{}, { dark: true }, { narrow: true }]) {
    const opened = await open(options);
    for (const [name, question] of Object.entries(states)) {
      await opened.page.goto("about:blank");
      await opened.page.goto(`${origin}/console/${Object.keys(question).length > 0 ? link(question) : ""}`);
      await settled(opened.page);
      if (name === "welcome") await opened.page.locator(".samples").waitFor();
      assert.deepEqual(await axeViolations(opened.page), [], `${name} ${JSON.stringify(options)}`);
      const over = await opened.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${name} ${JSON.stringify(options)} is ${over} pixels too wide`);
    }
    opened.hosts.delete("");
    assertClean(opened);
  }
});

test("a question is asked by keyboard alone", async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${origin}/console/`);
  await page.getByRole("heading", { name: "Question" }).waitFor();
  const keys = page.keyboard;
  const focused = () => page.evaluate(() => document.activeElement?.labels?.[0]?.textContent ?? document.activeElement?.textContent);
  for (let tabs = 0; tabs < 40 && !(await focused())?.startsWith("First of the chain"); tabs += 1) await keys.press("Tab");
  await keys.type("us");
  await page.getByRole("option", { name: "user:", exact: true }).waitFor();
  await keys.press("ArrowDown");
  await keys.press("Enter");
  await keys.type("al");
  await page.getByRole("option", { name: "user:alice" }).waitFor();
  await keys.press("ArrowDown");
  await keys.press("Enter");
  await keys.type("agent:copilot");
  await keys.press("Enter");
  await keys.press("Tab");
  while ((await focused()) !== "Action") await keys.press("Tab");
  await keys.type("read");
  await keys.press("Escape");
  await keys.press("Tab");
  await keys.type("repository:checkout");
  await page.locator('.verdict[data-decision="permit"]').waitFor();
  assert.deepEqual((await shown(page)).legs.map((leg) => leg.principal), ["user:alice", "agent:copilot"]);
  assertClean(opened);
});

test("a link opens the question again, and one that is broken opens nothing", async () => {
  const opened = await open();
  const { page } = opened;
  await ask(page, origin, DENIED);
  const first = await shown(page);
  assert.equal(first.code, "refund_over_cap");
  const address = page.url();
  await page.goto("about:blank");
  await page.goto(address);
  await settled(page);
  assert.deepEqual(await shown(page), first);
  for (const broken of ["#/try/%", "#/try/bm90IEpTT04", `#/try/${Buffer.from("[1]").toString("base64url")}`, "#/elsewhere", `#/try/${Buffer.from('{"who": 1, "from": {"file": 1}, "tuples": [1, null]}').toString("base64url")}`]) {
    await page.goto("about:blank");
    await page.goto(`${origin}/console/${broken}`);
    await page.getByRole("heading", { name: "May they? And why?" }).waitFor();
  }
  opened.hosts.delete("");
  assertClean(opened);
});

test("what is copied asks the same: curl, the command line and a case", { timeout: 180_000 }, async () => {
  const opened = await open();
  const { page, context } = opened;
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  const copied = async (name) => {
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("status").filter({ hasText: "copied" }).first().waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const shell = (command) =>
    new Promise((resolve, reject) => {
      const path = `${join(process.env.BEHEST ?? join(root, "target/debug/behest"), "..")}:${process.env.PATH}`;
      execFile("sh", ["-c", command], { env: { ...process.env, PATH: path } }, (error, stdout, stderr) => (error ? reject(new Error(stderr)) : resolve(stdout)));
    });
  const written = [];
  const within = cases.find((it) => it.name === "a server that is added at run time");
  const questions = [
    DENIED,
    NEAR,
    PERMITTED,
    { ...DENIED, who: ["user:o'brien"], arguments: '{"order": "o-1$(id)", "amount": 0.10}' },
    { body: '{"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"}, "resource": {"type": "repository", "id": "checkout"}, "context": {"agent": "copilot"}}' },
    { ...NEAR, now: "2026-10-01T09:00:00Z", tuples: [{ user: "user:bob", relation: "editor", object: "document:runbook" }] },
    { who: ["user:alice", "agent:helpdesk"], action: "tools/call", resource: "tool:argocd/logs", from: { file: within.file, name: within.name }, now: within.now },
  ];
  for (const question of questions) {
    await page.goto("about:blank");
    await ask(page, origin, question);
    if (question.from) await page.locator(".opened").waitFor();
    const found = await shown(page);
    const answer = JSON.parse(await shell(await copied("curl")));
    assert.deepEqual(told(answer.answer ?? answer), found);
    const text = await shell(await copied("behest explain"));
    assert.ok(text.startsWith(`${found.decision}${found.code ? ":" : "\n"}`), text);
    written.push((await copied("Case (YAML)")).replace("- name: ", `- name: ${written.length} `).replace(/^- name: (\d+) "/, '- name: "$1 '));
    assert.equal(await copied("Link"), page.url());
  }
  const bundle = await folder();
  for (const part of ["schemas", "policies"]) await cp(join(root, part), join(bundle, part), { recursive: true });
  await mkdir(join(bundle, "policies/copied"), { recursive: true });
  await writeFile(join(bundle, "policies/copied/cases.yaml"), `cases:\n${written.join("\n").replaceAll(/^/gm, "  ")}\n`);
  const report = await run(["test", "--bundle", bundle, "--filter", "copied/"]);
  assert.match(report, new RegExp(`\\b${written.length}\\b`));
  opened.hosts.delete("");
  assertClean(opened);
});

test("what is assumed is shown beside what is so", async () => {
  const opened = await open();
  const { page } = opened;
  await ask(page, origin, { who: ["user:bob"], action: "read", resource: "document:runbook" });
  assert.equal((await shown(page)).decision, "deny");
  await page.getByRole("button", { name: "assume it: user:bob is viewer of document:runbook" }).click();
  await page.locator('.verdict[data-decision="permit"]').waitFor();
  assert.match(await page.locator(".verdict .changed").textContent(), /Without what is assumed: ✗ deny/);
  await page.getByRole("button", { name: "take it away: document:runbook#viewer@user:bob" }).click();
  await page.locator('.verdict[data-decision="deny"]').waitFor();
  await ask(page, origin, PERMITTED);
  await page.getByRole("button", { name: "take it away: user:alice#delegate@agent:copilot" }).click();
  await page.locator('.verdict[data-decision="deny"]').waitFor();
  assert.equal((await shown(page)).code, "delegation_missing");
  await page.getByRole("button", { name: "No longer assume user:alice#delegate@agent:copilot" }).click();
  await page.locator('.verdict[data-decision="permit"]').waitFor();
  // Nothing of it was written.
  const answer = await run(["explain", "user:bob", "read", "document:runbook", "--url", origin]);
  assert.match(answer, /^deny/);
  assertClean(opened);
});

test("a forbid that fired shows its conditions, and what nobody stored is said", async () => {
  const opened = await open();
  const { page } = opened;
  await page.route("**/explain/v1/evaluation", async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    const [leg] = json.answer.context.explanation.legs;
    const condition = { source: 'context.arguments.amount.greaterThan(decimal("500.00"))', line: 18, values: [{ path: "context.arguments.amount", value: 'decimal("2490.0")' }] };
    leg.forbids = [{ policy: leg.determining[0], conditions: [condition] }];
    leg.unstored = [{ entity: { type: "user", id: "alise" }, nearest: { type: "user", id: "alice" } }];
    await route.fulfill({ response, json });
  });
  await ask(page, origin, DENIED);
  const fired = page.locator('[data-policy="refund-cap"]');
  await fired.locator("mark").first().waitFor();
  assert.equal((await fired.locator("mark").allTextContents()).join(""), 'context.arguments.amount.greaterThan(decimal("500.00"))');
  assert.match(await fired.locator(".values").textContent(), /It fired, with.*decimal\("2490.0"\)/s);
  assert.match(await page.locator(".unstored").textContent(), /Nobody stored user:alise.*Is user:alice meant\?/s);
  assert.deepEqual(await axeViolations(page), []);
  assertClean(opened);
});

test("a key is asked for, is kept in memory, and opens no more than its caller may", async () => {
  const hash = async (key) => Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(key))).toString("hex");
  const settings = `
[[callers]]
name = "explains"
key_sha256 = "${await hash("explains-key-of-32-characters-00")}"
permissions = ["decide", "explain"]

[[callers]]
name = "decides"
key_sha256 = "${await hash("decides-key-of-32-characters-000")}"
permissions = ["decide"]
`;
  const guarded = await serve({ settings });
  const opened = await open();
  const { page } = opened;
  await page.goto(`${guarded}/console/${link(PERMITTED)}`);
  await page.getByRole("heading", { name: "This service asks for a key" }).waitFor();
  assert.deepEqual(await axeViolations(page), []);
  const field = page.getByLabel("Key or access token");
  await field.fill("of nobody");
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByRole("heading", { name: "This key is not known" }).waitFor();
  await field.fill("decides-key-of-32-characters-000");
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByRole("heading", { name: "You may not see this" }).waitFor();
  assert.deepEqual(await axeViolations(page), []);
  await field.fill("explains-key-of-32-characters-00");
  await page.getByRole("button", { name: "Use it" }).click();
  await page.locator('.verdict[data-decision="permit"]').waitFor();
  assert.ok(!page.url().includes("explains-key"));
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML]));
  assert.ok(!kept.includes("explains-key"));
  await page.reload();
  await page.getByRole("heading", { name: "This service asks for a key" }).waitFor();
  assertClean(opened, guarded);
});

test("names and messages with markup are text", async () => {
  const bundle = await folder();
  await mkdir(join(bundle, "schemas"), { recursive: true });
  await mkdir(join(bundle, "policies"), { recursive: true });
  const evil = "<img src=x onerror=alert(1)><script>alert(1)</script>";
  await writeFile(join(bundle, "schemas/s.cedarschema"), 'entity user; entity note { "<b>t</b>"?: String };\naction read appliesTo { principal: user, resource: note };\n');
  await writeFile(
    join(bundle, "policies/p.cedar"),
    `@id("p")\n@doc(${JSON.stringify(evil)})\n@reason("evil")\n@message(${JSON.stringify(evil)})\nforbid (principal, action, resource) when { resource == note::${JSON.stringify(evil)} };\n@id("q")\npermit (principal, action, resource);\n`,
  );
  await writeFile(
    join(bundle, "policies/cases.yaml"),
    `cases:\n  - name: ${JSON.stringify(evil)}\n    who: user:a\n    does: read\n    to: ${JSON.stringify(`note:${evil}`)}\n    expect: deny\n`,
  );
  const hostile = await serve({ args: ["--bundle", bundle, "--anonymous", "decide,search,explain"] });
  const opened = await open();
  const { page } = opened;
  let alerts = 0;
  page.on("dialog", (dialog) => {
    alerts += 1;
    void dialog.dismiss();
  });
  await page.goto(`${hostile}/console/`);
  await page.locator(".samples button").first().click();
  await page.locator('.verdict[data-decision="deny"]').waitFor();
  assert.equal(await page.locator(".verdict .message").textContent(), evil);
  assert.equal(await page.locator(".leg img, .leg script, .opened img, .samples img").count(), 0);
  assert.deepEqual(await axeViolations(page), []);
  assert.equal(alerts, 0);
  assertClean(opened, hostile);
});

test("a page of another origin and another name of the host get nothing", async () => {
  const port = await freePort();
  const elsewhere = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>elsewhere</title><iframe src="${origin}/console/"></iframe>`);
  });
  await new Promise((resolve) => elsewhere.listen(port, "127.0.0.1", resolve));
  const { page } = await open();
  await page.goto(`http://127.0.0.1:${port}/`);
  const read = await page.evaluate(async (origin) => {
    const tries = ["/explain/v1/vocabulary", "/explain/v1/cases", "/console/console.js"].map((path) => fetch(origin + path).then((answer) => answer.text()));
    tries.push(fetch(`${origin}/explain/v1/evaluation`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then((answer) => answer.text()));
    return (await Promise.allSettled(tries)).map((one) => one.status);
  }, origin);
  assert.deepEqual(read, ["rejected", "rejected", "rejected", "rejected"]);
  const frame = page.frames()[1];
  assert.equal(await frame?.evaluate(() => document.getElementById("console") === null).catch(() => true), true);
  elsewhere.closeAllConnections();
  await new Promise((resolve) => elsewhere.close(resolve));
  const status = await new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const asked = request({ hostname, port, path: "/explain/v1/vocabulary", headers: { host: "rebound.example" } }, (answer) => resolve(answer.statusCode));
    asked.on("error", reject);
    asked.end();
  });
  assert.equal(status, 403);
});
