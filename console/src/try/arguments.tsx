// The arguments of a call and the rest of the context, with a way to begin with what is declared or what a case has.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { cases } from "../api";
import { JsonField } from "../parts";
import { type Question, ofCase } from "../question";
import { type Declared, argumentsOf, contextOf } from "../skeleton";
import type { Action, Vocabulary } from "../wire";

/** LIMIT: cases that are looked through for arguments, and how many are asked for at once. */
const MOST_CASES = 2_000;
const PAGE = 500;

interface Asked {
  action: string;
  /** The resource, or nothing where it is not known. */
  resource: string;
  arguments: string;
  context: string;
}

interface Props {
  words: Vocabulary;
  asked: Asked;
  of(field: keyof Question): string | undefined;
  onChange(part: { arguments?: string; context?: string }): void;
}

const actionOf = (words: Vocabulary, name: string): Action | undefined => words.actions.find((action) => action.name === name.trim());

export function ArgumentsField({ words, asked, of, onChange }: Props): JSX.Element {
  const declared = argumentsOf(actionOf(words, asked.action));
  const isEmpty = asked.arguments.trim() === "";
  return (
    <>
      <JsonField label="Arguments" hint="of a tool’s call, as JSON" value={asked.arguments} problem={of("arguments")} onInput={(text) => onChange({ arguments: text })} />
      <Offer declared={declared} isEmpty={isEmpty} onFill={(text) => onChange({ arguments: text })} />
      {isEmpty && !declared && asked.action.trim() !== "" && asked.resource.trim() !== "" && <FromCase key={`${asked.action} ${asked.resource}`} asked={asked} onFill={(text) => onChange({ arguments: text })} />}
    </>
  );
}

/** The context beside the arguments. */
export function ContextField({ words, asked, of, onChange }: Props): JSX.Element {
  return (
    <>
      <JsonField label="Context" hint="beside the arguments, as JSON" value={asked.context} problem={of("context")} onInput={(text) => onChange({ context: text })} />
      <Offer declared={contextOf(actionOf(words, asked.action))} isEmpty={asked.context.trim() === ""} onFill={(text) => onChange({ context: text })} />
    </>
  );
}

/** What the schema declares, and a button that writes what is needed of it. */
function Offer({ declared, isEmpty, onFill }: { declared: Declared | undefined; isEmpty: boolean; onFill(text: string): void }): JSX.Element | null {
  if (!declared) return null;
  return (
    <p class="offer">
      <small>
        declared: <code>{declared.told}</code>
      </small>
      {isEmpty && (
        <button type="button" class="quiet small" onClick={() => onFill(JSON.stringify(declared.skeleton, null, 2))}>
          Fill in a skeleton
        </button>
      )}
    </p>
  );
}

/** Offers the arguments of a case about the same action and resource. */
function FromCase({ asked, onFill }: { asked: Asked; onFill(text: string): void }): JSX.Element {
  const [told, setTold] = useState("");
  const [isBusy, setBusy] = useState(false);
  useEffect(() => setTold(""), [asked.action, asked.resource]);
  const look = async (): Promise<void> => {
    setBusy(true);
    setTold("");
    try {
      const found = await argumentsOfCase(asked);
      if (found === undefined) setTold("No case of the bundle has arguments for it.");
      else onFill(found);
    } catch (error) {
      setTold(error instanceof Error ? error.message : "The cases cannot be read.");
    }
    setBusy(false);
  };
  return (
    <p class="offer">
      <button type="button" class="quiet small" disabled={isBusy} onClick={() => void look()}>
        Fill in as in a case
      </button>
      <small role="status">{told}</small>
    </p>
  );
}

/** The arguments of the first case about an action and a resource; one that is permitted comes first. */
async function argumentsOfCase({ action, resource }: Asked): Promise<string | undefined> {
  let other: string | undefined;
  for (let from: number | undefined = 0; from !== undefined && from < MOST_CASES; ) {
    const page = await cases("", from, PAGE);
    for (const it of page.cases) {
      const question = ofCase(it);
      if (question.action !== action.trim() || question.resource !== resource.trim() || question.arguments === "") continue;
      if (it.expected.startsWith("permit")) return question.arguments;
      other ??= question.arguments;
    }
    from = page.next;
  }
  return other;
}
