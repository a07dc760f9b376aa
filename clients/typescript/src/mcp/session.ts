// Whose session it is. An id of a session proves nothing, so that what comes without a question of
// its own (a GET, a DELETE, a notification, an answer to the server's question) is held to whoever
// opened it.

import { createHash } from "node:crypto";

import { refusal, type Denial } from "../denial.js";
import { isDenial } from "../enforcer.js";
import { identityOf, type Credential, type Party } from "../principal.js";
import type { Guard } from "./guard.js";
import type { RequestMessage } from "./messages.js";

/** Credentials that were permitted in a session; more renewals than these are asked about again. */
const MAX_KNOWN = 32;

/** What a session is opened with; it stands for a request that has no message. */
export const OPENING: RequestMessage = { jsonrpc: "2.0", id: 0, method: "initialize", params: {} };

/** A session, from the first request in it that was permitted. */
export class Session {
  #owner: string | undefined;
  /** Fingerprints of what the owner's permitted requests came with, the oldest first. */
  readonly #known = new Set<string>();

  constructor(readonly guard: Guard) {}

  get isOpen(): boolean {
    return this.#owner !== undefined;
  }

  /** Notes a request that was permitted. */
  permitted(party: Party): void {
    this.#owner ??= identityOf(party);
    const print = fingerprint(party);
    this.#known.delete(print);
    this.#known.add(print);
    const [oldest] = this.#known;
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Denies who comes to a session that somebody else has opened. */
  intrusion(party: Party): Denial | undefined {
    if (this.#owner === undefined || this.#owner === identityOf(party)) return undefined;
    return refusal("session_of_another", "This session was opened by somebody else.");
  }

  /**
   * Decides about what has no question of its own: whoever may not open a session may not be heard
   * in one. Nobody has verified a token that comes like this, unless it was permitted here before.
   */
  async denial(extra: unknown): Promise<Denial | undefined> {
    const { guard } = this;
    const passes = guard.passes(OPENING.method);
    if (passes && !this.isOpen) return undefined;
    const party = await guard.party(OPENING, extra);
    if (isDenial(party)) return party;
    if (passes) {
      if (this.#known.has(fingerprint(party))) return undefined;
      return refusal("session_of_another", "Nothing was permitted to this token in this session.");
    }
    return (await guard.decide(OPENING, party)) ?? this.intrusion(party);
  }
}

/** Returns a text that two requests have in common only if they came with the same credentials. */
function fingerprint(party: Party): string {
  const credentials = party.context["credentials"];
  if (!Array.isArray(credentials)) return identityOf(party);
  const values = credentials.map(({ type, value }: Credential) => [type, value]);
  return createHash("sha256").update(JSON.stringify(values)).digest("hex");
}
