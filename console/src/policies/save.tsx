// Saves edits where `behest dev` runs, and says what came of the load that follows.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Refused, bundleState, refusal, saveEdits } from "../api";
import { Trouble } from "../parts";

/** How often it is looked whether the bundle was loaded, and how many times. */
const LOOK_MS = 300;
const MOST_LOOKS = 60;

type State =
  | { kind: "ready" }
  | { kind: "saving" }
  | { kind: "refused"; error: Refused }
  /** The files are saved, and the load is waited for. */
  | { kind: "saved"; count: number; before: string }
  | { kind: "loaded"; count: number }
  | { kind: "broken"; count: number; problems: number }
  | { kind: "silent"; count: number };

interface SaveProps {
  /** The edited files that the bundle has, each with the text that the edit was made on. */
  edits: { path: string; before: string; text: string }[];
  /** How many edited files are new. */
  added: number;
  onSaved(paths: string[]): void;
}

const files = (count: number): string => (count === 1 ? "1 file is" : `${count} files are`);

/** What tells one load from another. */
const loadOf = async (): Promise<{ mark: string; problems: number }> => {
  const state = await bundleState();
  return { mark: JSON.stringify([state.bundle, state.since, state.failure?.at]), problems: state.failure?.total ?? 0 };
};

export function SaveBar({ edits, added, onSaved }: SaveProps): JSX.Element | null {
  const [state, setState] = useState<State>({ kind: "ready" });
  useEffect(() => {
    if (state.kind !== "saved") return undefined;
    let looks = 0;
    const timer = setInterval(() => {
      looks += 1;
      void loadOf().then(
        ({ mark, problems }) => {
          if (mark !== state.before) setState(problems > 0 ? { kind: "broken", count: state.count, problems } : { kind: "loaded", count: state.count });
          else if (looks >= MOST_LOOKS) setState({ kind: "silent", count: state.count });
        },
        () => undefined,
      );
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [state]);
  const save = async (): Promise<void> => {
    setState({ kind: "saving" });
    try {
      const { mark } = await loadOf();
      await saveEdits(edits);
      setState({ kind: "saved", count: edits.length, before: mark });
      onSaved(edits.map(({ path }) => path));
    } catch (error) {
      setState({ kind: "refused", error: refusal(error) });
    }
  };
  if (edits.length === 0 && added === 0 && state.kind === "ready") return null;
  return (
    <div class="panel save" data-part="save" data-state={state.kind}>
      {edits.length > 0 && (
        <button type="button" class="main" disabled={state.kind === "saving"} onClick={() => void save()}>
          Save {edits.length === 1 ? "the file" : `${edits.length} files`}
        </button>
      )}
      {added > 0 && <p class="hint">New files are not saved from here: download them into the bundle.</p>}
      <p role="status">
        {state.kind === "saving" && "Saving …"}
        {state.kind === "saved" && `${files(state.count)} saved. Waiting for the bundle to be loaded …`}
        {state.kind === "loaded" && `✓ ${files(state.count)} saved, and the bundle was loaded.`}
        {state.kind === "broken" && `✗ ${files(state.count)} saved, but the bundle was refused: ${state.problems === 1 ? "one problem" : `${state.problems} problems`}. What decided before still decides.`}
        {state.kind === "silent" && `${files(state.count)} saved. The bundle was not loaded yet.`}
      </p>
      {state.kind === "refused" && <Trouble error={state.error} needs={["admin"]} onRetry={() => void save()} />}
      {state.kind === "refused" && state.error.status === 403 && <p class="hint">The key is the admin key that behest dev has shown in its terminal.</p>}
    </div>
  );
}
