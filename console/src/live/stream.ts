// Follows the decisions as they are made, and connects again when it is cut off.

import { Refused, openDecisions } from "../api";
import type { DecisionRecord } from "./record";

export interface LiveDecision {
  /** The id of the event, which the service is told when the page comes again. */
  id: string;
  record: DecisionRecord;
  /** The record as it came. */
  text: string;
}

export type Link =
  | { kind: "connecting" }
  | { kind: "open" }
  /** It was cut off, and is tried again in so many seconds. */
  | { kind: "cut"; seconds: number; why: string }
  | { kind: "refused"; error: Refused };

export interface Follower {
  link(state: Link): void;
  decision(decision: LiveDecision): void;
  /** Decisions that were not seen; their number is not known behind a restart. */
  missed(count: number | undefined, why: string): void;
}

/** How long to wait before the first, and at most before a later attempt. */
const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 15;
/** What will not be answered otherwise when it is asked again. */
const FINAL = [400, 401, 403, 404, 405];
/** The service says something at least every 15 seconds; a link that says nothing for longer is dead. */
const SILENCE_MS = 40_000;
/** LIMIT: characters of one event; records are bounded to less by the service. */
const MOST_CHARACTERS = 4 << 20;

/** Begins to follow; returns what ends it. */
export function follow(query: string, follower: Follower): () => void {
  const stop = new AbortController();
  void run(query, follower, stop.signal);
  return () => stop.abort();
}

async function run(query: string, follower: Follower, signal: AbortSignal): Promise<void> {
  let last = "";
  let pause = FIRST_PAUSE_S;
  while (!signal.aborted) {
    follower.link({ kind: "connecting" });
    let why = "the service ended the connection";
    try {
      const body = await openDecisions(query, last, signal);
      follower.link({ kind: "open" });
      for await (const event of events(body, signal)) {
        pause = FIRST_PAUSE_S;
        last = event.id || last;
        if (event.name === "end") why = "the service is about to end";
        take(event, follower);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused) {
        if (FINAL.includes(error.status)) return follower.link({ kind: "refused", error });
        why = error.message;
      } else {
        why = "the connection broke off";
      }
    }
    for (let seconds = pause; seconds > 0; seconds -= 1) {
      if (signal.aborted) return;
      follower.link({ kind: "cut", seconds, why });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    pause = Math.min(pause * 2, LONGEST_PAUSE_S);
  }
}

function take({ name, id, data }: StreamEvent, follower: Follower): void {
  if (name !== "decision" && name !== "missed") return;
  const value = JSON.parse(data) as unknown;
  if (name === "decision") return follower.decision({ id, record: value as DecisionRecord, text: data });
  const { decisions, why } = value as { decisions?: number; why: string };
  follower.missed(decisions, why);
}

interface StreamEvent {
  name: string;
  id: string;
  data: string;
}

/** Reads server-sent events, as far as this service sends them: lines end in a line feed. */
async function* events(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (!signal.aborted) {
      const { done, value } = await withinSilence(reader.read());
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      if (text.length > MOST_CHARACTERS) return;
      for (const block of blocks) yield read(block);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function withinSilence<T>(read: Promise<T>): Promise<T> {
  let timer = 0;
  const silence = new Promise<T>((_resolve, reject) => {
    timer = window.setTimeout(() => reject(new Error("silence")), SILENCE_MS);
  });
  return Promise.race([read, silence]).finally(() => clearTimeout(timer));
}

function read(block: string): StreamEvent {
  const event: StreamEvent = { name: "", id: "", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    const value = line.slice(at + 2);
    const field = at > 0 ? line.slice(0, at) : "";
    if (field === "event") event.name = value;
    if (field === "id") event.id = value;
    if (field === "data") event.data = value;
  }
  return event;
}
