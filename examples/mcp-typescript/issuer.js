// An issuer of access tokens whose keys are in a file: what Keycloak or another would be elsewhere.

import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const AUDIENCE = "https://desk.example/mcp";
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

/** Writes the issuer's keys and the settings that trust it into a folder; returns the settings. */
export function trusted(folder) {
  const key = { ...publicKey.export({ format: "jwk" }), kid: "k", alg: "ES256", use: "sig" };
  writeFileSync(join(folder, "keys.json"), JSON.stringify({ keys: [key] }));
  const settings = join(folder, "behest.toml");
  const lines = [
    'anonymous = ["decide", "search"]',
    "[[issuers]]",
    'issuer = "https://login.example"',
    'preset = "standard"',
    `keys = "file:${join(folder, "keys.json")}"`,
    `audiences = ["${AUDIENCE}"]`,
    'own_clients = ["web"]',
  ];
  writeFileSync(settings, lines.join("\n"));
  return settings;
}

/** Signs a token: of a user, by the user's own browser, or by an agent that acts for the user. */
export function token(user, { agent = "web", scope = "desk.read desk.refund", life = 300 } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "https://login.example", sub: user, aud: AUDIENCE, client_id: agent, scope };
  const head = part({ alg: "ES256", typ: "at+jwt", kid: "k" });
  const body = part({ ...claims, iat: now, exp: now + life, jti: randomUUID() });
  const key = { key: privateKey, dsaEncoding: "ieee-p1363" };
  const signature = sign("sha256", Buffer.from(`${head}.${body}`), key);
  return `${head}.${body}.${signature.toString("base64url")}`;
}
