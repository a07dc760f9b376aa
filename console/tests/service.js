// Starts services and a browser for the tests, and ends what it started.
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** The program under test. */
export const behest = process.env.BEHEST ?? join(root, "target/debug/behest");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const ends = [];

/** Ends everything, the last first. */
export async function endAll() {
  for (const end of ends.splice(0).reverse()) await end();
}

export async function folder() {
  const path = await mkdtemp(join(tmpdir(), "console-"));
  ends.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs the program, and returns what it printed. */
export function run(args, input = "") {
  return new Promise((resolve, reject) => {
    const child = execFile(behest, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${args.join(" ")}: ${stderr || stdout || error.message}`)) : resolve(stdout),
    );
    child.stdin.end(input);
  });
}

/** Starts a service, and returns its address once it is ready. */
export async function serve({ settings = "", args = [] } = {}) {
  const port = await freePort();
  const at = await folder();
  await writeFile(join(at, "behest.toml"), settings);
  const child = spawn(behest, ["serve", "--listen", `127.0.0.1:${port}`, "--config", join(at, "behest.toml"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  ends.push(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the service ended: ${said}`);
    try {
      if ((await fetch(`${origin}/readyz`)).ok) return origin;
    } catch {
      // It does not listen yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the service is not ready: ${said}`);
}

/** Starts `behest dev` on a folder, and returns its address once it listens. */
export async function develop(bundle) {
  const port = await freePort();
  const child = spawn(behest, ["dev", bundle, "--no-open", "--port", String(port)], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  ends.push(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the session ended: ${said}`);
    try {
      if ((await fetch(`${origin}/healthz`)).ok) return origin;
    } catch {
      // It does not listen yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the session does not listen: ${said}`);
}

let browser;

/** Opens a page that notes whatever it should not do. */
export async function open({ narrow = false, dark = false, ...options } = {}) {
  browser ??= await launch();
  const context = await browser.newContext({
    viewport: narrow ? { width: 360, height: 740 } : { width: 1400, height: 900 },
    colorScheme: dark ? "dark" : "light",
    ...options,
  });
  ends.push(() => context.close());
  if (process.env.CONSOLE_DIST) await context.route(/\/console\/(console\.(js|css))?$/, fromDist);
  const page = await context.newPage();
  // A build for tests decides a table in seconds where others work beside it.
  page.setDefaultTimeout(60_000);
  const wrong = [];
  const hosts = new Set();
  page.on("request", (request) => {
    if (!request.url().startsWith("blob:")) hosts.add(new URL(request.url()).host);
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // A refusal of the service is told by the browser, too, and is no fault of the page.
    const isRefusal = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !isRefusal) wrong.push(message.text());
  });
  await page.exposeFunction("noteViolation", (text) => wrong.push(`violation: ${text}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => window.noteViolation(`${event.violatedDirective} ${event.blockedURI}`));
  });
  return { page, context, wrong, hosts };
}

/** Answers with a file of dist/ and the program's headers, for a program that was built before it. */
async function fromDist(route) {
  const name = new URL(route.request().url()).pathname.slice("/console/".length) || "index.html";
  const response = await route.fetch();
  const headers = response.headers();
  delete headers["content-encoding"];
  delete headers["content-length"];
  await route.fulfill({ status: response.status(), headers, body: await readFile(join(root, "console/dist", name)) });
}

async function launch() {
  const started = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  ends.push(() => started.close());
  return started;
}

/** Returns what axe finds, with where. It is put there past the page's own policy, which refuses it. */
export async function axeViolations(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe });
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  });
  await session.detach();
  return found;
}

/** The fragment of a link to a question. */
export const link = (question) => `#/try/${Buffer.from(JSON.stringify(question)).toString("base64url")}`;

/** Waits until nothing is asked any more, and something newer than `states` is shown. */
export async function settled(page, states = 0) {
  await page.waitForFunction((states) => {
    const answer = document.querySelector(".answer");
    return answer?.getAttribute("aria-busy") === "false" && Number(answer.dataset.states) > states;
  }, states);
}

/** Opens a question on a page, which may show another, and waits for its answer. */
export async function ask(page, origin, question) {
  const fragment = link(question);
  let states = 0;
  if (page.url() === `${origin}/console/${fragment}`) return;
  if (page.url().startsWith(`${origin}/console/`)) {
    states = await page.evaluate(() => Number(document.querySelector(".answer")?.dataset.states ?? 0));
    await page.evaluate((fragment) => (location.hash = fragment), fragment);
  } else {
    await page.goto(`${origin}/console/${fragment}`);
  }
  await settled(page, states);
}

/** What the page shows of an answer. */
export async function shown(page) {
  // Long lists are shown in full first.
  const more = page.locator(".legs button", { hasText: /^Show \d+ more$/ });
  while ((await more.count()) > 0) await more.first().click();
  return page.evaluate(() => {
    const all = (part, selector) => [...part.querySelectorAll(selector)];
    const verdict = document.querySelector(".verdict");
    return {
      decision: verdict?.getAttribute("data-decision"),
      code: verdict?.querySelector(".code-word")?.textContent ?? null,
      message: verdict?.querySelector(".message")?.textContent ?? null,
      legs: all(document, "[data-leg]").map((leg) => ({
        principal: leg.getAttribute("data-leg"),
        outcome: leg.getAttribute("data-outcome"),
        determining: all(leg, '[data-in="determining"]').map((policy) => policy.getAttribute("data-policy")),
        near: all(leg, '[data-in="near"]').map((policy) => [
          policy.getAttribute("data-policy"),
          policy.querySelector("[data-condition]")?.getAttribute("data-condition"),
          all(policy, ".values tr").map((row) => [row.cells[0].textContent, row.cells[1].textContent]),
        ]),
        relations: all(leg, "[data-userset]").map((relation) => [
          relation.getAttribute("data-user"),
          relation.getAttribute("data-userset"),
          relation.getAttribute("data-held") === "true",
          all(relation, ".witness code").map((code) => code.textContent),
        ]),
        dropped: all(leg, '[data-part="dropped"] dt').map((member) => member.textContent),
      })),
    };
  });
}

/** The same of an answer of the command line. */
export function told(answer) {
  const reason = answer.context?.reason;
  const legs = answer.context?.explanation?.legs ?? [];
  return {
    decision: answer.decision ? "permit" : "deny",
    code: reason?.code ?? null,
    message: reason?.message.replaceAll("`", "") ?? null,
    legs: legs.map((leg) => ({
      principal: `${leg.principal.type}:${leg.principal.id}`,
      outcome: leg.outcome,
      determining: leg.determining.map((policy) => policy.id),
      near: leg.near_misses.map(({ policy, condition }) => [
        policy.id,
        condition.source,
        condition.values.map(({ path, value }) => [path, value]),
      ]),
      relations: leg.relations.map(({ user, userset, held, witness }) => [user, userset, held, witness]),
      dropped: leg.dropped.map(({ member }) => member),
    })),
  };
}
