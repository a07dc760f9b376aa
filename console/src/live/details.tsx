// One decision: its record, and the way to its explanation.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { vocabulary } from "../api";
import { CopyButton, Dialog, Entity, Message, Outcome } from "../parts";
import { toFragment } from "../question";
import { named } from "../wire";
import { questionOf, whoOf } from "./record";
import type { LiveDecision } from "./stream";
import { inWords } from "./tally";

interface DetailsProps {
  decision: LiveDecision;
  agentTypes: string[];
  onClose(): void;
}

export function Details({ decision: { record, text }, agentTypes, onClose }: DetailsProps): JSX.Element {
  const facts: [string, string | undefined][] = [
    ["Time", record.time],
    ["Caller", record.caller],
    ["Took", record.took_us === undefined ? undefined : inWords(record.took_us)],
    ["Policies", [...new Set(record.policies)].join(", ") || undefined],
    ["Decision", record.id],
    ["Request", record.request_id],
    ["Trace", record.trace_id],
    ["Bundle", record.bundle],
    ["Revision", String(record.revision)],
    ["Not known", record.unknown?.join(", ")],
  ];
  const inputs = Object.entries(record.inputs);
  return (
    <Dialog title="A decision" isWide onClose={onClose}>
      <div class="live-details" data-part="record">
        <p class="live-line">
          <Outcome permits={record.decision === "permit"} />
          {whoOf(record).map((member, at) => (
            <Entity key={at} name={named(member)} isAgent={agentTypes.includes(member.type)} />
          ))}
          <code>{record.action}</code>
          {record.resource && <Entity name={named(record.resource)} isAgent={false} />}
        </p>
        {record.reason && (
          <p>
            <code>{record.reason.code}</code> <Message text={record.reason.message} />
          </p>
        )}
        <Why record={record} />
        <dl class="facts">
          {facts.map(
            ([name, value]) =>
              value !== undefined && (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>
                    <code>{value}</code>
                  </dd>
                </div>
              ),
          )}
        </dl>
        {inputs.length > 0 && (
          <>
            <h3>What policies read</h3>
            <dl class="facts">
              {inputs.map(([path, value]) => (
                <div key={path}>
                  <dt>
                    <code>{path}</code>
                  </dt>
                  <dd>
                    <code>{value}</code>
                  </dd>
                </div>
              ))}
            </dl>
          </>
        )}
        <details>
          <summary>The record as it is</summary>
          <pre class="raw" tabIndex={0}>
            {text}
          </pre>
        </details>
        <CopyButton label="Copy the record" text={() => text} />
      </div>
    </Dialog>
  );
}

type State = "asking" | "same" | "changed" | "unknown";

/** Leads to the explanation, and says whether it is one of the state that decided. */
function Why({ record }: { record: LiveDecision["record"] }): JSX.Element {
  const [state, setState] = useState<State>("asking");
  useEffect(() => {
    const stop = new AbortController();
    vocabulary(stop.signal).then(
      (words) => setState(words.bundle === record.bundle && words.revision === record.revision ? "same" : "changed"),
      () => {
        if (!stop.signal.aborted) setState("unknown");
      },
    );
    return () => stop.abort();
  }, [record]);
  const found = questionOf(record);
  if (state === "asking") return <p role="status">Looking whether the same state still decides …</p>;
  if (state === "unknown") return <p class="hint">With the permissions decide and explain, the explanation could be opened here.</p>;
  if (!found) return <p class="hint">Its chain could not be read, so that there is nothing to explain.</p>;
  return (
    <p data-state={state}>
      <a href={toFragment(found.question)}>{state === "same" ? "Explain it in Try" : "Ask it again in Try"}</a>{" "}
      {state === "changed" && <small>The bundle or the relations have changed since: the answer is of those of now. </small>}
      {!found.isWhole && <small>The record does not hold all of the request, so that the answer may be another. </small>}
    </p>
  );
}
