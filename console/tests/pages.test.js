// The pages beside Try, in a browser against the program.
import assert from "node:assert/strict";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { axeViolations, develop, endAll, folder, open, root, serve, settled, shown } from "./service.js";

const KEY = "operates-key-of-32-characters-00";
const EXPLAINS = "explains-key-of-32-characters-00";
const hash = async (key) => Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(key))).toString("hex");

let origin;
let guarded;
before(async () => {
  origin = await serve();
  const settings = `
[[callers]]
name = "operates"
key_sha256 = "${await hash(KEY)}"
permissions = ["decide", "explain", "search", "relations.read", "relations.write"]

[[callers]]
name = "explains"
key_sha256 = "${await hash(EXPLAINS)}"
permissions = ["decide", "explain"]
`;
  guarded = await serve({ settings });
});
after(endAll);

const at = (page, value) => `#/${page}/${Buffer.from(JSON.stringify(value)).toString("base64url")}`;
const post = async (path, body, key) => {
  const headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
  return (await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
};
const entity = (name) => ({ type: name.slice(0, name.indexOf(":")), id: name.slice(name.indexOf(":") + 1) });

function assertClean({ wrong, hosts }, at = origin) {
  assert.deepEqual(wrong, []);
  assert.deepEqual([...hosts], [new URL(at).host]);
}

/** Gives a key to a page that asks for one. */
async function unlock(page, key) {
  await page.getByLabel("Key or access token").fill(key);
  await page.getByRole("button", { name: "Use it" }).click();
}

test("the searches list what the API finds, and each result opens its reason", async () => {
  const opened = await open();
  const { page } = opened;
  const options = { reason: true, unknown: ["arguments"] };
  const found = async (kind, body) => (await post(`${origin}/access/v1/search/${kind}`, { ...body, options })).results;
  for (const [looked, kind, body, name] of [
    [
      { look: "who", kind: "user", through: ["agent:copilot"], action: "read", resource: "repository:checkout" },
      "subject",
      { subject: { type: "user", properties: { act: { sub: "copilot", type: "agent" } } }, action: { name: "read" }, resource: entity("repository:checkout") },
      (it) => `${it.type}:${it.id}`,
    ],
    [
      { look: "who", kind: "agent", who: ["user:alice"], action: "read", resource: "repository:checkout" },
      "subject",
      { subject: { type: "agent", delegation_chain: [entity("user:alice")] }, action: { name: "read" }, resource: entity("repository:checkout") },
      (it) => `${it.type}:${it.id}`,
    ],
    [
      { look: "what", who: ["user:alice", "agent:copilot"], action: "tools/call", target: "tool" },
      "resource",
      { subject: { ...entity("agent:copilot"), delegation_chain: [entity("user:alice")] }, action: { name: "tools/call" }, resource: { type: "tool" } },
      (it) => `${it.type}:${it.id}`,
    ],
    [
      { look: "actions", who: ["user:carol"], resource: "document:runbook" },
      "action",
      { subject: entity("user:carol"), resource: entity("document:runbook") },
      (it) => it.name,
    ],
  ]) {
    await page.goto("about:blank");
    await page.goto(`${origin}/console/${at("who", looked)}`);
    await page.locator(".results li").first().waitFor();
    const expected = (await found(kind, body)).map(name).sort();
    assert.ok(expected.length > 0, JSON.stringify(looked));
    const names = await page.locator(".results li > :first-child code, .results li > code:first-child").allTextContents();
    assert.deepEqual([...new Set(names)].sort(), expected, JSON.stringify(looked));
    await page.locator(".results a").first().click();
    await settled(page);
    await page.locator(".verdict").waitFor();
    if (looked.action !== "tools/call") assert.equal((await shown(page)).decision, "permit", JSON.stringify(looked));
    // Going back shows the list again.
    await page.goBack();
    await page.locator(".results li").first().waitFor();
  }
  await page.goto(`${origin}/console/${at("who", { look: "who", kind: "user", action: "write", resource: "document:nothing" })}`);
  await page.getByRole("heading", { name: "Nobody and nothing is found" }).waitFor();
  opened.hosts.delete("");
  assertClean(opened);
});

test("a table says what Try says of each of its cells", { timeout: 180_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${origin}/console/#/who`);
  await page.locator('[data-part="matrix"][aria-busy="false"] table').waitFor();
  await page.getByRole("button", { name: /^Show \d+ more rows/ }).click();
  const cells = await page.locator("a.cell").evaluateAll((all) => all.map((cell) => [cell.getAttribute("data-outcome"), cell.getAttribute("href"), cell.getAttribute("title")]));
  assert.ok(cells.length > 100, `${cells.length} cells`);
  assert.ok(new Set(cells.map(([outcome]) => outcome)).size === 3, "every outcome occurs");
  for (const [outcome, href, title] of cells.filter((_, at) => at % 7 === 0)) {
    const question = JSON.parse(Buffer.from(href.slice("#/try/".length), "base64url"));
    const chain = question.who.map(entity);
    const subject = chain.pop();
    if (chain.length > 0) subject.delegation_chain = chain;
    const body = { subject, action: { name: question.action }, resource: entity(question.resource) };
    const { answer } = await post(`${origin}/explain/v1/evaluation`, body);
    const told = `${outcome} ${JSON.stringify(question)}`;
    assert.equal(answer.decision, outcome === "permitted", told);
    // What some arguments would permit is what a batch says that is asked with unknown ones.
    const batch = await post(`${origin}/access/v1/evaluations`, { evaluations: [body], options: { unknown: ["arguments"] } });
    assert.equal(batch.evaluations[0].decision, outcome !== "denied", told);
    if (outcome === "denied") assert.equal(title, `denied: ${answer.context.reason.code}`, told);
  }
  const first = page.locator('a.cell[data-outcome="permitted"]').first();
  await first.click();
  await page.locator('.verdict[data-decision="permit"]').waitFor();
  assertClean(opened);
});

test("an agent is suspended, resumed, let act and stopped, with what would change shown first", { timeout: 400_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${guarded}/console/${at("agents", { agent: "agent:copilot" })}`);
  await unlock(page, KEY);
  await page.locator('[data-part="grants-from"] li').first().waitFor();
  assert.deepEqual(await page.locator('[data-part="owners"] code').allTextContents(), ["user:alice"]);
  assert.deepEqual((await page.locator('[data-part="grants-from"] code').allTextContents()).sort(), ["user:alice", "user:carol", "user:dan", "user:erin"]);
  const question = { subject: { ...entity("agent:copilot"), delegation_chain: [entity("user:alice")] }, action: { name: "read" }, resource: entity("repository:checkout") };
  const decided = async () => (await post(`${guarded}/access/v1/evaluation`, question, KEY)).decision;
  assert.equal(await decided(), true);
  // What would change is what does change.
  await page.getByRole("button", { name: "Suspend …" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator('[data-part="changed"]').waitFor({ timeout: 90_000 });
  const more = dialog.getByRole("button", { name: /^Show \d+ more$/ });
  if ((await more.count()) > 0) await more.click();
  const told = await dialog.locator("[data-change]").evaluateAll((all) => all.map((it) => it.getAttribute("data-change")));
  assert.ok(told.includes("user:alice > agent:copilot read repository:checkout"), told.join("\n"));
  assert.equal(await decided(), true, "nothing is written before it is said");
  assert.deepEqual(await axeViolations(page), []);
  await dialog.getByRole("button", { name: "Leave it" }).click();
  assert.equal(await decided(), true);
  await page.getByRole("button", { name: "Suspend …" }).click();
  await dialog.getByRole("button", { name: "Suspend it" }).click();
  await page.locator(".state.stopped").waitFor();
  assert.equal(await decided(), false);
  for (const line of told) {
    const [chain, action, resource] = [line.split(" ").slice(0, -2).join(" "), ...line.split(" ").slice(-2)];
    const members = chain.split(" > ").map(entity);
    const subject = members.pop();
    if (members.length > 0) subject.delegation_chain = members;
    assert.equal((await post(`${guarded}/access/v1/evaluation`, { subject, action: { name: action }, resource: entity(resource) }, KEY)).decision, false, line);
  }
  await page.getByRole("button", { name: "Resume …" }).click();
  await dialog.getByRole("button", { name: "Resume it" }).click();
  await page.locator(".state:not(.stopped)").waitFor();
  assert.equal(await decided(), true);
  // A grant, and its end.
  await page.locator("details.grant summary").click();
  await page.getByRole("combobox", { name: "For whom" }).fill("user:grace");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "See what would change …" }).click();
  await dialog.getByRole("button", { name: "Grant it" }).click();
  await page.locator('[data-part="grants-from"] code', { hasText: "user:grace" }).waitFor();
  await page.getByRole("button", { name: "End: user:grace#delegate@agent:copilot" }).click();
  await dialog.getByRole("button", { name: "End it" }).click();
  await page.locator('[data-part="grants-from"] code', { hasText: "user:grace" }).waitFor({ state: "detached" });
  // What the bundle says is not ended here.
  await page.getByRole("button", { name: "End: user:alice#delegate@agent:copilot" }).click();
  await dialog.getByRole("button", { name: "End it" }).click();
  await dialog.locator(".trouble").waitFor();
  assert.deepEqual(await axeViolations(page), []);
  assert.equal(await decided(), true);
  assertClean(opened, guarded);
});

test("without the permissions the pages show what may be seen, and say what is missing", async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${guarded}/console/#/agents`);
  await page.getByRole("heading", { name: "This service asks for a key" }).waitFor();
  await unlock(page, EXPLAINS);
  await page.getByRole("heading", { name: "Its relations are not shown" }).waitFor();
  await page.locator('[data-part="matrix"] table').waitFor();
  assert.deepEqual(await axeViolations(page), []);
  await page.getByRole("button", { name: "Suspend …" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend it" }).click();
  await page.getByRole("dialog").getByRole("heading", { name: "You may not change this" }).waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await page.evaluate(() => (location.hash = "#/who"));
  await page.getByRole("radio", { name: /Who may do this/ }).check();
  await page.getByRole("combobox", { name: "Resource" }).fill("tool:kb/query");
  await page.getByRole("heading", { name: "You may not see this" }).waitFor();
  assert.match(await page.locator(".trouble").textContent(), /search/);
  // A key that may, given in place, shows them.
  await page.evaluate(() => (location.hash = "#/agents"));
  await page.getByText("Use a key", { exact: true }).click();
  await unlock(page, KEY);
  await page.locator('[data-part="grants-from"]').waitFor();
  assertClean(opened, guarded);
});

/** A bundle of one's own, in a folder. */
async function ownBundle() {
  const bundle = await folder();
  for (const part of ["schemas", "policies"]) await cp(join(root, part), join(bundle, part), { recursive: true });
  return bundle;
}

test("an edit shows its problems at their place, its cases and the decisions that it changes", { timeout: 300_000 }, async () => {
  const bundle = await folder();
  const file = "policies/p.cedar";
  const text = '@id("all")\npermit (principal, action, resource);\n\n@id("never")\nforbid (principal, action == Action::"write", resource)\nwhen { resource has level && resource.level > 5 };\n';
  const texts = {
    "schemas/s.cedarschema": "entity user; entity agent; entity doc { level?: Long };\naction read, write appliesTo { principal: [user, agent], resource: doc };\n",
    "policies/entities.json": '[{"uid": {"type": "user", "id": "a"}, "attrs": {}, "parents": []}, {"uid": {"type": "doc", "id": "low"}, "attrs": {"level": 1}, "parents": []}, {"uid": {"type": "doc", "id": "top"}, "attrs": {"level": 9}, "parents": []}]',
    "policies/cases.yaml": "cases:\n  - name: low\n    who: user:a\n    does: write\n    to: doc:low\n    expect: permit\n",
    [file]: text,
  };
  for (const [path, content] of Object.entries(texts)) {
    await mkdir(join(bundle, path, ".."), { recursive: true });
    await writeFile(join(bundle, path), content);
  }
  const own = await serve({ args: ["--bundle", bundle, "--anonymous", "decide,search,explain"] });
  const opened = await open();
  const { page } = opened;
  const tried = (body) => post(`${own}/explain/v1/scratch`, body);
  await page.goto(`${own}/console/${at("policies", { file })}`);
  const field = page.getByRole("textbox", { name: `Text of ${file}` });
  await field.waitFor();
  assert.equal(await field.inputValue(), text);
  await page.locator('[data-part="decided"] summary').first().waitFor();
  assert.match(await page.locator('[data-part="decided"]').textContent(), /all.*one case.*never.*decides no case/s);
  assert.deepEqual(await axeViolations(page), []);
  // A mistake.
  const broken = text.replace("resource.level", "resource.levl");
  await field.fill(broken);
  await page.locator('[data-part="scratch"][data-compiles="false"]').waitFor();
  const report = await tried({ edits: { [file]: broken } });
  assert.ok(report.problems.length > 0);
  const lines = await page.locator(".editor [data-line]").evaluateAll((all) => all.map((line) => Number(line.getAttribute("data-line"))));
  assert.deepEqual(lines, [...new Set(report.problems.map((problem) => problem.line))].sort((one, other) => one - other));
  const told = await page.locator('[data-part="problems"] li').first().textContent();
  assert.ok(told.includes(report.problems[0].message.replaceAll("`", "")), told);
  assert.deepEqual(await axeViolations(page), []);
  // A forbid of more.
  const stops = text.replace("level > 5", "level > 0");
  await field.fill(stops);
  await page.locator('[data-part="changes"] [data-change]').first().waitFor();
  const expected = (await tried({ edits: { [file]: stops } })).changes.map((it) => it.case?.name ?? `${it.chain.join(" > ")} ${it.action} ${it.resource}`);
  const changes = await page.locator("[data-change]").evaluateAll((all) => all.map((it) => it.getAttribute("data-change")));
  assert.deepEqual(changes.sort(), expected.sort());
  assert.deepEqual(changes, ["user:a write doc:low"]);
  await page.locator('[data-part="failures"]').waitFor();
  assert.deepEqual(await axeViolations(page), []);
  // The service decides as before; the edit is still there when one comes back.
  const answer = await post(`${own}/access/v1/evaluation`, { subject: entity("user:a"), action: { name: "write" }, resource: entity("doc:low") });
  assert.equal(answer.decision, true);
  await page.getByRole("link", { name: "Try", exact: true }).click();
  await page.getByRole("heading", { name: "Question" }).waitFor();
  await page.getByRole("link", { name: "Policies", exact: true }).click();
  await field.waitFor();
  assert.equal(await field.inputValue(), stops);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.equal(await readFile(await download.path(), "utf8"), stops);
  await page.getByRole("button", { name: "Take it back" }).click();
  assert.equal(await field.inputValue(), text);
  assertClean(opened, own);
});

test("the text of a file that may hold secrets is not shown", { timeout: 200_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${origin}/console/${at("policies", { file: "policies/platform/entities.json" })}`);
  await page.getByText("Its text is not shown").waitFor();
  assert.ok(!(await page.content()).includes("alice@example.com"));
  assertClean(opened);
});

test("under behest dev, the page says what is wrong with the bundle, from the first load on", { timeout: 240_000 }, async () => {
  const bundle = await ownBundle();
  const file = join(bundle, "policies/platform/tools.cedar");
  const text = await readFile(file, "utf8");
  await writeFile(file, `${text}\npermt (principal, action, resource);\n`);
  const dev = await develop(bundle);
  const opened = await open();
  const { page } = opened;
  await page.goto(`${dev}/console/`);
  await page.getByRole("heading", { name: "The bundle is refused" }).waitFor();
  assert.match(await page.locator(".broken").textContent(), /Nothing decides yet.*tools\.cedar:\d+:\d+/s);
  assert.deepEqual(await axeViolations(page), []);
  await writeFile(file, text);
  await page.getByRole("heading", { name: "Question" }).waitFor({ timeout: 60_000 });
  assert.equal(await page.locator(".broken").count(), 0);
  await writeFile(file, `${text}\n@id("tools-none")\nforbid (principal, action in Action::"tools/call", resource);\n`);
  await page.getByRole("heading", { name: "The changed bundle is refused" }).waitFor({ timeout: 60_000 });
  assert.match(await page.locator(".broken").textContent(), /still decides.*the case .* fails/s);
  await writeFile(file, `${text}\n// as before\n`);
  await page.locator(".broken").waitFor({ state: "detached", timeout: 60_000 });
  assertClean(opened, dev);
});

test("under behest dev, an edit is saved with the admin key, and what came of it is said", { timeout: 240_000 }, async () => {
  const bundle = await ownBundle();
  const path = "policies/platform/tools.cedar";
  const text = await readFile(join(bundle, path), "utf8");
  process.env.BEHEST_ADMIN_KEY = KEY;
  const dev = await develop(bundle);
  delete process.env.BEHEST_ADMIN_KEY;
  const opened = await open();
  const { page } = opened;
  await page.goto(`${dev}/console/${at("policies", { file: path })}`);
  const field = page.locator(".editor textarea");
  await field.fill(`${text}\n// saved by the page\n`);
  await page.getByRole("button", { name: "Save the file" }).click();
  // Everybody on the machine may explain, and nobody without the key may save.
  await page.getByText("The key is the admin key").waitFor();
  assert.equal(await readFile(join(bundle, path), "utf8"), text);
  await page.locator('.answer[aria-busy="false"]').waitFor();
  assert.deepEqual(await axeViolations(page), []);
  await unlock(page, KEY);
  await page.getByRole("button", { name: "Save the file" }).click();
  await page.locator('[data-part="save"][data-state="loaded"]').waitFor();
  assert.equal(await readFile(join(bundle, path), "utf8"), `${text}\n// saved by the page\n`);
  await page.locator('.answer[aria-busy="false"]').waitFor();
  assert.deepEqual(await axeViolations(page), []);
  // What somebody else has saved meanwhile is not undone.
  await field.fill(`${text}\n// another\n`);
  await writeFile(join(bundle, path), `${text}\n// by somebody else\n`);
  await page.getByRole("button", { name: "Save the file" }).click();
  await page.getByText("has changed since it was read").first().waitFor();
  assert.equal(await readFile(join(bundle, path), "utf8"), `${text}\n// by somebody else\n`);
  assertClean(opened, dev);
});

test("each page is accessible in light, dark and narrow, and nothing is cut off", { timeout: 300_000 }, async () => {
  const pages = {
    table: ["#/who", '[data-part="matrix"][aria-busy="false"] table'],
    list: [at("who", { look: "what", who: ["user:alice", "agent:copilot"], action: "tools/call", target: "tool" }), ".results"],
    unasked: [at("who", { look: "actions" }), ".empty"],
    agents: [at("agents", { agent: "agent:orchestrator" }), '[data-part="matrix"] table'],
    policies: ["#/policies", '[data-part="scratch"]'],
    schema: [at("policies", { file: "schemas/platform/agents.cedarschema" }), ".editor"],
    yaml: [at("policies", { file: "policies/platform/tuples.yaml" }), ".editor"],
  };
  for (const options of [{}, { dark: true }, { narrow: true }]) {
    const opened = await open(options);
    for (const [name, [address, wait]] of Object.entries(pages)) {
      await opened.page.goto("about:blank");
      await opened.page.goto(`${origin}/console/${address}`);
      await opened.page.locator(wait).first().waitFor({ timeout: 60_000 });
      assert.deepEqual(await axeViolations(opened.page), [], `${name} ${JSON.stringify(options)}`);
      const over = await opened.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${name} ${JSON.stringify(options)} is ${over} pixels too wide`);
    }
    opened.hosts.delete("");
    assertClean(opened);
  }
});

test("the pages are gone through by keyboard alone", async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${origin}/console/`);
  await page.getByRole("heading", { name: "Question" }).waitFor();
  const keys = page.keyboard;
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
  for (let tabs = 0; tabs < 10 && (await focused()) !== "Who can"; tabs += 1) await keys.press("Tab");
  await keys.press("Enter");
  await page.locator('[data-part="matrix"][aria-busy="false"] table').waitFor();
  const isCell = () => page.evaluate(() => document.activeElement?.classList.contains("cell") ?? false);
  for (let tabs = 0; tabs < 60 && !(await isCell()); tabs += 1) await keys.press("Tab");
  await keys.press("Enter");
  await page.locator(".verdict").waitFor();
  assertClean(opened);
});
