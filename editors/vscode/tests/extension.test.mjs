// What the extension declares is there, and what it bundles loads.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import Module from "node:module";
import { createRequire } from "node:module";
import test from "node:test";

const manifest = JSON.parse(await readFile("package.json", "utf8"));

test("each file that the manifest names is there", async () => {
  const { languages, grammars, yamlValidation, tomlValidation } = manifest.contributes;
  const files = [
    ...languages.map((language) => language.configuration),
    ...grammars.map((grammar) => grammar.path),
    ...[...yamlValidation, ...tomlValidation].map((validation) => validation.url),
  ];
  for (const file of files) {
    JSON.parse(await readFile(file, "utf8"));
    const isPacked = manifest.files.some((name) => file.startsWith(`./${name}`));
    assert.ok(isPacked, `${file} is in no package`);
  }
  for (const grammar of grammars) {
    const text = JSON.parse(await readFile(grammar.path, "utf8"));
    assert.equal(text.scopeName, grammar.scopeName);
  }
});

test("no workspace chooses the program that is started", () => {
  const settings = manifest.contributes.configuration.properties;
  assert.equal(settings["behest.path"].scope, "machine");
});

test("the bundled client loads and exports what an editor calls", () => {
  const load = Module._load;
  // Outside of an editor there is no `vscode`: any member of it will do.
  const anything = () =>
    new Proxy(class {}, { get: (target, name) => target[name] ?? anything() });
  Module._load = (name, ...rest) => (name === "vscode" ? anything() : load(name, ...rest));
  try {
    const client = createRequire(import.meta.url)("../dist/extension.js");
    assert.equal(typeof client.activate, "function");
    assert.equal(typeof client.deactivate, "function");
  } finally {
    Module._load = load;
  }
});
