// States that come seldom: made by standing between the page and the program, or by a bundle of one's own.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { endAll, root, serve } from "./service.js";

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
