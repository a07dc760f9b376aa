// What would come of the scratch copy: problems, cases, and the decisions that change.

import { useState } from "preact/hooks";
import type { JSX } from "preact";
import { ChangeLine } from "../agents/preview";
import { cases } from "../api";
import { causesOf, othersTold } from "../banner";
import { Cut, Message } from "../parts";
import { ofCase, toFragment } from "../question";
import type { CaseName, PolicyPlace, Problem, Scratch } from "../wire";

const FIRST = 10;

interface Props {
  result: Scratch;
  path: string;
  /** The paths of the files that are edited. */
  edited: string[];
  isBusy: boolean;
  onGo(path: string, line: number): void;
}

export function Outcome({ result, path, edited, isBusy, onGo }: Props): JSX.Element {
  const { cases: ran } = result;
  const isGood = result.problems.length === 0;
  const [causes, others] = causesOf(result.problems, result.base_broken ? [] : edited);
  return (
    <>
      <div class={isGood && ran?.failed === 0 ? "verdict permit" : "verdict deny"} role="status" data-part="scratch" data-compiles={isGood}>
        <h2>{headline(result, edited.length)}</h2>
        {ran && (
          <p>
            {ran.failed === 0 ? `All ${ran.ran} cases pass` : `${ran.failed} of ${ran.ran} cases fail`}
            {ran.more && ", of those that there was time for"}.{" "}
            {edited.length > 0 && result.changes && `${changesOf(result)}.`}
          </p>
        )}
        {isBusy && <p class="hint">This is of before: what came since is being checked.</p>}
        {!result.of_live && !result.base_broken && <p class="hint">The files are others than those that decide now: they were changed since they were loaded.</p>}
        {result.left_out.length > 0 && (
          <p class="hint">
            Tried without {result.left_out.join(", ")}: {result.left_out.length === 1 ? "it" : "they"} may hold values that are marked <code>@secret</code>.
          </p>
        )}
      </div>
      {result.problems.length > 0 && (
        <section class="panel" data-part="problems">
          <h3>{result.total === 1 ? "A problem" : `${result.total} problems`}</h3>
          <ProblemList problems={causes} onGo={onGo} />
          {others.length > 0 && (
            <details>
              <summary>{othersTold(others)}</summary>
              <ProblemList problems={others} onGo={onGo} />
            </details>
          )}
        </section>
      )}
      {edited.length > 0 && result.changes && <Changes result={result} />}
      {ran && ran.failures.length > 0 && (
        <section class="panel" data-part="failures">
          <h3>Cases that fail</h3>
          <ul class="plain failures">
            <Cut isList items={ran.failures} most={FIRST}>
              {(it) => (
                <li key={it.file + it.name}>
                  <Place file={it.file} line={it.line} onGo={onGo} /> <CaseButton it={it} />
                  <br />
                  expects <code>{it.expected}</code>, finds <code>{it.found}</code>
                </li>
              )}
            </Cut>
          </ul>
        </section>
      )}
      {ran && <Decided path={path} decided={ran.decided} />}
      {ran && ran.idle > 0 && (
        <details class="panel" data-part="idle">
          <summary>{ran.idle === 1 ? "One policy decides no case" : `${ran.idle} policies decide no case`}</summary>
          <ul class="plain">
            <Cut isList items={ran.undecided} most={FIRST}>
              {(policy) => (
                <li key={policy.id}>
                  <code>{policy.id}</code> <Place file={policy.file} line={policy.line} onGo={onGo} />
                </li>
              )}
            </Cut>
          </ul>
        </details>
      )}
      {result.warnings.length > 0 && (
        <section class="panel" data-part="warnings">
          <h3>Probably a mistake</h3>
          <ProblemList problems={result.warnings} onGo={onGo} />
        </section>
      )}
    </>
  );
}

function headline(result: Scratch, edited: number): string {
  if (result.base_broken) return "The files do not compile as they are";
  if (result.problems.length > 0) return result.total === 1 ? "It has a problem" : `It has ${result.total} problems`;
  if (edited === 0) return "The bundle as it is";
  return edited === 1 ? "With one file edited" : `With ${edited} files edited`;
}

/** Whether some decisions were not compared. */
const isCut = (result: Scratch): boolean => result.more_questions || (result.cases?.more ?? false);

/** How many decisions would change; one that was not compared is not said to stay. */
function changesOf(result: Scratch): string {
  const { changed } = result;
  if (changed === 0) return isCut(result) ? "Whether a decision would change is not known: not all were compared" : "No decision would change";
  const count = changed === 1 ? "one decision" : `${changed} decisions`;
  return isCut(result) ? `At least ${count} would change` : `${count.replace("one", "One")} would change`;
}

function Changes({ result }: { result: Scratch }): JSX.Element {
  const changes = result.changes ?? [];
  return (
    <section class="panel" data-part="changes">
      <h3>{changesOf(result)}</h3>
      <p class="hint">
        Compared are {result.cases?.more ? "the cases that there was time for" : "the cases"} and{" "}
        {result.more_questions ? `${result.questions} of ${result.all_questions ?? "very many"} questions` : result.questions === 1 ? "one question" : `all ${result.questions} questions`} over the entities
        that the bundle names. A question opens in Try as it is decided now.
      </p>
      <ul class="changes">
        <Cut isList items={changes} most={FIRST}>
          {(it) =>
            it.case ? (
              <li key={it.case.file + it.case.name} data-change={it.case.name}>
                <CaseButton it={it.case} />
                <span>
                  <span class={`cell ${it.before}`}>{it.before}</span> → <span class={`cell ${it.now}`}>{it.now}</span>
                </span>
              </li>
            ) : (
              <ChangeLine
                key={`${it.chain?.join(">")} ${it.action} ${it.resource}`}
                chain={it.chain ?? []}
                action={it.action ?? ""}
                resource={it.resource ?? ""}
                before={{ outcome: it.before }}
                now={{ outcome: it.now }}
              />
            )
          }
        </Cut>
      </ul>
      {result.changed > changes.length && <p class="hint">There are {result.changed - changes.length} more.</p>}
    </section>
  );
}

function Decided({ path, decided }: { path: string; decided: { policy: PolicyPlace; count: number; first: CaseName[] }[] }): JSX.Element | null {
  if (decided.length === 0) return null;
  return (
    <section class="panel" data-part="decided">
      <h3>
        Policies of <code>{path}</code> and the cases that they decide
      </h3>
      <ul class="decided">
        <Cut isList items={decided} most={FIRST}>
          {({ policy, count, first }) => (
            <li key={policy.id}>
              <details>
                <summary>
                  <code>{policy.id}</code> <span class={count === 0 ? "mark wrong" : "mark"}>{count === 0 ? "decides no case" : count === 1 ? "one case" : `${count} cases`}</span>
                </summary>
                <ul class="plain">
                  {first.map((it) => (
                    <li key={it.file + it.name}>
                      <CaseButton it={it} />
                    </li>
                  ))}
                  {count > first.length && <li>and {count - first.length} more</li>}
                </ul>
              </details>
            </li>
          )}
        </Cut>
      </ul>
    </section>
  );
}

function ProblemList({ problems, onGo }: { problems: Problem[]; onGo(path: string, line: number): void }): JSX.Element {
  return (
    <ul class="problems">
      <Cut isList items={problems} most={FIRST}>
        {(problem, at) => (
          <li key={at}>
            {problem.file && <Place file={problem.file} line={problem.line} column={problem.column} onGo={onGo} />} <Message text={problem.message} />
            {problem.help && (
              <p class="help">
                <Message text={problem.help} />
              </p>
            )}
          </li>
        )}
      </Cut>
    </ul>
  );
}

/** A place in a file, which is gone to. */
function Place({ file, line, column, onGo }: { file: string; line?: number | undefined; column?: number | undefined; onGo(path: string, line: number): void }): JSX.Element {
  const told = line === undefined ? file : `${file}:${line}${column === undefined ? "" : `:${column}`}`;
  return (
    <button type="button" class="quiet small where" onClick={() => onGo(file, line ?? 1)}>
      {told}
    </button>
  );
}

/** A case, which opens in Try. */
function CaseButton({ it }: { it: CaseName }): JSX.Element {
  const [problem, setProblem] = useState("");
  const open = async (): Promise<void> => {
    try {
      const page = await cases(`${it.file}: ${it.name}`, 0, 50);
      const found = page.cases.find((other) => other.file === it.file && other.name === it.name);
      if (found) location.hash = toFragment(ofCase(found));
      else setProblem("is not among the cases that decide now");
    } catch (error) {
      setProblem(error instanceof Error ? error.message : "cannot be read");
    }
  };
  return (
    <>
      <button type="button" class="quiet small" title={it.file} onClick={() => void open()}>
        {it.name}
      </button>
      {problem && <span class="problem"> {problem}</span>}
    </>
  );
}
