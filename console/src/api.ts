// What the console asks of the service it comes from. The key is in this module's memory and nowhere else.

import { type Json, type JsonObject, parse } from "./json";
import type { Answer, BundleState, CasePage, EntityList, PolicyPage, Vocabulary } from "./wire";

let key = "";
const listeners = new Set<() => void>();

export const hasKey = (): boolean => key !== "";

/** Takes a key from a person; an empty one forgets it. */
export function setKey(next: string): void {
  key = next.trim();
  listeners.forEach((tell) => tell());
}

/** Calls back whenever the key changes. */
export function onKey(tell: () => void): () => void {
  listeners.add(tell);
  return () => void listeners.delete(tell);
}

/** Why there is no answer. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** How long to wait for an answer. */
const PATIENCE_MS = 20_000;

async function ask(path: string, signal: AbortSignal | undefined, body?: Json): Promise<Json> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (key !== "") headers["authorization"] = `Bearer ${key}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const limit = AbortSignal.timeout(PATIENCE_MS);
  const init: RequestInit = {
    method: body === undefined ? "GET" : "POST",
    headers,
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    const why = limit.aborted ? `it did not answer within ${PATIENCE_MS / 1000} seconds` : "it cannot be reached";
    throw new Refused(0, "unreachable", `The service has no answer: ${why}.`);
  }
  const text = await response.text();
  if (response.ok) return parse(text);
  throw refusal(response.status, text);
}

function refusal(status: number, text: string): Refused {
  try {
    const { error } = parse(text) as { error?: { code?: string; message?: string } };
    if (error?.message) return new Refused(status, error.code ?? "", error.message);
  } catch {
    // What is not of the service's form is told by its status alone.
  }
  return new Refused(status, "", `The service answered ${status}.`);
}

const query = (parameters: Record<string, string | number | undefined>): string => {
  const known = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== "");
  return new URLSearchParams(known.map(([name, value]) => [name, String(value)])).toString();
};

export const vocabulary = async (signal?: AbortSignal): Promise<Vocabulary> =>
  (await ask("/explain/v1/vocabulary", signal)) as unknown as Vocabulary;

export const bundleState = async (signal?: AbortSignal): Promise<BundleState> =>
  (await ask("/explain/v1/bundle", signal)) as unknown as BundleState;

export const cases = async (like: string, from: number, limit: number, signal?: AbortSignal): Promise<CasePage> =>
  (await ask(`/explain/v1/cases?${query({ like, from: from || undefined, limit })}`, signal)) as unknown as CasePage;

export const entities = async (type: string, like: string, signal?: AbortSignal): Promise<EntityList> =>
  (await ask(`/explain/v1/entities?${query({ type, like, limit: 20 })}`, signal)) as unknown as EntityList;

/** As many as one request may name. */
const MOST_IDS = 100;

export async function policiesNamed(ids: string[], signal?: AbortSignal): Promise<PolicyPage> {
  const named = ids.slice(0, MOST_IDS).map((id) => `id=${encodeURIComponent(id)}`);
  return (await ask(`/explain/v1/policies?${named.join("&")}`, signal)) as unknown as PolicyPage;
}

export async function explain(body: JsonObject, signal?: AbortSignal): Promise<Answer> {
  const answer = (await ask("/explain/v1/evaluation", signal, body)) as unknown as { answer: Answer };
  return answer.answer;
}
