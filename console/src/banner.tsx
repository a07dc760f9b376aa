// What is wrong with the bundle that was to replace the one that decides.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { bundleState, refusal } from "./api";
import { Cut, Message } from "./parts";
import type { BundleState, Problem } from "./wire";

/** How often the state is asked for while somebody looks. */
const PAUSE_MS = 3_000;
/** Problems that are shown at first. */
const FIRST = 3;

/** The state as it was told last. */
export interface KnownState extends BundleState {
  /** Whether the service did not tell it again when it was asked last. */
  isOld: boolean;
}

/** Asks for the state of the bundle again and again, and calls back when another bundle decides. */
export function useBundleState(keys: number, onOther: () => void): KnownState | undefined {
  const [state, setState] = useState<KnownState | undefined>();
  useEffect(() => {
    const stop = new AbortController();
    let known: string | undefined;
    let isFirst = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    const show = (next: KnownState): void => setState((before) => (JSON.stringify(before) === JSON.stringify(next) ? before : next));
    const ask = async (): Promise<void> => {
      try {
        const next = await bundleState(stop.signal);
        show({ ...next, isOld: false });
        if (!isFirst && next.bundle !== known) onOther();
        [known, isFirst] = [next.bundle, false];
      } catch (error) {
        if (stop.signal.aborted) return;
        // Who may not see it sees none of it; otherwise what was told last stays, for it may still be so.
        const { status } = refusal(error);
        setState((before) => (status === 401 || status === 403 || !before ? undefined : { ...before, isOld: true }));
      }
    };
    // One after the other, so that an answer that is late does not follow one that is newer.
    const look = async (): Promise<void> => {
      if (isAsking) return;
      clearTimeout(timer);
      isAsking = true;
      if (!document.hidden) await ask();
      isAsking = false;
      if (!stop.signal.aborted) timer = setTimeout(() => void look(), PAUSE_MS);
    };
    void look();
    const onShow = (): void => void look();
    document.addEventListener("visibilitychange", onShow);
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onShow);
    };
  }, [keys]);
  return state;
}

export function BundleBanner({ state }: { state: KnownState | undefined }): JSX.Element | null {
  const failure = state?.failure;
  if (!failure) return null;
  const [causes, others] = causesOf(failure.problems, []);
  const count = failure.total === 1 ? "one problem" : `${failure.total} problems`;
  return (
    <section class="broken" aria-label="The bundle is refused">
      <div role="status">
        <h2>{state.bundle ? "The changed bundle is refused" : "The bundle is refused"}</h2>
        <p>
          It has {count}. {state.bundle ? "The bundle before it still decides, and is what this page shows." : "Nothing decides yet: mend it, and it is loaded."}
        </p>
        {state.isOld && <p class="hint">So it was when the service answered last; it does not answer now.</p>}
      </div>
      <Problems problems={causes} most={FIRST} />
      {others.length > 0 && (
        <details>
          <summary>{othersTold(others)}</summary>
          <Problems problems={others} most={FIRST} />
        </details>
      )}
      {failure.total > failure.problems.length && (
        <p class="hint">
          There are {failure.total - failure.problems.length} more: <code>behest validate</code> shows all of them.
        </p>
      )}
    </section>
  );
}

/** The file whose mistakes other files seem to have: without it no pack is there. */
const SETTINGS = "policies/bundle.toml";

/** Divides problems into those of edited files and of the bundle's settings, and those that may follow from them. */
export function causesOf(problems: Problem[], edited: string[]): [Problem[], Problem[]] {
  const isCause = ({ file }: Problem): boolean => file === undefined || file === SETTINGS || edited.includes(file);
  const causes = problems.filter(isCause);
  return causes.some(({ file }) => file !== undefined) ? [causes, problems.filter((problem) => !isCause(problem))] : [problems, []];
}

/** What is said of problems that may follow from others. */
export function othersTold(others: Problem[]): string {
  const count = new Set(others.map(({ file }) => file)).size;
  return `${others.length === 1 ? "One more" : `${others.length} more`} in ${count === 1 ? "another file" : `${count} other files`}, which may follow from that`;
}

/** Problems of a bundle, each with its line. */
export function Problems({ problems, most }: { problems: Problem[]; most: number }): JSX.Element {
  return (
    <ul class="problems">
      <Cut isList items={problems} most={most}>
        {(problem, at) => (
          <li key={at}>
            <p>
              {problem.file && (
                <code class="where">
                  {problem.file}
                  {problem.line !== undefined && `:${problem.line}:${problem.column}`}
                </code>
              )}{" "}
              <Message text={problem.message} />
            </p>
            {problem.text !== undefined && <Excerpt problem={problem} text={problem.text} />}
            {problem.help && <Help text={problem.help} />}
          </li>
        )}
      </Cut>
    </ul>
  );
}

/** A remedy in a line, or an explanation of several lines, which is opened. */
function Help({ text }: { text: string }): JSX.Element {
  if (!text.includes("\n"))
    return (
      <p class="help">
        <Message text={text} />
      </p>
    );
  return (
    <details>
      <summary>Why</summary>
      <pre class="source" tabIndex={0} aria-label="Why">
        {text}
      </pre>
    </details>
  );
}

function Excerpt({ problem, text }: { problem: Problem; text: string }): JSX.Element {
  const chars = [...text];
  const from = Math.min((problem.column ?? 1) - 1, chars.length);
  const to = from + (problem.length ?? 1);
  return (
    <pre class="source excerpt" tabIndex={0} aria-label={`Line ${problem.line} of ${problem.file}`}>
      <span class="place" aria-hidden="true">
        {problem.line}
      </span>
      <span class="text">
        {chars.slice(0, from).join("")}
        <mark>{chars.slice(from, to).join("") || " "}</mark>
        {chars.slice(to).join("")}
      </span>
    </pre>
  );
}
