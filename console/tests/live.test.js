// The page Live, in a browser against the program.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { axeViolations, develop, endAll, open, root, serve } from "./service.js";

const KEYS = { watches: "watches-key-of-32-characters-000", decides: "decides-key-of-32-characters-000" };
const hash = async (key) => Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(key))).toString("hex");
const PERMISSIONS = { watches: ["decisions.read"], decides: ["decide", "explain"] };

let dev;
let guarded;
before(async () => {
  dev = await develop(root);
  const callers = await Promise.all(
    Object.entries(KEYS).map(async ([name, key]) => `[[callers]]\nname = "${name}"\nkey_sha256 = "${await hash(key)}"\npermissions = ${JSON.stringify(PERMISSIONS[name])}\n`),
  );
  guarded = await serve({ settings: callers.join("\n") });
  // A session listens before it has a bundle.
  for (let tries = 0; tries < 300 && !(await fetch(`${dev}/readyz`)).ok; tries += 1) await new Promise((resolve) => setTimeout(resolve, 200));
});
after(endAll);

const question = (id, action = "read", user = "alice") => ({ subject: { type: "user", id: user }, action: { name: action }, resource: { type: "repository", id } });
const ask = (origin, body, path = "evaluation", key) =>
  fetch(`${origin}/access/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
  });
const live = (page) => page.locator('[data-link="open"]').waitFor();
const rows = '[data-part="decisions"] > li';
const address = (filter) => `#/live/${Buffer.from(JSON.stringify(filter)).toString("base64url")}`;

function assertClean({ wrong, hosts }, at) {
  hosts.delete("");
  assert.deepEqual(wrong, []);
  assert.deepEqual([...hosts], [new URL(at).host]);
}

test("decisions show as they are made, the newest first, and open their record and their explanation", { timeout: 200_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${dev}/console/#/live`);
  await page.getByRole("heading", { name: "No decision yet" }).waitFor();
  await live(page);
  assert.deepEqual(await axeViolations(page), []);
  await ask(dev, question("checkout"));
  const denied = await (await ask(dev, question("checkout", "write", "nobody"))).json();
  assert.equal(denied.decision, false);
  await page.waitForFunction((rows) => document.querySelectorAll(rows).length === 2, rows);
  assert.deepEqual(await page.locator(rows).evaluateAll((all) => all.map((row) => row.getAttribute("data-decision"))), ["deny", "permit"]);
  assert.equal(await page.locator('[data-count="permits"]').textContent(), "1");
  assert.equal(await page.locator('[data-count="denials"]').textContent(), "1");
  assert.deepEqual(await axeViolations(page), []);
  // While it is held, the list stays.
  await page.getByRole("button", { name: "Pause" }).click();
  await ask(dev, question("checkout"));
  await page.getByText("1 more since").waitFor();
  assert.equal(await page.locator(rows).count(), 2);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.waitForFunction((rows) => document.querySelectorAll(rows).length === 3, rows);
  // By keyboard: to the next, into its record, and to its explanation.
  await page.locator(`${rows} button`).first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.locator('[data-state="same"]').waitFor();
  assert.match(await dialog.textContent(), /user:nobody.*write.*repository:checkout/s);
  assert.deepEqual(await axeViolations(page), []);
  await dialog.getByRole("link", { name: "Explain it in Try" }).click();
  await page.locator('.verdict[data-decision="deny"]').waitFor();
  assertClean(opened, dev);
});

test("what is asked for is shown, and what is not of its form is said", { timeout: 120_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${dev}/console/${address({ decision: "permit", resource: "repository:" })}`);
  await live(page);
  assert.equal(await page.getByLabel("Resource").inputValue(), "repository:");
  await ask(dev, question("checkout", "write", "nobody"));
  await ask(dev, question("checkout"));
  await page.locator(rows).first().waitFor();
  assert.deepEqual(await page.locator(rows).evaluateAll((all) => all.map((row) => row.getAttribute("data-decision"))), ["permit"]);
  await page.getByLabel("Subject").fill("alice");
  await page.getByText("must be type:id, type: or :id, not alice").waitFor();
  assertClean(opened, dev);
});

test("a thousand decisions a second leave the page quick, and the list bounded", { timeout: 300_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${dev}/console/#/live`);
  await live(page);
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    const frame = (now) => {
      window.longest = Math.max(window.longest, now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const items = Array.from({ length: 100 }, (_, at) => ({ resource: { type: "repository", id: `r${at}` } }));
  const batch = { ...question("x"), evaluations: items };
  // Where others work beside it, a build for tests refuses some of them for want of time.
  for (let taken = 0, tries = 0; taken < 40; tries += 1) {
    assert.ok(tries < 400, `${taken} batches were taken`);
    if ((await ask(dev, batch, "evaluations")).status === 200) taken += 1;
  }
  await page.waitForFunction(() => {
    const of = (name) => Number(document.querySelector(`[data-count="${name}"]`).textContent);
    const missed = [...document.querySelectorAll('[data-part="missed"] li')].map((note) => parseInt(note.textContent, 10) || 0);
    return of("permits") + of("denials") + missed.reduce((sum, count) => sum + count, 0) >= 4000;
  });
  assert.equal(await page.locator(rows).count(), 200);
  const longest = await page.evaluate(() => window.longest);
  assert.ok(longest < 2_000, `a frame took ${longest} ms`);
  assertClean(opened, dev);
});

test("a key is asked for, and only the permission to watch opens the page", { timeout: 120_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${guarded}/console/#/live`);
  await page.getByRole("heading", { name: "This service asks for a key" }).waitFor();
  assert.deepEqual(await axeViolations(page), []);
  const unlock = async (key) => {
    await page.getByLabel("Key or access token").fill(key);
    await page.getByRole("button", { name: "Use it" }).click();
  };
  await unlock(KEYS.decides);
  await page.getByRole("heading", { name: "You may not see this" }).waitFor();
  assert.match(await page.locator(".trouble").textContent(), /a caller needs decisions\.read/);
  assert.deepEqual(await axeViolations(page), []);
  await unlock(KEYS.watches);
  await live(page);
  await ask(guarded, question("checkout"), "evaluation", KEYS.decides);
  await page.locator(`${rows} button`).first().click();
  // Who may only watch sees the record, and no explanation.
  await page.getByText("the explanation could be opened here").waitFor();
  assert.ok(!page.url().includes(KEYS.watches));
  assertClean(opened, guarded);
});

test("a page that is cut off says so, comes back, and says what it missed", { timeout: 120_000 }, async () => {
  const opened = await open();
  const { page } = opened;
  await page.goto(`${dev}/console/#/live`);
  await live(page);
  await ask(dev, question("checkout"));
  await page.locator(rows).first().waitFor();
  await opened.context.setOffline(true);
  // The connection that is there is not cut by that; the page closes it.
  await page.getByRole("button", { name: "Begin anew" }).click();
  await page.locator('[data-link="cut"]').waitFor();
  assert.match(await page.getByRole("status").first().textContent(), /Cut off/);
  assert.deepEqual(await axeViolations(page), []);
  await opened.context.setOffline(false);
  await live(page);
  await ask(dev, question("checkout"));
  await page.locator(rows).first().waitFor();
  opened.wrong.length = 0;
  assertClean(opened, dev);
});

test("the page is accessible in light, dark and narrow, and nothing is cut off", { timeout: 200_000 }, async () => {
  for (const options of [{}, { dark: true }, { narrow: true }]) {
    const opened = await open(options);
    const { page } = opened;
    await page.goto(`${dev}/console/#/live`);
    await live(page);
    await ask(dev, question(`checkout-${"with-a-long-name-".repeat(8)}`));
    await page.locator(rows).first().waitFor();
    const looked = async (name) => {
      assert.deepEqual(await axeViolations(page), [], `${name} ${JSON.stringify(options)}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${name} ${JSON.stringify(options)} is ${over} pixels too wide`);
    };
    await looked("list");
    await page.locator(`${rows} button`).first().click();
    await page.locator('[data-part="record"] [data-state]').waitFor();
    await page.getByText("The record as it is").click();
    await looked("record");
    assertClean(opened, dev);
  }
});
