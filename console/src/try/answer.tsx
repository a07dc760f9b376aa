// The answer: the decision, and each leg of the chain with why it is decided so.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { hasKey, policiesNamed } from "../api";
import { CopyButton, Cut, Entity, Message, Outcome } from "../parts";
import { type Question, asCase, asCommand, asCurl } from "../question";
import { type Answer, type Case, type Explanation, type Leg, type PolicySource, type Vocabulary, named } from "../wire";
import { LegPolicies } from "./policies";
import { Relations } from "./relations";

/** How many entries of a long list are shown at first. */
export const FIRST = 5;

interface Props {
  words: Vocabulary;
  question: Question;
  answer: Answer;
  before: Answer | undefined;
  opened: Case | undefined;
  isAsCase: boolean;
  onChange(part: Partial<Question>): void;
}

export function AnswerView({ words, question, answer, before, opened, isAsCase, onChange }: Props): JSX.Element {
  const explanation = answer.context?.explanation;
  const sources = useSources(explanation);
  const legs = explanation?.legs ?? [];
  const old = before?.context?.explanation?.legs ?? [];
  return (
    <>
      <Verdict answer={answer} before={before} opened={opened} isAsCase={isAsCase} />
      {explanation && <Circumstances explanation={explanation} />}
      {legs.length > 0 ? (
        <ol class={legs.length > 1 ? "legs several" : "legs"} aria-label="Legs of the chain" tabIndex={legs.length > 1 ? 0 : undefined}>
          {legs.map((leg, at) => (
            <LegCard
              key={`${at} ${named(leg.principal)}`}
              leg={leg}
              before={old.length === legs.length ? old[at] : undefined}
              place={at}
              count={legs.length}
              isAgent={words.agent_types.includes(leg.principal.type)}
              sources={sources}
              question={question}
              onChange={onChange}
            />
          ))}
        </ol>
      ) : (
        <p class="panel empty">
          {answer.context?.omitted
            ? "The explanation is larger than this service sends (limits.answer)."
            : "No leg was decided: the request was refused before, for the reason above."}
        </p>
      )}
      <Copies question={question} answer={answer} opened={opened} />
    </>
  );
}

function Verdict({ answer, before, opened, isAsCase }: Pick<Props, "answer" | "before" | "opened" | "isAsCase">): JSX.Element {
  const reason = answer.context?.reason;
  return (
    <div class={answer.decision ? "verdict permit" : "verdict deny"} role="status" data-decision={answer.decision ? "permit" : "deny"}>
      <h2>
        <Outcome permits={answer.decision} />
        {reason && <code class="code-word">{reason.code}</code>}
      </h2>
      {reason && (
        <p class="message">
          <Message text={reason.message} />
        </p>
      )}
      {reason && NEXT[reason.next_action] && <p class="next">{NEXT[reason.next_action]}</p>}
      {before && (
        <p class="changed">
          {isSame(answer, before) ? "What is assumed changes nothing: without it, too, " : "Without what is assumed: "}
          <Outcome permits={before.decision} />
          {before.context?.reason && <code> {before.context.reason.code}</code>}
        </p>
      )}
      {opened && isAsCase && <Expectation answer={answer} opened={opened} />}
    </div>
  );
}

const NEXT: Record<string, string> = {
  request: "What helps: somebody gives the permission.",
  step_up: "What helps: a stronger sign-in.",
  retry: "What helps: mend the request, and send it again.",
};

const isSame = (one: Answer, other: Answer): boolean =>
  one.decision === other.decision && one.context?.reason?.code === other.context?.reason?.code;

function Expectation({ answer, opened }: { answer: Answer; opened: Case }): JSX.Element {
  const [word, code] = opened.expected.split(" ");
  const isMet = (word === "permit") === answer.decision && (!code || code === "by" || code === answer.context?.reason?.code);
  return <p class={isMet ? "expected" : "expected unmet"}>{isMet ? "✓ as the case expects" : `✗ the case expects ${opened.expected}`}</p>;
}

/** When and of what this was decided, and who says who acts. */
function Circumstances({ explanation }: { explanation: Explanation }): JSX.Element {
  const asserted = explanation.asserted.map(named);
  return (
    <ul class="circumstances">
      <li>
        at <code>{explanation.now}</code>
      </li>
      <li>
        action <code>{explanation.action}</code>
      </li>
      <li>
        revision <code>{explanation.revision}</code>
      </li>
      {explanation.credentials.map((credential) => (
        <li key={credential.issuer + credential.type}>
          proven by {credential.type} of <code>{credential.issuer}</code>: {credential.chain.map(named).join(" › ")}
        </li>
      ))}
      {asserted.length > 0 && (
        <li title="No credential proves it: the caller says so, and is believed.">
          the caller says who acts: <code>{asserted.join(" › ")}</code>
        </li>
      )}
    </ul>
  );
}

interface LegProps {
  leg: Leg;
  before: Leg | undefined;
  place: number;
  count: number;
  isAgent: boolean;
  sources: Map<string, PolicySource>;
  question: Question;
  onChange(part: Partial<Question>): void;
}

function LegCard({ leg, before, place, count, isAgent, sources, question, onChange }: LegProps): JSX.Element {
  const permits = leg.outcome === "permit";
  const name = named(leg.principal);
  const others = Object.entries(leg).filter(([member]) => !KNOWN.includes(member));
  return (
    <li class={permits ? "leg permit" : "leg deny"} data-leg={name} data-outcome={leg.outcome}>
      <header>
        <h3>
          <Entity name={name} isAgent={isAgent} />
        </h3>
        <Outcome permits={permits} />
        {count > 1 && (
          <p class="place">
            {place === 0 ? "whose authority is used" : `acts for ${place === 1 ? "them" : "the one before"}`}
          </p>
        )}
        {before && before.outcome !== leg.outcome && <p class="changed">was {before.outcome} without what is assumed</p>}
      </header>
      {leg.reason && (
        <p class="reason">
          <code>{leg.reason.code}</code> <Message text={leg.reason.message} />
        </p>
      )}
      {leg.unstored?.map(({ entity, nearest }) => (
        <p key={named(entity)} class="unstored" data-part="unstored">
          Nobody stored <code>{named(entity)}</code>: policies see none of its attributes but what the request says.
          {nearest && (
            <>
              {" "}
              Is <code>{named(nearest)}</code> meant?
            </>
          )}
        </p>
      ))}
      <LegPolicies leg={leg} sources={sources} />
      <Relations leg={leg} question={question} onChange={onChange} />
      {leg.errors.length > 0 && (
        <section>
          <h4>Failed</h4>
          <ul class="plain">
            <Cut isList items={leg.errors} most={FIRST}>
              {(error, at) => (
                <li key={at}>
                  <code>{error.policy.id}</code> {error.message}
                </li>
              )}
            </Cut>
          </ul>
        </section>
      )}
      {leg.dropped.length > 0 && (
        <section data-part="dropped">
          <h4>Not seen by policies</h4>
          <dl class="dropped">
            <Cut items={leg.dropped} most={FIRST}>
              {(dropped, at) => (
                <div key={at}>
                  <dt>
                    <code>{dropped.member}</code>
                  </dt>
                  <dd>
                    <Message text={dropped.why} />
                  </dd>
                </div>
              )}
            </Cut>
          </dl>
        </section>
      )}
      {others.map(([member, value]) => (
        <Other key={member} name={member} value={value} />
      ))}
    </li>
  );
}

/** What this page knows of a leg; a newer service may send more, which is shown as it comes. */
const KNOWN = ["principal", "outcome", "reason", "determining", "near_misses", "relations", "errors", "dropped", "forbids", "unstored"];

function Other({ name, value }: { name: string; value: unknown }): JSX.Element | null {
  const isEmpty = value === null || value === "" || value === false || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return null;
  const items = Array.isArray(value) ? value : [value];
  return (
    <section data-part={name}>
      <h4>{name.replaceAll("_", " ")}</h4>
      <ul class="plain">
        {items.map((item, at) => (
          <li key={at}>{typeof item === "string" ? item : <code>{JSON.stringify(item)}</code>}</li>
        ))}
      </ul>
    </section>
  );
}

function Copies({ question, answer, opened }: { question: Question; answer: Answer; opened: Case | undefined }): JSX.Element {
  const given = question.from && opened ? opened.given : undefined;
  return (
    <footer class="copies">
      <span>Copy</span>
      <CopyButton label="Link" text={() => location.href} />
      <CopyButton label="behest explain" text={() => asCommand(question, location.origin)} />
      <CopyButton label="curl" text={() => asCurl(question, location.origin, hasKey())} />
      <CopyButton label="Case (YAML)" text={() => asCase(question, answer, given)} />
    </footer>
  );
}

/** The text of the policies that an explanation names. They change with the bundle alone. */
const known = new Map<string, PolicySource>();
let bundle = "";

function useSources(explanation: Explanation | undefined): Map<string, PolicySource> {
  const [sources, setSources] = useState(known);
  const legs = explanation?.legs ?? [];
  const ids = legs.flatMap((leg) => [...leg.determining, ...leg.near_misses.map((miss) => miss.policy)].map((policy) => policy.id));
  const wanted = [...new Set(ids)].sort();
  useEffect(() => {
    if (!explanation) return undefined;
    if (bundle !== explanation.bundle) {
      known.clear();
      bundle = explanation.bundle;
    }
    const missing = wanted.filter((id) => !known.has(id));
    if (missing.length === 0) {
      setSources(new Map(known));
      return undefined;
    }
    const stop = new AbortController();
    policiesNamed(missing, stop.signal).then(
      (page) => {
        if (page.bundle !== explanation.bundle) return;
        page.policies.forEach((policy) => known.set(policy.id, policy));
        setSources(new Map(known));
      },
      () => undefined,
    );
    return () => stop.abort();
  }, [explanation?.bundle, wanted.join("\n")]);
  return sources;
}
