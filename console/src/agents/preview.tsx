// What a change of the relations would change, before it is written.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Refused, entities, matrix, refusal, writeTuples } from "../api";
import type { JsonObject } from "../json";
import { Cut, Dialog, Trouble } from "../parts";
import { EMPTY, toFragment } from "../question";
import { type Cell, type Matrix, type Vocabulary, entityOf } from "../wire";
import { type Change, assumedBy, keyOf, unspelled, writtenBy } from "./relations";

/** LIMIT: people and targets that are compared: as many as one table takes. */
const PEOPLE = 30;
const TARGETS = 150;
const OF_TYPE = 25;
/** Changes that are shown at first. */
const FIRST = 12;

interface Changed {
  chain: string[];
  action: string;
  resource: string;
  before: Cell;
  now: Cell;
}

interface Compared {
  changed: Changed[];
  questions: number;
  /** Whether some decisions were not compared. */
  isCut: boolean;
  /** Whether the service changed between the two tables. */
  isOther: boolean;
}

type State = { kind: "loading" } | { kind: "refused"; error: Refused } | { kind: "compared"; compared: Compared };

interface Props {
  words: Vocabulary;
  agent: string;
  change: Change;
  onClose(): void;
  onDone(told: string): void;
}

export function Preview({ words, agent, change, onClose, onDone }: Props): JSX.Element {
  const [state, setState] = useState<State>({ kind: "loading" });
  const [refused, setRefused] = useState<Refused | undefined>();
  const [isBusy, setBusy] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState({ kind: "loading" });
    compare(words, agent, change, stop.signal).then(
      (compared) => setState({ kind: "compared", compared }),
      (error: unknown) => {
        if (!stop.signal.aborted) setState({ kind: "refused", error: refusal(error) });
      },
    );
    return () => stop.abort();
  }, [change, round]);
  const write = async (): Promise<void> => {
    setBusy(true);
    setRefused(undefined);
    try {
      await writeTuples(writtenBy(change));
      onDone(`Done: ${change.title}.`);
    } catch (error) {
      setRefused(refusal(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={change.title} onClose={onClose}>
      <p>
        {change.isEnd ? "Takes away" : "Writes"} <code>{keyOf(change.tuple)}</code>
        {change.tuple.condition && (
          <>
            {" "}
            with <code>{JSON.stringify(change.tuple.condition)}</code>
          </>
        )}
      </p>
      {state.kind === "loading" && <p role="status">Comparing decisions …</p>}
      {state.kind === "refused" && <Trouble error={state.error} onRetry={() => setRound((round) => round + 1)} />}
      {state.kind === "compared" && <ComparedView compared={state.compared} />}
      {refused && <Trouble error={refused} needs={["relations.write"]} onRetry={() => void write()} />}
      <div class="row end">
        <button type="button" class="quiet" onClick={onClose}>
          Leave it
        </button>
        <button type="button" class="main" disabled={isBusy || state.kind !== "compared"} onClick={() => void write()}>
          {change.button}
        </button>
      </div>
    </Dialog>
  );
}

function ComparedView({ compared }: { compared: Compared }): JSX.Element {
  const { changed, questions, isCut, isOther } = compared;
  return (
    <section data-part="changed">
      <h3>{headline(changed.length, isCut || isOther)}</h3>
      <p class="hint" role="status">
        Compared were {questions} decisions: of the agent by itself, and for each person.
        {isCut && " There are more people or resources, or not all of them could be decided: look at what you know of with Try, too."}
        {isOther && " Somebody else changed relations or the bundle meanwhile: some of the differences may be theirs. Close this, and look again."}
      </p>
      <ul class="changes">
        <Cut isList items={changed} most={FIRST}>
          {(it) => <ChangeLine key={`${it.chain.join(">")} ${it.action} ${it.resource}`} {...it} />}
        </Cut>
      </ul>
    </section>
  );
}

/** What is said of a comparison; one that is not whole does not say that nothing would change. */
function headline(count: number, isCut: boolean): string {
  const least = isCut ? "At least " : "";
  if (count === 0) return isCut ? "It is not known what would change: not all could be compared" : "No decision would change";
  return count === 1 ? `${least}${isCut ? "one" : "One"} decision would change` : `${least}${count} decisions would change`;
}

const WORDS: Record<Cell["outcome"], string> = { permitted: "permitted", with_arguments: "with some arguments", denied: "denied" };

/** One decision that would be another. */
export function ChangeLine({ chain, action, resource, before, now }: Changed): JSX.Element {
  return (
    <li data-change={`${chain.join(" > ")} ${action} ${resource}`}>
      <a href={toFragment({ ...EMPTY, who: chain, action, resource })}>
        <code>{chain.join(" › ")}</code> <code>{action}</code> <code>{resource}</code>
      </a>
      <span>
        <span class={`cell ${before.outcome}`}>{WORDS[before.outcome]}</span> → <span class={`cell ${now.outcome}`}>{WORDS[now.outcome]}</span>
      </span>
    </li>
  );
}

/** Decides as it is and as it would be. */
async function compare(words: Vocabulary, agent: string, change: Change, signal: AbortSignal): Promise<Compared> {
  const agentType = entityOf(agent)?.type ?? "";
  const kinds = words.principals.filter((type) => !words.agent_types.includes(type));
  const lists = await Promise.all(kinds.map(async (type) => ({ type, list: await entities(type, "", signal, PEOPLE) })));
  const others = lists.flatMap(({ type, list }) => list.ids.map((id) => `${type}:${id}`));
  const of = entityOf(unspelled(change.tuple.object));
  const named = of && words.principals.includes(of.type) ? [unspelled(change.tuple.object)] : [];
  const people = [...new Set([...named, ...others])].filter((name) => name !== agent).slice(0, PEOPLE);
  const chains = [[agent], ...people.map((person) => [person, agent])];
  const actions = words.actions.filter((action) => action.principals.includes(agentType));
  const types = [...new Set(actions.flatMap((action) => action.resources))];
  const found = await Promise.all(types.map(async (type) => ({ type, list: await entities(type, "", signal, OF_TYPE) })));
  const all = actions.flatMap((action) =>
    found.filter(({ type }) => action.resources.includes(type)).flatMap(({ type, list }) => list.ids.map((id) => ({ action: action.name, resource: `${type}:${id}` }))),
  );
  const targets = all.slice(0, TARGETS);
  const entity = (name: string): JsonObject => ({ ...entityOf(name) });
  const body: JsonObject = {
    chains: chains.map((chain) => chain.map(entity)),
    targets: targets.map(({ action, resource }) => ({ action, resource: entity(resource) })),
  };
  let [before, now] = await tables(body, change, signal);
  if (!isSameWorld(before, now)) [before, now] = await tables(body, change, signal);
  const changed = chains.flatMap((chain, row) =>
    targets.flatMap(({ action, resource }, column): Changed[] => {
      const one = before.rows[row]?.[column];
      const other = now.rows[row]?.[column];
      return one && other && one.outcome !== other.outcome ? [{ chain, action, resource, before: one, now: other }] : [];
    }),
  );
  const isShort = all.length > targets.length || others.length > people.length || [...lists, ...found].some(({ list }) => list.more);
  const questions = before.rows.flatMap((cells, row) => cells.filter((cell, column) => cell && now.rows[row]?.[column])).length;
  // A cell without a decision was not compared, whatever the reason.
  const isCut = before.more || now.more || isShort || questions < chains.length * targets.length;
  return { changed, questions, isCut, isOther: !isSameWorld(before, now) };
}

/** Decides both tables, one after the other, as the service does, and as of the same time. */
async function tables(body: JsonObject, change: Change, signal: AbortSignal): Promise<[Matrix, Matrix]> {
  const before = await matrix(body, signal);
  return [before, await matrix({ ...body, assume: { ...assumedBy(change), now: before.now } }, signal)];
}

/** Whether two tables are of the same bundle and the same relations. */
const isSameWorld = (one: Matrix, other: Matrix): boolean => one.bundle === other.bundle && one.revision === other.revision;
