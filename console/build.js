// Builds the console into dist/, or shows with --check that dist/ is what a build gives.
import { build } from "esbuild";
import { gzipSync } from "fflate";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
/** Packages whose code is in the bundle, and whose licences go with it. */
const BUNDLED = ["preact", "@dagrejs/dagre"];
/** What the first view may weigh, compressed. */
const BUDGET = 200 * 1024;

async function files() {
  const built = await build({
    absWorkingDir: here,
    entryPoints: { console: "src/main.tsx" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "dist",
    legalComments: "none",
    charset: "utf8",
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  const inputs = Object.keys(built.metafile.inputs).filter((path) => path.includes("node_modules/"));
  const foreign = inputs.filter((path) => !BUNDLED.some((name) => path.includes(`node_modules/${name}/`)));
  if (foreign.length > 0) throw new Error(`not in the list of bundled packages: ${foreign.join(", ")}`);
  const found = new Map();
  for (const file of built.outputFiles) found.set(file.path.slice(dist.length + 1), file.contents);
  for (const name of ["index.html", "favicon.svg"]) found.set(name, await readFile(join(here, "src", name)));
  found.set("licenses.txt", Buffer.from(await licences()));
  for (const [name, contents] of [...found]) {
    // A compressor in JavaScript gives the same bytes with every Node.
    found.set(`${name}.gz`, gzipSync(contents, { level: 9, mtime: 0 }));
  }
  return found;
}

async function licences() {
  const texts = [];
  for (const name of BUNDLED) {
    const folder = join(here, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    texts.push(`${name} ${version}\n\n${await readFile(join(folder, "LICENSE"), "utf8")}`);
  }
  return texts.join("\n----\n\n");
}

const built = await files();
const weight = ["index.html", "console.js", "console.css", "favicon.svg"]
  .map((name) => built.get(`${name}.gz`).length)
  .reduce((sum, bytes) => sum + bytes, 0);
if (weight > BUDGET) throw new Error(`the first view takes ${weight} bytes, more than ${BUDGET}`);

if (process.argv.includes("--check")) {
  const kept = (await readdir(dist)).sort();
  const names = [...built.keys()].sort();
  const wrong = names.filter((name) => !kept.includes(name)).concat(kept.filter((name) => !built.has(name)));
  for (const name of names.filter((name) => kept.includes(name))) {
    if (!(await readFile(join(dist, name))).equals(Buffer.from(built.get(name)))) wrong.push(name);
  }
  if (wrong.length > 0) throw new Error(`dist/ differs from a build: ${wrong.join(", ")}; run npm run build`);
} else {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist);
  for (const [name, contents] of built) await writeFile(join(dist, name), contents);
}
console.log(`${built.size / 2} files, ${weight} bytes compressed for the first view`);
