// The page Try: a question on the left, and why it is decided so on the right.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Refused, cases, explain, refusal } from "../api";
import { stay, useAddress } from "../pages";
import { Outcome, Trouble, counted } from "../parts";
import { EMPTY, type Question, Unfinished, fromFragment, hasChanges, ofCase, sent, toFragment, unchanged } from "../question";
import type { Answer, Case, Vocabulary } from "../wire";
import { AnswerView } from "./answer";
import { CasePicker, QuestionForm } from "./form";

/** How long to wait for more keys before the question is asked again. */
const PAUSE_MS = 180;
/** Cases that are offered where there is no question yet. */
const SAMPLES = 8;

type Asked =
  | { kind: "nothing" }
  | { kind: "unfinished"; problem: Unfinished }
  | { kind: "refused"; error: Refused }
  | { kind: "answer"; question: Question; answer: Answer; before: Answer | undefined };

/** How many states were shown, so that a test can tell the next from the last. */
let states = 0;

/** Asks a question whenever it has changed. What was answered before stays until there is something new. */
function useAnswer(question: Question, round: number): [Asked, boolean] {
  const [asked, show] = useState<Asked>({ kind: "nothing" });
  const setAsked = (next: Asked): void => {
    states += 1;
    show(next);
  };
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    if (toFragment(question) === toFragment(EMPTY)) {
      setAsked({ kind: "nothing" });
      setBusy(false);
      return undefined;
    }
    let body;
    let base;
    try {
      body = sent(question);
      base = hasChanges(question) ? sent(unchanged(question)) : undefined;
    } catch (error) {
      setBusy(false);
      if (!(error instanceof Unfinished)) throw error;
      setAsked({ kind: "unfinished", problem: error });
      return undefined;
    }
    const stop = new AbortController();
    setBusy(true);
    const timer = setTimeout(() => {
      const both = Promise.all([explain(body, stop.signal), base ? explain(base, stop.signal) : undefined]);
      both.then(
        ([answer, before]) => {
          setAsked({ kind: "answer", question, answer, before });
          setBusy(false);
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          setAsked({ kind: "refused", error: refusal(error) });
          setBusy(false);
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [question, round]);
  return [asked, isBusy];
}

export function Try({ words, onStale }: { words: Vocabulary; onStale(): void }): JSX.Element {
  const [question, setQuestion] = useState<Question>(() => fromFragment(location.hash) ?? EMPTY);
  const [opened, setOpened] = useState<Case | undefined>();
  const [round, setRound] = useState(0);
  const [asked, isBusy] = useAnswer(question, round);

  // The address follows the question, and the question an address that a person puts there.
  useEffect(() => stay("try", toFragment(question)), [question]);
  useAddress(
    "try",
    useCallback((fragment: string) => setQuestion(fromFragment(fragment) ?? EMPTY), []),
  );

  // A case that a link names is looked up, so that what it expects and what it is given are shown.
  const from = question.from;
  useEffect(() => {
    if (!from) {
      setOpened(undefined);
      return undefined;
    }
    if (opened?.file === from.file && opened.name === from.name) return undefined;
    const stop = new AbortController();
    cases(`${from.file}: ${from.name}`, 0, 50, stop.signal).then(
      (page) => setOpened(page.cases.find((it) => it.file === from.file && it.name === from.name)),
      () => setOpened(undefined),
    );
    return () => stop.abort();
  }, [from?.file, from?.name]);

  const open = useCallback((it: Case) => {
    setOpened(it);
    setQuestion(ofCase(it));
  }, []);
  const change = useCallback((part: Partial<Question>) => setQuestion((before) => ({ ...before, ...part })), []);
  const isAsCase = useMemo(() => opened !== undefined && toFragment(ofCase(opened)) === toFragment(question), [opened, question]);

  return (
    <div class="try">
      <section class="panel question" aria-label="Question">
        <QuestionForm
          words={words}
          question={question}
          opened={opened}
          problem={asked.kind === "unfinished" ? asked.problem : undefined}
          onChange={change}
          onOpen={open}
          onClear={() => setQuestion(EMPTY)}
        />
      </section>
      {asked.kind === "answer" && (
        <button type="button" class="jump" onClick={() => document.getElementById("answer")?.scrollIntoView({ block: "start" })}>
          <Outcome permits={asked.answer.decision} />
          <span>See why ↓</span>
        </button>
      )}
      <section id="answer" class="answer" aria-label="Answer" aria-busy={isBusy} data-states={states}>
        {asked.kind === "nothing" && <Welcome words={words} onOpen={open} />}
        {asked.kind === "unfinished" && <Unasked problem={asked.problem} />}
        {asked.kind === "refused" && (
          <Trouble
            error={asked.error}
            onRetry={() => {
              setRound((round) => round + 1);
              onStale();
            }}
          />
        )}
        {asked.kind === "answer" && (
          <AnswerView
            words={words}
            question={asked.question}
            answer={asked.answer}
            before={asked.before}
            opened={opened}
            isAsCase={isAsCase}
            onChange={change}
          />
        )}
      </section>
    </div>
  );
}

/** What is missing, where nothing can be asked yet. */
function Unasked({ problem }: { problem: Unfinished }): JSX.Element {
  return (
    <div class="panel empty" role="status">
      <h2>{problem.isMissing ? "Not asked yet" : "This cannot be asked"}</h2>
      <p>{problem.isMissing ? problem.message : `${TITLES[problem.field] ?? problem.field}: ${problem.message}`}</p>
    </div>
  );
}

const TITLES: Partial<Record<keyof Question, string>> = {
  who: "Who",
  resource: "Resource",
  arguments: "Arguments",
  context: "Context",
  properties: "Properties of the resource",
  body: "Request",
  now: "Time",
  entities: "Entities",
};

/** The beginning: what the page is for, and cases to begin with. */
function Welcome({ words, onOpen }: { words: Vocabulary; onOpen(it: Case): void }): JSX.Element {
  const [samples, setSamples] = useState<Case[] | undefined>();
  useEffect(() => {
    const stop = new AbortController();
    cases("", 0, 200, stop.signal).then(
      (page) => setSamples(varied(page.cases)),
      () => setSamples([]),
    );
    return () => stop.abort();
  }, [words.bundle]);
  return (
    <div class="panel welcome">
      <h2>May they? And why?</h2>
      <p>
        Say who wants to do something: a person, and the agents that act for them, in order. Each of them is decided by itself, and all of
        them must be permitted.
      </p>
      {words.cases === 0 && <p>This bundle has no cases to begin with: fill in the form.</p>}
      {samples && samples.length > 0 && (
        <>
          <h3>Begin with a case of this bundle</h3>
          <p class="hint">Open one that is denied to see which policy says so, and with which values.</p>
          <ul class="samples">
            {samples.map((it) => (
              <li key={it.file + it.name}>
                <button type="button" onClick={() => onOpen(it)}>
                  <span class={it.expected.startsWith("permit") ? "dot permit" : "dot deny"} aria-hidden="true" />
                  <span>{it.name}</span>
                  <small class="expects">expects {it.expected.split(" by ")[0]}</small>
                  <small>{summary(it)}</small>
                </button>
              </li>
            ))}
          </ul>
          <p class="hint">
            There {words.cases === 1 ? "is" : "are"} {counted(words.cases, "case", "cases")}, {counted(words.policies, "policy", "policies")} and{" "}
            {counted(words.entities, "stored entity", "stored entities")}. Find any case by its name in the field on top of the form.
          </p>
        </>
      )}
    </div>
  );
}

/** Cases that show something else each: of each file and each expectation, those with a chain first; denied and permitted in turn. */
function varied(all: Case[]): Case[] {
  const groups = new Map<string, Case[]>();
  for (const it of all) {
    const key = `${it.file} ${it.expected.split(" ").slice(0, 2).join(" ")}`;
    groups.set(key, [...(groups.get(key) ?? []), it]);
  }
  const isChain = (it: Case): number => (ofCase(it).who.length > 1 ? 0 : 1);
  const sorted = [...groups.values()].map((group) => [...group].sort((one, other) => isChain(one) - isChain(other)));
  const most = Math.max(0, ...sorted.map((group) => group.length));
  const rows = Array.from({ length: most }, (_, row) => sorted.flatMap((group) => group.slice(row, row + 1))).flat();
  const isPermit = (it: Case): boolean => it.expected.startsWith("permit");
  const [permits, denies] = [rows.filter(isPermit), rows.filter((it) => !isPermit(it))];
  const half = SAMPLES / 2;
  const denied = denies.slice(0, Math.max(half, SAMPLES - permits.length));
  const permitted = permits.slice(0, SAMPLES - denied.length);
  const turns = Array.from({ length: SAMPLES }, (_, at) => [denied[at], permitted[at]]);
  return turns.flat().filter((it) => it !== undefined);
}

/** A case in one line. */
export function summary(it: Case): string {
  const question = ofCase(it);
  return question.body === null ? `${question.who.join(" › ")} ${question.action} ${question.resource}` : "a request as it was sent";
}

export { CasePicker };
