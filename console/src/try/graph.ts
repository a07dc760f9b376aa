// The paths of tuples behind a leg's look-ups, as a graph that is laid out.

import dagre from "@dagrejs/dagre";
import type { Relation } from "../wire";

export interface GraphNode {
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Whether somebody was looked for here. */
  isUser: boolean;
}

export interface GraphEdge {
  from: string;
  to: string;
  label: string;
  /** Whether a tuple or a relation is there, or was looked for in vain. */
  holds: boolean;
  points: { x: number; y: number }[];
  at: { x: number; y: number };
  /** How wide the label is. */
  width: number;
}

interface PlainEdge {
  from: string;
  to: string;
  label: string;
  holds: boolean;
}

export interface DrawnGraph {
  width: number;
  height: number;
  nodes: GraphNode[];
  edges: GraphEdge[];
  /** Edges that are left out, because a larger graph is not read by anybody. */
  more: number;
}

/** LIMIT: edges that are drawn. */
const MOST_EDGES = 40;
/** LIMIT: characters of a name that are drawn. */
const MOST_CHARS = 34;
const CHAR = 7.3;

/** A tuple as a witness writes it: `object#relation@user`. */
export function tupleOf(text: string): { object: string; relation: string; user: string } | undefined {
  const hash = text.indexOf("#");
  const at = text.indexOf("@", hash);
  if (hash < 0 || at < 0) return undefined;
  return { object: text.slice(0, hash), relation: text.slice(hash + 1, at), user: text.slice(at + 1) };
}

/** A userset as a look-up writes it: `object#relation`. */
export function usersetOf(text: string): { object: string; relation: string } {
  const hash = text.indexOf("#");
  return hash < 0 ? { object: text, relation: "" } : { object: text.slice(0, hash), relation: text.slice(hash + 1) };
}

/** A name as it is drawn. */
export const shown = (name: string): string =>
  name.length > MOST_CHARS ? `${name.slice(0, MOST_CHARS - 9)}…${name.slice(-8)}` : name;

/** How wide a label is. */
const widthOf = (text: string): number => text.length * CHAR + 8;

/** The label of an edge: what is, or what is not. */
const labelOf = (edge: PlainEdge): string => (edge.holds ? edge.label : `not ${edge.label}`);

function edgesOf(relations: Relation[]): PlainEdge[] {
  const found = new Map<string, PlainEdge>();
  const add = (edge: PlainEdge): void => {
    const key = [edge.from, edge.to, edge.label].join("\u0000");
    if (!found.has(key)) found.set(key, edge);
  };
  for (const relation of relations) {
    const target = usersetOf(relation.userset);
    if (!relation.held) {
      add({ from: relation.user, to: target.object, label: target.relation, holds: false });
      continue;
    }
    const tuples = relation.witness.map(tupleOf).filter((tuple) => tuple !== undefined);
    for (const tuple of tuples) {
      const user = usersetOf(tuple.user);
      const label = user.relation === "" ? tuple.relation : `${user.relation} → ${tuple.relation}`;
      add({ from: user.object, to: tuple.object, label, holds: true });
    }
    if (tuples.length === 0) add({ from: relation.user, to: target.object, label: target.relation, holds: true });
  }
  return [...found.values()];
}

/** Lays out the look-ups of a leg; none if it has none. */
export function draw(relations: Relation[]): DrawnGraph | undefined {
  const all = edgesOf(relations);
  const edges = all.slice(0, MOST_EDGES);
  if (edges.length === 0) return undefined;
  const users = new Set(relations.map((relation) => relation.user));
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 16, ranksep: 14, edgesep: 12, marginx: 4, marginy: 4 });
  for (const name of new Set(edges.flatMap((edge) => [edge.from, edge.to]))) {
    graph.setNode(name, { width: shown(name).length * CHAR + 22, height: 30 });
  }
  edges.forEach((edge, at) => {
    graph.setEdge(edge.from, edge.to, { width: widthOf(labelOf(edge)) + 12, height: 18, labelpos: "c" }, String(at));
  });
  dagre.layout(graph);
  const size = graph.graph() as { width?: number; height?: number };
  return {
    width: Math.ceil(size.width ?? 0),
    height: Math.ceil(size.height ?? 0),
    nodes: graph.nodes().map((name) => {
      const node = graph.node(name) as { x: number; y: number; width: number; height: number };
      return { name, x: node.x, y: node.y, width: node.width, height: node.height, isUser: users.has(name) };
    }),
    edges: edges.map((edge, at) => {
      const laid = graph.edge(edge.from, edge.to, String(at)) as { points: { x: number; y: number }[]; x: number; y: number };
      const label = labelOf(edge);
      return { ...edge, label, width: widthOf(label), points: laid.points, at: { x: laid.x, y: laid.y } };
    }),
    more: all.length - edges.length,
  };
}
