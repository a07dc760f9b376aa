// The page Policies: the files of the bundle, which cases each policy decides, and what an edit would change.

import { useCallback, useEffect, useId, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { Refused, fileText, files, refusal, savesEdits, scratch } from "../api";
import { causesOf } from "../banner";
import { stay, useAddress } from "../pages";
import { CopyButton, Cut, Message, Trouble } from "../parts";
import { decoded, encoded } from "../question";
import type { BundleFile, Scratch, Vocabulary } from "../wire";
import { type Edit, type Edits, type Newer, NewerNotice, textOf, useNewer } from "./base";
import { Editor } from "./editor";
import { Outcome } from "./outcome";
import { SaveBar } from "./save";

/** How long to wait for more keys before edits are tried. */
const PAUSE_MS = 350;
/** How many files are shown at first. */
const FIRST = 60;
/** How long a trial takes before it is said that it waits. */
const LONG_MS = 5_000;
/** LIMIT: edited files, and the bytes of all of them, as the service takes them. */
const MOST_EDITS = 20;
const MOST_BYTES = 512 * 1024;

const PREFIX = "#/policies/";

/** The file that an address names, which comes from anybody. */
function pathOf(fragment: string): string {
  const value = fragment.startsWith(PREFIX) ? decoded(fragment.slice(PREFIX.length)) : undefined;
  return typeof value?.["file"] === "string" ? value["file"] : "";
}

const addressOf = (path: string): string => (path === "" ? "#/policies" : PREFIX + encoded({ file: path }));

/** The scratch copy: texts by their paths. It is in the memory of this page alone. */
let kept: Edits = {};

const bytesOf = (edits: Edits): number => Object.values(edits).reduce((sum, { text }) => sum + new TextEncoder().encode(text).length, 0);

type Tried = { kind: "nothing" } | { kind: "refused"; error: Refused } | { kind: "tried"; scratch: Scratch };

/** The text of a file of the service, as it is in a state of the bundle; `undefined` while it is read. */
function useText(stamp: string, path: string, isRead: boolean): string | Refused | undefined {
  const [read, setRead] = useState<{ of: string; text: string | Refused } | undefined>();
  const of = `${stamp} ${path}`;
  useEffect(() => {
    if (!isRead) return undefined;
    let isOver = false;
    const show = (text: string | Refused): void => {
      if (!isOver) setRead({ of, text });
    };
    textOf(stamp, path).then(show, (error: unknown) => show(refusal(error)));
    return () => void (isOver = true);
  }, [of, isRead]);
  return isRead && read?.of === of ? read.text : undefined;
}

/** Tries edits whenever they have changed and nothing is to be read any more, which the service does in the same place. */
function useTrial(edits: Edits, path: string, stamp: string, isReady: boolean): [Tried, boolean] {
  const [tried, setTried] = useState<Tried>({ kind: "nothing" });
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    if (!isReady) return undefined;
    const stop = new AbortController();
    setBusy(true);
    const timer = setTimeout(() => {
      const texts = Object.fromEntries(Object.entries(edits).map(([path, { text }]) => [path, text]));
      scratch({ edits: texts, ...(path !== "" && { file: path }) }, stop.signal).then(
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
  }, [edits, path, stamp, isReady]);
  return [tried, isBusy || !isReady];
}

/** `refusedAt` is when files were refused: they then are others than those that decide. */
export function Policies({ words, refusedAt }: { words: Vocabulary; refusedAt: string }): JSX.Element {
  const [path, setPath] = useState(() => pathOf(location.hash));
  const [edits, setEdits] = useState(kept);
  const [list, setList] = useState<BundleFile[] | Refused | undefined>();
  const [goal, setGoal] = useState<{ path: string; line: number } | undefined>();
  const [round, setRound] = useState(0);
  const [canSave, setCanSave] = useState(false);
  const stamp = `${words.bundle} ${refusedAt} ${round}`;
  useEffect(() => {
    const stop = new AbortController();
    savesEdits(stop.signal).then(setCanSave, () => undefined);
    return () => stop.abort();
  }, []);
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
  }, [stamp]);
  const again = (): void => setRound((round) => round + 1);
  const own = Array.isArray(list) ? list : [];
  const file = own.find((file) => file.path === path);
  const isShown = file !== undefined && !file.hidden;
  const text = useText(stamp, path, isShown);
  const [tried, isBusy] = useTrial(edits, path, stamp, Array.isArray(list) && (!isShown || text !== undefined));
  const set = (path: string, edit: Edit | undefined): void =>
    setEdits((before) => {
      const { [path]: _, ...others } = before;
      return edit === undefined || edit.text === edit.base ? others : { ...others, [path]: edit };
    });
  const newer = useNewer(stamp, Array.isArray(list) ? list : undefined, edits, (path) => set(path, undefined));
  if (list instanceof Refused) return <Trouble error={list} needs={["explain"]} onRetry={again} />;
  const result = tried.kind === "tried" ? tried.scratch : undefined;
  const added = Object.keys(edits).filter((path) => !own.some((file) => file.path === path));
  const all = [...added.map((path) => ({ path, bytes: 0, hidden: false })), ...own];
  return (
    <div class="try policies-page">
      <section class="panel question" aria-label="Files">
        <FileList all={all} path={path} edits={edits} newer={newer} result={result} onAdd={(path) => {
          set(path, { text: "", base: undefined });
          setPath(path);
        }} />
      </section>
      <section class="answer" aria-label="Edit and see" aria-busy={isBusy}>
        {path !== "" && list && (
          <FileView
            key={path}
            path={path}
            file={file}
            text={file ? text : ""}
            edit={edits[path]}
            newer={newer[path]}
            isFull={Object.keys(edits).length >= MOST_EDITS && edits[path] === undefined}
            result={result}
            goal={goal?.path === path ? goal : undefined}
            onEdit={(edit) => set(path, edit)}
            onStale={again}
          />
        )}
        {canSave && (
          <SaveBar
            edits={Object.entries(edits).flatMap(([path, { text, base }]) => (base === undefined ? [] : [{ path, before: base, text }]))}
            added={Object.values(edits).filter((edit) => edit.base === undefined).length}
            onSaved={(paths) => {
              setEdits((before) => Object.fromEntries(Object.entries(before).filter(([path]) => !paths.includes(path))));
              again();
            }}
          />
        )}
        {bytesOf(edits) > MOST_BYTES && <p class="problem">These edits are larger than the service tries.</p>}
        {isBusy && <Waiting key={tried.kind} />}
        {!isBusy && tried.kind === "refused" && <TrialRefused error={tried.error} onRetry={again} />}
        {result && (
          <Outcome
            result={result}
            path={path}
            edited={Object.keys(edits)}
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

/** Says that a trial goes on, and, after a while, for what it may wait. */
function Waiting(): JSX.Element {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p class="hint waiting" role="status">
      Checking …{isLong && " The service tries one copy at a time: this one may wait for another. You can go on typing."}
    </p>
  );
}

/** What is shown in place of a trial that the service did not make. */
function TrialRefused({ error, onRetry }: { error: Refused; onRetry(): void }): JSX.Element {
  if (error.status !== 503 && error.status !== 0) return <Trouble error={error} needs={["explain"]} onRetry={onRetry} />;
  return (
    <section class="trouble" aria-label="Not checked">
      <h2>Not checked: the service {error.status === 503 ? "is busy" : "did not answer"}</h2>
      <p>
        <Message text={error.message} />
      </p>
      <p>
        It tries one copy at a time, and somebody else’s may take its place. Your text is kept in this page. Try again in a moment; <code>behest validate</code> and{" "}
        <code>behest test</code> say the same of files that are saved.
      </p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </section>
  );
}

interface ListProps {
  all: BundleFile[];
  path: string;
  edits: Edits;
  newer: Record<string, Newer>;
  result: Scratch | undefined;
  onAdd(path: string): void;
}

function FileList({ all, path, edits, newer, result, onAdd }: ListProps): JSX.Element {
  const [like, setLike] = useState("");
  const id = useId();
  const text = like.trim().toLowerCase();
  const [causes] = causesOf(result?.problems ?? [], Object.keys(edits));
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
              const wrong = causes.filter((problem) => problem.file === file.path).length;
              return (
                <li key={file.path}>
                  <a href={addressOf(file.path)} aria-current={file.path === path ? "true" : undefined}>
                    <code>{file.path}</code>
                    {edits[file.path] !== undefined && <span class="mark edited">edited</span>}
                    {newer[file.path] && <span class="mark wrong">changed since</span>}
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
  text: string | Refused | undefined;
  edit: Edit | undefined;
  newer: Newer | undefined;
  isFull: boolean;
  result: Scratch | undefined;
  goal: { line: number } | undefined;
  onEdit(edit: Edit | undefined): void;
  /** Called when the file has become another that was not noticed yet. */
  onStale(): void;
}

function FileView({ path, file, text, edit, newer, isFull, result, goal, onEdit, onStale }: FileProps): JSX.Element {
  const isOfPack = path.startsWith("pack:");
  const isHidden = file?.hidden ?? false;
  const base = file && typeof text === "string" ? text : undefined;
  // While a newer text is read, the one before it is shown, and not typed in.
  const last = useRef<string | undefined>(undefined);
  if (typeof text === "string") last.current = text;
  const before = text === undefined ? last.current : base ?? text;
  const shown = edit?.text ?? (typeof before === "string" ? before : "");
  const isKnown = edit !== undefined || typeof before === "string";
  const download = async (): Promise<void> => {
    if (edit && file) {
      // What was saved a moment ago is noticed before it is taken back. A service that does not answer keeps nobody's text.
      const now = await fileText(path).catch(() => edit.base);
      if (now !== edit.base) {
        onStale();
        return;
      }
    }
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
          {edit !== undefined && !newer && (
            <button type="button" class="quiet" onClick={() => onEdit(undefined)}>
              {file ? "Take it back" : "Remove"}
            </button>
          )}
          {!isHidden && <CopyButton label="Copy" text={() => shown} />}
          {!isHidden && (
            <button type="button" class="quiet" disabled={!isKnown || newer !== undefined} onClick={() => void download()}>
              Download
            </button>
          )}
        </div>
      </header>
      {edit && newer && <NewerNotice newer={newer} onTake={() => onEdit(undefined)} onKeep={() => onEdit({ text: edit.text, base: newer.text })} />}
      {isHidden && <p class="none">Its text is not shown: it may hold values that the schema marks <code>@secret</code>. Edit it where it lies.</p>}
      {isOfPack && <p class="hint">It comes with the program, and is changed by nobody's bundle.</p>}
      {isFull && <p class="hint">So many files are edited that no more can be: take one back first.</p>}
      {text instanceof Refused && <p class="problem">{text.message}</p>}
      {!isHidden && !isKnown && text === undefined && <p role="status">Reading the file …</p>}
      {!isHidden && isKnown && (
        <Editor
          path={path}
          text={shown}
          isReadOnly={isOfPack || isFull || (edit === undefined && file !== undefined && base === undefined)}
          problems={of(result?.problems)}
          warnings={of(result?.warnings)}
          goal={goal}
          onInput={(text) => onEdit({ text, base: edit ? edit.base : base })}
        />
      )}
    </div>
  );
}
