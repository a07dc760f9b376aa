// Small parts that pages share.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { Refused, hasKey, setKey } from "./api";

/** The word of a decision, with a sign, so that it is not told by its colour alone. */
export function Outcome({ permits }: { permits: boolean }): JSX.Element {
  return <strong class={permits ? "outcome permit" : "outcome deny"}>{permits ? "✓ permit" : "✗ deny"}</strong>;
}

/** A number with its noun. */
export const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** An entity: people are round, agents are square. */
export function Entity({ name, isAgent }: { name: string; isAgent: boolean }): JSX.Element {
  return (
    <span class={isAgent ? "entity agent" : "entity"} title={name}>
      <span aria-hidden="true" class="sign" />
      {isAgent && <span class="hidden">agent </span>}
      <code>{name}</code>
    </span>
  );
}

/** A message of the service, whose words in backticks are what somebody wrote. */
export function Message({ text }: { text: string }): JSX.Element {
  return (
    <>
      {text.split(/`([^`]*)`/).map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}
    </>
  );
}

/** Characters that fit into a line of the narrowest field. */
const LINE = 36;

/** A text field of several lines for JSON. */
export function JsonField(props: {
  label: string;
  value: string;
  hint?: string;
  rows?: number;
  problem?: string | undefined;
  onInput(text: string): void;
}): JSX.Element {
  const id = useId();
  const lines = props.value.split("\n").map((line) => Math.max(1, Math.ceil(line.length / LINE)));
  const rows = Math.min(16, Math.max(props.rows ?? 2, lines.reduce((sum, count) => sum + count, 0)));
  return (
    <div class="field">
      <label for={id}>
        {props.label} {props.hint && <small>{props.hint}</small>}
      </label>
      <textarea
        id={id}
        class="code"
        rows={rows}
        spellcheck={false}
        autocapitalize="none"
        autocomplete="off"
        aria-invalid={props.problem ? true : undefined}
        aria-describedby={props.problem ? `${id}-problem` : undefined}
        value={props.value}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {props.problem && (
        <p class="problem" id={`${id}-problem`}>
          {props.problem}
        </p>
      )}
    </div>
  );
}

/** A button that copies a text and says so. */
export function CopyButton({ label, text }: { label: string; text(): string }): JSX.Element {
  const [told, setTold] = useState("");
  useEffect(() => {
    if (told === "") return undefined;
    const timer = setTimeout(() => setTold(""), 2500);
    return () => clearTimeout(timer);
  }, [told]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text());
      setTold("copied");
    } catch (error) {
      setTold(error instanceof Error && error.message !== "" ? error.message : "the browser does not allow it");
    }
  };
  return (
    <button type="button" class="quiet" onClick={() => void copy()}>
      {label}
      <span role="status" class="told">
        {told && ` – ${told}`}
      </span>
    </button>
  );
}

/** What is shown in place of what cannot be: no key, no permission, no service. */
export function Trouble({ error, needs = ["decide", "explain"], onRetry }: { error: Refused; needs?: string[]; onRetry(): void }): JSX.Element {
  const needsKey = error.status === 401;
  const title =
    error.status === 401
      ? hasKey()
        ? "This key is not known"
        : "This service asks for a key"
      : error.status === 403
        ? needs.includes("relations.write")
          ? "You may not change this"
          : "You may not see this"
        : error.status === 0
          ? "No answer"
          : error.status === 400
            ? "This question is refused"
            : "Something went wrong";
  return (
    <section class={error.status === 400 ? "trouble mild" : "trouble"} aria-label={title}>
      <h2>{title}</h2>
      <p>
        <Message text={error.message} />
      </p>
      {error.status === 403 && (
        <p>
          The console has no rights of its own. For this, a caller needs{" "}
          {needs.map((name, at) => (
            <span key={name}>
              {at > 0 && " and "}
              <code>{name}</code>
            </span>
          ))}
          .
        </p>
      )}
      {(needsKey || error.status === 403) && <KeyForm />}
      {!needsKey && error.status !== 400 && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </section>
  );
}

/** Asks for a key, which stays in the memory of this page. */
export function KeyForm({ onDone }: { onDone?(): void }): JSX.Element {
  const id = useId();
  const [text, setText] = useState("");
  return (
    <form
      class="key"
      onSubmit={(event) => {
        event.preventDefault();
        setKey(text);
        setText("");
        onDone?.();
      }}
    >
      <label for={id}>Key or access token</label>
      <div class="row">
        <input id={id} type="password" autocomplete="off" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <button type="submit" disabled={text.trim() === ""}>
          Use it
        </button>
        {hasKey() && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              setKey("");
              onDone?.();
            }}
          >
            Forget the present one
          </button>
        )}
      </div>
      <p class="hint">It is kept in the memory of this page only, and gone when the page is closed or loaded again. It is never part of a link.</p>
    </form>
  );
}

/** A dialog that closes by Escape, by its button, or by a click beside it. */
export function Dialog({ title, isWide, onClose, children }: { title: string; isWide?: boolean; onClose(): void; children: ComponentChildren }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class={isWide ? "large" : ""}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="inside">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
            ✕
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** A list of which the first are shown, and the others when they are asked for. */
export function Cut<T>({ items, most, isList, children }: {
  items: T[];
  most: number;
  /** Whether it stands in a list, where all is an item. */
  isList?: boolean;
  children(item: T, at: number): ComponentChildren;
}): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? items : items.slice(0, most);
  const more = shown.length < items.length && (
    <button type="button" class="quiet" onClick={() => setWhole(true)}>
      Show {items.length - shown.length} more
    </button>
  );
  return (
    <>
      {shown.map(children)}
      {more && isList ? <li>{more}</li> : more}
    </>
  );
}
