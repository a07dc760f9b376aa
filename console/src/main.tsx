// The console: its frame, and which page is shown.

import "./style.css";
import { render } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Refused, hasKey, onKey, refusal, vocabulary } from "./api";
import { Agents } from "./agents/page";
import { BundleBanner, useBundleState } from "./banner";
import { Dialog, KeyForm, Trouble } from "./parts";
import { PAGES, addressOf, usePageName } from "./pages";
import { Live } from "./live/page";
import { Policies } from "./policies/page";
import { Try } from "./try/page";
import { WhoCan } from "./who/page";
import type { Vocabulary } from "./wire";

type Theme = "auto" | "light" | "dark";
const THEMES: Theme[] = ["auto", "light", "dark"];
const THEME = "behest.console.theme";

function kept(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(THEME)) ?? "auto";
  } catch {
    return "auto";
  }
}

function ThemeButton(): JSX.Element {
  const [theme, setTheme] = useState<Theme>(kept);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(THEME, theme);
    } catch {
      // A browser that keeps nothing shows what its settings say.
    }
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
  return (
    <button type="button" class="quiet" onClick={() => setTheme(next)} aria-label={`Colours: ${theme}. Change to ${next}.`}>
      {theme === "auto" ? "◐" : theme === "light" ? "☀" : "☾"}
      <span class="wide"> {theme}</span>
    </button>
  );
}

type State = { kind: "loading" } | { kind: "refused"; error: Refused } | { kind: "ready"; words: Vocabulary };

function Console(): JSX.Element {
  const [state, setState] = useState<State>({ kind: "loading" });
  const [isAsking, setAsking] = useState(false);
  const [keys, setKeys] = useState(0);
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound((round) => round + 1), []);

  const bundle = useBundleState(keys, again);
  const page = usePageName();

  useEffect(() => onKey(() => setKeys((count) => count + 1)), []);
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => (before.kind === "ready" ? before : { kind: "loading" }));
    vocabulary(stop.signal).then(
      (words) => setState({ kind: "ready", words }),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        setState({ kind: "refused", error: refusal(error) });
      },
    );
    return () => stop.abort();
  }, [keys, round]);

  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.getElementById("main")?.focus();
      }}>
        Skip to the page
      </a>
      <header class="top">
        <h1>
          <a href="#/try" class="brand">
            behest
          </a>
          <span class="hidden"> console</span>
        </h1>
        <nav aria-label="Pages">
          {PAGES.map(({ name, title }) => (
            <a key={name} href={addressOf(name)} aria-current={name === page ? "page" : undefined}>
              {title}
            </a>
          ))}
          <a href="/docs/">API</a>
        </nav>
        <div class="tools">
          {state.kind === "ready" && (
            <span class="bundle wide" title={`bundle ${state.words.bundle}, revision ${state.words.revision}, behest ${state.words.version}`}>
              bundle <code>{state.words.bundle.replace(/^sha256:/, "").slice(0, 8)}</code>
            </span>
          )}
          <button type="button" class="quiet" onClick={() => setAsking(true)}>
            {hasKey() ? "Key ✓" : "Key"}
          </button>
          <ThemeButton />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <BundleBanner state={bundle} />
        {page === "live" && <Live words={state.kind === "ready" ? state.words : undefined} />}
        {state.kind === "loading" && page !== "live" && <Loading />}
        {state.kind === "refused" && page !== "live" && !(bundle?.failure && !bundle.bundle) && <Trouble error={state.error} onRetry={again} />}
        {state.kind === "ready" && page === "try" && <Try words={state.words} onStale={again} />}
        {state.kind === "ready" && page === "who" && <WhoCan words={state.words} />}
        {state.kind === "ready" && page === "agents" && <Agents words={state.words} />}
        {state.kind === "ready" && page === "policies" && <Policies words={state.words} refusedAt={bundle?.failure?.at ?? ""} />}
      </main>
      {isAsking && (
        <Dialog title="Key" onClose={() => setAsking(false)}>
          <KeyForm onDone={() => setAsking(false)} />
        </Dialog>
      )}
    </>
  );
}

function Loading(): JSX.Element {
  return (
    <div class="try" aria-busy="true">
      <p class="hidden" role="status">
        Loading
      </p>
      <div class="panel skeleton" />
      <div class="panel skeleton" />
    </div>
  );
}

const root = document.getElementById("console");
if (root) {
  root.replaceChildren();
  render(<Console />, root);
}
