// Bundles the client into dist/, and copies the JSON schemas and the licence beside it. None is committed.

import { build } from "esbuild";
import { cp, mkdir } from "node:fs/promises";

await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // The editor itself provides this module.
  external: ["vscode"],
  minify: true,
  logLevel: "warning",
});
await mkdir("schemas", { recursive: true });
for (const name of ["cases", "tuples", "bundle", "behest"]) {
  await cp(`../schemas/${name}.schema.json`, `schemas/${name}.schema.json`);
}
await cp("../../LICENSE", "LICENSE");
