// One agent: who answers for it, for whom it may act, and what it could do for them.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Refused, hasKey, refusal } from "../api";
import { Cut, Entity, KeyForm, Trouble } from "../parts";
import { EntityField } from "../try/form";
import { Table } from "../who/table";
import { firstOf } from "../who/looked";
import { type Tuple, type Vocabulary, entityOf } from "../wire";
import { Preview } from "./preview";
import { type AgentRelations, type Change, canSuspend, grant, grantors, keyOf, lookedUp, relationsOf, suspension, unspelled } from "./relations";

/** Entries of a list that are shown at first. */
const FIRST = 10;

type State = { kind: "loading" } | { kind: "refused"; error: Refused } | { kind: "read"; relations: AgentRelations };

/** Whether the agent is suspended: as tuples say, or an explanation; `undefined` while nothing says it. */
function useSuspension(words: Vocabulary, agent: string, state: State, round: number): boolean | undefined {
  const [looked, setLooked] = useState<boolean | undefined>();
  const isUnread = state.kind === "refused";
  useEffect(() => {
    setLooked(undefined);
    if (!isUnread || !canSuspend(words)) return undefined;
    const stop = new AbortController();
    lookedUp(agent, words, stop.signal).then(setLooked, () => undefined);
    return () => stop.abort();
  }, [agent, isUnread, round, words]);
  if (!canSuspend(words) || state.kind === "loading") return undefined;
  return state.kind === "read" ? state.relations.suspended !== null : looked;
}

export function AgentView({ words, agent }: { words: Vocabulary; agent: string }): JSX.Element {
  const [state, setState] = useState<State>({ kind: "loading" });
  const [round, setRound] = useState(0);
  const [change, setChange] = useState<Change | undefined>();
  const [told, setTold] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    relationsOf(agent, words, stop.signal).then(
      (relations) => setState({ kind: "read", relations }),
      (error: unknown) => {
        if (!stop.signal.aborted) setState({ kind: "refused", error: refusal(error) });
      },
    );
    return () => stop.abort();
  }, [agent, round, words]);
  const relations = state.kind === "read" ? state.relations : undefined;
  const isSuspended = useSuspension(words, agent, state, round);
  return (
    <>
      <header class={isSuspended ? "panel agent-head stopped" : "panel agent-head"}>
        <h2>
          <Entity name={agent} isAgent />
          {state.kind !== "loading" && canSuspend(words) && <Suspension isSuspended={isSuspended} />}
        </h2>
        {state.kind !== "loading" && canSuspend(words) && (
          <div class="row">
            {!isSuspended && (
              <button type="button" onClick={() => setChange({ title: `Suspend ${agent}`, button: "Suspend it", tuple: suspension(agent), isEnd: false })}>
                Suspend …
              </button>
            )}
            {isSuspended !== false && (
              <button type="button" onClick={() => setChange({ title: `Resume ${agent}`, button: "Resume it", tuple: suspension(agent), isEnd: true })}>
                Resume …
              </button>
            )}
          </div>
        )}
        <p role="status" class="told">
          {told}
        </p>
      </header>
      {state.kind === "loading" && <div class="panel" aria-busy="true"><p role="status">Reading its relations …</p></div>}
      {state.kind === "refused" && <Unread error={state.error} onRetry={() => setRound((round) => round + 1)} />}
      {relations && <Relations words={words} agent={agent} relations={relations} onChange={setChange} />}
      <Grant words={words} agent={agent} onChange={setChange} />
      <Reach words={words} agent={agent} writes={round} />
      {change && (
        <Preview
          words={words}
          agent={agent}
          change={change}
          onClose={() => setChange(undefined)}
          onDone={(told) => {
            setChange(undefined);
            setTold(told);
            setRound((round) => round + 1);
          }}
        />
      )}
    </>
  );
}

/** What is known of the suspension. */
function Suspension({ isSuspended }: { isSuspended: boolean | undefined }): JSX.Element {
  if (isSuspended === undefined) return <span class="state unknown">not known whether it is suspended</span>;
  return <span class={isSuspended ? "state stopped" : "state"}>{isSuspended ? "suspended" : "not suspended"}</span>;
}

/** What stands in place of relations that the caller may not read. */
function Unread({ error, onRetry }: { error: Refused; onRetry(): void }): JSX.Element {
  if (error.status !== 401 && error.status !== 403) return <Trouble error={error} needs={["relations.read"]} onRetry={onRetry} />;
  return (
    <section class="panel" aria-label="Relations are not shown">
      <h3>Its relations are not shown</h3>
      <p>
        Who owns it and who lets it act for them is shown to whoever may read relations (<code>relations.read</code>). {hasKey() ? "The present key may not." : "A key is needed for that."}
      </p>
      <details>
        <summary>Use a key</summary>
        <KeyForm />
      </details>
    </section>
  );
}

interface RelationsProps {
  words: Vocabulary;
  agent: string;
  relations: AgentRelations;
  onChange(change: Change): void;
}

function Relations({ words, agent, relations, onChange }: RelationsProps): JSX.Element {
  const isAgent = (name: string): boolean => words.agent_types.includes(entityOf(name)?.type ?? "");
  const end = (tuple: Tuple): Change => ({
    title: `End the grant of ${unspelled(tuple.object)} to ${unspelled(tuple.user)}`,
    button: "End it",
    tuple,
    isEnd: true,
  });
  return (
    <div class="panel cards">
      <section data-part="owners">
        <h3>Who answers for it</h3>
        <Names tuples={relations.owners} none="Nobody, as far as relations say." nameOf={(tuple) => unspelled(tuple.object)} isAgent={isAgent} />
      </section>
      <section data-part="grants-from">
        <h3>May act for</h3>
        <Names tuples={relations.from} none="Nobody: it acts by itself only." nameOf={(tuple) => unspelled(tuple.object)} isAgent={isAgent} onEnd={(tuple) => onChange(end(tuple))} />
      </section>
      <section data-part="grants-to">
        <h3>Lets act for it</h3>
        <Names tuples={relations.to} none="No other agent." nameOf={(tuple) => unspelled(tuple.user)} isAgent={isAgent} onEnd={(tuple) => onChange(end(tuple))} />
      </section>
      <section data-part="others">
        <h3>Other relations</h3>
        {relations.others.length === 0 && <p class="none">None.</p>}
        <ul class="plain">
          <Cut isList items={relations.others} most={FIRST}>
            {(tuple) => (
              <li key={keyOf(tuple)}>
                {tuple.user === agent ? "it" : <code>{unspelled(tuple.user)}</code>} is <code>{tuple.relation}</code> of <code>{unspelled(tuple.object)}</code>
              </li>
            )}
          </Cut>
        </ul>
        {relations.more && <p class="hint">There are more than are shown.</p>}
      </section>
    </div>
  );
}

function Names({ tuples, none, nameOf, isAgent, onEnd }: {
  tuples: Tuple[];
  none: string;
  nameOf(tuple: Tuple): string;
  isAgent(name: string): boolean;
  onEnd?(tuple: Tuple): void;
}): JSX.Element {
  if (tuples.length === 0) return <p class="none">{none}</p>;
  return (
    <ul class="grants">
      <Cut isList items={tuples} most={FIRST}>
        {(tuple) => (
          <li key={keyOf(tuple)}>
            <span>
              <Entity name={nameOf(tuple)} isAgent={isAgent(nameOf(tuple))} />
              {tuple.condition && (
                <small>
                  {" "}
                  {tuple.condition.name} {JSON.stringify(tuple.condition.context ?? {})}
                </small>
              )}
            </span>
            {onEnd && (
              <button type="button" class="quiet small" aria-label={`End: ${keyOf(tuple)}`} onClick={() => onEnd(tuple)}>
                End …
              </button>
            )}
          </li>
        )}
      </Cut>
    </ul>
  );
}

/** Lets somebody let the agent act for them. */
function Grant({ words, agent, onChange }: { words: Vocabulary; agent: string; onChange(change: Change): void }): JSX.Element | null {
  const [by, setBy] = useState("");
  const [until, setUntil] = useState("");
  const [problem, setProblem] = useState("");
  const types = grantors(words);
  if (types.length === 0) return null;
  const look = (): void => {
    if (!entityOf(by)) {
      setProblem("Say who: a type, a colon, and an id.");
      return;
    }
    if (until.trim() !== "" && Number.isNaN(Date.parse(until.trim()))) {
      setProblem("The end is no time: write it like 2027-01-31T00:00:00Z.");
      return;
    }
    setProblem("");
    const end = until.trim() === "" ? "" : new Date(until.trim()).toISOString().replace(/\.\d+Z$/, "Z");
    onChange({ title: `Let ${agent} act for ${by.trim()}`, button: "Grant it", tuple: grant(agent, by.trim(), end), isEnd: false });
  };
  return (
    <details class="panel grant">
      <summary>Let it act for somebody …</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          look();
        }}
      >
        <EntityField label="For whom" types={types} value={by} onInput={setBy} />
        <div class="field">
          <label>
            Until <small>like 2027-01-31T00:00:00Z; empty for no end</small>
            <input type="text" class="code" autocomplete="off" value={until} onInput={(event) => setUntil(event.currentTarget.value)} />
          </label>
        </div>
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit">See what would change …</button>
      </form>
    </details>
  );
}

/** What the agent could call, and for whom. */
function Reach({ words, agent, writes }: { words: Vocabulary; agent: string; writes: number }): JSX.Element {
  const first = firstOf(words);
  const [action, setAction] = useState(first.action);
  const known = words.actions.find((it) => it.name === action);
  const target = known?.resources[0] ?? first.target;
  return (
    <section aria-label="What it could do">
      <div class="panel reach">
        <h3>What it could do, and for whom</h3>
        <label>
          Action{" "}
          <select value={action} onChange={(event) => setAction(event.currentTarget.value)}>
            {words.actions.map((it) => (
              <option key={it.name} value={it.name}>
                {it.name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Table words={words} looked={{ ...first, action, target }} only={agent} writes={writes} />
    </section>
  );
}
