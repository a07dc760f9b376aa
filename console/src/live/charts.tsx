// Small charts of the last minute: how many decisions a second, and how long they took.

import type { JSX } from "preact";
import { SECONDS, type Second, inWords, percentile } from "./tally";

const HEIGHT = 48;
/** Units of the drawing for a second. */
const STEP = 5;
const WIDTH = SECONDS * STEP;

export function RateChart({ minute }: { minute: Second[] }): JSX.Element {
  const sums = minute.map((second) => second.permits + second.denials + second.failures);
  const most = Math.max(1, ...sums);
  const told = `Decisions a second over the last minute: ${sums.at(-2) ?? 0} in the last whole second, ${Math.max(0, ...sums)} at most`;
  return (
    <figure class="chart">
      <figcaption>
        Decisions a second <small>at most {Math.max(0, ...sums)}</small>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={told}>
        {minute.map((second, at) => {
          let top = HEIGHT;
          const bar = (count: number, kind: string): JSX.Element | undefined => {
            if (count === 0) return undefined;
            const height = (count / most) * HEIGHT;
            top -= height;
            return <rect class={kind} x={at * STEP} y={top} width={STEP - 1} height={height} />;
          };
          return (
            <g key={second.at}>
              {bar(second.permits, "permits")}
              {bar(second.denials, "denials")}
              {bar(second.failures, "failures")}
            </g>
          );
        })}
      </svg>
    </figure>
  );
}

export function TimeChart({ minute }: { minute: Second[] }): JSX.Element {
  const halves = minute.map((second) => percentile(second.times, 0.5));
  const tails = minute.map((second) => percentile(second.times, 0.99));
  const most = Math.max(1, ...tails.map((time) => time ?? 0));
  const all = minute.flatMap((second) => second.times);
  const half = percentile(all, 0.5);
  const tail = percentile(all, 0.99);
  const told = half === undefined || tail === undefined ? "nothing yet" : `half within ${inWords(half)}, 99 % within ${inWords(tail)}`;
  const dots = (times: (number | undefined)[], kind: string): JSX.Element[] =>
    times.flatMap((time, at) => (time === undefined ? [] : [<rect key={`${kind}${at}`} class={kind} x={at * STEP} y={HEIGHT - 3 - (time / most) * (HEIGHT - 3)} width={STEP - 1} height={3} />]));
  return (
    <figure class="chart">
      <figcaption>
        Time to decide <small>{told}</small>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Time to decide over the last minute: ${told}`}>
        {dots(tails, "tail")}
        {dots(halves, "half")}
      </svg>
    </figure>
  );
}
