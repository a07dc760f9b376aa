// The page Who can: what is known of a question, and lists or a table of the rest.

import { useCallback, useEffect, useId, useState } from "preact/hooks";
import type { JSX } from "preact";
import { stay, useAddress } from "../pages";
import type { Question } from "../question";
import { ArgumentsField, ContextField } from "../try/arguments";
import { ActionField, ChainField, EntityField } from "../try/form";
import type { Vocabulary } from "../wire";
import { Found } from "./found";
import { type Look, type Looked, fromAddress, isOpen, missing, toAddress, wrongOf } from "./looked";
import { Table } from "./table";

const LOOKS: { look: Look; title: string; told: string }[] = [
  { look: "table", title: "A table", told: "people, agents and what they may do" },
  { look: "who", title: "Who may do this?", told: "the action and the resource are known" },
  { look: "what", title: "To what may they do it?", told: "who and the action are known" },
  { look: "actions", title: "What may they do to it?", told: "who and the resource are known" },
];

export function WhoCan({ words }: { words: Vocabulary }): JSX.Element {
  const [looked, setLooked] = useState<Looked>(() => fromAddress(location.hash, words));
  useEffect(() => stay("who", toAddress(looked)), [looked]);
  useAddress(
    "who",
    useCallback((fragment: string) => setLooked(fromAddress(fragment, words)), [words]),
  );
  const change = (part: Partial<Looked>): void => setLooked((before) => ({ ...before, ...part }));
  const wrong = wrongOf(looked);
  const without = missing(looked) ?? (wrong && `${TITLES[wrong.field] ?? wrong.field}: ${wrong.message}`);
  return (
    <div class="try">
      <section class="panel question" aria-label="What is known">
        <form onSubmit={(event) => event.preventDefault()}>
          <fieldset class="looks">
            <legend>Look for</legend>
            {LOOKS.map(({ look, title, told }) => (
              <label key={look}>
                <input type="radio" name="look" checked={looked.look === look} onChange={() => change({ look })} />
                <span>
                  {title} <small>{told}</small>
                </span>
              </label>
            ))}
          </fieldset>
          {looked.look === "table" ? <Axes words={words} looked={looked} onChange={change} /> : <Known words={words} looked={looked} onChange={change} />}
        </form>
      </section>
      <section class="answer" aria-label="Found">
        {without !== undefined ? (
          <div class="panel empty" role="status">
            <h2>Not asked yet</h2>
            <p>{without}</p>
          </div>
        ) : looked.look === "table" ? (
          <Table words={words} looked={looked} />
        ) : (
          <Found words={words} looked={looked} />
        )}
      </section>
    </div>
  );
}

const TITLES: Partial<Record<keyof Question, string>> = { arguments: "Arguments", context: "Context", now: "Time" };

interface FieldsProps {
  words: Vocabulary;
  looked: Looked;
  onChange(part: Partial<Looked>): void;
}

/** The parts that a search is given. */
function Known({ words, looked, onChange }: FieldsProps): JSX.Element {
  const { look } = looked;
  const action = words.actions.find((action) => action.name === looked.action.trim());
  const resources = action && action.resources.length > 0 ? action.resources : words.types;
  return (
    <>
      {look === "who" && <TypeField label="Kind of whom is looked for" types={words.principals} value={looked.kind} onChange={(kind) => onChange({ kind })} />}
      {look === "who" && (
        <details open={looked.who.length + looked.through.length > 0 || undefined}>
          <summary>With others in the chain</summary>
          <ChainField words={words} title="Before them" hint="for whom they act" who={looked.who} problem={undefined} onChange={(who) => onChange({ who })} />
          <ChainField words={words} title="Through" hint="agents that act for them" who={looked.through} problem={undefined} onChange={(through) => onChange({ through })} />
        </details>
      )}
      {look !== "who" && <ChainField words={words} who={looked.who} problem={undefined} onChange={(who) => onChange({ who })} />}
      {look !== "actions" && <ActionField words={words} value={looked.action} onInput={(action) => onChange({ action })} />}
      {look === "what" ? (
        <TypeField label="Kind of resource" types={resources} value={looked.target} onChange={(target) => onChange({ target })} />
      ) : (
        <EntityField label="Resource" types={look === "who" ? resources : words.types} value={looked.resource} onInput={(resource) => onChange({ resource })} />
      )}
      <WithContext words={words} looked={looked} onChange={onChange} />
      <label class="check">
        <input type="checkbox" disabled={looked.arguments.trim() !== ""} checked={isOpen(looked)} onChange={(event) => onChange({ withArguments: event.currentTarget.checked })} />
        <span>
          With some arguments <small>a call that some arguments would permit counts, too</small>
        </span>
      </label>
    </>
  );
}

/** The arguments and the rest of the context of a search. */
function WithContext({ words, looked, onChange }: FieldsProps): JSX.Element {
  const wrong = wrongOf(looked);
  const of = (field: keyof Question): string | undefined => (wrong?.field === field ? wrong.message : undefined);
  const asked = { action: looked.look === "actions" ? "" : looked.action, resource: looked.look === "what" ? "" : looked.resource, arguments: looked.arguments, context: looked.context };
  return (
    <details open={looked.arguments.trim() !== "" || looked.context.trim() !== "" || undefined}>
      <summary>Arguments and context</summary>
      <ArgumentsField words={words} asked={asked} of={of} onChange={onChange} />
      <ContextField words={words} asked={asked} of={of} onChange={onChange} />
      <p class="hint">A search is decided as of now: a table, and Try, take another time.</p>
    </details>
  );
}

/** The axes of a table. */
function Axes({ words, looked, onChange }: FieldsProps): JSX.Element {
  const action = words.actions.find((action) => action.name === looked.action.trim());
  const resources = action && action.resources.length > 0 ? action.resources : words.types;
  return (
    <>
      <TypeField label="People" types={words.principals} value={looked.kind} onChange={(kind) => onChange({ kind })} />
      <LikeField label="People whose id contains" value={looked.like} onInput={(like) => onChange({ like })} />
      <TypeField label="Agents that act for them" types={words.agent_types} none="none: by themselves" value={looked.agents} onChange={(agents) => onChange({ agents })} />
      {looked.agents !== "" && <LikeField label="Agents whose id contains" value={looked.likeAgents} onInput={(likeAgents) => onChange({ likeAgents })} />}
      <ActionField
        words={words}
        value={looked.action}
        onInput={(text) => {
          const next = words.actions.find((action) => action.name === text.trim());
          const target = next && !next.resources.includes(looked.target) ? (next.resources[0] ?? looked.target) : looked.target;
          onChange({ action: text, target });
        }}
      />
      <TypeField label="Kind of resource" types={resources} value={looked.target} onChange={(target) => onChange({ target })} />
      <LikeField label="Resources whose id contains" value={looked.likeTargets} onInput={(likeTargets) => onChange({ likeTargets })} />
      <TimeField value={looked.now} problem={wrongOf(looked)?.message} onInput={(now) => onChange({ now })} />
      <p class="hint">A table is decided without arguments of calls, and is in no record.</p>
    </>
  );
}

function TypeField({ label, types, none, value, onChange }: {
  label: string;
  types: string[];
  none?: string;
  value: string;
  onChange(type: string): void;
}): JSX.Element {
  const id = useId();
  const all = none === undefined && value !== "" && !types.includes(value) ? [value, ...types] : types;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {all.map((type) => (
          <option key={type} value={type}>
            {type}
          </option>
        ))}
      </select>
    </div>
  );
}

function TimeField({ value, problem, onInput }: { value: string; problem: string | undefined; onInput(text: string): void }): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>
        Time <small>like 2026-10-01T09:00:00Z; empty for now</small>
      </label>
      <input
        id={id}
        type="text"
        class="code"
        autocomplete="off"
        spellcheck={false}
        aria-invalid={problem ? true : undefined}
        aria-describedby={problem ? `${id}-problem` : undefined}
        placeholder="now"
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {problem && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}

function LikeField({ label, value, onInput }: { label: string; value: string; onInput(text: string): void }): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} type="text" class="code" autocomplete="off" spellcheck={false} placeholder="all" value={value} onInput={(event) => onInput(event.currentTarget.value)} />
    </div>
  );
}
