// The form of a question.

import { useCallback, useId, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { cases } from "../api";
import { type Choices, Combobox } from "../combobox";
import { complete, meant } from "../entities";
import { Entity, JsonField } from "../parts";
import { type Question, type Unfinished, bodyOf, onForm } from "../question";
import { type Case, type Tuple, type Vocabulary, entityOf, personType } from "../wire";
import { ArgumentsField, ContextField } from "./arguments";

/** How many choices a list has. */
const MOST_CHOICES = 20;

interface Props {
  words: Vocabulary;
  question: Question;
  opened: Case | undefined;
  problem: Unfinished | undefined;
  onChange(part: Partial<Question>): void;
  onOpen(it: Case): void;
  onClear(): void;
}

/** Completes entities of these types. */
export function useEntities(types: string[]): (text: string, signal: AbortSignal) => Promise<Choices> {
  return useCallback((text: string, signal: AbortSignal) => complete(types, text, signal), [types.join(" ")]);
}

export function QuestionForm({ words, question, opened, problem, onChange, onOpen, onClear }: Props): JSX.Element {
  const of = (field: keyof Question): string | undefined =>
    problem?.field === field && !problem.isMissing ? problem.message : undefined;
  const isRaw = question.body !== null;
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      <CasePicker onOpen={onOpen} />
      {opened && <OpenedCase it={opened} />}
      <div class="head">
        <h2>Question</h2>
        <div class="row">
          <BodySwitch question={question} onChange={onChange} />
          <button type="button" class="quiet" onClick={onClear}>
            Clear
          </button>
        </div>
      </div>
      {isRaw ? (
        <JsonField
          label="Request"
          hint="as it is sent, by AuthZEN"
          rows={12}
          value={question.body ?? ""}
          problem={of("body")}
          onInput={(body) => onChange({ body })}
        />
      ) : (
        <Fields words={words} question={question} of={of} onChange={onChange} />
      )}
      <TimeField words={words} question={question} opened={opened} problem={of("now")} onChange={onChange} />
      <WhatIf words={words} question={question} problem={of("entities")} onChange={onChange} />
    </form>
  );
}

function Fields({ words, question, of, onChange }: {
  words: Vocabulary;
  question: Question;
  of(field: keyof Question): string | undefined;
  onChange(part: Partial<Question>): void;
}): JSX.Element {
  const action = words.actions.find((action) => action.name === question.action.trim());
  const resources = action && action.resources.length > 0 ? action.resources : words.types;
  const others = question.context.trim() !== "" || question.properties.trim() !== "";
  return (
    <>
      <ChainField words={words} who={question.who} problem={of("who")} onChange={(who) => onChange({ who })} />
      <ActionField words={words} value={question.action} onInput={(action) => onChange({ action })} />
      <EntityField label="Resource" types={resources} value={question.resource} problem={of("resource")} onInput={(resource) => onChange({ resource })} />
      <ArgumentsField words={words} asked={question} of={of} onChange={onChange} />
      <details open={others || undefined}>
        <summary>Context and properties</summary>
        <ContextField words={words} asked={question} of={of} onChange={onChange} />
        <JsonField
          label="Properties of the resource"
          hint="as JSON"
          value={question.properties}
          problem={of("properties")}
          onInput={(properties) => onChange({ properties })}
        />
      </details>
    </>
  );
}

/** An action, completed from the bundle's. */
export function ActionField({ words, value, onInput }: { words: Vocabulary; value: string; onInput(action: string): void }): JSX.Element {
  const load = useCallback(
    (text: string): Promise<Choices> => {
      const like = text.trim().toLowerCase();
      const fitting = words.actions.filter((action) => action.name.toLowerCase().includes(like));
      const choices = fitting.slice(0, MOST_CHOICES).map((action) => ({ value: action.name, detail: action.resources.join(", ") }));
      return Promise.resolve({ choices, more: fitting.length > MOST_CHOICES });
    },
    [words],
  );
  return (
    <div class="field">
      <Combobox label="Action" placeholder={examples(words.actions.map((action) => action.name))} value={value} load={load} onInput={onInput} />
    </div>
  );
}

/** An entity of one of these types, completed from those that are known. */
export function EntityField({ label, types, value, problem, onInput }: {
  label: string;
  types: string[];
  value: string;
  problem?: string | undefined;
  onInput(text: string): void;
}): JSX.Element {
  const latest = useRef(value);
  latest.current = value;
  // An id alone becomes the only known entity with it; what is no entity then is told where the question is put together.
  const settle = (): void => {
    if (value.trim() === "" || value.includes(":")) return;
    meant(types, value).then(
      (name) => {
        if (name !== undefined && latest.current === value) onInput(name);
      },
      () => undefined,
    );
  };
  return (
    <div class="field">
      <Combobox
        label={label}
        placeholder={`${types[0] ?? "type"}:…`}
        value={value}
        problem={problem}
        load={useEntities(types)}
        onInput={onInput}
        onLeave={settle}
        onKeyDown={(event) => {
          if (event.key === "Enter") settle();
        }}
      />
    </div>
  );
}

/** The first of some names, as an example. */
const examples = (names: string[]): string => (names.length > 0 ? `${names.slice(0, 2).join(", ")} …` : "its name");

/** The chain as chips, in order, and a field for its next member. */
export function ChainField({ words, who, title, hint, problem, onChange }: {
  words: Vocabulary;
  who: string[];
  title?: string;
  hint?: string;
  problem: string | undefined;
  onChange(who: string[]): void;
}): JSX.Element {
  const [text, setText] = useState("");
  const id = useId();
  const isAgent = (name: string): boolean => words.agent_types.includes(entityOf(name)?.type ?? "");
  const person = personType(words) || "type";
  const [refused, setRefused] = useState("");
  const latest = useRef(who);
  latest.current = who;
  const add = async (name: string): Promise<void> => {
    // A whole chain can be pasted.
    const members = name.split(">").map((member) => member.trim()).filter((member) => member !== "");
    const isWhole = members.every((member) => entityOf(member));
    const found = isWhole ? members : await Promise.all(members.map((member) => meant(words.principals, member).catch(() => undefined)));
    const unknown = members.find((_, at) => found[at] === undefined);
    if (unknown !== undefined) {
      setRefused(`“${unknown}” is no one known entity: write type:id, like ${person}:${unknown.replace(/^.*:/, "") || "…"}.`);
      return;
    }
    setRefused("");
    if (members.length > 0) onChange([...latest.current, ...(found as string[])]);
    setText("");
  };
  const swap = (at: number): void => {
    const next = [...who];
    [next[at - 1], next[at]] = [next[at] as string, next[at - 1] as string];
    onChange(next);
  };
  return (
    <div class="field" role="group" aria-labelledby={`${id}-title`}>
      <span class="label" id={`${id}-title`}>
        {title ?? "Who"} <small>{hint ?? "a person, and agents that act for them"}</small>
      </span>
      {who.length > 0 && (
        <ol class="chips">
          {who.map((member, at) => (
            <li key={`${at} ${member}`}>
              <Entity name={member} isAgent={isAgent(member)} />
              {at > 0 && (
                <button type="button" aria-label={`Move ${member} before ${who[at - 1]}`} title="Move one place forward" onClick={() => swap(at)}>
                  ←
                </button>
              )}
              <button type="button" aria-label={`Remove ${member}`} title="Remove" onClick={() => onChange(who.filter((_, other) => other !== at))}>
                ✕
              </button>
            </li>
          ))}
        </ol>
      )}
      <Combobox
        label={who.length === 0 ? "First of the chain" : "Next of the chain"}
        isBare
        placeholder={who.length === 0 ? `${person}:…` : `then ${words.agent_types[0] ?? person}:…`}
        value={text}
        problem={refused || problem}
        load={useEntities(words.principals)}
        onInput={(text) => {
          setRefused("");
          setText(text);
        }}
        onPick={(choice) => {
          if (choice.isOpen) setText(choice.value);
          else void add(choice.value);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && text.trim() !== "") {
            event.preventDefault();
            void add(text);
          } else if (event.key === "Backspace" && text === "" && who.length > 0) onChange(who.slice(0, -1));
        }}
      />
      {text.trim() !== "" && !text.trim().endsWith(":") && (
        <button type="button" class="quiet" onClick={() => void add(text)}>
          Add <code>{text.trim()}</code>
        </button>
      )}
    </div>
  );
}

/** Changes between the form and the request as it is sent. */
function BodySwitch({ question, onChange }: { question: Question; onChange(part: Partial<Question>): void }): JSX.Element {
  const swap = (): void => {
    if (question.body === null) {
      let body = "{\n  \n}";
      try {
        body = JSON.stringify(bodyOf(question), null, 2);
      } catch {
        // A question that is half written begins as an empty request.
      }
      onChange({ body });
      return;
    }
    try {
      const { who, action, resource, arguments: known, context, properties, body } = onForm(bodyOf(question));
      onChange({ who, action, resource, arguments: known, context, properties, body });
    } catch {
      onChange({ body: null });
    }
  };
  return (
    <button type="button" class="quiet" aria-pressed={question.body !== null} onClick={swap}>
      JSON
    </button>
  );
}

function TimeField({ words, question, opened, problem, onChange }: {
  words: Vocabulary;
  question: Question;
  opened: Case | undefined;
  problem: string | undefined;
  onChange(part: Partial<Question>): void;
}): JSX.Element {
  const id = useId();
  const isOfCase = question.from !== null && (question.now.trim() === "" || question.now === opened?.now);
  const isSet = question.now.trim() !== "" || isOfCase;
  // Without a time of its own, a case is decided at its time.
  const toNow = (): void => onChange({ now: question.from ? moved("", 0) : "" });
  return (
    <div class="field">
      <label for={id}>
        Time <small>like {words.now.slice(0, 16)}:00Z</small>
      </label>
      <div class="row">
        <input
          id={id}
          type="text"
          class="code"
          autocomplete="off"
          spellcheck={false}
          placeholder={question.from ? "the case’s" : "now"}
          aria-invalid={problem ? true : undefined}
          aria-describedby={problem ? `${id}-problem` : undefined}
          value={question.now}
          onInput={(event) => onChange({ now: event.currentTarget.value })}
        />
        {[
          ["−1 h", -1],
          ["+1 h", 1],
          ["+1 d", 24],
        ].map(([label, hours]) => (
          <button key={label} type="button" class="quiet" title={`Move the time by ${label}`} onClick={() => onChange({ now: moved(question.now, Number(hours)) })}>
            {label}
          </button>
        ))}
        <button type="button" class="quiet" onClick={toNow}>
          Now
        </button>
      </div>
      {problem ? (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      ) : (
        isSet && (
          <p class="fixed-time" data-part="fixed-time">
            {isOfCase ? "This is the time of the case: cases are decided at a time of their own." : "It is decided as at this time, not as now."}{" "}
            <button type="button" class="quiet small" onClick={toNow}>
              Decide as now
            </button>
          </p>
        )
      )}
    </div>
  );
}

function moved(text: string, hours: number): string {
  const from = Date.parse(text.trim());
  const ms = (Number.isNaN(from) ? Date.now() : from) + hours * 3_600_000;
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** What is assumed beside what is so. */
function WhatIf({ words, question, problem, onChange }: {
  words: Vocabulary;
  question: Question;
  problem: string | undefined;
  onChange(part: Partial<Question>): void;
}): JSX.Element {
  const [tuple, setTuple] = useState<Tuple>({ user: "", relation: "", object: "" });
  const [refused, setRefused] = useState("");
  const assumed = question.tuples.length + question.without.length + (question.entities.trim() === "" ? 0 : 1);
  const relations = words.relations[entityOf(tuple.object)?.type ?? ""] ?? [];
  const loadRelation = useCallback(
    (text: string): Promise<Choices> => {
      const fitting = relations.filter((name) => name.includes(text.trim()));
      return Promise.resolve({ choices: fitting.slice(0, MOST_CHOICES).map((value) => ({ value })), more: fitting.length > MOST_CHOICES });
    },
    [relations.join(" ")],
  );
  const types = Object.keys(words.relations);
  const put = (list: "tuples" | "without"): void => {
    const wanted = { user: tuple.user.trim(), relation: tuple.relation.trim(), object: tuple.object.trim() };
    if (!entityOf(wanted.user) || wanted.relation === "" || !entityOf(wanted.object)) {
      setRefused("A tuple has a user, a relation and an object: type:id, a name, and type:id.");
      return;
    }
    setRefused("");
    onChange({ [list]: [...question[list], wanted] });
    setTuple({ user: "", relation: "", object: "" });
  };
  return (
    <details open={assumed > 0 || undefined} class="whatif">
      <summary>What if … {assumed > 0 && <span class="count">{assumed}</span>}</summary>
      <Assumed label="If there were" sign="+" tuples={question.tuples} onChange={(tuples) => onChange({ tuples })} />
      <Assumed label="If there were not" sign="−" tuples={question.without} onChange={(without) => onChange({ without })} />
      <fieldset>
        <legend>A relation</legend>
        <Combobox label="User" placeholder={`${personType(words) || "type"}:…`} value={tuple.user} load={useEntities(types)} onInput={(user) => setTuple({ ...tuple, user })} />
        <Combobox label="Relation" placeholder={relations[0] ?? "its name"} value={tuple.relation} load={loadRelation} onInput={(relation) => setTuple({ ...tuple, relation })} />
        <Combobox label="Object" placeholder={`${types[0] ?? "type"}:…`} value={tuple.object} load={useEntities(types)} onInput={(object) => setTuple({ ...tuple, object })} />
        <div class="row">
          <button type="button" onClick={() => put("tuples")}>
            Add it
          </button>
          <button type="button" onClick={() => put("without")}>
            Take it away
          </button>
        </div>
        {refused && (
          <p class="problem" role="alert">
            {refused}
          </p>
        )}
      </fieldset>
      <JsonField
        label="Entities"
        hint="as a list in Cedar’s JSON; each replaces the stored one"
        value={question.entities}
        problem={problem}
        onInput={(entities) => onChange({ entities })}
      />
      <p class="hint">Nothing is written: it is assumed for this question alone.</p>
    </details>
  );
}

function Assumed({ label, sign, tuples, onChange }: { label: string; sign: string; tuples: Tuple[]; onChange(tuples: Tuple[]): void }): JSX.Element | null {
  if (tuples.length === 0) return null;
  return (
    <>
      <p class="label">{label}</p>
      <ul class="assumed">
        {tuples.map((tuple, at) => {
          const text = `${tuple.object}#${tuple.relation}@${tuple.user}`;
          return (
            <li key={text}>
              <code>
                {sign} {text}
              </code>
              <button type="button" aria-label={`No longer assume ${text}`} onClick={() => onChange(tuples.filter((_, other) => other !== at))}>
                ✕
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}

/** Finds a case of the bundle by a part of its name. */
export function CasePicker({ onOpen }: { onOpen(it: Case): void }): JSX.Element {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Map<string, Case>>(new Map());
  const load = useCallback(async (like: string, signal: AbortSignal): Promise<Choices> => {
    const page = await cases(like, 0, MOST_CHOICES, signal);
    setFound(new Map(page.cases.map((it) => [`${it.file}: ${it.name}`, it])));
    const choices = page.cases.map((it) => ({ value: `${it.file}: ${it.name}`, detail: it.expected }));
    return { choices, more: page.total > page.cases.length };
  }, []);
  return (
    <div class="field picker">
      <Combobox
        label="Open a case of the bundle"
        placeholder="find it by name or file"
        value={text}
        load={load}
        onInput={setText}
        onPick={(choice) => {
          const it = found.get(choice.value);
          if (!it) return;
          setText("");
          onOpen(it);
        }}
      />
    </div>
  );
}

/** The case that was opened: what it expects, and what it is given. */
function OpenedCase({ it }: { it: Case }): JSX.Element {
  const given = [
    ...(it.given.tuples ?? []).map((tuple) => `${tuple.object}#${tuple.relation}@${tuple.user}`),
    ...(it.given.entities ?? []).map((entity) => JSON.stringify(entity)),
    ...(it.given.token ? [`token ${JSON.stringify(it.given.token)}`] : []),
  ];
  return (
    <div class="opened">
      <p>
        <strong>{it.name}</strong>
        <br />
        <small>
          {it.file} · expects {it.expected}
        </small>
      </p>
      {given.length > 0 && (
        <details>
          <summary>is given {given.length === 1 ? "one thing" : `${given.length} things`}</summary>
          <ul>
            {given.map((text) => (
              <li key={text}>
                <code>{text}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
