// Who asks. One hook says so, for every kind of server; the default hands the raw token to the
// service, which verifies it, and asserts nothing itself.

import { createHash } from "node:crypto";

import { isObject } from "./answer.js";
import type { Subject } from "./types.js";

/** A raw credential, as the service verifies it (`context.credentials`). */
export interface Credential {
  type: "access_token" | "id_token" | "jwt_svid" | "x509_svid";
  value: string;
  /** The proof of possession that came with it, and the request that carried it (RFC 9449). */
  dpop?: { proof: string; method: string; url: string };
  /** The client's certificate, as this server saw it in the handshake (RFC 8705). */
  tls?: { certificate: string };
  issuer?: string;
}

/** Raw credentials: the service says whom they name. */
export interface Credentials {
  credentials: readonly Credential[];
  context?: Record<string, unknown>;
}

/** A chain that this server vouches for: a subject with its actors, in any of the spellings that
 * the service reads, such as `subject.properties.act` or `context.agent`. */
export interface Chain {
  subject: Subject;
  context?: Record<string, unknown>;
}

export type Principal = Credentials | Chain;

/** What the hook sees of a request, whatever server it came to. */
export interface Asking {
  /** Returns a header, by its name in any case; where there is none, and outside HTTP, nothing. */
  header(name: string): string | undefined;
  /** The token that the server's own middleware has taken from the request, if it has. */
  token?: string | undefined;
  /** The method of the HTTP request, and its address as the client knows it, where they are known:
   * a proof of possession is bound to them. */
  http?: { method: string; url: string } | undefined;
}

/** How a principal is asked about. */
export interface Party {
  subject: Subject;
  context: Record<string, unknown>;
}

/** Returns the credentials of the request's `Authorization`, or nothing if it has none. */
export function bearerToken(request: Asking): Credentials | undefined {
  const [, scheme = "", sent] = /^(bearer|dpop) +([^\s,]+)$/i.exec(
    request.header("authorization")?.trim() ?? "",
  ) ?? ["", "", undefined];
  const value = request.token ?? sent;
  if (value === undefined || value === "") return undefined;
  const credential: Credential = { type: "access_token", value };
  const proof = request.header("dpop");
  if (proof !== undefined && request.http !== undefined) {
    credential.dpop = { proof, ...request.http };
  } else if (scheme.toLowerCase() === "dpop") {
    throw new TypeError("a DPoP token needs its proof, and this server's address in the options");
  }
  return { credentials: [credential] };
}

/** Returns the subject and the context by which a principal is asked about. */
export function partyOf(principal: Principal): Party {
  if ("credentials" in principal) {
    if (!Array.isArray(principal.credentials) || principal.credentials.length === 0) {
      throw new TypeError("`credentials` is an array of one credential at least");
    }
    const context = { ...principal.context, credentials: principal.credentials };
    return { subject: { type: "credential", id: "0" }, context };
  }
  const { subject, context = {} } = principal;
  if (typeof subject?.type !== "string" || typeof subject.id !== "string") {
    throw new TypeError("a principal is `{ subject: { type, id } }` or `{ credentials }`");
  }
  return { subject, context: { ...context } };
}

/**
 * Returns a text that is the same for two requests of one party, and for no two parties.
 *
 * Tokens are renewed while a session lasts, so of a JWT the claims count that say whose it is. They
 * are not verified here: whoever compares them has had the service permit the request.
 */
export function identityOf(party: Party): string {
  const { subject, context } = party;
  const credentials = context["credentials"];
  const { act, on_behalf_of, delegation } = subject.properties ?? {};
  const said = { type: subject.type, id: subject.id, act, on_behalf_of, delegation };
  if (!Array.isArray(credentials)) return JSON.stringify([said, context["agent"]]);
  return JSON.stringify(credentials.map((credential: Credential) => holderOf(credential.value)));
}

function holderOf(token: string): unknown {
  const claims = claimsOf(token);
  const { iss, sub, act, client_id, azp } = claims ?? {};
  if (typeof iss === "string" && typeof sub === "string") return { iss, sub, act, client_id, azp };
  return createHash("sha256").update(token).digest("hex");
}

function claimsOf(token: string): Record<string, unknown> | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    return isObject(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}
