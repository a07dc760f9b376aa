#!/usr/bin/env node
// Starts the program of this platform. It came as one of the optional dependencies: nothing is fetched here or at install.

"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const platforms = require("../platforms.json");

/** Ends with a message on standard error; 70 is a failure of the package, not an answer of the program. */
function refuse(problem, help) {
  console.error(`error: ${problem}\n  help: ${help}`);
  process.exit(70);
}

function program() {
  const fits = ([, platform]) => platform.os === process.platform && platform.cpu === process.arch;
  const found = Object.entries(platforms).find(fits);
  if (!found) {
    refuse(`behest has no program for ${process.platform} on ${process.arch}`, "build it: cargo install --path .");
  }
  const [name] = found;
  try {
    return require.resolve(`${name}/bin/behest`);
  } catch {
    refuse(`the package \`${name}\` is not installed`, "install again, without --omit=optional or --no-optional");
  }
}

const child = spawn(program(), process.argv.slice(2), { stdio: "inherit" });
child.on("error", (error) => refuse(`the program cannot be started: ${error.message}`, "it needs glibc on Linux"));

// A terminal sends its signals to both; what a supervisor sends reaches this process alone.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("exit", (code, signal) => {
  process.exit(signal ? 128 + constants.signals[signal] : code);
});
