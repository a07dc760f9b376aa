// A text field with colours, numbered lines and the places of problems. The field is the browser's own, so that keys,
// screen readers and spelling of other alphabets work; what is coloured lies behind it.

import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import type { JSX } from "preact";
import { type Language, languageOf, tokens } from "../cedar";
import type { Problem } from "../wire";

/** LIMIT: lines that are coloured; longer files are typed in as they are. */
const MOST_LINES = 3_000;

interface Props {
  path: string;
  text: string;
  isReadOnly: boolean;
  problems: Problem[];
  warnings: Problem[];
  /** A line to go to; each is another object. */
  goal: { line: number } | undefined;
  onInput(text: string): void;
}

export function Editor({ path, text, isReadOnly, problems, warnings, goal, onInput }: Props): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const lines = text.split("\n");
  const isPlain = lines.length > MOST_LINES;
  const language = languageOf(path);
  useEffect(() => {
    const area = field.current;
    const around = box.current;
    if (!goal || !area || !around) return;
    const begin = lines.slice(0, goal.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
    area.focus({ preventScroll: true });
    area.setSelectionRange(begin, begin + (lines[goal.line - 1]?.length ?? 0));
    const height = around.querySelector(".behind")?.clientHeight ?? area.scrollHeight;
    around.scrollTop = Math.max(0, (height / lines.length) * (goal.line - 4));
  }, [goal]);
  const marks = new Map<number, [number, number, string][]>();
  const mark = (problem: Problem, kind: string): void => {
    if (problem.line === undefined) return;
    marks.set(problem.line, [...(marks.get(problem.line) ?? []), [(problem.column ?? 1) - 1, problem.length ?? 1, kind]]);
  };
  problems.forEach((problem) => mark(problem, "error"));
  warnings.forEach((problem) => mark(problem, "warning"));
  return (
    <div ref={box} class={isPlain ? "editor plain-text" : "editor"}>
      <div class="inside">
        {!isPlain && (
          <pre class="behind" aria-hidden="true">
            {lines.map((line, at) => (
              <Line key={at} number={at + 1} text={line} language={language} marks={JSON.stringify(marks.get(at + 1) ?? [])} />
            ))}
          </pre>
        )}
        <textarea
          ref={field}
          aria-label={`Text of ${path}`}
          spellcheck={false}
          autocapitalize="none"
          autocomplete="off"
          wrap="off"
          readOnly={isReadOnly}
          rows={isPlain ? 30 : 1}
          aria-invalid={problems.length > 0 ? true : undefined}
          value={text}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      </div>
    </div>
  );
}

interface LineProps {
  number: number;
  text: string;
  language: Language;
  /** The marks as JSON, so that a line that stays as it is is not drawn anew. */
  marks: string;
}

const Line = memo(function Line({ number, text, language, marks }: LineProps): JSX.Element {
  const marked = JSON.parse(marks) as [number, number, string][];
  const kind = marked.find((mark) => mark[2] === "error")?.[2] ?? marked[0]?.[2];
  let place = 0;
  return (
    <span class={kind ? `line ${kind}` : "line"} data-line={kind ? number : undefined}>
      <span class="place">{number}</span>
      <span class="text">
        {tokens(text, language).flatMap((token) => {
          const begin = place;
          place += token.text.length;
          const cut = pieces(token.text, begin, marked);
          return cut.map((piece, at) => (
            <span key={`${begin} ${at}`} class={piece.kind ? `${token.kind} ${piece.kind}` : token.kind}>
              {piece.text}
            </span>
          ));
        })}
        {"\n"}
      </span>
    </span>
  );
});

/** Splits a token where a mark begins or ends. */
function pieces(text: string, begin: number, marks: [number, number, string][]): { text: string; kind: string }[] {
  const end = begin + text.length;
  const cuts = marks.flatMap(([from, length]) => [from, from + length]).filter((cut) => cut > begin && cut < end);
  const edges = [begin, ...cuts.sort((one, other) => one - other), end];
  return edges.slice(0, -1).map((from, at) => {
    const to = edges[at + 1] ?? end;
    const kind = marks.find(([start, length]) => start <= from && to <= start + length)?.[2] ?? "";
    return { text: text.slice(from - begin, to - begin), kind };
  });
}
