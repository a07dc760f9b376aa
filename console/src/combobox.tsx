// A text field with a list of what could be meant, by mouse or keyboard (the combobox pattern of ARIA 1.2).

import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";

export interface Choice {
  value: string;
  detail?: string;
  /** Whether more is to be typed behind it, so that the list stays open. */
  isOpen?: boolean;
}

export interface Choices {
  choices: Choice[];
  more: boolean;
}

interface Props {
  label: string;
  value: string;
  placeholder?: string;
  problem?: string | undefined;
  /** Whether the label is for screen readers alone. */
  isBare?: boolean;
  load(text: string, signal: AbortSignal): Promise<Choices>;
  onInput(text: string): void;
  onPick?(choice: Choice): void;
  onKeyDown?(event: KeyboardEvent): void;
  /** Called when the field is left. */
  onLeave?(): void;
}

/** Whether a pointer is pressed: what is pressed must not move away below it. */
let isPressed = false;
addEventListener("pointerdown", () => (isPressed = true), true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (isPressed = false), true);

/** Calls back at once, or behind the click that is going on. */
function afterPress(then: () => void): void {
  if (!isPressed) {
    then();
    return;
  }
  const stop = new AbortController();
  const end = (): void => {
    stop.abort();
    setTimeout(then);
  };
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, end, { capture: true, signal: stop.signal });
}

/** How long to wait for more keys before the service is asked. */
const PAUSE_MS = 120;

export function Combobox(props: Props): JSX.Element {
  const { label, value, load, onInput, onPick } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [found, setFound] = useState<Choices>({ choices: [], more: false });
  const [active, setActive] = useState(-1);
  const [isFailing, setFailing] = useState(false);

  useEffect(() => {
    if (!isOpen) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      load(value, stop.signal).then(
        (next) => {
          setFound(next);
          setActive(-1);
          setFailing(false);
        },
        () => {
          if (stop.signal.aborted) return;
          setFound({ choices: [], more: false });
          setFailing(true);
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [value, isOpen, load]);

  useEffect(() => {
    if (active >= 0) document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [active, id]);

  const pick = (choice: Choice): void => {
    if (onPick) onPick(choice);
    else onInput(choice.value);
    setActive(-1);
    if (!choice.isOpen) setOpen(false);
    input.current?.focus();
  };

  const move = (step: number): void => {
    setOpen(true);
    const count = found.choices.length;
    if (count > 0) setActive((at) => (at + step + count + (at < 0 && step < 0 ? 1 : 0)) % count);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const chosen = found.choices[active];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && isOpen && chosen) {
      event.preventDefault();
      pick(chosen);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    } else {
      props.onKeyDown?.(event);
    }
  };

  // What is typed in full needs no list of itself.
  const isSaid = !onPick && found.choices.length === 1 && found.choices[0]?.value === value && !found.choices[0].isOpen;
  const hasList = isOpen && ((found.choices.length > 0 && !isSaid) || isFailing);
  return (
    <div class="combobox">
      <label for={id} class={props.isBare ? "hidden" : ""}>
        {label}
      </label>
      <input
        ref={input}
        id={id}
        type="text"
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        autocapitalize="none"
        aria-autocomplete="list"
        aria-expanded={hasList}
        aria-controls={`${id}-list`}
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        aria-invalid={props.problem ? true : undefined}
        aria-describedby={props.problem ? `${id}-problem` : undefined}
        placeholder={props.placeholder}
        value={value}
        onInput={(event) => {
          setOpen(true);
          onInput(event.currentTarget.value);
        }}
        onFocus={() => setOpen(true)}
        onClick={() => setOpen(true)}
        onBlur={() => {
          props.onLeave?.();
          afterPress(() => {
            if (document.activeElement !== input.current) setOpen(false);
          });
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label={label} class="choices" hidden={!hasList}>
        {found.choices.map((choice, at) => (
          <li
            key={choice.value + (choice.detail ?? "")}
            id={`${id}-${at}`}
            role="option"
            aria-selected={at === active}
            onMouseDown={(event) => {
              event.preventDefault();
              pick(choice);
            }}
          >
            <span>{choice.value}</span>
            {choice.detail && <small>{choice.detail}</small>}
          </li>
        ))}
        {(found.more || isFailing) && (
          <li role="option" aria-disabled="true" aria-selected="false" class="note">
            {isFailing ? "No suggestions: the service did not answer." : "There are more: type on."}
          </li>
        )}
      </ul>
      {props.problem && (
        <p class="problem" id={`${id}-problem`}>
          {props.problem}
        </p>
      )}
    </div>
  );
}
