// Drives the service with tokens of real OpenID providers.
//
// usage: node round.mjs SERVICE KEY ONE TWO PID-OF-ONE PID-OF-TWO
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";

const [service, adminKey, one, two, ...pids] = process.argv.slice(2);
const b64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

async function token(provider, client, parameters, headers = {}) {
  const body = new URLSearchParams(parameters);
  const basic = Buffer.from(`${client}:secret-of-${client}-that-is-long`).toString("base64");
  const answer = await fetch(`${provider}/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${basic}`, "Content-Type": "application/x-www-form-urlencoded", ...headers },
    body,
  });
  const json = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(json));
  return json.access_token;
}

const exchange = (provider, user, actors, more = {}) =>
  token(provider, "orchestrator", {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    user,
    actors: JSON.stringify(actors),
    resource: "https://jwt.example",
    scope: "read",
    ...more,
  });

async function ask(credential, subject = { type: "credential", id: "0" }) {
  const answer = await fetch(`${service}/access/v1/evaluation`, {
    method: "POST",
    headers: { Authorization: `Bearer ${adminKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      subject,
      action: { name: "read" },
      resource: { type: "doc", id: "d" },
      context: { credentials: [typeof credential === "string" ? { type: "access_token", value: credential } : credential] },
      options: { explain: true },
    }),
  });
  assert.equal(answer.status, 200);
  const { decision, context } = await answer.json();
  const chain = context.explanation.credentials[0]?.chain.map((member) => `${member.type}:${member.id}`).join(" > ");
  return decision ? `permit ${chain}` : context.reason.code;
}

// JWTs, exchanged, with nested actors.
// The client that exchanges acts, whether or not the token has `act`.
assert.equal(await ask(await exchange(one, "alice", [])), "permit user:alice > agent:orchestrator");
assert.equal(await ask(await exchange(one, "alice", ["orchestrator"])), "permit user:alice > agent:orchestrator");
assert.equal(
  await ask(await exchange(one, "alice", ["orchestrator", "specialist"])),
  "permit user:alice > agent:orchestrator > agent:specialist",
);
assert.equal(await ask(await exchange(one, "alice", [], { scope: "write" })), "not_permitted");
assert.equal(await ask(await exchange(one, "alice", Array.from({ length: 9 }, (_, at) => `a${at}`))), "credential_invalid");
const autonomous = await token(one, "bot", { grant_type: "client_credentials", resource: "https://jwt.example", scope: "read" });
assert.equal(await ask(autonomous), "permit agent:bot");
const posing = { type: "user", id: "alice", properties: { act: { sub: "bot" } } };
assert.equal(await ask(autonomous, posing), "credential_mismatch");
assert.equal(await ask(await exchange(one, "alice", [], { resource: "https://other.example" })), "credential_invalid");

// Two providers with the same `sub`.
assert.equal(await ask(await exchange(two, "alice", [])), "permit user:two|alice > agent:two|orchestrator");
assert.equal(await ask(await exchange(one, "two|alice", [])), "credential_invalid");

// DPoP.
const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwkOf = ({ publicKey }) => {
  const { kty, crv, x, y } = publicKey.export({ format: "jwk" });
  return { kty, crv, x, y };
};
const holder = pair();
const { kty, crv, x, y } = jwkOf(holder);
const jkt = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
const url = "https://mcp.example/call";
function proof(keys, bound, over = {}) {
  const head = b64({ typ: "dpop+jwt", alg: "ES256", jwk: jwkOf(keys) });
  const ath = bound && createHash("sha256").update(bound).digest("base64url");
  const body = b64({ jti: randomUUID(), htm: "POST", htu: url, iat: Math.floor(Date.now() / 1000), ath, ...over });
  const signature = sign("sha256", Buffer.from(`${head}.${body}`), { key: keys.privateKey, dsaEncoding: "ieee-p1363" });
  return `${head}.${body}.${signature.toString("base64url")}`;
}
// One that the provider bound to the key of an exchange, and one that it gave for a proof at its own endpoint.
const own = { grant_type: "client_credentials", resource: "https://jwt.example", scope: "read" };
for (const [bound, whose] of [
  [await exchange(one, "alice", [], { jkt }), "user:alice > agent:orchestrator"],
  [await token(one, "bot", own, { DPoP: proof(holder, undefined, { htu: `${one}/token` }) }), "agent:bot"],
]) {
  const shown = (made, more = {}) => ({ type: "access_token", value: bound, dpop: { proof: made, method: "POST", url, ...more } });
  const good = proof(holder, bound);
  assert.equal(await ask(shown(good)), `permit ${whose}`);
  assert.equal(await ask(shown(good)), "proof_invalid", "replayed");
  assert.equal(await ask(shown(proof(holder, bound, { htu: "https://mcp.example/other" }))), "proof_invalid", "another address");
  assert.equal(await ask(shown(proof(holder, bound), { method: "GET" })), "proof_invalid", "another method");
  assert.equal(await ask(shown(proof(pair(), bound))), "proof_invalid", "another key");
  assert.equal(await ask(shown(proof(holder, autonomous))), "proof_invalid", "another token");
  assert.equal(await ask(bound), "proof_invalid", "no proof");
}

// Opaque tokens, by introspection.
const reference = (value, issuer) => ({ type: "access_token", value, issuer });
const opaqueOf = (provider) => exchange(provider, "alice", ["orchestrator"], { resource: "https://opaque.example" });
for (const [provider, chain] of [[one, "user:alice > agent:orchestrator"], [two, "user:two|alice > agent:two|orchestrator"]]) {
  const opaque = await opaqueOf(provider);
  assert.ok(!opaque.includes("."));
  assert.equal(await ask(opaque), "credential_invalid", "either could be asked");
  assert.equal(await ask(reference(opaque, provider)), `permit ${chain}`);
  assert.equal(await ask(reference("unknown-token", provider)), "credential_invalid");
  assert.equal(await ask(reference(opaque, provider === one ? two : one)), "credential_invalid", "another's token");
}

// A client's own, of which its issuer says no subject.
const opaqueOwn = { grant_type: "client_credentials", resource: "https://opaque.example", scope: "read" };
assert.equal(await ask(reference(await token(one, "bot", opaqueOwn), one)), "permit agent:bot");

// Keys rotate under load, and no request with a good token fails.
const load = { asked: 0, stop: false };
const worker = async () => {
  while (!load.stop) {
    const before = load.rotations;
    const fresh = await exchange(one, "alice", []);
    const found = await ask(fresh);
    // A token that was made before the rotation and asked about after it lost its key in between.
    if (before === load.rotations) assert.equal(found, "permit user:alice > agent:orchestrator");
    load.asked += 1;
  }
};
load.rotations = 0;
const workers = [worker(), worker(), worker(), worker()];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
await pause(1000);
const old = await exchange(one, "alice", []);
load.rotations += 1;
await fetch(`${one}/rotate`);
await pause(1500);
load.stop = true;
await Promise.all(workers);
assert.ok(load.asked > 10);
assert.equal(await ask(old), "credential_invalid", "the key of before is withdrawn");

// An issuer that is gone: keys are kept, introspection is not.
const last = await exchange(one, "alice", []);
const asked = [reference(await opaqueOf(one), one), reference(await opaqueOf(two), two)];
pids.forEach((pid) => process.kill(Number(pid)));
await pause(500);
assert.equal(await ask(last), "permit user:alice > agent:orchestrator");
for (const gone of asked) assert.equal(await ask(gone), "credential_unavailable");
console.log(`tokens of real providers: ${load.asked} requests during the rotation`);
