// The page Agents: who they are, for whom they may act, and what they could do.

import { useCallback, useEffect, useId, useState } from "preact/hooks";
import type { JSX } from "preact";
import { type Refused, entities, refusal } from "../api";
import { stay, useAddress } from "../pages";
import { Cut, Entity, Trouble } from "../parts";
import { decoded, encoded } from "../question";
import type { Vocabulary } from "../wire";
import { AgentView } from "./agent";

/** How long to wait for more keys. */
const PAUSE_MS = 150;
/** How many agents are asked for of each type, and shown at first. */
const MOST = 500;
const FIRST = 50;

const PREFIX = "#/agents/";

/** The agent that an address names, which comes from anybody. */
function agentOf(fragment: string): string {
  const value = fragment.startsWith(PREFIX) ? decoded(fragment.slice(PREFIX.length)) : undefined;
  return typeof value?.["agent"] === "string" ? value["agent"] : "";
}

const addressOf = (agent: string): string => (agent === "" ? "#/agents" : PREFIX + encoded({ agent }));

type State = { kind: "loading" } | { kind: "refused"; error: Refused } | { kind: "list"; names: string[]; more: boolean };

export function Agents({ words }: { words: Vocabulary }): JSX.Element {
  const [agent, setAgent] = useState(() => agentOf(location.hash));
  const [like, setLike] = useState("");
  const [state, setState] = useState<State>({ kind: "loading" });
  const [round, setRound] = useState(0);
  const id = useId();
  useEffect(() => stay("agents", addressOf(agent)), [agent]);
  useAddress(
    "agents",
    useCallback((fragment: string) => setAgent(agentOf(fragment)), []),
  );
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      const asked = words.agent_types.map(async (type) => ({ type, list: await entities(type, like.trim(), stop.signal, MOST) }));
      Promise.all(asked).then(
        (lists) => {
          const names = lists.flatMap(({ type, list }) => list.ids.map((id) => `${type}:${id}`));
          setState({ kind: "list", names, more: lists.some(({ list }) => list.more) });
          setAgent((now) => (now === "" ? (names[0] ?? "") : now));
        },
        (error: unknown) => {
          if (!stop.signal.aborted) setState({ kind: "refused", error: refusal(error) });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [like, words.bundle, words.revision, round]);
  if (words.agent_types.length === 0) {
    return (
      <div class="panel empty">
        <h2>This bundle has no agents</h2>
        <p>
          Its schema declares no type of agents; <code>agents</code> in <code>policies/bundle.toml</code> names them.
        </p>
      </div>
    );
  }
  if (state.kind === "refused") return <Trouble error={state.error} needs={["explain"]} onRetry={() => setRound((round) => round + 1)} />;
  return (
    <div class="try agents">
      <section class="panel question" aria-label="Agents">
        <div class="field picker">
          <label for={id}>Agents whose id contains</label>
          <input id={id} type="text" class="code" autocomplete="off" spellcheck={false} placeholder="all" value={like} onInput={(event) => setLike(event.currentTarget.value)} />
        </div>
        {state.kind === "loading" && <p role="status">Loading …</p>}
        {state.kind === "list" && (
          <nav aria-label="Agents">
            <ul class="agent-list">
              <Cut isList items={state.names} most={FIRST}>
                {(name) => (
                  <li key={name}>
                    <a href={addressOf(name)} aria-current={name === agent ? "true" : undefined}>
                      <Entity name={name} isAgent />
                    </a>
                  </li>
                )}
              </Cut>
            </ul>
            {state.names.length === 0 && <p class="hint">No agent is known{like.trim() !== "" && " whose id contains that"}.</p>}
            {state.more && <p class="hint">There are more: name a part of the id.</p>}
          </nav>
        )}
      </section>
      <section class="answer" aria-label="Agent">
        {agent !== "" && <AgentView key={agent} words={words} agent={agent} />}
      </section>
    </div>
  );
}
