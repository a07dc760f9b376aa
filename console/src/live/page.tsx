// The page Live: decisions as they are made.

import { useCallback, useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { onKey } from "../api";
import { stay, useAddress } from "../pages";
import { Entity, Outcome, Trouble } from "../parts";
import { decoded, encoded } from "../question";
import { type Vocabulary, named } from "../wire";
import { RateChart, TimeChart } from "./charts";
import { Details } from "./details";
import { isFailure, whoOf } from "./record";
import { type Link, type LiveDecision, follow } from "./stream";
import { Tally, inWords } from "./tally";

/** LIMIT: decisions that are shown: more than a person reads. */
const MOST_ROWS = 200;
/** The shortest time between two drawings: at a thousand decisions a second, each shows a hundred. */
const DRAW_MS = 100;
/** How long to wait for more keys. */
const PAUSE_MS = 400;

const FIELDS = ["subject", "actor", "action", "resource", "caller"] as const;
type Field = (typeof FIELDS)[number];
type Filter = Record<Field | "decision", string>;

const LABELS: Record<Field, [string, string]> = {
  subject: ["Subject", "user:alice, user: or :alice"],
  actor: ["Acting for them", "agent:copilot"],
  action: ["Action", "tools/call"],
  resource: ["Resource", "tool:payments/refund"],
  caller: ["Caller", "anonymous"],
};

const OUTCOMES: [string, string][] = [
  ["", "all"],
  ["permit", "permits"],
  ["deny", "denials"],
  ["fault", "denials because something failed"],
];

function fromAddress(fragment: string): Filter {
  const value = fragment.startsWith("#/live/") ? decoded(fragment.slice("#/live/".length)) : undefined;
  const text = (name: string): string => (typeof value?.[name] === "string" ? value[name] : "");
  const decision = OUTCOMES.some(([word]) => word === text("decision")) ? text("decision") : "";
  return { decision, subject: text("subject"), actor: text("actor"), action: text("action"), resource: text("resource"), caller: text("caller") };
}

const known = (filter: Filter): [string, string][] => Object.entries(filter).flatMap(([name, text]) => (text.trim() === "" ? [] : [[name, text.trim()] as [string, string]]));

function toAddress(filter: Filter): string {
  const parts = known(filter);
  return parts.length === 0 ? "#/live" : `#/live/${encoded(Object.fromEntries(parts))}`;
}

/** What was followed so far. It is changed as decisions come, and drawn from time to time. */
interface Tape {
  /** The newest last. */
  rows: LiveDecision[];
  tally: Tally;
  missed: string[];
}

const emptyTape = (): Tape => ({ rows: [], tally: new Tally(), missed: [] });

/** LIMIT: notes of what was missed. */
const MOST_NOTES = 5;

const REASONS: Record<string, string> = {
  slow: "since this page did not read in time",
  away: "while this page was cut off",
  restarted: "since the service was started again",
};

export function Live({ words }: { words: Vocabulary | undefined }): JSX.Element {
  const [filter, setFilter] = useState<Filter>(() => fromAddress(location.hash));
  const [isPaused, setPaused] = useState(false);
  const [opened, setOpened] = useState<LiveDecision>();
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound((round) => round + 1), []);
  useEffect(() => stay("live", toAddress(filter)), [filter]);
  useAddress(
    "live",
    useCallback((fragment: string) => setFilter(fromAddress(fragment)), []),
  );
  useEffect(() => onKey(again), [again]);
  const query = new URLSearchParams(known(filter)).toString();
  const { link, tape, draw } = useTape(query, round);
  const shown = useShown(tape, draw, isPaused);
  const change = (part: Partial<Filter>): void => setFilter((before) => ({ ...before, ...part }));
  const clear = (): void => {
    Object.assign(tape.current, emptyTape());
    setPaused(false);
    again();
  };
  return (
    <div class="try">
      <section class="panel question" aria-label="Which decisions">
        <FilterForm filter={filter} onChange={change} />
      </section>
      <section class="answer" aria-label="Decisions as they are made" data-link={link.kind}>
        {link.kind === "refused" ? (
          <Trouble error={link.error} needs={["decisions.read"]} onRetry={again} />
        ) : (
          <>
            <Bar link={link} isPaused={isPaused} behind={shown.behind} onPause={() => setPaused(!isPaused)} onClear={clear} />
            <Overview tape={tape.current} draw={draw} />
            <Rows rows={shown.rows} agentTypes={words?.agent_types ?? []} isOpen={link.kind === "open"} onOpen={setOpened} />
          </>
        )}
      </section>
      {opened && <Details decision={opened} agentTypes={words?.agent_types ?? []} onClose={() => setOpened(undefined)} />}
    </div>
  );
}

/** Follows what is asked for, and draws at most so often. */
function useTape(query: string, round: number): { link: Link; tape: { current: Tape }; draw: number } {
  const tape = useRef<Tape>(emptyTape());
  const [link, setLink] = useState<Link>({ kind: "connecting" });
  const [draw, setDraw] = useState(0);
  useEffect(() => {
    let end: (() => void) | undefined;
    let waiting = false;
    let isOver = false;
    const drawSoon = (): void => {
      if (waiting) return;
      waiting = true;
      // A page that nobody sees has no frames; it is drawn when it is looked at again.
      setTimeout(() => requestAnimationFrame(() => {
        waiting = false;
        if (!isOver) setDraw((draw) => draw + 1);
      }), DRAW_MS);
    };
    const timer = setTimeout(() => {
      Object.assign(tape.current, emptyTape());
      end = follow(query, {
        link: setLink,
        decision: (decision) => {
          const { rows, tally } = tape.current;
          rows.push(decision);
          if (rows.length > 2 * MOST_ROWS) rows.splice(0, rows.length - MOST_ROWS);
          tally.take(decision.record, Date.now());
          drawSoon();
        },
        missed: (count, why) => {
          const many = count === undefined ? "Decisions were" : count === 1 ? "1 decision was" : `${count} decisions were`;
          tape.current.missed = [...tape.current.missed, `${many} missed ${REASONS[why] ?? ""}.`].slice(-MOST_NOTES);
          drawSoon();
        },
      });
    }, PAUSE_MS);
    // The charts move on without decisions, too.
    const clock = setInterval(drawSoon, 1_000);
    return () => {
      isOver = true;
      clearTimeout(timer);
      clearInterval(clock);
      end?.();
    };
  }, [query, round]);
  return { link, tape, draw };
}

/** What is on the list: the newest first; while it is paused, what there was when it began, and how many came since. */
function useShown(tape: { current: Tape }, draw: number, isPaused: boolean): { rows: LiveDecision[]; behind: number } {
  const { counts } = tape.current.tally;
  const total = counts.permits + counts.denials;
  const held = useRef<{ rows: LiveDecision[]; total: number }>({ rows: [], total: 0 });
  return useMemo(() => {
    if (!isPaused || held.current.total > total) held.current = { rows: tape.current.rows.slice(-MOST_ROWS).reverse(), total };
    return { rows: held.current.rows, behind: total - held.current.total };
  }, [draw, isPaused]);
}

function FilterForm({ filter, onChange }: { filter: Filter; onChange(part: Partial<Filter>): void }): JSX.Element {
  const id = useId();
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      <div class="field">
        <label for={`${id}-decision`}>Decisions</label>
        <select id={`${id}-decision`} value={filter.decision} onChange={(event) => onChange({ decision: event.currentTarget.value })}>
          {OUTCOMES.map(([word, title]) => (
            <option key={word} value={word}>
              {title}
            </option>
          ))}
        </select>
      </div>
      {FIELDS.map((name) => (
        <div class="field" key={name}>
          <label for={`${id}-${name}`}>{LABELS[name][0]}</label>
          <input
            id={`${id}-${name}`}
            type="text"
            class="code"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            placeholder={LABELS[name][1]}
            value={filter[name]}
            onInput={(event) => onChange({ [name]: event.currentTarget.value })}
          />
        </div>
      ))}
      <p class="hint">Whatever is typed must match as a whole; user: stands for all of a type, and :alice for an id of any type.</p>
    </form>
  );
}

interface BarProps {
  link: Link;
  isPaused: boolean;
  behind: number;
  onPause(): void;
  onClear(): void;
}

function Bar({ link, isPaused, behind, onPause, onClear }: BarProps): JSX.Element {
  return (
    <div class="live-bar">
      <p role="status" class={link.kind === "open" ? "live-state open" : "live-state"}>
        {link.kind === "connecting" && "Connecting …"}
        {link.kind === "open" && (isPaused ? "Paused" : "● Live")}
        {link.kind === "cut" && `Cut off: ${link.why.replace(/\.$/, "")}. It is tried again.`}
      </p>
      {isPaused && behind > 0 && <span class="mark edited">{behind} more since</span>}
      <span class="live-buttons">
        <button type="button" aria-pressed={isPaused} onClick={onPause}>
          {isPaused ? "Go on" : "Pause"}
        </button>
        <button type="button" class="quiet" onClick={onClear}>
          Begin anew
        </button>
      </span>
    </div>
  );
}

function Overview({ tape, draw }: { tape: Tape; draw: number }): JSX.Element {
  const { permits, denials, failures } = tape.tally.counts;
  const minute = useMemo(() => tape.tally.minute(Date.now()), [draw]);
  return (
    <div class="panel live-overview">
      <dl class="live-counts">
        <div>
          <dt>Permits</dt>
          <dd data-count="permits">{permits}</dd>
        </div>
        <div>
          <dt>Denials</dt>
          <dd data-count="denials">{denials}</dd>
        </div>
        <div>
          <dt>Failed</dt>
          <dd data-count="failures">{failures}</dd>
        </div>
      </dl>
      <RateChart minute={minute} />
      <TimeChart minute={minute} />
      {tape.missed.length > 0 && (
        <ul class="live-missed" data-part="missed">
          {tape.missed.map((note, at) => (
            <li key={at}>{note}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface RowsProps {
  rows: LiveDecision[];
  agentTypes: string[];
  isOpen: boolean;
  onOpen(decision: LiveDecision): void;
}

function Rows({ rows, agentTypes, isOpen, onOpen }: RowsProps): JSX.Element {
  // A row that was drawn is not drawn again.
  const drawn = useMemo(() => new WeakMap<LiveDecision, JSX.Element>(), [agentTypes]);
  const row = (decision: LiveDecision): JSX.Element => {
    const before = drawn.get(decision);
    if (before) return before;
    const made = <Row key={decision.id} decision={decision} agentTypes={agentTypes} onOpen={onOpen} />;
    drawn.set(decision, made);
    return made;
  };
  if (rows.length === 0) {
    return (
      <div class="panel empty">
        <h2>No decision yet</h2>
        <p>{isOpen ? "Decisions of any caller show here as they are made. What Try answers is in no record, and does not." : "They show here once the service is connected."}</p>
      </div>
    );
  }
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const at = (event.target as Element).closest("li");
    const next = step > 0 ? at?.nextElementSibling : step < 0 ? at?.previousElementSibling : undefined;
    if (!next) return;
    event.preventDefault();
    next.querySelector("button")?.focus();
  };
  return (
    <ol class="panel live-rows" aria-label="The newest first" data-part="decisions" onKeyDown={move}>
      {rows.map(row)}
    </ol>
  );
}

function Row({ decision, agentTypes, onOpen }: { decision: LiveDecision; agentTypes: string[]; onOpen(decision: LiveDecision): void }): JSX.Element {
  const { record } = decision;
  return (
    <li data-decision={record.decision} data-id={record.id}>
      <button type="button" class="live-row" aria-haspopup="dialog" onClick={() => onOpen(decision)}>
        <time dateTime={record.time}>{record.time.slice(11, 23)}</time>
        <Outcome permits={record.decision === "permit"} />
        <span class="live-line">
          {whoOf(record).map((member, at) => (
            <Entity key={at} name={named(member)} isAgent={agentTypes.includes(member.type)} />
          ))}
          <code>{record.action}</code>
          {record.resource && <Entity name={named(record.resource)} isAgent={false} />}
        </span>
        <span class="live-why">
          {record.reason && <code class={isFailure(record) ? "failed" : ""}>{record.reason.code}</code>}
          <small>{record.caller}</small>
          {record.took_us !== undefined && <small>{inWords(record.took_us)}</small>}
        </span>
      </button>
    </li>
  );
}
