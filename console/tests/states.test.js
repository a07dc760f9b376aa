// States that come seldom: made by standing between the page and the program, or by a bundle of one's own.
import assert from "node:assert/strict";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { axeViolations, develop, endAll, folder, open, root, run, serve, settled } from "./service.js";

let origin;
before(async () => {
  origin = await serve();
});
after(endAll);

const at = (page, value) => `#/${page}/${Buffer.from(JSON.stringify(value)).toString("base64url")}`;

function assertClean({ wrong, hosts }, at = origin) {
  assert.deepEqual(wrong, []);
  assert.deepEqual([...hosts], [new URL(at).host]);
}

/** Answers a path with what the program answers, changed by `change`. */
async function between(page, path, change) {
  await page.route(path, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: change(await response.json(), route.request()) });
  });
}

test("whatever was thrown becomes a refusal in one place", async () => {
  const folder = join(root, "console/src");
  const paths = (await readdir(folder, { recursive: true })).filter((path) => /\.tsx?$/.test(path));
  const texts = await Promise.all(paths.map(async (path) => [path, await readFile(join(folder, path), "utf8")]));
  const makers = texts.filter(([, text]) => text.includes('new Refused(0, "", String(')).map(([path]) => path);
  assert.deepEqual(makers, ["api.ts"]);
});

/** A small bundle of one's own. */
const SMALL = {
  "schemas/s.cedarschema":
    "entity user; entity agent; entity doc { level?: Long };\naction read, write appliesTo { principal: [user, agent], resource: doc };\n" +
    'action pay appliesTo { principal: [user], resource: doc, context: { arguments: { amount: decimal, to: String, note?: String }, approvals?: Long } };\n',
  "policies/p.cedar": '@id("all")\npermit (principal, action, resource)\nunless { action == Action::"pay" && context.arguments.amount.greaterThan(decimal("5.0")) };\n',
  "policies/entities.json": JSON.stringify(["user:a", "user:benedict", "user:ben", "user:sam", "agent:sam", "doc:low", "doc:top"].map((name) => ({ uid: { type: name.split(":")[0], id: name.split(":")[1] }, attrs: {}, parents: [] }))),
  "policies/cases.yaml": "cases:\n  - name: low\n    who: user:a\n    does: write\n    to: doc:low\n    expect: permit\n",
};

async function smallBundle(texts = SMALL) {
  const bundle = await folder();
  for (const [path, content] of Object.entries(texts)) {
    await mkdir(join(bundle, path, ".."), { recursive: true });
    await writeFile(join(bundle, path), content);
  }
  return bundle;
}

let small;
/** A service of the small bundle, which no test changes. */
const ofSmall = async () => (small ??= await serve({ args: ["--bundle", await smallBundle(), "--anonymous", "decide,search,explain"] }));

test("a preview that compared not all, or other revisions, does not say that nothing would change", { timeout: 200_000 }, async () => {
  for (const [change, told] of [
    [(table) => ({ ...table, rows: table.rows.map((row, at) => (at === 0 ? row.map((cell, at) => (at === 0 ? null : cell)) : row)) }), /not all of them could be decided/],
    [(table, request) => ({ ...table, revision: table.revision + (request.postDataJSON().assume ? 1 : 0) }), /Somebody else changed/],
    [(table) => table, undefined],
  ]) {
    const opened = await open();
    const { page } = opened;
    await between(page, "**/explain/v1/matrix", (table, request) => {
      const same = { ...table, rows: table.rows.map((row) => row.map(() => ({ outcome: "denied" }))) };
      return change(same, request);
    });
    await page.goto(`${origin}/console/${at("agents", { agent: "agent:copilot" })}`);
    await page.getByRole("button", { name: "Suspend …" }).click();
    const part = page.getByRole("dialog").locator('[data-part="changed"]');
    await part.waitFor();
    const text = await part.textContent();
    if (told) {
      assert.match(text, /It is not known what would change/);
      assert.match(text, told);
    } else assert.match(text, /No decision would change/);
    assertClean(opened);
  }
});

test("cells that were not decided are counted, shown and lead to Try", async () => {
  const service = await ofSmall();
  const opened = await open();
  const { page } = opened;
  await between(page, "**/explain/v1/matrix", (table) => ({ ...table, more: true, rows: table.rows.map((row, at) => (at % 2 === 1 ? row.map(() => null) : row)) }));
  await page.goto(`${service}/console/${at("who", { look: "table", kind: "user", agents: "agent", action: "read", target: "doc" })}`);
  await page.locator('[data-part="matrix"] table').waitFor();
  // Four people, by themselves and through the one agent: every second row is not decided.
  assert.match(await page.locator('[data-part="matrix"] h2').textContent(), /^8 of 16 are permitted, and 8 are not decided$/);
  assert.equal(await page.locator('a.cell[data-outcome="undecided"]').count(), 8);
  assert.deepEqual(await axeViolations(page), []);
  await page.locator('a.cell[data-outcome="undecided"]').first().click();
  await page.locator(".verdict").waitFor();
  assertClean(opened, service);
});

test("polls of the bundle's state do not overlap, and a warning outlasts one that fails", async () => {
  const service = await ofSmall();
  const opened = await open();
  const { page } = opened;
  const failure = { at: "2026-10-01T09:00:00Z", total: 1, problems: [{ file: "policies/p.cedar", line: 1, column: 1, length: 3, text: "permt", message: "no effect" }] };
  let [now, most, asked] = [0, 0, 0];
  await page.route("**/explain/v1/bundle", async (route) => {
    asked += 1;
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, asked === 2 ? 7_000 : 0));
    now -= 1;
    if (asked > 2) await route.fulfill({ status: 500, json: { error: { code: "internal", message: "no" } } });
    else await route.fulfill({ json: { bundle: "b", failure } });
  });
  await page.goto(`${service}/console/`);
  await page.getByRole("heading", { name: "The changed bundle is refused" }).waitFor();
  await page.getByText("So it was when the service answered last").waitFor();
  assert.equal(await page.getByRole("heading", { name: "The changed bundle is refused" }).count(), 1);
  assert.equal(most, 1);
  assert.ok(asked >= 3);
  assert.deepEqual(await axeViolations(page), []);
  opened.wrong.length = 0;
});

test("a trial that compared not all says that it is not known, and of how many it is the first", async () => {
  const service = await ofSmall();
  const opened = await open();
  const { page } = opened;
  let change = (answer) => answer;
  await between(page, "**/explain/v1/scratch", (answer) => change(answer));
  await page.goto(`${service}/console/${at("policies", { file: "policies/p.cedar" })}`);
  const field = page.getByRole("textbox", { name: "Text of policies/p.cedar" });
  await field.waitFor();
  await field.fill(`${SMALL["policies/p.cedar"]}// one\n`);
  const changes = page.locator('[data-part="changes"]');
  await changes.getByText(/all \d+ questions/).waitFor();
  assert.match(await changes.textContent(), /No decision would change/);
  for (const cut of [(answer) => ({ ...answer, more_questions: true }), (answer) => ({ ...answer, cases: { ...answer.cases, more: true } })]) {
    change = cut;
    await field.fill(`${await field.inputValue()}// more\n`);
    await changes.getByRole("heading", { name: "Whether a decision would change is not known" }).waitFor();
    assert.ok(!(await page.locator(".answer").textContent()).includes("No decision would change"));
    change = (answer) => answer;
    await field.fill(`${await field.inputValue()}// whole\n`);
    await changes.getByRole("heading", { name: "No decision would change" }).waitFor();
  }
  change = (answer) => ({ ...answer, more_questions: true });
  await field.fill(SMALL["policies/p.cedar"].replace("permit", "forbid"));
  await changes.getByRole("heading", { name: /^At least \d+ decisions would change$/ }).waitFor();
  assert.match(await changes.textContent(), /\d+ of \d+ questions/);
  assertClean(opened, service);
});

test("the suspension of an agent is asked for by itself, looked up without a key, or said to be unknown", { timeout: 200_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  // Forty types before the one that tells it.
  await between(page, "**/explain/v1/vocabulary", (words) => ({ ...words, relations: { ...Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`aa${at}`, ["x"]])), ...words.relations } }));
  let isSuspended = true;
  await page.route("**/stores/*/read", async (route) => {
    const { tuple_key: key } = route.request().postDataJSON();
    const stopped = { key: { user: "agent:copilot", relation: "suspended", object: "platform:main" } };
    await route.fulfill({ json: { tuples: isSuspended && key.object?.startsWith("platform:") ? [stopped] : [], continuation_token: "" } });
  });
  const states = async () => [await page.locator(".state").textContent(), await page.getByRole("button", { name: "Suspend …" }).count(), await page.getByRole("button", { name: "Resume …" }).count()];
  const shows = async () => {
    await page.goto("about:blank");
    await page.goto(`${origin}/console/${at("agents", { agent: "agent:copilot" })}`);
    await page.locator(".state:not(.unknown)").waitFor();
    return states();
  };
  assert.deepEqual(await shows(), ["suspended", 0, 1]);
  isSuspended = false;
  assert.deepEqual(await shows(), ["not suspended", 1, 0]);
  // Without a key, as the explanation of a question says.
  await page.unroute("**/stores/*/read");
  assert.deepEqual(await shows(), ["not suspended", 1, 0]);
  let held = true;
  await between(page, "**/explain/v1/evaluation", (body) => {
    const [leg] = body.answer.context.explanation.legs;
    leg.relations = held ? [{ user: "agent:copilot", userset: "platform:main#suspended", held: true, witness: [] }] : [];
    return body;
  });
  assert.deepEqual(await shows(), ["suspended", 0, 1]);
  held = false;
  await page.goto("about:blank");
  await page.goto(`${origin}/console/${at("agents", { agent: "agent:copilot" })}`);
  await page.locator(".state.unknown").waitFor();
  assert.deepEqual(await states(), ["not known whether it is suspended", 1, 1]);
  assert.deepEqual(await axeViolations(page), []);
  opened.hosts.delete("");
  assertClean(opened);
});

test("a file that became another is noticed, and a person chooses; nothing is taken back silently", { timeout: 200_000 }, async () => {
  const bundle = await smallBundle();
  const dev = await develop(bundle);
  const opened = await open();
  const { page } = opened;
  const path = "policies/p.cedar";
  const text = SMALL[path];
  const save = (content) => writeFile(join(bundle, path), content);
  await page.goto(`${dev}/console/${at("policies", { file: path })}`);
  const field = page.getByRole("textbox", { name: `Text of ${path}` });
  await field.waitFor();
  const has = (content) => page.waitForFunction(([name, content]) => document.querySelector(`textarea[aria-label="${name}"]`)?.value === content, [`Text of ${path}`, content]);
  // Without an edit, the new text is shown.
  await save(`${text}// two\n`);
  await has(`${text}// two\n`);
  // An edit stays, and the change below it is told.
  const mine = `${text}// two\n// mine\n`;
  await field.fill(mine);
  await save(`${text}// three\n`);
  const notice = page.locator('[data-part="newer"]');
  await notice.waitFor();
  assert.equal(await field.inputValue(), mine);
  assert.ok(await page.getByRole("button", { name: "Download" }).isDisabled());
  assert.match(await page.getByRole("navigation", { name: "Files" }).textContent(), /changed since/);
  assert.deepEqual(await axeViolations(page), []);
  await page.getByRole("button", { name: "Keep my edits" }).click();
  await notice.waitFor({ state: "detached" });
  assert.equal(await field.inputValue(), mine);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.equal(await readFile(await download.path(), "utf8"), mine);
  // What was saved a moment ago is noticed by the download itself.
  let downloads = 0;
  page.on("download", () => (downloads += 1));
  await page.route("**/explain/v1/bundle", (route) => route.abort());
  await save(`${text}// four\n`);
  await page.getByRole("button", { name: "Download" }).click();
  await notice.waitFor();
  assert.equal(downloads, 0);
  await page.unroute("**/explain/v1/bundle");
  await page.getByRole("button", { name: "Take the file as it is now" }).click();
  await has(`${text}// four\n`);
  // An edit that was saved is none any more.
  const saved = `${text}// four\n// mine\n`;
  await field.fill(saved);
  await page.locator(".file .mark.edited").waitFor();
  await save(saved);
  await page.locator(".file .mark.edited").waitFor({ state: "detached" });
  assert.equal(await field.inputValue(), saved);
  assert.equal(await notice.count(), 0);
  assertClean(opened, dev);
});

test("the text of a file is shown while it is checked, and a trial that is refused says what to do", { timeout: 200_000 }, async () => {
  const service = await ofSmall();
  const opened = await open();
  const { page } = opened;
  let state = "busy";
  let hold;
  const held = new Promise((resolve) => (hold = resolve));
  // As the service: one place for trials and for texts.
  let isTrying = false;
  await page.route("**/explain/v1/files**", async (route) => {
    assert.ok(!isTrying, "a file is asked for before it is checked");
    await route.continue();
  });
  await page.route("**/explain/v1/scratch", async (route) => {
    isTrying = true;
    if (state === "busy") await held;
    isTrying = false;
    if (state === "good") return route.continue();
    return route.fulfill({ status: 503, json: { error: { code: "overloaded", message: "the service is overloaded" } } });
  });
  await page.goto(`${service}/console/#/policies`);
  const field = page.getByRole("textbox", { name: "Text of policies/p.cedar" });
  await field.waitFor();
  assert.equal(await field.inputValue(), SMALL["policies/p.cedar"]);
  await page.getByText("this one may wait for another").waitFor();
  state = "refused";
  hold();
  await page.getByRole("heading", { name: "Not checked: the service is busy" }).waitFor();
  assert.match(await page.locator(".trouble").textContent(), /Your text is kept in this page\. Try again in a moment/);
  assert.equal(await field.inputValue(), SMALL["policies/p.cedar"]);
  assert.deepEqual(await axeViolations(page), []);
  state = "good";
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator('[data-part="scratch"]').waitFor();
  assertClean(opened, service);
});

test("suggestions cover no other field, and a click beside them reaches what it was meant for", async () => {
  const service = await ofSmall();
  for (const options of [{}, { narrow: true }]) {
    const opened = await open(options);
    const { page } = opened;
    await page.goto(`${service}/console/`);
    await page.getByRole("heading", { name: "Question" }).waitFor();
    const action = page.getByRole("combobox", { name: "Action" });
    const resource = page.getByRole("combobox", { name: "Resource" });
    await action.click();
    await page.getByRole("option", { name: "write" }).waitFor();
    const [list, field] = [await page.getByRole("listbox", { name: "Action" }).boundingBox(), await resource.boundingBox()];
    assert.ok(list.y + list.height <= field.y, `${JSON.stringify(list)} covers ${JSON.stringify(field)}`);
    await page.getByRole("option", { name: "write" }).click();
    assert.equal(await action.inputValue(), "write");
    assert.equal(await page.getByRole("listbox", { name: "Action" }).count(), 0);
    // What is typed in full leaves nothing to choose.
    await action.fill("read");
    await page.waitForTimeout(400);
    assert.equal(await page.getByRole("listbox", { name: "Action" }).count(), 0);
    await action.fill("");
    await page.getByRole("option", { name: "write" }).waitFor();
    await page.getByText("Context and properties").click();
    await page.getByLabel("Context beside the arguments").waitFor();
    await page.getByRole("listbox", { name: "Action" }).waitFor({ state: "hidden" });
    assertClean(opened, service);
  }
});

test("an id alone is completed, becomes the one entity that has it, and is otherwise asked for its type", async () => {
  const service = await ofSmall();
  const opened = await open();
  const { page } = opened;
  await page.goto(`${service}/console/`);
  const who = page.getByRole("combobox", { name: "First of the chain" });
  const chips = () => page.locator(".chips code").allTextContents();
  await who.fill("ene");
  await page.getByRole("option", { name: "user:benedict" }).waitFor();
  await who.fill("ben");
  await who.press("Enter");
  await page.locator(".chips").waitFor();
  assert.deepEqual(await chips(), ["user:ben"]);
  const next = page.getByRole("combobox", { name: "Next of the chain" });
  // Two have this id, none has the other.
  for (const text of ["sam", "bened"]) {
    await next.fill(text);
    await next.press("Enter");
    await page.getByText(`“${text}” is no one known entity: write type:id`).waitFor();
    assert.deepEqual(await chips(), ["user:ben"]);
    assert.deepEqual(await axeViolations(page), []);
  }
  await next.fill("agent:sam");
  await next.press("Enter");
  assert.deepEqual(await chips(), ["user:ben", "agent:sam"]);
  await page.getByRole("combobox", { name: "Action" }).fill("read");
  const resource = page.getByRole("combobox", { name: "Resource" });
  await resource.fill("top");
  await resource.press("Tab");
  await page.locator('.verdict[data-decision="permit"]').waitFor();
  assert.equal(await resource.inputValue(), "doc:top");
  assertClean(opened, service);
});

test("declared arguments are offered as a skeleton, and others as a case has them", { timeout: 120_000 }, async () => {
  const service = await ofSmall();
  const opened = await open();
  const { page } = opened;
  await page.goto(`${service}/console/`);
  await page.getByRole("combobox", { name: "Action" }).fill("pay");
  await page.getByText("amount: decimal, note?: String, to: String").waitFor();
  await page.getByRole("button", { name: "Fill in a skeleton" }).first().click();
  const field = page.getByLabel("Arguments of a tool’s call");
  assert.deepEqual(JSON.parse(await field.inputValue()), { amount: 0.5, to: "" });
  await page.getByText("Context and properties").click();
  await page.getByText("approvals?: Long").waitFor();
  assertClean(opened, service);
  // The actions of tools are not told by the service.
  const other = await open();
  await other.page.goto(`${origin}/console/${at("try", { who: ["user:alice"], action: "tools/call", resource: "tool:payments/refund" })}`);
  await other.page.getByRole("button", { name: "Fill in as in a case" }).click();
  await other.page.waitForFunction(() => [...document.querySelectorAll("textarea")].some((area) => area.value.includes("amount")));
  assertClean(other);
});

test("a search takes arguments and a context, and a table a time", async () => {
  const service = await ofSmall();
  const opened = await open();
  const { page } = opened;
  await page.goto(`${service}/console/${at("who", { look: "what", who: ["user:a"], action: "pay", target: "doc" })}`);
  await page.locator(".results li").first().waitFor();
  await page.getByText("Arguments and context").click();
  await page.getByLabel("Arguments of a tool’s call").fill('{"amount": 9.5, "to": "x"}');
  await page.getByRole("heading", { name: "Nobody and nothing is found" }).waitFor();
  assert.ok(await page.getByRole("checkbox", { name: /With some arguments/ }).isDisabled());
  await page.getByLabel("Arguments of a tool’s call").fill('{"amount": 2.5');
  await page.getByText(/Arguments: is not JSON/).waitFor();
  await page.getByLabel("Arguments of a tool’s call").fill('{"amount": 2.5, "to": "x"}');
  await page.locator(".results li").first().waitFor();
  const [request] = await Promise.all([page.waitForRequest("**/access/v1/search/resource"), page.getByLabel("Context beside the arguments").fill('{"approvals": 2}')]);
  assert.deepEqual(request.postDataJSON().context, { approvals: 2, arguments: { amount: 2.5, to: "x" } });
  assert.equal(request.postDataJSON().options.unknown, undefined);
  assert.deepEqual(await axeViolations(page), []);
  await page.locator(".results a").first().click();
  await page.locator('.verdict[data-decision="permit"]').waitFor();
  assert.equal(await page.getByLabel("Arguments of a tool’s call").inputValue(), '{"amount": 2.5, "to": "x"}');
  await page.goto("about:blank");
  await page.goto(`${service}/console/${at("who", { look: "table", kind: "user", agents: "", action: "read", target: "doc" })}`);
  await page.locator('[data-part="matrix"] table').waitFor();
  const [table] = await Promise.all([page.waitForRequest("**/explain/v1/matrix"), page.getByLabel("Time like").fill("2026-10-01T09:00:00Z")]);
  assert.deepEqual(table.postDataJSON().assume, { now: "2026-10-01T09:00:00Z" });
  await page.locator('[data-part="matrix"][aria-busy="false"] a.cell').first().click();
  await page.getByText("2026-10-01T09:00:00Z", { exact: true }).first().waitFor();
  opened.hosts.delete("");
  assertClean(opened, service);
});

test("a broken file hides behind no others, and one stored entity is one", { timeout: 200_000 }, async () => {
  const bundle = await folder();
  await run(["init", bundle, "--template", "mcp"]);
  const dev = await develop(bundle);
  const opened = await open();
  const { page } = opened;
  await page.goto(`${dev}/console/`);
  await page.getByText("1 stored entity.").waitFor();
  const path = "policies/bundle.toml";
  await page.evaluate((fragment) => (location.hash = fragment), at("policies", { file: path }));
  const field = page.getByRole("textbox", { name: `Text of ${path}` });
  await field.waitFor();
  const broken = `${await field.inputValue()}\n[[\n`;
  await field.fill(broken);
  const problems = page.locator('[data-part="problems"]');
  await problems.waitFor();
  assert.equal(await problems.locator(":scope > .problems > li").count(), 1);
  assert.match(await problems.locator("summary").textContent(), /more in .* which may follow from that/);
  const marks = await page.locator(".file-list li", { has: page.locator(".mark.wrong") }).locator("code").allTextContents();
  assert.deepEqual(marks, [path]);
  await writeFile(join(bundle, path), broken);
  await page.locator(".broken").waitFor();
  assert.equal(await page.locator(".broken > .problems > li").count(), 1);
  assert.match(await page.locator(".broken > details > summary").textContent(), /may follow from that/);
  assert.deepEqual(await axeViolations(page), []);
  assertClean(opened, dev);
});

test("a newcomer finds a denied call in Try, and sees why, with two clicks", { timeout: 120_000 }, async () => {
  const bundle = await folder();
  await run(["init", bundle, "--template", "mcp"]);
  const dev = await develop(bundle);
  const opened = await open();
  const { page } = opened;
  await page.goto(`${dev}/console/`);
  const samples = page.locator(".samples button");
  await samples.first().waitFor();
  const told = await samples.allTextContents();
  assert.ok(told.filter((text) => text.includes("expects deny")).length >= 3, told.join("\n"));
  assert.ok(told.filter((text) => text.includes("expects permit")).length >= 3, told.join("\n"));
  await samples.filter({ hasText: "deny refund_over_cap" }).click();
  await settled(page);
  await page.locator('.verdict[data-decision="deny"]').waitFor();
  const answer = await page.locator(".answer").textContent();
  assert.match(answer, /refund_over_cap.*A refund is at most 500\.00.*refund-cap.*context\.arguments\.amount.*500\.01/s);
  assertClean(opened, dev);
});
