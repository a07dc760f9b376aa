// Who asks. One hook says so, for every kind of server; the default hands the raw token to the
// service, which verifies it, and asserts nothing itself.

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

/** A chain that this server vouches for: a subject with its actors, in any of the spellings that the
 * service reads, such as `subject.properties.act` or `context.agent`. */
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
    throw new TypeError("a DPoP token needs its proof, and the `url` of this server in the options");
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
