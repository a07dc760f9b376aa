// What a search found, a page after the other, each result with a way to why.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Refused, refusal, search } from "../api";
import { Entity, Message, Trouble } from "../parts";
import { EMPTY, type Question, toFragment } from "../question";
import { type Reason, type SearchPage, type Vocabulary, named } from "../wire";
import { type Looked, bodyOf, isOpen } from "./looked";

/** How long to wait for more keys. */
const PAUSE_MS = 180;

interface Result {
  name: string;
  policies: string[];
  question: Question;
}

interface List {
  results: Result[];
  /** Leads to the next page; empty at the end. */
  token: string;
  reason: Reason | undefined;
}

type State = { kind: "loading" } | { kind: "refused"; error: Refused } | { kind: "list"; list: List };

export function Found({ words, looked }: { words: Vocabulary; looked: Looked }): JSX.Element {
  const [state, setState] = useState<State>({ kind: "loading" });
  const [isMore, setMore] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState({ kind: "loading" });
    const timer = setTimeout(() => {
      const [kind, body] = bodyOf(looked, "");
      search(kind, body, stop.signal).then(
        (page) => setState({ kind: "list", list: listOf(looked, page) }),
        (error: unknown) => {
          if (!stop.signal.aborted) setState({ kind: "refused", error: refusal(error) });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [looked, words.bundle, round]);
  if (state.kind === "loading") {
    return (
      <div class="panel" aria-busy="true">
        <p role="status">Searching …</p>
      </div>
    );
  }
  if (state.kind === "refused") {
    const needs = isOpen(looked) || state.error.status === 403 ? ["search"] : ["search", "explain"];
    return <Trouble error={state.error} needs={needs} onRetry={() => setRound((round) => round + 1)} />;
  }
  const { list } = state;
  const next = async (): Promise<void> => {
    setMore(true);
    try {
      const [kind, body] = bodyOf(looked, list.token);
      const page = listOf(looked, await search(kind, body));
      setState((now) => (now.kind === "list" && now.list === list ? { kind: "list", list: { ...page, results: [...list.results, ...page.results] } } : now));
    } catch (error) {
      setState({ kind: "refused", error: refusal(error) });
    }
    setMore(false);
  };
  return (
    <div class="panel">
      <div role="status">
        <h2>{title(looked, list)}</h2>
      </div>
      {list.results.length === 0 && list.reason && (
        <p>
          <code>{list.reason.code}</code> <Message text={list.reason.message} />
        </p>
      )}
      {list.results.length > 0 && (
        <ul class="results">
          {list.results.map((result) => (
            <li key={result.name}>
              {looked.look === "actions" ? <code>{result.name}</code> : <Entity name={result.name} isAgent={words.agent_types.includes(result.name.slice(0, result.name.indexOf(":")))} />}
              <a href={toFragment(result.question)}>
                why<span class="hidden"> {result.name}</span>
              </a>
              {result.policies.length > 0 && <small>by {[...new Set(result.policies)].join(", ")}</small>}
            </li>
          ))}
        </ul>
      )}
      {list.token !== "" && (
        <button type="button" disabled={isMore} onClick={() => void next()}>
          Look for more
        </button>
      )}
      {isOpen(looked) && list.results.length > 0 && takesArguments(words, looked) && <p class="hint">With some arguments; no call is permitted by this list.</p>}
    </div>
  );
}

/** Whether what is asked about has arguments at all. */
const takesArguments = (words: Vocabulary, { look, action }: Looked): boolean =>
  words.actions.some((it) => (look === "actions" || it.name === action.trim()) && it.context.some((member) => member.name === "arguments"));

function title(looked: Looked, { results, token }: List): string {
  const count = token === "" ? String(results.length) : `the first ${results.length}`;
  if (results.length === 0) return token === "" ? "Nobody and nothing is found" : "Nothing is found yet";
  if (looked.look === "who") return `${count} may do it`;
  return looked.look === "what" ? `${count} to which they may do it` : `${count} that they may do`;
}

function listOf(looked: Looked, page: SearchPage): List {
  const results = page.results.map((result, at): Result => {
    const name = result.name ?? named({ type: result.type ?? "", id: result.id ?? "" });
    return { name, policies: page.context?.reasons?.[at]?.policies ?? [], question: questionOf(looked, name) };
  });
  return { results, token: page.page?.next_token ?? "", reason: page.context?.reason };
}

/** The question that a result answers. */
function questionOf(looked: Looked, name: string): Question {
  const { look, who, through, action, resource } = looked;
  const context = { arguments: looked.arguments, context: looked.context };
  switch (look) {
    case "who":
    case "table":
      return { ...EMPTY, ...context, who: [...who, name, ...through], action, resource };
    case "what":
      return { ...EMPTY, ...context, who, action, resource: name };
    case "actions":
      return { ...EMPTY, ...context, who, action: name, resource };
  }
}
