// Opens the console, opens its first sample that is denied, and waits until the answer is drawn: a card for each leg, the
// policy that decided, and the relations as a graph.
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../console/", import.meta.url))("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
});
try {
  const page = await browser.newPage();
  await page.goto(process.argv[2]);
  const sample = page.locator(".samples button").filter({ hasText: "expects deny" }).first();
  const reason = /expects deny (\w+)/.exec(await sample.innerText())?.[1];
  if (!reason) throw new Error("the first sample that is denied names no reason");
  await sample.click();
  await page.locator(".leg.deny").first().waitFor();
  await page.locator(".leg .graph svg .node").first().waitFor();
  const text = await page.locator(".answer").innerText();
  for (const part of ["deny", reason, ".cedar"]) {
    if (!text.includes(part)) throw new Error(`the answer lacks ${part}:\n${text}`);
  }
} finally {
  await browser.close();
}
