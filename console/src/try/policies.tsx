// The policies of a leg: those that decided, and the permits that almost did, with their lines.

import type { JSX } from "preact";
import { tokens } from "../cedar";
import { Cut } from "../parts";
import type { Condition, Leg, Policy, PolicySource } from "../wire";

/** How many policies are shown at first, and how many of them with their text open. */
const FIRST = 5;
const OPEN = 2;
/** LIMIT: lines of a policy that are shown. */
const MOST_LINES = 200;

export function LegPolicies({ leg, sources }: { leg: Leg; sources: Map<string, PolicySource> }): JSX.Element {
  const isEmpty = leg.determining.length === 0 && leg.near_misses.length === 0 && leg.errors.length === 0;
  return (
    <>
      {leg.determining.length > 0 && (
        <section data-part="determining">
          <h4>{leg.outcome === "permit" ? "Permitted by" : "Forbidden by"}</h4>
          <Cut items={leg.determining} most={FIRST}>
            {(policy, at) => (
              <PolicyText
                key={policy.id}
                policy={policy}
                conditions={conditionsOf(leg, policy)}
                source={sources.get(policy.id)}
                isOpen={at < OPEN}
                part="determining"
              />
            )}
          </Cut>
        </section>
      )}
      {leg.near_misses.length > 0 && (
        <section data-part="near">
          <h4>Almost permitted by</h4>
          <Cut items={leg.near_misses} most={FIRST}>
            {(miss, at) => (
              <PolicyText
                key={`${at} ${miss.policy.id}`}
                policy={miss.policy}
                conditions={[miss.condition]}
                source={sources.get(miss.policy.id)}
                isOpen={at < OPEN}
                part="near"
              />
            )}
          </Cut>
        </section>
      )}
      {isEmpty && leg.reason?.code === "not_permitted" && (
        <p class="none">No policy permits this, and none comes near: no permit has this principal, action and resource in its scope.</p>
      )}
      {isEmpty && leg.reason !== undefined && leg.reason.code !== "not_permitted" && <p class="none">No policy was evaluated.</p>}
    </>
  );
}

/** The conditions of a forbid that fired. */
function conditionsOf(leg: Leg, policy: Policy): Condition[] {
  return leg.forbids?.find((forbid) => forbid.policy.id === policy.id)?.conditions ?? [];
}

function PolicyText({ policy, conditions, source, isOpen, part }: {
  policy: Policy;
  conditions: Condition[];
  source: PolicySource | undefined;
  isOpen: boolean;
  part: "determining" | "near";
}): JSX.Element {
  const values = conditions.flatMap((condition) => condition.values);
  const isNear = part === "near";
  return (
    <details class="policy" open={isOpen || undefined} data-policy={policy.id} data-in={part}>
      <summary>
        <code>{policy.id}</code>
        <small>
          {policy.file}:{policy.line}
        </small>
      </summary>
      {policy.doc && <p class="doc">{policy.doc}</p>}
      {source ? (
        <Source source={source} conditions={conditions} isNear={isNear} />
      ) : (
        conditions.map((condition) => (
          <pre key={condition.line} class="source" tabIndex={0} aria-label={`A condition of ${policy.id}`}>
            {condition.source}
          </pre>
        ))
      )}
      {conditions.map((condition) => (
        <p key={condition.line} class="hidden" data-condition={condition.source}>
          {isNear ? "Stopped at" : "Held at"} line {condition.line}: {condition.source}
        </p>
      ))}
      {values.length > 0 && (
        <table class="values">
          <caption>{isNear ? "It stopped there, with" : "It fired, with"}</caption>
          <tbody>
            {values.map((value, at) => (
              <tr key={at}>
                <th scope="row">
                  <code>{value.path}</code>
                </th>
                <td>
                  <code>{value.value}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {conditions.map(
        (condition) =>
          condition.error && (
            <p key={condition.line} class="problem">
              It failed: {condition.error}
            </p>
          ),
      )}
    </details>
  );
}

/** A stretch of a policy's text. */
interface Stretch {
  begin: number;
  end: number;
}

/** Where the conditions stand in a policy's text: each at the first place on its line or behind it. */
function stretches(source: PolicySource, conditions: Condition[]): Stretch[] {
  const lines = source.source.split("\n");
  const found = conditions.map((condition) => {
    const before = lines.slice(0, Math.max(0, condition.line - source.line));
    const from = before.reduce((sum, line) => sum + line.length + 1, 0);
    const begin = source.source.indexOf(condition.source, from);
    return { begin, end: begin + condition.source.length };
  });
  return found.filter((stretch) => stretch.begin >= 0);
}

/** Splits a token where a stretch begins or ends. */
function pieces(begin: number, text: string, marked: Stretch[]): { text: string; isMarked: boolean }[] {
  const end = begin + text.length;
  const cuts = marked.flatMap((stretch) => [stretch.begin, stretch.end]).filter((cut) => cut > begin && cut < end);
  const edges = [begin, ...cuts.sort((one, other) => one - other), end];
  return edges.slice(0, -1).map((from, at) => {
    const to = edges[at + 1] ?? end;
    const isMarked = marked.some((stretch) => stretch.begin <= from && to <= stretch.end);
    return { text: text.slice(from - begin, to - begin), isMarked };
  });
}

/** A policy with its lines numbered as in its file, and its conditions marked. */
function Source({ source, conditions, isNear }: { source: PolicySource; conditions: Condition[]; isNear: boolean }): JSX.Element {
  const lines = source.source.split("\n");
  const marked = stretches(source, conditions);
  const mark = isNear ? "stopped" : "fired";
  let begin = 0;
  return (
    <pre class="source" tabIndex={0} aria-label={`The text of ${source.id}`}>
      {lines.slice(0, MOST_LINES).map((text, at) => {
        const line = source.line + at;
        const from = begin;
        begin += text.length + 1;
        const isOn = marked.some((stretch) => stretch.begin < from + text.length && stretch.end > from);
        let place = from;
        return (
          <span key={line} class={isOn ? `line ${mark}` : "line"}>
            <span class="place" aria-hidden="true">
              {line}
            </span>
            <span class="text">
              {tokens(text).flatMap((token) => {
                const cut = pieces(place, token.text, marked);
                place += token.text.length;
                return cut.map((piece, index) =>
                  piece.isMarked ? (
                    <mark key={`${place} ${index}`} class={token.kind}>
                      {piece.text}
                    </mark>
                  ) : (
                    <span key={`${place} ${index}`} class={token.kind}>
                      {piece.text}
                    </span>
                  ),
                );
              })}
              {"\n"}
            </span>
          </span>
        );
      })}
      {lines.length > MOST_LINES && `… ${lines.length - MOST_LINES} more lines`}
    </pre>
  );
}
