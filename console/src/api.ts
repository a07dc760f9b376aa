// What the console asks of the service it comes from. The key is in this module's memory and nowhere else.

import { type Json, type JsonObject, parse } from "./json";
import type { Answer, BundleFile, BundleState, CasePage, EntityList, Matrix, PolicyPage, Scratch, SearchPage, Tuple, Vocabulary } from "./wire";

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

/** Whatever was thrown, as why there is no answer. */
export const refusal = (error: unknown): Refused => (error instanceof Refused ? error : new Refused(0, "", String(error)));

/** How long to wait for an answer, and for what comes of edits, which wait for their turn. */
const PATIENCE_MS = 20_000;
const TRIAL_MS = 90_000;
/** How often, and after what time, it is asked again. */
const MOST_TURNS = 10;
const TURN_MS = 1_500;

async function ask(path: string, signal: AbortSignal | undefined, body?: Json, patience = PATIENCE_MS, turn = 0): Promise<Json> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (key !== "") headers["authorization"] = `Bearer ${key}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const limit = AbortSignal.timeout(patience);
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
    const why = limit.aborted ? `it did not answer within ${patience / 1000} seconds` : "it cannot be reached";
    throw new Refused(0, "unreachable", `The service has no answer: ${why}.`);
  }
  const text = await response.text();
  if (response.ok) return parse(text);
  const refused = refusalOf(response.status, text);
  // What only asks is asked again where the service had no place for it.
  if (refused.code === "overloaded" && path.startsWith("/explain/") && turn < MOST_TURNS) {
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    signal?.throwIfAborted();
    return ask(path, signal, body, patience, turn + 1);
  }
  throw refused;
}

function refusalOf(status: number, text: string): Refused {
  try {
    const body = parse(text) as { error?: { code?: string; message?: string }; code?: string; message?: string };
    // The API of relations has code and message at the top.
    const error = body.error ?? body;
    if (error.message) return new Refused(status, error.code ?? "", error.message);
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

/** Opens the decisions as they are made: events without an end. `last` is the id of the last one that was seen. */
export async function openDecisions(filter: string, last: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (key !== "") headers["authorization"] = `Bearer ${key}`;
  if (last !== "") headers["last-event-id"] = last;
  const response = await fetch(`/explain/v1/decisions${filter === "" ? "" : `?${filter}`}`, { headers, credentials: "omit", cache: "no-store", redirect: "error", signal });
  if (!response.ok || !response.body) throw refusalOf(response.status, await response.text());
  return response.body;
}

export const bundleState = async (signal?: AbortSignal): Promise<BundleState> =>
  (await ask("/explain/v1/bundle", signal)) as unknown as BundleState;

export const cases = async (like: string, from: number, limit: number, signal?: AbortSignal): Promise<CasePage> =>
  (await ask(`/explain/v1/cases?${query({ like, from: from || undefined, limit })}`, signal)) as unknown as CasePage;

export const entities = async (type: string, like: string, signal?: AbortSignal, limit = 20): Promise<EntityList> =>
  (await ask(`/explain/v1/entities?${query({ type, like, limit })}`, signal)) as unknown as EntityList;

/** LIMIT: pages of files that are read: more than a person looks through. */
const MOST_PAGES = 10;

/** Lists the files of the bundle. */
export async function files(signal?: AbortSignal): Promise<BundleFile[]> {
  const found: BundleFile[] = [];
  let from: number | undefined = 0;
  for (let page = 0; page < MOST_PAGES && from !== undefined; page += 1) {
    const next = (await ask(`/explain/v1/files?${query({ from: from || undefined, limit: 500 })}`, signal, undefined, TRIAL_MS)) as unknown as { files: BundleFile[]; next?: number };
    found.push(...next.files);
    from = next.next;
  }
  return found;
}

/** Whether the service saves edits: `behest dev` does. */
export const savesEdits = async (signal?: AbortSignal): Promise<boolean> =>
  ((await ask(`/explain/v1/files?${query({ limit: 1 })}`, signal, undefined, TRIAL_MS)) as unknown as { saves: boolean }).saves;

/** Saves edits of files, each of which was made on a text. */
export async function saveEdits(edits: { path: string; before: string; text: string }[]): Promise<void> {
  const body = await Promise.all(edits.map(async ({ path, before, text }) => [path, { text, was: await sha256(before) }] as [string, JsonObject]));
  await ask("/explain/v1/saved", undefined, { edits: Object.fromEntries(body) });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Reads the text of a file. */
export async function fileText(path: string, signal?: AbortSignal): Promise<string> {
  const page = (await ask(`/explain/v1/files?${query({ path })}`, signal, undefined, TRIAL_MS)) as unknown as { files: BundleFile[] };
  const text = page.files[0]?.text;
  if (text === undefined) throw new Refused(404, "", "The file is not there any more, or is not shown.");
  return text;
}

/** Tries edits. */
export const scratch = async (body: JsonObject, signal?: AbortSignal): Promise<Scratch> =>
  (await ask("/explain/v1/scratch", signal, body, TRIAL_MS)) as unknown as Scratch;

/** Asks a search for a page of what is permitted. */
export const search = async (kind: "subject" | "resource" | "action", body: JsonObject, signal?: AbortSignal): Promise<SearchPage> =>
  (await ask(`/access/v1/search/${kind}`, signal, body)) as unknown as SearchPage;

/** Decides a table: each chain about each target. */
export const matrix = async (body: JsonObject, signal?: AbortSignal): Promise<Matrix> =>
  (await ask("/explain/v1/matrix", signal, body, TRIAL_MS)) as unknown as Matrix;

/** The store that decisions read. */
const MAIN = "01BEHEST00000000000000MA1N";

/** Reads the tuples of an object, or those of a user with objects of a type. */
export async function readTuples(key: JsonObject, signal?: AbortSignal): Promise<{ tuples: Tuple[]; more: boolean }> {
  const body = { tuple_key: key, page_size: 100 };
  const page = (await ask(`/stores/${MAIN}/read`, signal, body)) as unknown as { tuples: { key: Tuple }[]; continuation_token?: string };
  return { tuples: page.tuples.map(({ key }) => key), more: (page.continuation_token ?? "") !== "" };
}

/** Writes or ends tuples. */
export const writeTuples = async (body: JsonObject): Promise<void> => void (await ask(`/stores/${MAIN}/write`, undefined, body));

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
