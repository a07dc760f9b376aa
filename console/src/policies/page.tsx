// The page Policies: the files of the bundle, which cases each policy decides, and what an edit would change.

import { useCallback, useEffect, useId, useState } from "preact/hooks";
import type { JSX } from "preact";
import { Refused, fileText, files, refusal, scratch } from "../api";
import { stay, useAddress } from "../pages";
import { CopyButton, Cut, Trouble } from "../parts";
import { decoded, encoded } from "../question";
import type { BundleFile, Scratch, Vocabulary } from "../wire";
import { Editor } from "./editor";
import { Outcome } from "./outcome";

/** How long to wait for more keys before edits are tried. */
const PAUSE_MS = 350;
/** How many files are shown at first. */
const FIRST = 60;
/** LIMIT: edited files, and letters of all of them, as the service takes them. */
const MOST_EDITS = 20;
const MOST_CHARS = 500_000;

const PREFIX = "#/policies/";

/** The file that an address names, which comes from anybody. */
function pathOf(fragment: string): string {
  const value = fragment.startsWith(PREFIX) ? decoded(fragment.slice(PREFIX.length)) : undefined;
  return typeof value?.["file"] === "string" ? value["file"] : "";
}

const addressOf = (path: string): string => (path === "" ? "#/policies" : PREFIX + encoded({ file: path }));

/** The scratch copy: texts by their paths. It is in the memory of this page alone. */
let kept: Record<string, string> = {};
/** The texts of the service's files that were looked at. */
const read = new Map<string, string>();

type Tried = { kind: "nothing" } | { kind: "refused"; error: Refused } | { kind: "tried"; scratch: Scratch };

export function Policies({ words }: { words: Vocabulary }): JSX.Element {
  const [path, setPath] = useState(() => pathOf(location.hash));
  const [edits, setEdits] = useState(kept);
  const [list, setList] = useState<BundleFile[] | Refused | undefined>();
  const [tried, setTried] = useState<Tried>({ kind: "nothing" });
  const [isBusy, setBusy] = useState(false);
  const [goal, setGoal] = useState<{ path: string; line: number } | undefined>();
  const [round, setRound] = useState(0);
  useEffect(() => stay("policies", addressOf(path)), [path]);
  useAddress(
    "policies",
    useCallback((fragment: string) => setPath(pathOf(fragment)), []),
  );
  useEffect(() => {
    kept = edits;
  }, [edits]);
  useEffect(() => {
    const stop = new AbortController();
    read.clear();
    files(stop.signal).then(
      (found) => {
        setList(found);
        const first = found.find((file) => file.path.endsWith(".cedar")) ?? found[0];
        setPath((now) => (now === "" ? (first?.path ?? "") : now));
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setList(refusal(error));
      },
    );
    return () => stop.abort();
  }, [words.bundle, round]);
  useEffect(() => {
    const stop = new AbortController();
    setBusy(true);
    const timer = setTimeout(() => {
      scratch({ edits, ...(path !== "" && { file: path }) }, stop.signal).then(
        (scratch) => {
          setTried({ kind: "tried", scratch });
          setBusy(false);
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          setTried({ kind: "refused", error: refusal(error) });
          setBusy(false);
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [edits, path, words.bundle, round]);
  const again = (): void => setRound((round) => round + 1);
  const edit = (path: string, text: string | undefined): void =>
    setEdits((before) => {
      const { [path]: _, ...others } = before;
      return text === undefined || read.get(path) === text ? others : { ...others, [path]: text };
    });
  if (list instanceof Refused) return <Trouble error={list} needs={["explain"]} onRetry={again} />;
  const result = tried.kind === "tried" ? tried.scratch : undefined;
  const own = list ?? [];
  const added = Object.keys(edits).filter((path) => !own.some((file) => file.path === path));
  const all = [...added.map((path) => ({ path, bytes: 0, hidden: false })), ...own];
  return (
    <div class="try policies-page">
      <section class="panel question" aria-label="Files">
        <FileList all={all} path={path} edits={edits} result={result} onAdd={(path) => {
          edit(path, "");
          setPath(path);
        }} />
      </section>
      <section class="answer" aria-label="Edit and see" aria-busy={isBusy}>
        {path !== "" && list && (
          <FileView
            key={`${path} ${words.bundle} ${round}`}
            path={path}
            file={own.find((file) => file.path === path)}
            edit={edits[path]}
            isFull={Object.keys(edits).length >= MOST_EDITS && edits[path] === undefined}
            result={result}
            goal={goal?.path === path ? goal : undefined}
            onEdit={(text) => edit(path, text)}
          />
        )}
        {Object.values(edits).reduce((sum, text) => sum + text.length, 0) > MOST_CHARS && <p class="problem">These edits are larger than the service tries.</p>}
        {tried.kind === "nothing" && <div class="panel" aria-busy="true"><p role="status">Checking …</p></div>}
        {tried.kind === "refused" && <Trouble error={tried.error} needs={["explain"]} onRetry={again} />}
        {result && (
          <Outcome
            result={result}
            path={path}
            edited={Object.keys(edits).length}
            isBusy={isBusy}
            onGo={(path, line) => {
              setPath(path);
              setGoal({ path, line });
            }}
          />
        )}
      </section>
    </div>
  );
}

interface ListProps {
  all: BundleFile[];
  path: string;
  edits: Record<string, string>;
  result: Scratch | undefined;
  onAdd(path: string): void;
}

function FileList({ all, path, edits, result, onAdd }: ListProps): JSX.Element {
  const [like, setLike] = useState("");
  const id = useId();
  const text = like.trim().toLowerCase();
  const fitting = all.filter((file) => file.path.toLowerCase().includes(text));
  const isNew = /^(schemas|policies)\/[\w./-]+\.(cedar|cedarschema|fga|yaml|toml)$/.test(like.trim()) && !all.some((file) => file.path === like.trim());
  return (
    <>
      <div class="field picker">
        <label for={id}>Files whose path contains</label>
        <input id={id} type="text" class="code" autocomplete="off" spellcheck={false} placeholder="all; or the path of a new one" value={like} onInput={(event) => setLike(event.currentTarget.value)} />
      </div>
      {isNew && (
        <button type="button" class="quiet" onClick={() => {
          onAdd(like.trim());
          setLike("");
        }}>
          Add <code>{like.trim()}</code>
        </button>
      )}
      <nav aria-label="Files">
        <ul class="file-list">
          <Cut isList items={fitting} most={FIRST}>
            {(file) => {
              const wrong = result?.problems.filter((problem) => problem.file === file.path).length ?? 0;
              return (
                <li key={file.path}>
                  <a href={addressOf(file.path)} aria-current={file.path === path ? "true" : undefined}>
                    <code>{file.path}</code>
                    {edits[file.path] !== undefined && <span class="mark edited">edited</span>}
                    {wrong > 0 && <span class="mark wrong">{wrong === 1 ? "a problem" : `${wrong} problems`}</span>}
                    {file.hidden && <span class="mark">secret</span>}
                  </a>
                </li>
              );
            }}
          </Cut>
        </ul>
        {fitting.length === 0 && all.length > 0 && <p class="hint">No file is called so.</p>}
      </nav>
    </>
  );
}

interface FileProps {
  path: string;
  file: BundleFile | undefined;
  edit: string | undefined;
  isFull: boolean;
  result: Scratch | undefined;
  goal: { line: number } | undefined;
  onEdit(text: string | undefined): void;
}

function FileView({ path, file, edit, isFull, result, goal, onEdit }: FileProps): JSX.Element {
  const [text, setText] = useState<string | Refused | undefined>(() => (file ? read.get(path) : ""));
  const isOfPack = path.startsWith("pack:");
  const isHidden = file?.hidden ?? false;
  useEffect(() => {
    if (!file || isHidden || text !== undefined) return undefined;
    const stop = new AbortController();
    fileText(path, stop.signal).then(
      (found) => {
        read.set(path, found);
        setText(found);
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setText(refusal(error));
      },
    );
    return () => stop.abort();
  }, [path, isHidden]);
  const shown = edit ?? (typeof text === "string" ? text : "");
  const download = (): void => {
    const link = document.createElement("a");
    const url = URL.createObjectURL(new Blob([shown], { type: "text/plain" }));
    link.href = url;
    link.download = path.slice(path.lastIndexOf("/") + 1);
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1_000);
  };
  const of = (problems: Scratch["problems"] | undefined): Scratch["problems"] => (problems ?? []).filter((problem) => problem.file === path);
  return (
    <div class="panel file">
      <header>
        <h2>
          <code>{path}</code>
          {edit !== undefined && <span class="mark edited">edited, and not saved</span>}
        </h2>
        <div class="row">
          {edit !== undefined && (
            <button type="button" class="quiet" onClick={() => onEdit(undefined)}>
              {file ? "Take it back" : "Remove"}
            </button>
          )}
          {!isHidden && <CopyButton label="Copy" text={() => shown} />}
          {!isHidden && (
            <button type="button" class="quiet" onClick={download}>
              Download
            </button>
          )}
        </div>
      </header>
      {isHidden && <p class="none">Its text is not shown: it may hold values that the schema marks <code>@secret</code>. Edit it where it lies.</p>}
      {isOfPack && <p class="hint">It comes with the program, and is changed by nobody's bundle.</p>}
      {isFull && <p class="hint">So many files are edited that no more can be: take one back first.</p>}
      {text instanceof Refused && <p class="problem">{text.message}</p>}
      {!isHidden && typeof text === "string" && (
        <Editor
          path={path}
          text={shown}
          isReadOnly={isOfPack || isFull}
          problems={of(result?.problems)}
          warnings={of(result?.warnings)}
          goal={goal}
          onInput={onEdit}
        />
      )}
    </div>
  );
}
