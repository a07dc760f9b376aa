// Who may do what, as a table: people and agents down, resources across.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Refused, entities, matrix, refusal } from "../api";
import type { JsonObject } from "../json";
import { Trouble } from "../parts";
import { EMPTY, type Question, time, toFragment } from "../question";
import { type Cell, type EntityList, type Matrix, type Vocabulary, entityOf } from "../wire";
import type { Looked } from "./looked";

/** How long to wait for more keys. */
const PAUSE_MS = 220;
/** How many ids of a type are asked for, which are then shown in parts. */
const MOST_IDS = 500;
/** People, agents and resources that are shown at once. */
const PEOPLE = 12;
const AGENTS = 15;
const TARGETS = 20;

interface Axes {
  people: EntityList;
  agents: EntityList;
  targets: EntityList;
}

interface Shown {
  looked: Looked;
  axes: Axes;
  /** The first person and the first resource that are shown. */
  from: [number, number];
  chains: string[][];
  targets: string[];
  matrix: Matrix;
}

type State = { kind: "loading" } | { kind: "refused"; error: Refused } | { kind: "shown"; shown: Shown };

const NONE: EntityList = { ids: [], more: false };

export function Table({ words, looked, only, writes }: {
  words: Vocabulary;
  looked: Looked;
  /** The one agent of the table, which then stands by itself, too. */
  only?: string;
  /** Grows when something was written that may bear on it. */
  writes?: number;
}): JSX.Element {
  const [from, setFrom] = useState<[number, number]>([0, 0]);
  const [state, setState] = useState<State>({ kind: "loading" });
  const [isBusy, setBusy] = useState(true);
  const [round, setRound] = useState(0);
  const asked = JSON.stringify([looked, only]);
  useEffect(() => setFrom([0, 0]), [asked]);
  useEffect(() => {
    const stop = new AbortController();
    setBusy(true);
    const timer = setTimeout(() => {
      load(looked, only, from, stop.signal).then(
        (shown) => {
          setState({ kind: "shown", shown });
          setBusy(false);
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          setState({ kind: "refused", error: refusal(error) });
          setBusy(false);
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [asked, from, words.bundle, words.revision, writes, round]);
  if (state.kind === "loading") {
    return (
      <div class="panel" aria-busy="true">
        <p role="status">Deciding …</p>
      </div>
    );
  }
  if (state.kind === "refused") return <Trouble error={state.error} onRetry={() => setRound((round) => round + 1)} />;
  return (
    <div class="panel matrix" aria-busy={isBusy} data-part="matrix">
      <MatrixView shown={state.shown} isOne={only !== undefined} onFrom={setFrom} />
    </div>
  );
}

async function load(looked: Looked, only: string | undefined, from: [number, number], signal: AbortSignal): Promise<Shown> {
  const [people, agents, targets] = await Promise.all([
    entities(looked.kind, looked.like.trim(), signal, MOST_IDS),
    looked.agents === "" || only !== undefined ? NONE : entities(looked.agents, looked.likeAgents.trim(), signal, AGENTS),
    entities(looked.target, looked.likeTargets.trim(), signal, MOST_IDS),
  ]);
  const first = people.ids.slice(from[0], from[0] + PEOPLE).map((id) => `${looked.kind}:${id}`);
  const others = agents.ids.map((id) => `${looked.agents}:${id}`);
  const ofOne = only === undefined ? [] : [...(from[0] === 0 ? [[only]] : []), ...first.map((person) => [person, only])];
  const ofAll = first.flatMap((person) => [[person], ...others.filter((agent) => agent !== person).map((agent) => [person, agent])]);
  const chains = only === undefined ? ofAll : ofOne;
  const across = targets.ids.slice(from[1], from[1] + TARGETS).map((id) => `${looked.target}:${id}`);
  const entity = (name: string): JsonObject => ({ ...entityOf(name) });
  const body = {
    chains: chains.map((chain) => chain.map(entity)),
    targets: across.map((name) => ({ action: looked.action.trim(), resource: entity(name) })),
    ...(looked.now.trim() !== "" && { assume: { now: time(looked.now) } }),
  };
  return { looked, axes: { people, agents, targets }, from, chains, targets: across, matrix: await matrix(body, signal) };
}

function MatrixView({ shown, isOne, onFrom }: {
  shown: Shown;
  /** Whether all rows are of one agent. */
  isOne: boolean;
  onFrom(from: [number, number]): void;
}): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const { looked, axes, from, chains, targets } = shown;
  const rows = chains.map((chain, at) => ({ chain, cells: shown.matrix.rows[at] ?? [] }));
  // What was not decided is not known to be denied.
  const holds = (cells: (Cell | null)[]): boolean => targets.some((_, at) => cells[at]?.outcome !== "denied");
  // A person stays with what they may by themselves, even if that is nothing.
  const kept = rows.filter(({ chain, cells }) => isWhole || chain.length === 1 || holds(cells));
  const hidden = rows.length - kept.length;
  if (chains.length === 0 || targets.length === 0) {
    return (
      <div role="status">
        <h2>Nothing to show</h2>
        <p>{chains.length === 0 ? `No ${looked.kind} is known${looked.like.trim() && " whose id contains that"}.` : `No ${looked.target} is known${looked.likeTargets.trim() && " whose id contains that"}.`}</p>
      </div>
    );
  }
  const all = shown.matrix.rows.flat();
  const permitted = all.filter((cell) => cell && cell.outcome !== "denied").length;
  const undecided = chains.length * targets.length - all.filter((cell) => cell).length;
  return (
    <>
      <div role="status">
        <h2>
          {permitted} of {chains.length * targets.length} are permitted
          {undecided > 0 && `, and ${undecided === 1 ? "one is" : `${undecided} are`} not decided`}
        </h2>
      </div>
      <p class="legend">
        <span class="cell permitted">✓</span> permitted <span class="cell with_arguments">✓…</span> with some arguments{" "}
        <span class="cell denied">–</span> denied
        {undecided > 0 && (
          <>
            {" "}
            <span class="cell undecided">?</span> not decided
          </>
        )}
        . Each opens in Try.
      </p>
      <div class="scrolled" tabIndex={0} role="region" aria-label="Table, which can be scrolled">
        <table>
          <caption class="hidden">
            {looked.action} by {looked.kind}
          </caption>
          <thead>
            <tr>
              <th scope="col">
                <code>{looked.action}</code>
              </th>
              {targets.map((name) => (
                <th key={name} scope="col" title={name}>
                  <code>{entityOf(name)?.id}</code>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {kept.map(({ chain, cells }) => (
              <tr key={chain.join(" > ")} class={chain.length > 1 ? "through" : ""}>
                <th scope="row" title={chain.join(" › ")}>
                  {chain.length > 1 && isOne ? (
                    <>
                      for <code>{chain[0]}</code>
                    </>
                  ) : chain.length > 1 ? (
                    <>
                      <span class="hidden">{chain[0]} </span>› <code>{chain[1]}</code>
                    </>
                  ) : (
                    <code>{chain[0]}</code>
                  )}
                </th>
                {targets.map((name, at) => (
                  <CellView key={name} cell={cells[at] ?? null} question={{ ...EMPTY, who: chain, action: looked.action, resource: name, now: looked.now }} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {hidden > 0 && (
        <button type="button" class="quiet" onClick={() => setWhole(true)}>
          Show {hidden} more rows, in which all is denied
        </button>
      )}
      {isWhole && (
        <button type="button" class="quiet" onClick={() => setWhole(false)}>
          Hide rows in which all is denied
        </button>
      )}
      <Pages what={looked.kind} list={axes.people} from={from[0]} size={PEOPLE} onFrom={(at) => onFrom([at, from[1]])} />
      <Pages what={looked.target} list={axes.targets} from={from[1]} size={TARGETS} onFrom={(at) => onFrom([from[0], at])} />
      {axes.agents.more && <p class="hint">There are more agents than these {axes.agents.ids.length}: name a part of their id.</p>}
      {shown.matrix.more && <p class="hint">The time did not suffice for all of it: name a part of the ids to have fewer.</p>}
    </>
  );
}

const WORDS: Record<Cell["outcome"], [string, string]> = {
  permitted: ["✓", "permitted"],
  with_arguments: ["✓…", "permitted with some arguments"],
  denied: ["–", "denied"],
};

function CellView({ cell, question }: { cell: Cell | null; question: Question }): JSX.Element {
  const [sign, word] = cell ? WORDS[cell.outcome] : ["?", "not decided: the time did not suffice, or the service failed"];
  const told = cell?.code ? `${word}: ${cell.code}` : word;
  const outcome = cell?.outcome ?? "undecided";
  return (
    <td>
      <a
        class={`cell ${outcome}`}
        data-outcome={outcome}
        href={toFragment(question)}
        title={told}
        aria-label={`${question.who.join(" for whom acts ")} ${question.action} ${question.resource}: ${told}`}
      >
        {sign}
      </a>
    </td>
  );
}

/** Where a list is, and ways to its other parts. */
function Pages({ what, list, from, size, onFrom }: { what: string; list: EntityList; from: number; size: number; onFrom(from: number): void }): JSX.Element | null {
  if (list.ids.length <= size && !list.more) return null;
  const end = Math.min(from + size, list.ids.length);
  return (
    <p class="pages">
      <span>
        {what} {from + 1}–{end} of {list.more ? `more than ${list.ids.length}` : list.ids.length}
      </span>
      <button type="button" class="quiet" disabled={from === 0} aria-label={`Earlier: ${what}`} onClick={() => onFrom(Math.max(0, from - size))}>
        ← Earlier
      </button>
      <button type="button" class="quiet" disabled={end >= list.ids.length} aria-label={`Later: ${what}`} onClick={() => onFrom(from + size)}>
        Later →
      </button>
      {list.more && end >= list.ids.length && <span>Name a part of the id to see others.</span>}
    </p>
  );
}
