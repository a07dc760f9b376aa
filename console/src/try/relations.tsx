// The relations that a leg looked up, as a graph and as a list.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import { Cut, Dialog } from "../parts";
import type { Question } from "../question";
import type { Leg, Relation, Tuple, UnmetCondition } from "../wire";
import { type DrawnGraph, draw, shown, tupleOf, usersetOf } from "./graph";

const FIRST = 6;
/** How small a graph is drawn before it is scrolled. */
const SMALLEST = 0.6;

interface Props {
  leg: Leg;
  question: Question;
  onChange(part: Partial<Question>): void;
}

export function Relations({ leg, question, onChange }: Props): JSX.Element | null {
  const graph = useMemo(() => draw(leg.relations), [leg.relations]);
  if (!graph) return null;
  return (
    <section data-part="relations">
      <h4>Relations looked up</h4>
      <FittedGraph graph={graph} />
      {graph.more > 0 && <p class="hint">The graph is cut here: {graph.more} more are in the list below.</p>}
      <ul class="lookups">
        <Cut isList items={leg.relations} most={FIRST}>
          {(relation, at) => <LookUp key={at} relation={relation} question={question} onChange={onChange} />}
        </Cut>
      </ul>
    </section>
  );
}

function LookUp({ relation, question, onChange }: { relation: Relation; question: Question; onChange(part: Partial<Question>): void }): JSX.Element {
  const target = usersetOf(relation.userset);
  const missing: Tuple = { user: relation.user, ...target };
  return (
    <li data-held={relation.held} data-user={relation.user} data-userset={relation.userset}>
      <span class={relation.held ? "held" : "missing"} aria-hidden="true">
        {relation.held ? "✓" : "–"}
      </span>
      <span>
        <code>{relation.user}</code> {relation.held ? "is" : "is not"} <code>{target.relation}</code> of <code>{target.object}</code>
        {!relation.held && (
          <button
            type="button"
            class="quiet small"
            aria-label={`assume it: ${relation.user} is ${target.relation} of ${target.object}`}
            onClick={() => onChange({ tuples: [...question.tuples, missing] })}
          >
            assume it
          </button>
        )}
        {relation.witness.length > 0 && (
          <ul class="witness">
            {relation.witness.map((text) => (
              <Witness key={text} text={text} question={question} onChange={onChange} />
            ))}
          </ul>
        )}
        {relation.unmet && relation.unmet.length > 0 && (
          <ul class="unmet">
            {relation.unmet.map((unmet) => (
              <UnmetTuple key={unmet.tuple} unmet={unmet} />
            ))}
          </ul>
        )}
      </span>
    </li>
  );
}

const ORIGINS = { tuple: "stored with the tuple", request: "from the request", service: "from the service" };

/** A tuple that would count if its condition held. */
function UnmetTuple({ unmet }: { unmet: UnmetCondition }): JSX.Element {
  return (
    <li>
      <code>{unmet.tuple}</code> does not count: {unmet.error ?? (
        <>
          condition <code>{unmet.condition}</code> is false
        </>
      )}
      <ul>
        {unmet.values.map((value) => (
          <li key={value.parameter}>
            <code>
              {value.parameter} = {value.value}
            </code>{" "}
            {ORIGINS[value.from]}
          </li>
        ))}
      </ul>
    </li>
  );
}

function Witness({ text, question, onChange }: { text: string; question: Question; onChange(part: Partial<Question>): void }): JSX.Element {
  const tuple = tupleOf(text);
  return (
    <li>
      <code>{text}</code>
      {tuple && (
        <button type="button" class="quiet small" aria-label={`take it away: ${text}`} onClick={() => onChange(withoutTuple(question, tuple))}>
          take it away
        </button>
      )}
    </li>
  );
}

/** Takes a tuple away: one that is only assumed is no longer assumed. */
function withoutTuple(question: Question, tuple: Tuple): Partial<Question> {
  const isIt = (other: Tuple): boolean => other.user === tuple.user && other.relation === tuple.relation && other.object === tuple.object;
  if (question.tuples.some(isIt)) return { tuples: question.tuples.filter((other) => !isIt(other)) };
  return { without: [...question.without, tuple] };
}

/** The graph in its column, with a word where it is wider, and a way to see all of it. */
function FittedGraph({ graph }: { graph: DrawnGraph }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [isWide, setWide] = useState(false);
  const [isLarge, setLarge] = useState(false);
  useEffect(() => {
    const around = box.current;
    if (!around) return undefined;
    const look = (): void => {
      const drawn = around.querySelector(".graph");
      setWide(drawn !== null && drawn.scrollWidth > drawn.clientWidth + 1);
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(around);
    return () => observer.disconnect();
  }, [graph]);
  const isShort = graph.nodes.some((node) => shown(node.name) !== node.name);
  return (
    <div ref={box}>
      <Graph graph={graph} />
      {(isWide || isShort) && (
        <p class="hint wide-graph">
          {isWide && "The graph is wider than its place: it can be scrolled. "}
          {isShort && "Long names are shortened; the list below has them in full. "}
          {isWide && (
            <button type="button" class="quiet small" onClick={() => setLarge(true)}>
              Show it large
            </button>
          )}
        </p>
      )}
      {isLarge && (
        <Dialog title="Relations looked up" isWide onClose={() => setLarge(false)}>
          <Graph graph={graph} />
        </Dialog>
      )}
    </div>
  );
}

function Graph({ graph }: { graph: DrawnGraph }): JSX.Element {
  const told = graph.edges.map((edge) => `${edge.from} ${edge.label} ${edge.to}`);
  return (
    <div class="graph" tabIndex={0} role="group" aria-label="Graph of relations">
      <svg
        role="img"
        aria-label={told.join("; ")}
        viewBox={`0 0 ${graph.width} ${graph.height}`}
        style={{ width: `${graph.width}px`, minWidth: `${Math.round(graph.width * SMALLEST)}px` }}
      >
        <defs>
          {["held", "missing"].map((kind) => (
            <marker key={kind} id={`arrow-${kind}`} class={kind} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0L8 4L0 8z" />
            </marker>
          ))}
        </defs>
        {graph.edges.map((edge, at) => {
          const kind = edge.holds ? "held" : "missing";
          return (
            <g key={at} class={`edge ${kind}`}>
              <path d={path(edge.points)} marker-end={`url(#arrow-${kind})`} />
              <rect x={edge.at.x - edge.width / 2} y={edge.at.y - 9} width={edge.width} height={18} />
              <text x={edge.at.x} y={edge.at.y + 4} text-anchor="middle">
                {edge.label}
              </text>
            </g>
          );
        })}
        {graph.nodes.map((node) => (
          <g key={node.name} class={node.isUser ? "node user" : "node"}>
            <title>{node.name}</title>
            <rect x={node.x - node.width / 2} y={node.y - node.height / 2} width={node.width} height={node.height} rx={node.isUser ? 15 : 5} />
            <text x={node.x} y={node.y + 4} text-anchor="middle">
              {shown(node.name)}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

/** A smooth line through points. */
function path(points: { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const at = (point: { x: number; y: number }): string => `${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
  const last = rest.at(-1) ?? first;
  const curves = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? last;
    const middle = index + 2 === rest.length ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${at(point)} ${at(middle)}`;
  });
  return curves.length > 0 ? `M${at(first)}${curves.join("")}` : `M${at(first)}L${at(last)}`;
}
